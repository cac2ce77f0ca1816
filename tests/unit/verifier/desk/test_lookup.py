"""Short codes and lookup codes: whom they lead to, and what is never asked."""

from pathlib import Path

import pytest

from tests.unit.verifier.registration.policies import policy
from tests.unit.verifier.simulator import Clock, DocumentsInMemory, IssuerSimulator
from verifier.desk.errors import NotFoundError
from verifier.desk.venue import lookup
from verifier.ground.documents import NoSource
from verifier.ground.outbound import Document, OutboundError
from verifier.verification.service import Verification

OURS, THEIRS = "did:web:badges.example.org", "did:web:badges.other.example"
WHOLE = "3d8bea45-ef2e-479b-9367-5fc5ffd7c89a"
CODE = "3d8bea45ef2e"


class Sites:
    """What lies at some addresses, and what was asked."""

    def __init__(self, **pages: str) -> None:
        self.pages, self.asked = pages, list[str]()

    def __call__(self, url: str, *, max_bytes: int, accept: str, pages: bool) -> Document:
        self.asked.append(url)
        host = url.split("/")[2].replace(".", "_")
        if host not in self.pages:
            raise OutboundError(f"{url} does not answer.")
        return Document(self.pages[host].encode(), "application/vc+jwt")


@pytest.mark.parametrize("typed", [CODE, "3d8b-ea45-ef2e", "3D8B EA45 EF2E", " 3d8b-ea45ef2e\n"])
def test_a_short_code_is_asked_of_each_accepted_issuer(typed: str) -> None:
    assert lookup.addresses(typed, issuers=[OURS, THEIRS, "did:key:z6Mk"]) == [
        f"https://badges.example.org/b/{CODE}/",
        f"https://badges.other.example/b/{CODE}/",
    ]


@pytest.mark.parametrize("typed", [WHOLE, WHOLE.replace("-", ""), WHOLE.upper()])
def test_a_whole_id_is_one_too(typed: str) -> None:
    assert lookup.addresses(typed, issuers=[OURS]) == [f"https://badges.example.org/b/{WHOLE}/"]


def test_the_address_of_an_accepted_issuers_page_is_asked_as_it_is() -> None:
    found = lookup.addresses(f"https://Badges.example.org/b/{WHOLE}", issuers=[OURS, THEIRS])
    assert found == [f"https://badges.example.org/b/{WHOLE}/"]


@pytest.mark.parametrize(
    "typed",
    [
        f"https://elsewhere.example/b/{WHOLE}/",
        f"http://badges.example.org/b/{WHOLE}/",
        "https://badges.example.org/h/private",
        f"https://badges.example.org@evil.example/b/{WHOLE}/",
        f"https://badges.example.org/b/{WHOLE}/../../h/x",
        "3d8bea45ef2",
        "3d8bea45ef2ez",
        "../../etc",
        "",
    ],
)
def test_nothing_else_is_asked(typed: str) -> None:
    with pytest.raises(NotFoundError):
        lookup.addresses(typed, issuers=[OURS])


def test_the_badge_of_whoever_shows_one_is_handed_on_and_still_to_be_verified() -> None:
    token = IssuerSimulator().token()
    sites = Sites(badges_other_example=token)
    verification = Verification(DocumentsInMemory(), clock=Clock(), open_page=sites)
    assert lookup.badge_behind(CODE, policy=policy(), verification=verification) == token
    assert sites.asked == [f"https://badges.example.org/b/{CODE}/", f"https://badges.other.example/b/{CODE}/"]


def test_where_nobody_has_it_or_nothing_can_be_asked_that_is_said(tmp_path: Path) -> None:
    for verification in (
        Verification(DocumentsInMemory(), clock=Clock(), open_page=Sites()),
        Verification(DocumentsInMemory(), clock=Clock(), open_page=Sites(badges_example_org="no badge")),
        Verification(NoSource(), clock=Clock()),  # a hub without a network
    ):
        with pytest.raises(NotFoundError, match="No accepted issuer"):
            lookup.badge_behind(CODE, policy=policy(), verification=verification)
