"""Who may do what: every page of people asked by every role, against one table written by hand."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from issuer.ground.login.rights import WHO_MAY, Right, Role, acting_role
from tests.unit.issuer.people.community import Browser, Community

ROLES = {"manager": "ada", "attestor": "bob", "panel": "cy", "auditor": "dana"}
EVERYBODY = {*ROLES, "contributor"}
TEAM = {"manager", "panel", "auditor"}
ANY = {"number": "1", "person": "1", "gathering_id": "1", "code": "1", "digest": "1"}  # what stands in a path
OPEN = {  # by which people come in, or that everybody may read: test_sign_in, test_openid
    ("GET", "/privacy"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/sign-in/links/{token}"),
    ("POST", "/sign-in/links/{token}"),
    ("GET", "/sign-in/openid"),
    ("GET", "/sign-in/openid/callback"),
}
LET_IN: dict[tuple[str, str], set[str]] = {
    ("GET", "/gatherings"): EVERYBODY,
    ("GET", "/me"): EVERYBODY,
    ("GET", "/me/badge"): EVERYBODY,
    ("GET", "/me/leave"): EVERYBODY,
    ("GET", "/me/looks"): EVERYBODY,
    ("GET", "/me/openid"): EVERYBODY,
    ("GET", "/me/record.json"): EVERYBODY,
    ("POST", "/gatherings"): EVERYBODY,
    ("POST", "/here/{gathering_id}/{code}/recorded"): EVERYBODY,
    ("POST", "/me/accounts/dropped"): EVERYBODY,
    ("POST", "/me/address"): EVERYBODY,
    ("POST", "/me/addresses"): EVERYBODY,
    ("POST", "/me/affiliations"): EVERYBODY,
    ("POST", "/me/hidden"): EVERYBODY,
    ("POST", "/me/leave"): EVERYBODY,
    ("POST", "/me/merges/undone"): EVERYBODY,
    ("POST", "/me/language"): EVERYBODY,
    ("POST", "/me/name"): EVERYBODY,
    ("POST", "/me/offers"): EVERYBODY,
    ("POST", "/me/pauses"): EVERYBODY,
    ("POST", "/me/pauses/ended"): EVERYBODY,
    ("GET", "/me/policies"): EVERYBODY,
    ("POST", "/me/policies/{digest}/comments"): EVERYBODY,
    ("POST", "/me/profiles"): EVERYBODY,
    ("POST", "/me/profiles/checked"): EVERYBODY,
    ("POST", "/me/requests"): EVERYBODY,
    ("POST", "/sign-out"): EVERYBODY,
    ("GET", "/team"): TEAM,
    ("GET", "/team/attestors/{person}"): {"manager"},
    ("POST", "/team/attestors/{person}"): {"manager"},
    ("GET", "/team/audit"): {"manager", "auditor"},
    ("GET", "/team/people"): TEAM,
    ("POST", "/team/people"): TEAM,
    ("GET", "/team/questions/{number}"): {"manager", "panel"},
    ("POST", "/team/questions/{number}"): {"manager", "panel"},
    ("GET", "/team/policies"): {"manager", "panel"},
    ("POST", "/team/policies"): {"manager"},
    ("POST", "/team/policies/{digest}/opened"): {"manager"},
    ("POST", "/team/policies/{digest}/approved"): {"manager", "panel"},
    ("POST", "/team/policies/{digest}/adopted"): {"manager"},
    ("POST", "/team/policies/{digest}/withdrawn"): {"manager"},
    ("GET", "/team/requests/{number}"): {"manager"},
    ("POST", "/team/requests/{number}"): {"manager"},
    ("GET", "/team/deliveries"): {"manager"},
    ("POST", "/team/deliveries/sent"): {"manager"},
    ("POST", "/team/deliveries/replaced"): {"manager"},
    ("GET", "/team/revocations"): {"manager", "panel"},
    ("POST", "/team/revocations"): {"manager", "panel"},
    ("POST", "/team/revocations/{number}/agreed"): {"manager", "panel"},
    ("POST", "/team/revocations/{number}/lifted"): {"manager", "panel"},
    ("GET", "/team/roles"): {"manager", "auditor"},
}


@pytest.fixture(scope="module")
def community(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    opened = Community(tmp_path_factory.mktemp("community"))
    yield opened
    opened.engine.dispose()


@pytest.fixture(scope="module")
def browsers(community: Community) -> dict[str, Browser]:
    held = {role: community.with_role(f"{who}@books.example", Role(role)) for role, who in ROLES.items()}
    return held | {"contributor": community.signed_in("new@else.example")}


def pages_of_people(community: Community) -> dict[tuple[str, str], Dependant]:
    """Every route by which people come in, or on which somebody has to be signed in."""
    routes: dict[tuple[str, str], Dependant] = {}

    def walk(found: Any) -> None:
        for route in found:
            if hasattr(route, "original_router"):
                walk(route.original_router.routes)
            elif isinstance(route, APIRoute):
                for method in route.methods or ():
                    routes[method, route.path] = route.dependant

    walk(community.app.routes)
    begins = ("/me", "/team", "/sign-", "/privacy")
    of_people = {key: one for key, one in routes.items() if key[1].startswith(begins) or _asks(one)}
    return {
        key: one for key, one in of_people.items() if key[1] != "/metrics"
    }  # numbers, behind a token of its own


def _asks(dependant: Dependant) -> bool:
    return any(hasattr(inner.call, "right") for inner in dependant.dependencies)


def test_the_table_holds_every_route(community: Community) -> None:
    assert set(pages_of_people(community)) == OPEN | set(LET_IN)


def test_every_page_that_is_not_open_asks_at_the_door(community: Community) -> None:
    for name, dependant in pages_of_people(community).items():
        assert _asks(dependant) == (name not in OPEN), name


@pytest.mark.parametrize("who", sorted(EVERYBODY))
@pytest.mark.parametrize(("method", "path"), sorted(LET_IN))
def test_each_role_opens_exactly_its_doors(
    community: Community, browsers: dict[str, Browser], method: str, path: str, who: str
) -> None:
    browser = browsers[who]
    if path == "/sign-out":
        browser = community.signed_in(f"leaver-{who}@else.example")  # the others stay in for the rest of the table
    at = path.format(**ANY)
    browser.get("/me")
    answer = browser.get(at) if method == "GET" else browser.submit(at, reason="a test", who="nobody", word="no")
    if who in LET_IN[method, path]:
        assert answer.status_code not in {401, 403, 500}, answer.text
    else:
        assert answer.status_code == 403


@pytest.mark.parametrize(("method", "path"), sorted(LET_IN))
def test_nobody_is_let_in_without_a_session(community: Community, method: str, path: str) -> None:
    browser = community.browser()
    browser.get("/sign-in")
    answer = browser.get(path.format(**ANY)) if method == "GET" else browser.submit(path.format(**ANY))
    assert answer.status_code == 401 or answer.headers["location"] == "/sign-in"


@pytest.mark.parametrize("path", sorted(path for method, path in LET_IN if method == "POST"))
def test_no_form_is_taken_without_its_token(browsers: dict[str, Browser], path: str) -> None:
    browser = browsers["manager"]
    browser.get("/me")
    assert browser.submit(path.format(**ANY), form_token="", reason="a test").status_code == 403


def test_a_right_that_is_in_no_row_is_nobodys() -> None:
    assert set(WHO_MAY) == set(Right)
    assert acting_role([], Right.READ_AUDIT) is None
    assert acting_role([Role.MANAGER, Role.AUDITOR], Right.READ_AUDIT) is Role.AUDITOR
