"""Who may do what: every staff route asked by every role, against one table written by hand."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from tests.unit.verifier.staff.office import EVENT, OTHER_EVENT, ROLES, Browser, StaffOffice
from verifier.staff.rights import WHO_MAY, Right, Role, acting_role

OPEN = {  # by which people come in; their own tests are in test_sign_in and test_openid
    ("GET", "/staff/sign-in"),
    ("POST", "/staff/sign-in"),
    ("GET", "/staff/links/{token}"),
    ("POST", "/staff/links/{token}"),
    ("GET", "/staff/openid"),
    ("GET", "/staff/openid/callback"),
}
EVERYBODY = {*ROLES, "stranger", "everywhere"}
TEAM = {"event_team", "lead", "admin", "everywhere"}
# Route -> who is let in: somebody in each role at the event, a lead of another one (`stranger`), and an admin and
# auditor of all (`everywhere`).
LET_IN: dict[tuple[str, str], set[str]] = {
    ("GET", "/staff"): EVERYBODY,
    ("POST", "/staff/sign-out"): EVERYBODY,
    ("GET", "/staff/people"): {"everywhere"},
    ("GET", "/staff/audit"): {"everywhere"},
    ("POST", "/staff/people/{member}/sessions"): {"everywhere"},
    ("GET", "/staff/events/{event}"): EVERYBODY - {"stranger"},
    ("POST", "/staff/events/{event}/shop-check"): TEAM | {"finance"},
    ("POST", "/staff/events/{event}/shop-push"): {"event_team", "lead"},
    ("POST", "/staff/events/{event}/sample"): {"finance", "auditor", "everywhere"},
    ("POST", "/staff/events/{event}/grants"): {"event_team", "lead", "finance", "auditor", "everywhere"},
    ("POST", "/staff/events/{event}/grants/{grant}/released"): {"lead"},
    ("POST", "/staff/events/{event}/grants/{grant}/reissued"): {"lead"},
    ("GET", "/staff/events/{event}/cases"): {"event_team", "lead", "auditor", "everywhere"},
    ("POST", "/staff/events/{event}/cases/{number}/closed"): {"lead"},
    ("POST", "/staff/events/{event}/finance"): {"finance", "auditor", "everywhere"},
    ("POST", "/staff/events/{event}/finance.csv"): {"finance", "auditor", "everywhere"},
    ("GET", "/staff/events/{event}/desks"): TEAM | {"auditor"},
    ("POST", "/staff/events/{event}/desks"): TEAM,
    ("POST", "/staff/events/{event}/desks/{number}/taken-back"): TEAM,
    ("POST", "/staff/events/{event}/devices"): TEAM,
    ("POST", "/staff/events/{event}/devices/{device}/revoked"): TEAM,
    ("GET", "/staff/events/{event}/audit"): {"auditor", "admin", "everywhere"},
}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StaffOffice]:
    office = StaffOffice(tmp_path_factory.mktemp("office"))
    yield office
    office.close()


@pytest.fixture(scope="module")
def browsers(office: StaffOffice) -> dict[str, Browser]:
    return {who: office.signed_in(who) for who in sorted(EVERYBODY)}


def staff_routes(office: StaffOffice) -> dict[tuple[str, str], Dependant]:
    """Every route below /staff, by method and path."""
    routes: dict[tuple[str, str], Dependant] = {}

    def walk(found: Any) -> None:
        for route in found:
            if isinstance(route, APIRoute) and route.path.startswith("/staff"):
                routes.update({(method, route.path): route.dependant for method in route.methods or ()})
            elif hasattr(route, "original_router"):
                walk(route.original_router.routes)

    walk(office.app.routes)
    return routes


def test_the_table_holds_every_route(office: StaffOffice) -> None:
    assert set(staff_routes(office)) == OPEN | set(LET_IN)


def test_every_route_that_is_not_open_asks_at_the_door(office: StaffOffice) -> None:
    for name, dependant in staff_routes(office).items():
        asks = [hasattr(inner.call, "right") for inner in dependant.dependencies]
        assert any(asks) == (name not in OPEN), name


@pytest.mark.parametrize("who", sorted(EVERYBODY))
@pytest.mark.parametrize(("method", "path"), sorted(LET_IN))
def test_each_role_opens_exactly_its_doors(
    office: StaffOffice, browsers: dict[str, Browser], method: str, path: str, who: str
) -> None:
    browser = browsers[who]
    if path == "/staff/sign-out":
        browser = office.signed_in(who)  # the other one stays in for the rest of the table
    at = path.format(event=EVENT, member="staff-99", number="1", grant="1", device="1") if "{" in path else path
    browser.get("/staff")
    answer = browser.get(at) if method == "GET" else browser.submit(at, reason="a test", voucher="NONE")
    if who in LET_IN[method, path]:
        assert answer.status_code not in {401, 403}, answer.text
    else:
        assert answer.status_code == 403


@pytest.mark.parametrize(("method", "path"), sorted(LET_IN))
def test_nobody_is_let_in_without_a_session(office: StaffOffice, method: str, path: str) -> None:
    at = path.format(event=EVENT, member="staff-1", number="1", grant="1", device="1") if "{" in path else path
    answer = office.browser().client.request(method, at, data={"form_token": "0" * 64})
    assert answer.status_code == 401


@pytest.mark.parametrize(("method", "path"), sorted(key for key in LET_IN if key[0] == "POST"))
def test_no_form_is_taken_without_its_token(
    office: StaffOffice, browsers: dict[str, Browser], method: str, path: str
) -> None:
    browser = browsers["everywhere"]
    browser.get("/staff")
    at = path.format(event=EVENT, member="staff-1", number="1", grant="1", device="1") if "{" in path else path
    assert browser.submit(at, form_token="", reason="a test").status_code == 403


def test_a_role_at_one_event_is_none_at_another(browsers: dict[str, Browser]) -> None:
    for who in ROLES:
        assert browsers[who].get(f"/staff/events/{OTHER_EVENT}").status_code == 403
    assert browsers["stranger"].get(f"/staff/events/{OTHER_EVENT}").status_code == 200


def test_whether_an_event_exists_is_told_to_nobody_without_a_role_there(browsers: dict[str, Browser]) -> None:
    there, nowhere = (browsers["lead"].get(f"/staff/events/{event}") for event in (OTHER_EVENT, "no-such-event"))
    assert (there.status_code, there.text) == (nowhere.status_code, nowhere.text)
    assert browsers["everywhere"].get("/staff/events/no-such-event").status_code == 404


def test_everybody_sees_their_own_events_only(browsers: dict[str, Browser]) -> None:
    assert EVENT in browsers["lead"].get("/staff").text
    assert OTHER_EVENT not in browsers["lead"].get("/staff").text
    both = browsers["everywhere"].get("/staff").text
    assert EVENT in both and OTHER_EVENT in both


def test_the_role_in_the_log_is_the_one_that_opened_the_door() -> None:
    assert acting_role([Role.ADMIN, Role.LEAD], Right.CHANGE_DESKS) is Role.LEAD
    assert acting_role([Role.AUDITOR], Right.CHANGE_DESKS) is None
    assert acting_role([], Right.SEE_EVENT) is None


def test_every_right_is_somebody_s_and_an_auditor_changes_nothing() -> None:
    assert set(WHO_MAY) == set(Right)
    changing = {Right.CHANGE_DESKS, Right.END_SESSIONS, Right.RELEASE, Right.CLOSE_CASE, Right.PUSH_SHOP}
    assert not [right for right in changing if Role.AUDITOR in WHO_MAY[right]]
