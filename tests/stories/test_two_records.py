"""Two records of one person, each with a badge, and a summit: one discount, whatever was saved before."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from issuer.badges import service as badges
from issuer.badges import status
from issuer.badges.model import Badge
from issuer.ground.database import writing
from issuer.jobs import Jobs
from issuer.people import joining
from keys import custody
from schemas.event_policy import EventPolicy, load
from tests.unit.issuer.people.community import URL, Community
from tests.unit.verifier.client import AppClient
from verifier.ground.outbound import Document, OutboundError
from verifier.ground.settings import Settings
from verifier.registration.events import HolderCode
from verifier.registration.service import Redemption, Registration
from verifier.verification.service import Verification

ADA, CY = "ada@books.example", "cy@books.example"


@dataclass(frozen=True)
class TheIssuer:
    """What the issuing office answers to anybody who asks."""

    client: AppClient
    hosts: tuple[str, ...] = ()

    def fetch(self, url: str, *, max_bytes: int = 1 << 20) -> Document:
        answer = self.client.get(url.removeprefix(URL), headers={"Accept": "application/vc"})
        if not url.startswith(URL) or answer.status_code != 200 or len(answer.content) > max_bytes:
            raise OutboundError(f"{url} could not be asked.")
        return Document(answer.content)


@pytest.fixture
def community(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Community]:
    monkeypatch.setattr(custody, "SCRYPT_N", 1 << 10)  # deriving a key is slow on purpose
    opened = Community(tmp_path)
    yield opened
    opened.engine.dispose()


@dataclass
class Summit:
    """A registration that gives half off for a contributor's badge."""

    registration: Registration
    policy: EventPolicy
    requests: int = 0

    @classmethod
    def of(cls, community: Community, folder: Path) -> "Summit":
        verification = Verification(TheIssuer(AppClient(community.app)), clock=community.clock)
        registration = Registration(Settings(folder), verification=verification, clock=community.clock)
        return cls(registration, event(community.clock(), did=community.office.bureau.did))

    def redeem(self, jwt: str, code: str) -> Redemption:
        self.requests += 1
        return self.registration.redeem(
            jwt.encode(), policy=self.policy, proof=HolderCode(code), request_id=f"request-{self.requests}"
        )


def event(now: datetime, *, did: str) -> EventPolicy:
    text = f"""
event: summit-{now.year}
time_zone: Europe/Paris
redeem: {{opens: {now.year - 1}-01-15T09:00:00+01:00, closes: {now.year + 1}-05-20T18:00:00+02:00}}
period: {{policy: community-recognition, starts: {now.year}-01-01}}
entitlement: ticket-discount
accept:
  - {{issuer: "{did}", achievement: "{URL}/achievements/contributor", percent: 50}}
proof_of_holding: {{online: [holder_code], desk: [name_against_id]}}
unknown: refuse
budget: {{factor: 1.00, frozen_at: {now.year - 1}-01-10, eligible: 412, expected_take_up: 0.6}}
capacity: 400
voucher: {{uses: 1, valid_days: 30, on_expiry_or_refund: release}}
"""
    return load(text.encode(), name="summit.yaml")


def at_work(community: Community) -> None:
    office = community.office
    Jobs(office.engine, lambda: office.bureau, lambda: office.policy, community.clock).handle_news()


def held_by(community: Community, *persons: str) -> list[Badge]:
    return [badge for person in persons for badge in badges.badges_of(community.engine, person)]


@pytest.fixture
def summit(community: Community, tmp_path: Path) -> Iterator[Summit]:
    for who in ("ada", "cy"):
        community.office.add_changes(who, count=4)
    at_work(community)
    opened = Summit.of(community, tmp_path / "verifier")
    yield opened
    opened.registration.engine.dispose()


def failed(answer: Redemption) -> set[str]:
    assert answer.report is not None
    return {check.id for check in answer.report.verdict.checks if check.state.value == "fail"}


def join(community: Community, other: str) -> None:
    browser = community.signed_in(ADA)
    community.prove_address(browser, CY)
    browser.done("/me/offers", other=other, answer="join")


def test_two_files_saved_before_a_merge_buy_nothing_after_it(community: Community, summit: Summit) -> None:
    persons = [community.person(ADA).id, community.person("Cy Chair").id]
    saved = held_by(community, *persons)
    code = community.office.bureau.holder_code
    join(community, persons[1])
    for old in saved:
        answer = summit.redeem(old.jwt or "", code(old.reference))
        assert (answer.result, answer.voucher) == ("refused", None), "it was withdrawn, says the status list"
        assert "status" in failed(answer)
    (new,) = [badge for badge in held_by(community, *persons) if badge.standing]
    assert summit.redeem(new.jwt or "", code(new.reference)).result == "granted"
    assert summit.redeem(new.jwt or "", code(new.reference)).result == "already_redeemed"


def test_a_discount_taken_before_the_merge_is_the_only_one(community: Community, summit: Summit) -> None:
    persons = [community.person(ADA).id, community.person("Cy Chair").id]
    saved, code = held_by(community, *persons), community.office.bureau.holder_code
    first = saved[1]
    assert summit.redeem(first.jwt or "", code(first.reference)).result == "granted"
    join(community, persons[1])
    (new,) = [badge for badge in held_by(community, *persons) if badge.standing]
    assert summit.redeem(new.jwt or "", code(new.reference)).result == "already_redeemed"
    community.clock.now += status.TTL  # the list that this summit read before the merge is good for so long
    answer = summit.redeem(saved[0].jwt or "", code(saved[0].reference))
    assert answer.voucher is None and "status" in failed(answer)


def test_a_crash_right_after_the_merge_is_mended_by_the_next_run(community: Community, summit: Summit) -> None:
    persons = [community.person(ADA).id, community.person("Cy Chair").id]
    saved, code = held_by(community, *persons), community.office.bureau.holder_code
    with writing(community.engine) as connection:
        joining.merge(
            connection, kept=persons[0], gone=persons[1], by=persons[0], role="person", now=community.clock()
        )
    at_work(community)
    assert [summit.redeem(old.jwt or "", code(old.reference)).voucher for old in saved] == [None, None]
    assert len([badge for badge in held_by(community, *persons) if badge.standing]) == 1
