"""What an event gives for a badge, each reason alone."""

from datetime import timedelta
from typing import Any

import pytest

from schemas import holder_code, identity
from schemas.event_policy import EventPolicy
from tests.unit.verifier.registration.policies import policy
from tests.unit.verifier.simulator import HOLDER_CODE, NOW, REFERENCE, IssuerSimulator, read
from verifier.registration import reasons
from verifier.registration.events import (
    Acceptance,
    HolderCode,
    MailAgainstOrder,
    MailboxCode,
    NameAgainstId,
    NoProof,
    Proof,
    WalletKey,
    decide_acceptance,
    discounted,
    ways_to_prove,
)
from verifier.registration.reasons import Reason
from verifier.verification.checks import verify
from verifier.verification.trust import Absent
from verifier.verification.verdict import Verdict

ISSUER = IssuerSimulator()
OTHER = IssuerSimulator(host="badges.other.example")
CODE = HolderCode(HOLDER_CODE)


def verdict_of(document: dict[str, Any], *, issuer: IssuerSimulator = ISSUER) -> Verdict:
    return verify(read(issuer.token(document)), trust=issuer.trust(), now=NOW)


def decided(
    document: dict[str, Any] | None = None,
    *,
    by: EventPolicy | None = None,
    proof: Proof = CODE,
    issuer: IssuerSimulator = ISSUER,
    after: timedelta = timedelta(),
) -> Acceptance:
    verdict = verdict_of(document or issuer.document(), issuer=issuer)
    return decide_acceptance(verdict, policy=by or policy(), now=NOW + after, proof=proof)


def ways(document: dict[str, Any], *, by: EventPolicy) -> tuple[str, ...]:
    return ways_to_prove(verdict_of(document).require(), policy=by)


def test_a_valid_badge_of_the_holder_is_granted_its_percent() -> None:
    acceptance = decided()

    assert (acceptance.reason, acceptance.percent) == (Reason.GRANTED, 50)
    assert acceptance.holders == (REFERENCE,)


def test_the_pair_decides_and_not_the_achievement_alone() -> None:
    document = OTHER.document()
    document["credentialSubject"]["achievement"]["id"] = "https://badges.example.org/achievements/sustained"

    assert decided(document, issuer=OTHER).reason is Reason.NOT_ACCEPTED_HERE


def test_the_holder_code_is_read_however_it_was_typed() -> None:
    typed = f"  {HOLDER_CODE.lower().replace('-', ' ')} "

    assert decided(proof=HolderCode(typed)).reason is Reason.GRANTED


@pytest.mark.parametrize(
    ("proof", "reason"),
    [
        (NoProof(), Reason.PROOF_NEEDED),
        (HolderCode(" "), Reason.PROOF_NEEDED),
        (HolderCode("1234"), Reason.MALFORMED_HOLDER_CODE),
        (HolderCode(HOLDER_CODE[:-1] + ("0" if HOLDER_CODE[-1] != "0" else "1")), Reason.MALFORMED_HOLDER_CODE),
        (HolderCode(holder_code.write(bytes(16))), Reason.WRONG_HOLDER_CODE),
        (NameAgainstId(matches=False), Reason.NAME_NOT_CONFIRMED),
        (NameAgainstId(matches=True), Reason.GRANTED),
    ],
)
def test_above_zero_percent_somebody_must_show_that_the_badge_is_theirs(proof: Proof, reason: Reason) -> None:
    assert decided(proof=proof).reason is reason


def test_a_badge_without_a_name_is_not_redeemed_at_a_desk() -> None:
    assert decided(ISSUER.document(name=None), proof=NameAgainstId(matches=True)).reason is Reason.NO_NAME_IN_BADGE


