"""Who decides: each statement names the one before and is signed by somebody who may; in any order the same."""

import itertools
from typing import Any

import pytest

from tests.unit.verifier.desk.keys import EPOCHS, desk_key
from tests.unit.verifier.simulator import NOW
from verifier.desk.errors import EpochError
from verifier.desk.formats import epochs, tokens
from verifier.desk.formats.epochs import Chain, Signatories

HUB, SPARE, LEAD = (desk_key(name) for name in ("hub", "spare", "lead"))
TRUSTED = Signatories(EPOCHS.public, {"lead": LEAD.public})
EMPTY = Chain("summit-2027")


def said(chain: Chain, *, to: object = HUB, by: object = EPOCHS, **more: object) -> str:
    holder = to.public if to is not None else None  # type: ignore[attr-defined]
    return epochs.write(chain, holder=holder, at=NOW, signer=by, url="https://x.example", **more)  # type: ignore[arg-type]


def grown(*steps: tuple[object, object]) -> Chain:
    chain = EMPTY
    for to, by in steps:
        chain = chain.followed_by([said(chain, to=to, by=by)], signatories=TRUSTED)
    return chain


def test_the_office_decides_until_it_hands_over() -> None:
    assert (EMPTY.holder, EMPTY.epoch) == ("online", 0)
    chain = grown((HUB, EPOCHS))
    assert (chain.holder, chain.epoch) == (tokens.fingerprint(HUB.public), 1)
    assert chain.newest is not None
    assert not chain.newest.is_takeover


def test_statements_in_any_order_give_the_same_chain() -> None:
    whole = grown((HUB, EPOCHS), (SPARE, LEAD), (None, EPOCHS))
    statements = [step.token for step in whole.steps]

    for order in itertools.permutations(statements):
        assert EMPTY.followed_by([*order, order[0]], signatories=TRUSTED) == whole


def test_a_hub_hands_back_itself_and_nobody_else_does_in_its_name() -> None:
    chain = grown((HUB, EPOCHS))
    own = HUB.named(tokens.fingerprint(HUB.public))
    back = chain.followed_by([said(chain, to=None, by=own)], signatories=TRUSTED)

    assert back.holder == "online"
    assert back.newest is not None and not back.newest.is_takeover
    forged = said(chain, to=None, by=SPARE.named(own.kid))
    with pytest.raises(EpochError, match="not signed by"):
        chain.followed_by([forged], signatories=TRUSTED)


def test_a_hub_gives_nothing_to_another_hub() -> None:
    chain = grown((HUB, EPOCHS))
    own = HUB.named(tokens.fingerprint(HUB.public))

    with pytest.raises(EpochError, match="not signed by"):
        chain.followed_by([said(chain, to=SPARE, by=own)], signatories=TRUSTED)


@pytest.mark.parametrize(("to", "by"), [(SPARE, EPOCHS), (SPARE, LEAD), (None, EPOCHS), (None, LEAD)])
def test_office_and_lead_take_over_from_a_hub(to: object, by: object) -> None:
    newest = grown((HUB, EPOCHS), (to, by)).newest

    assert newest is not None and newest.is_takeover


def test_a_lead_hands_nothing_over_that_the_office_holds() -> None:
    with pytest.raises(EpochError, match="not signed by"):
        grown((HUB, LEAD))


def test_a_revoked_lead_takes_over_nothing() -> None:
    chain = grown((HUB, EPOCHS))
    statement = said(chain, to=SPARE, by=LEAD)

    with pytest.raises(EpochError):
        chain.followed_by([statement], signatories=Signatories(EPOCHS.public))
    assert chain.followed_by([statement], signatories=None).epoch == 2  # it was checked when it came


def test_a_statement_that_follows_nothing_here_is_refused() -> None:
    two = grown((HUB, EPOCHS), (SPARE, EPOCHS))
    assert two.newest is not None

    with pytest.raises(EpochError, match="send those before it"):
        EMPTY.followed_by([two.newest.token], signatories=TRUSTED)


def test_a_number_that_skips_one_is_refused() -> None:
    chain = grown((HUB, EPOCHS))
    first = chain.steps[0]
    skipping = epochs.read(said(chain, to=SPARE)).model_copy(update={"epoch": 3})
    token = tokens.sign(skipping.to_json(), typ=tokens.EPOCH, signer=EPOCHS)

    assert first.said.epoch == 1
    with pytest.raises(EpochError, match="does not follow"):
        chain.followed_by([token], signatories=TRUSTED)


@pytest.mark.parametrize(
    "wrong",
    [
        {"holder": "x" * 43},
        {"jwk": None},
        {"holder": "online"},
        {"epoch": 0},
        {"at": 5},
        {"event": None},
        {"layout": 9},
    ],
)
def test_a_statement_that_is_not_whole_is_one_sentence(wrong: dict[str, Any]) -> None:
    payload = epochs.read(said(EMPTY)).to_json() | wrong
    token = tokens.sign(payload, typ=tokens.EPOCH, signer=EPOCHS)

    with pytest.raises(EpochError, match=r"\.$"):
        epochs.read(token)


def test_another_event_s_statement_is_refused() -> None:
    with pytest.raises(EpochError, match="is about the event"):
        Chain("other").followed_by([said(EMPTY)], signatories=TRUSTED)
