"""What everybody may know: numbers of people, small ones held back, and nobody's name."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from issuer.app import create_app
from issuer.jobs import Jobs
from issuer.recognition import service, transparency
from issuer.recognition.transparency import Tally
from tests.unit.issuer.office import NOW, Office
from tests.unit.verifier.client import AppClient


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.integers(1, 40)), st.integers(2, 20))
def test_no_number_under_the_smallest_cell_is_published(counts: dict[str, int], smallest: int) -> None:
    shown = transparency.held_back(Counter(counts), smallest=smallest)
    assert shown.keys() == counts.keys()
    assert all(shown[name] == (count if count >= smallest else None) for name, count in counts.items())


def test_no_total_is_published_from_which_a_small_number_could_be_worked_out() -> None:
    tally = Tally(Counter(contributor=12, sustained=3))
    shown = transparency.published(tally, [("dispute", True)] * 11 + [("appeal", None)], smallest=10)
    assert shown == {
        "smallest_cell": 10,
        "people_by_tier": {"contributor": 12, "sustained": None},
        "people_by_badge": {},
        "people_by_kind": {},
        "people_by_region": {},
        "questions": {"appeal, waiting": None, "dispute, granted": 11},
    }


def test_the_nightly_run_publishes_them(office: Office) -> None:
    client = AppClient(create_app(office.settings.data, clock=lambda: NOW))
    assert "after the first nightly run" in client.get("/transparency").text
    assert client.get("/transparency.json").json() == {}
    office.add_changes("ada", count=4)
    Jobs(office.engine, lambda: office.bureau, lambda: office.policy, lambda: NOW).nightly()

    assert service.public_numbers(office.engine) is not None
    page, data = client.get("/transparency").text, client.get("/transparency.json")
    assert "fewer than 10" in page and "Ada" not in page
    assert "<dt>Contributor</dt>" in page, "a tier by its title"
    assert data.json()["people_by_tier"] == {"contributor": None}
    assert data.json()["people_by_kind"] == {"change.merged": None}
    assert data.headers["access-control-allow-origin"] == "*"
    french = client.get("/transparency", headers={"Accept-Language": "fr"}).text
    assert "moins de 10" in french


def test_whoever_did_nothing_is_in_no_number(office: Office) -> None:
    Jobs(office.engine, lambda: office.bureau, lambda: office.policy, lambda: NOW).nightly()
    found = service.public_numbers(office.engine)
    assert found is not None and found[1]["people_by_tier"] == {}