def test_without_a_name_the_address_on_the_order_is_compared_where_the_event_takes_that() -> None:
    by_mail = policy(proof_of_holding={"online": [], "desk": ["name_against_id", "mail_against_order"]})
    document = ISSUER.document(name=None)
    same, other = MailAgainstOrder(matches=True), MailAgainstOrder(matches=False)

    assert decided(document, by=by_mail, proof=same).reason is Reason.NO_ADDRESS_IN_BADGE
    mail = identity.hashed("ada@example.org", identity_type="emailAddress", salt="a-salt")
    document["credentialSubject"]["identifier"].append(mail.model_dump(exclude_none=True))
    assert decided(document, by=by_mail, proof=same).reason is Reason.GRANTED
    assert decided(document, by=by_mail, proof=other).reason is Reason.ADDRESS_NOT_CONFIRMED
    assert decided(document, proof=same).reason is Reason.PROOF_NOT_ACCEPTED_HERE


def test_a_badge_without_a_holder_code_is_not_redeemed_online() -> None:
    assert decided(ISSUER.document(code=None)).reason is Reason.NO_HOLDER_CODE_IN_BADGE


def test_a_holder_code_in_clear_text_is_no_secret() -> None:
    document = ISSUER.document(code=None)
    document["credentialSubject"]["identifier"].append(
        {
            "type": "IdentityObject",
            "hashed": False,
            "identityHash": HOLDER_CODE,
            "identityType": "ext:holderCode",
        }
    )

    assert decided(document).reason is Reason.NO_HOLDER_CODE_IN_BADGE


def test_a_proof_that_the_event_does_not_list_is_refused() -> None:
    only_desk = policy(proof_of_holding={"online": [], "desk": ["name_against_id"]})
    only_wallets = policy(proof_of_holding={"online": ["wallet_key"], "desk": []})

    only_rotating = policy(proof_of_holding={"online": [], "desk": ["rotating_code"]})
    by_name = NameAgainstId(matches=True)

    assert decided(by=only_desk).reason is Reason.PROOF_NOT_ACCEPTED_HERE
    assert decided(by=only_wallets).reason is Reason.PROOF_NOT_ACCEPTED_HERE
    assert decided(by=only_wallets, proof=NoProof()).reason is Reason.PROOF_NEEDED
    assert decided(by=only_wallets, proof=by_name).reason is Reason.PROOF_NOT_ACCEPTED_HERE
    assert decided(by=only_rotating, proof=by_name).reason is Reason.PROOF_NOT_BUILT_YET


def test_a_wallet_s_key_is_that_of_the_badge_s_subject_and_no_other() -> None:
    only_wallets = policy(proof_of_holding={"online": ["wallet_key"], "desk": []})
    document = ISSUER.document()
    document["credentialSubject"]["id"] = "did:key:z6MkOne"

    assert decided(document, by=only_wallets, proof=WalletKey("did:key:z6MkOne")).reason is Reason.GRANTED
    assert decided(document, by=only_wallets, proof=WalletKey("did:key:z6MkTwo")).reason is Reason.WRONG_WALLET
    assert decided(by=only_wallets, proof=WalletKey("")).reason is Reason.WRONG_WALLET


def test_a_mailed_code_is_a_proof_once_somebody_says_that_it_arrived() -> None:
    by_mail = policy(proof_of_holding={"online": ["mailbox"], "desk": []})
    assert decided(by=by_mail, proof=MailboxCode("12345678")).reason is Reason.WRONG_MAIL_CODE
    assert decided(by=by_mail, proof=MailboxCode("12345678", arrived=True)).reason is Reason.GRANTED


def test_a_badge_offers_only_the_proofs_that_it_can_be_proved_by() -> None:
    every = policy(proof_of_holding={"online": ["mailbox", "wallet_key", "holder_code"], "desk": []})
    document = ISSUER.document()
    subject = document["credentialSubject"]
    assert ways(document, by=every) == ("holder_code",)
    subject["id"] = "did:key:z6MkOne"
    subject["identifier"].append(
        identity.hashed("ada@example.org", identity_type="emailAddress", salt="s").model_dump()
    )
    assert ways(document, by=every) == ("mailbox", "wallet_key", "holder_code")
    assert ways(document, by=policy(proof_of_holding={"online": [], "desk": ["name_against_id"]})) == ()


