"""What a desk may give at a moment: only who decides is asked, and a few when nobody is reached."""

import pytest

from tests.unit.verifier.desk.keys import EPOCHS, desk_key
from tests.unit.verifier.desk.test_merge import HOLDERS, journal_of
from tests.unit.verifier.simulator import NOW
from verifier.desk import rings
from verifier.desk.formats import epochs, journal
from verifier.desk.formats.bundle import Provisional
from verifier.desk.formats.epochs import Chain

OFFICE = "https://verify.example"
ALLOWED = Provisional(cap=3, value=400)


def handed_over(chain: Chain | None = None, *, to: str = "hub") -> Chain:
    before = chain or Chain("summit-2027")
    token = epochs.write(before, holder=desk_key(to).public, url=f"https://{to}.example", at=NOW, signer=EPOCHS)
    return before.followed_by([token], signatories=epochs.Signatories(EPOCHS.public))


def test_the_office_is_asked_until_a_hub_decides() -> None:
    assert rings.ring_now(Chain("x"), reached=True, office=OFFICE) == rings.Now(0, OFFICE)
    assert rings.ring_now(handed_over(), reached=True, office=OFFICE) == rings.Now(1, "https://hub.example")


def test_who_is_not_reached_is_still_whom_to_ask() -> None:
    assert rings.ring_now(handed_over(), reached=False, office=OFFICE) == rings.Now(3, "https://hub.example")


def test_an_older_hub_is_never_asked_again() -> None:
    second = handed_over(handed_over(), to="spare")

    assert rings.ring_now(second, reached=True, office=OFFICE).ask == "https://spare.example"


def test_while_two_claim_it_nobody_is_asked() -> None:
    first = handed_over()
    rivals = [
        epochs.write(first, holder=desk_key(name).public, url=f"https://{name}.example", at=NOW, signer=EPOCHS)
        for name in ("b", "c")
    ]
    forked = first.followed_by(rivals, signatories=epochs.Signatories(EPOCHS.public))

    assert forked.is_forked
    assert rings.ring_now(forked, reached=True, office=OFFICE) == rings.Now(3, None)
    ended = handed_over(forked, to="d")
    assert rings.ring_now(ended, reached=True, office=OFFICE).ask == "https://d.example"


@pytest.mark.parametrize(
    ("listed", "has_name", "has_address", "compared"),
    [
        (("name_against_id", "mail_against_order"), True, True, "name_against_id"),
        (("name_against_id", "mail_against_order"), False, True, "mail_against_order"),
        (("name_against_id", "mail_against_order"), False, False, None),
        (("mail_against_order",), True, True, "mail_against_order"),
        (("name_against_id",), False, True, None),
        ((), True, True, None),
    ],
)
def test_a_name_is_compared_with_an_id_and_without_one_the_address_with_the_order(
    listed: tuple[str, ...], has_name: bool, has_address: bool, compared: str | None
) -> None:
    assert rings.proof_at_desk(listed, has_name=has_name, has_address=has_address) == compared


def test_an_undone_provisional_grant_still_counts_against_the_cap() -> None:
    entries = [journal.read(token) for token in journal_of("a", [("provisional", 0, 1), ("undo", 0, 2)])]

    assert rings.provisional_left(ALLOWED, 3, entries) == 2
    assert rings.provisional_left(ALLOWED, 0, entries) == 0
    assert rings.provisional_left(None, 3, []) == 0
    assert rings.may_grant_provisionally(1, is_foreign=False)
    assert not rings.may_grant_provisionally(1, is_foreign=True)
    assert not rings.may_grant_provisionally(0, is_foreign=False)


def test_a_desk_knows_whom_journals_name() -> None:
    acts = [("granted", 0, 1), ("provisional", 1, 2), ("undo", 0, 3), ("refused", 2, 4)]
    entries = [journal.read(token) for token in journal_of("a", acts)]

    assert rings.holders_known(entries) == {HOLDERS[1]}
