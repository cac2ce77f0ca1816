"""An award of the panel: its own number of credits, under the policy's bound, with a written reason."""

from datetime import timedelta
from decimal import Decimal

import pytest

from issuer.attestations import service
from issuer.attestations.model import AttestationError, Claim, Delegation
from issuer.recognition import service as recognition
from tests.unit.issuer.office import NOW, Office


def test_an_award_of_the_panel_counts_its_own_credits_with_its_reason(office: Office) -> None:
    for reason, expected in (("kept the mirrors alive", "4"), (None, "0")):
        claim = panel_claim(office, worth=Decimal(4), reason=reason)
        for who in ("bob", "cy"):
            attest_as_panel(office, claim, f"{who}@books.example")
        ada = office.person("ada@books.example")
        decision = recognition.decide_person(office.engine, office.policy, ada, as_of=NOW)
        line = next(line for line in decision.lines if line.item.id.endswith(claim.id))
        assert str(line.credits) == expected
        assert line.clause == ("counted" if reason else "written_reason")


@pytest.mark.parametrize("worth", [None, Decimal(0), Decimal("6.01"), Decimal(-1), Decimal("NaN")])
def test_a_panel_says_its_credits_within_the_policy(office: Office, worth: Decimal | None) -> None:
    with pytest.raises(AttestationError, match="says its credits: more than 0, at most 6"):
        panel_claim(office, worth=worth, reason="r")


def test_other_kinds_take_no_credits_from_a_claim(office: Office) -> None:
    with pytest.raises(AttestationError, match=r"The policy says how many credits talk\.given gives"):
        service.open_claim(
            office.engine, kind="talk.given", subjects=[office.person("ada@books.example")], title="A talk",
            happened_at=NOW - timedelta(days=9), region="*", event=None, policy=office.policy, now=NOW,
            worth=Decimal(3),
        )  # fmt: skip


def panel_claim(office: Office, *, worth: Decimal | None, reason: str | None) -> Claim:
    return service.open_claim(
        office.engine, kind="panel.award", subjects=[office.person("ada@books.example")],
        title=f"Mirrors: {reason}", happened_at=NOW - timedelta(days=9), region="*", event=None,
        policy=office.policy, now=NOW, reason=reason, worth=worth,
    )  # fmt: skip


def attest_as_panel(office: Office, claim: Claim, who: str) -> None:
    person = office.person(who)
    given = Delegation(
        person.id, frozenset({"panel.award"}), "*", "review_panel", NOW.date(), NOW.date() + timedelta(days=90)
    )
    service.delegate(office.engine, given, policy=office.policy)
    token = service.invite(
        office.engine, claim, attestor=person, people=office.people, policy=office.policy, now=NOW
    )
    service.answer(
        office.engine, token, seen=True, statements=frozenset(), attendees=None, people=office.people,
        policy=office.policy, now=NOW,
    )  # fmt: skip
