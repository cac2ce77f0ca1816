"""A badge like one that was judged before is answered where it arrives, and gets the same answer as any other."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from schemas import badge_qr
from tests.unit.verifier.client import AppClient
from tests.unit.verifier.simulator import Clock, DocumentsInMemory, IssuerSimulator, references
from verifier.app import create_app
from verifier.ground.settings import RateLimit, Settings
from verifier.verification import service
from verifier.verification.known_badges import KnownBadges
from verifier.verification.service import Verification

ISSUER = IssuerSimulator(revoked={5})


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_KNOWN", KnownBadges())


class Site:
    """An office, and how many badges it answered in each way."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
        self.clock, self.documents = Clock(), DocumentsInMemory.of([ISSUER])
        settings = replace(Settings(folder, trusted_issuers={"Open communities": (ISSUER.did,)}), **changes)
        self.app = create_app(settings, source=self.documents, clock=self.clock)
        self.in_full = 0
        whole = Verification.verify

        def counted(verification: Verification, data: bytes, **how: Any) -> Any:
            self.in_full += 1
            return whole(verification, data, **how)

        monkeypatch.setattr(Verification, "verify", counted)
        self.client = AppClient(self.app)

    def post(self, content: str | bytes, **headers: str) -> Any:
        return self.client.post("/verify", content=content, headers=headers)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    yield Site(tmp_path, monkeypatch)


def tokens() -> Iterator[str]:
    for number, reference in enumerate(references()):
        yield ISSUER.token(ISSUER.document(reference=reference, index=100 + number))


def test_the_second_of_its_kind_is_answered_at_once_and_alike(site: Site) -> None:
    first, second, *_ = (token for token, _ in zip(tokens(), range(2), strict=False))
    assert site.post(first).json()["verdict"] == "valid"
    assert site.in_full == 1

    quick = site.post(second)
    asked = len(site.documents.asked)
    whole = site.client.post("/verify", files={"file": ("badge.jwt", second)})

    assert site.in_full == 2, "the form went the whole way"
    assert quick.json() == whole.json()
    assert quick.content == whole.content
    assert quick.json()["trusted_by"] == ["Open communities"]
    kept = {name: value for name, value in whole.headers.items() if name not in {"vary"}}
    assert kept.items() <= dict(quick.headers).items()
    assert len(site.documents.asked) == asked, "nobody was asked anything"


@pytest.mark.parametrize(
    "way", ["revoked", "expired", "forged", "stale", "page", "form", "packed", "json", "large"]
)
def test_what_is_not_sure_goes_on_untouched(site: Site, way: str) -> None:
    first, second, *_ = (token for token, _ in zip(tokens(), range(2), strict=False))
    site.post(first)
    before = site.in_full
    if way == "revoked":
        assert site.post(ISSUER.token(ISSUER.document(index=5))).json()["verdict"] == "not_valid"
    elif way == "expired":
        site.clock.pass_by(days=500)
        assert site.post(second).json()["verdict"] != "valid"
    elif way == "forged":
        assert site.post(second[:-4] + "AAAA").json()["verdict"] == "not_valid"
    elif way == "stale":
        site.clock.pass_by(hours=2)
        site.documents.documents.clear()
        assert site.post(second).json()["verdict"] == "unknown"
    elif way == "page":
        assert "<h1" in site.post(second, Accept="text/html").text
    elif way == "form":
        assert site.client.post("/verify", data={"text": second}).json()["verdict"] == "valid"
    elif way == "packed":
        assert site.post(badge_qr.to_desk_text(ISSUER.packed())).json()["form"] == "qr_text"
    elif way == "json":
        assert site.post(b'{"a": 1}').status_code == 400
    else:
        assert site.post(second + " " * (1 << 20)).status_code == 400
    assert site.in_full == before + 1


def test_a_body_in_pieces_is_one_badge(site: Site) -> None:
    first, second, *_ = (token.encode() for token, _ in zip(tokens(), range(2), strict=False))
    site.post(first)

    async def pieces() -> Any:
        yield second[:500]
        yield second[500:]

    assert site.client.post("/verify", content=pieces()).json()["verdict"] == "valid"


def test_whoever_asks_too_often_waits_here_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(tmp_path, monkeypatch, rate_limit=RateLimit(per_minute=60, burst=3))
    stranger = AppClient(site.app, address="203.0.113.7")
    answers = [
        stranger.post("/verify", content=token).status_code for token, _ in zip(tokens(), range(5), strict=False)
    ]
    assert answers == [200, 200, 200, 429, 429]


def test_a_badge_whose_suspension_list_is_at_another_place_is_not_taken_for_it(site: Site) -> None:
    first, *_ = (token for token, _ in zip(tokens(), range(1), strict=False))
    site.post(first)
    elsewhere = ISSUER.document(index=77)
    elsewhere["credentialStatus"][0]["statusListCredential"] = f"{ISSUER.base}/status-lists/2"
    assert site.post(ISSUER.token(elsewhere)).json()["verdict"] == "unknown"