def test_zero_percent_needs_no_proof_and_claims_nothing() -> None:
    acceptance = decided(ISSUER.document(achievement="recognised"), proof=NoProof())

    assert (acceptance.reason, acceptance.percent) == (Reason.NOTHING_TO_REDEEM, 0)


def test_a_badge_of_another_period_is_refused() -> None:
    assert decided(ISSUER.document(starts="2026-01-01", ends="2026-12-31")).reason is Reason.OTHER_PERIOD
    document = ISSUER.document()
    document["credentialSubject"].pop("term")
    assert decided(document).reason is Reason.OTHER_PERIOD


def test_a_foreign_badge_needs_no_period_and_is_counted() -> None:
    document = OTHER.document(achievement="speaker")
    document["credentialSubject"].pop("term")
    acceptance = decided(document, issuer=OTHER)

    assert (acceptance.reason, acceptance.percent, acceptance.at_most) == (Reason.GRANTED, 25, 2)


def test_the_holder_of_a_foreign_badge_is_its_subject() -> None:
    document = OTHER.document(achievement="speaker")
    document["credentialSubject"]["id"] = "did:key:z6MkholderOfSomebodyElse"

    assert decided(document, issuer=OTHER).holders == ("did:key:z6MkholderOfSomebodyElse", REFERENCE)


def test_the_holder_of_our_badge_is_its_reference_also_when_a_wallet_is_bound() -> None:
    document = ISSUER.document()
    document["credentialSubject"]["id"] = "did:key:z6Mkwallet"

    assert decided(document).holders == (REFERENCE,)


def test_our_badge_without_a_reference_has_no_holder() -> None:
    document = ISSUER.document()
    document["credentialSubject"]["identifier"] = document["credentialSubject"]["identifier"][1:]

    assert decided(document).reason is Reason.NO_HOLDER


def test_redeeming_is_open_from_its_first_moment_to_before_its_last() -> None:
    opens, closes = policy().redeem.opens - NOW, policy().redeem.closes - NOW
    second = timedelta(seconds=1)

    assert decided(after=opens - second).reason is Reason.NOT_OPEN_YET
    assert decided(after=opens).reason is Reason.GRANTED
    assert decided(after=closes - second).reason is Reason.GRANTED
    assert decided(after=closes).reason is Reason.CLOSED


def test_a_badge_that_is_not_valid_is_refused() -> None:
    revoked = IssuerSimulator(revoked={94567})

    assert decided(issuer=revoked).reason is Reason.NOT_VALID


def test_what_unknown_means_is_the_events_decision() -> None:
    trust = ISSUER.trust(status=Absent("The line is down."))
    verdict = verify(read(ISSUER.token()), trust=trust, now=NOW)

    refused = decide_acceptance(verdict, policy=policy(), now=NOW, proof=CODE)
    held = decide_acceptance(verdict, policy=policy(unknown="hold_for_a_person"), now=NOW, proof=CODE)

    assert refused.reason is Reason.COULD_NOT_TELL
    assert held.reason is Reason.HELD_FOR_A_PERSON


def test_the_budget_factor_is_rounded_half_up_to_whole_percent() -> None:
    budget = {"frozen_at": policy().budget.frozen_at, "eligible": 412, "expected_take_up": 0.6}

    assert decided(by=policy(budget=budget | {"factor": 0.75})).percent == 38
    assert [discounted(percent, factor=policy().budget.factor) for percent in (0, 50, 100)] == [0, 50, 100]


def test_every_reason_has_sentences_for_the_holder_and_the_desk() -> None:
    assert set(reasons.ENGLISH) == set(Reason)
    for reason in Reason:
        assert reasons.sentence(reason)
        assert reasons.sentence(reason, voice="desk")
