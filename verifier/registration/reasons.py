"""Why a badge gives its discount or not: every reason's stable code, and its sentences.

The code is what the API answers and what programs compare; the sentences are for the holder, who reads what to
do next, and for a volunteer at a desk. Sentences for the checks of a badge stand in
`verifier.verification.sentences`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Voice = Literal["holder", "desk"]


class Reason(StrEnum):
    """Stable codes; never renamed once published."""

    GRANTED = "granted"
    NOTHING_TO_REDEEM = "nothing_to_redeem"
    ALREADY_REDEEMED = "already_redeemed"
    NOT_VALID = "not_valid"
    COULD_NOT_TELL = "could_not_tell"
    HELD_FOR_A_PERSON = "held_for_a_person"
    NOT_OPEN_YET = "not_open_yet"
    CLOSED = "closed"
    NOT_ACCEPTED_HERE = "not_accepted_here"
    OTHER_PERIOD = "other_period"
    NO_HOLDER = "no_holder"
    PROOF_NEEDED = "proof_needed"
    PROOF_NOT_ACCEPTED_HERE = "proof_not_accepted_here"
    PROOF_NOT_BUILT_YET = "proof_not_built_yet"
    MALFORMED_HOLDER_CODE = "malformed_holder_code"
    NO_HOLDER_CODE_IN_BADGE = "no_holder_code_in_badge"
    WRONG_HOLDER_CODE = "wrong_holder_code"
    WRONG_WALLET = "wrong_wallet"
    USED_PRESENTATION = "used_presentation"
    WRONG_MAIL_CODE = "wrong_mail_code"
    NO_NAME_IN_BADGE = "no_name_in_badge"
    NAME_NOT_CONFIRMED = "name_not_confirmed"
    NO_ADDRESS_IN_BADGE = "no_address_in_badge"
    ADDRESS_NOT_CONFIRMED = "address_not_confirmed"
    NO_CAPACITY = "no_capacity"
    FOREIGN_LIMIT_REACHED = "foreign_limit_reached"
    RELEASED = "released"
    VENUE_DECIDES = "venue_decides"
    ONLINE_DECIDES = "online_decides"
    WAITING_FOR_DESKS = "waiting_for_desks"


@dataclass(frozen=True)
class Words:
    """`holder`: what happened and what to do next; `desk`: what a volunteer does now."""

    holder: str
    desk: str


_LEAD = "Say: “The system can’t accept this one, my lead will help you.”"

ENGLISH: Mapping[Reason, Words] = {
    Reason.GRANTED: Words("Your discount is granted.", "Granted. Note it on the order."),
    Reason.NOTHING_TO_REDEEM: Words(
        "Your badge is recognised here and gives no discount at this event. Thank you for what you did.",
        "This badge gives thanks and no discount. Send them to the ticket queue.",
    ),
    Reason.ALREADY_REDEEMED: Words(
        "This discount was used already. If it was not you, write to the event’s team.",
        "Nothing is wrong: the discount was used already. Send them to the ticket queue.",
    ),
    Reason.NOT_VALID: Words("This badge is not valid, so it gives no discount.", _LEAD),
    Reason.COULD_NOT_TELL: Words(
        "We could not find out whether this badge is valid. Nothing was used up: try again later.",
        "We could not tell. Try once more, then ask the lead.",
    ),
    Reason.HELD_FOR_A_PERSON: Words(
        "We could not find out whether this badge is valid. A person of the event’s team has to look at it.",
        "A person has to decide: ask the lead.",
    ),
    Reason.NOT_OPEN_YET: Words(
        "Discounts of this event cannot be redeemed yet.", "Redeeming has not opened yet: ask the lead."
    ),
    Reason.CLOSED: Words(
        "Discounts of this event can no longer be redeemed.", "Redeeming has closed: ask the lead."
    ),
    Reason.NOT_ACCEPTED_HERE: Words(
        "Your badge is genuine, but this event has no discount for it.",
        "Genuine, but this event has no discount for it. Send them to the ticket queue.",
    ),
    Reason.OTHER_PERIOD: Words(
        "Your badge is genuine, but of another period than this event accepts. You may have a newer one.",
        "A badge of another period. Ask whether they have a newer one.",
    ),
    Reason.NO_HOLDER: Words(
        "Your badge does not say whose it is, so its discount cannot be given once only.",
        "The badge does not say whose it is: ask the lead.",
    ),
    Reason.PROOF_NEEDED: Words(
        "A badge can be copied, so we need to know that it is yours: show it from your wallet, or give the holder"
        " code from your private badge page or a code that we mail to you.",
        "Compare the name on the badge with an ID.",
    ),
    Reason.PROOF_NOT_ACCEPTED_HERE: Words(
        "This event does not accept this way of showing that the badge is yours.",
        "This event does not redeem at a desk by name. Send them to the registration page.",
    ),
    Reason.PROOF_NOT_BUILT_YET: Words(
        "The ways in which this event wants to know that the badge is yours are not built yet: write to its team.",
        "The ways in which this event wants to know whose badge it is are not built yet: ask the lead.",
    ),
    Reason.MALFORMED_HOLDER_CODE: Words(
        "That is no holder code: it has 28 letters and digits in groups of four. Compare it with your private"
        " badge page.",
        "That is no holder code. Compare it with their badge page.",
    ),
    Reason.NO_HOLDER_CODE_IN_BADGE: Words(
        "Your badge was made without a holder code, so it cannot be redeemed here online.",
        "The badge was made without a holder code: compare the name with an ID instead.",
    ),
    Reason.WRONG_HOLDER_CODE: Words(
        "The holder code does not belong to this badge. It stands on your private badge page.",
        "The code does not belong to this badge. " + _LEAD,
    ),
    Reason.WRONG_WALLET: Words(
        "The wallet’s key is not the one that this badge is bound to. Show it from the wallet into which it was"
        " put.",
        "The badge is bound to another wallet. " + _LEAD,
    ),
    Reason.USED_PRESENTATION: Words(
        "What your wallet showed was used already. Nothing more was given: begin again on the registration page.",
        "It was used already. They begin again on the registration page.",
    ),
    Reason.WRONG_MAIL_CODE: Words(
        "That is not the code that we mailed for this badge, or its time is over. Compare it, or ask for a new"
        " one.",
        "The mailed code is another one, or too old.",
    ),
    Reason.NO_NAME_IN_BADGE: Words(
        "Your badge carries no name to compare with an ID. Redeem it on the registration page with your holder"
        " code, or choose on your private badge page to have your name in it.",
        "It carries no name. They redeem on their own phone, on the registration page with the holder code.",
    ),
    Reason.NAME_NOT_CONFIRMED: Words(
        "The name on the badge was not confirmed with an ID.",
        "Not redeemed. " + _LEAD,
    ),
    Reason.NO_ADDRESS_IN_BADGE: Words(
        "Your badge carries no mail address to compare with your order. Redeem it on the registration page with"
        " your holder code.",
        "It carries no mail address. They redeem on their own phone, on the registration page with the holder"
        " code.",
    ),
    Reason.ADDRESS_NOT_CONFIRMED: Words(
        "The mail address on your order is not the one of the badge.",
        "Not redeemed. " + _LEAD,
    ),
    Reason.NO_CAPACITY: Words(
        "All discounts of this event are given. Write to the event’s team.",
        "All discounts of this event are given: ask the lead.",
    ),
    Reason.FOREIGN_LIMIT_REACHED: Words(
        "All discounts for badges of this community are given at this event.",
        "All discounts for this community’s badges are given: ask the lead.",
    ),
    Reason.RELEASED: Words(
        "The voucher that you were given with this request was withdrawn. Redeem your badge again; if that says"
        " that the discount was used, ask the event’s team for the voucher that took its place.",
        "The voucher of this request was withdrawn. Redeem the badge again.",
    ),
    Reason.VENUE_DECIDES: Words(
        "The venue’s desk decides now: show your badge there. Nothing was used up here.",
        "The venue’s hub decides now: this desk asks the office instead of the hub.",
    ),
    Reason.ONLINE_DECIDES: Words(
        "The venue’s desk has closed, and the registration page decides again. Nothing was used up here.",
        "The hub has handed back: this desk asks the hub instead of the office.",
    ),
    Reason.WAITING_FOR_DESKS: Words(
        "The desks are being gathered after a fault. Nothing was used up: try again in a few minutes.",
        "The new hub has not heard every desk yet: ask the lead which one is missing.",
    ),
}


def sentence(reason: Reason, *, voice: Voice = "holder", table: Mapping[Reason, Words] = ENGLISH) -> str:
    """The sentence of a reason in one voice."""
    words = table[reason]
    return words.desk if voice == "desk" else words.holder
