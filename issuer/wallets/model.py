"""An offer of a badge to a wallet, as values. Pure.

One offer is for one badge and one wallet: its code buys one access token, and the badge is bound to the first key
that is proved with that token.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

OFFER_LASTS: Final = timedelta(minutes=10)  # STANDARDS j1: a pre-authorised code
TOKEN_LASTS: Final = timedelta(minutes=10)
NONCE_LASTS: Final = timedelta(minutes=5)  # STANDARDS j1: a c_nonce
MAX_WRONG_GUESSES: Final = 5  # STANDARDS i1: of the transaction code; then the offer is dead
TRANSACTION_DIGITS: Final = 6
KEEP_FOR: Final = timedelta(days=30)  # an offer that nobody took is forgotten then

Event = Literal["credential_accepted", "credential_failure", "credential_deleted"]


@dataclass(frozen=True)
class Offer:
    """An offer as it is kept. `subject`: the DID to which its badge was bound; `copy`: the badge so bound;
    `event`: what the wallet said became of it.
    """

    id: str
    badge: str
    made_at: datetime
    expires_at: datetime
    wrong_guesses: int
    token_expires_at: datetime | None
    subject: str | None
    copy: str | None
    event: Event | None

    @property
    def was_taken(self) -> bool:
        """Whether its code was exchanged for a token."""
        return self.token_expires_at is not None

    @property
    def is_dead(self) -> bool:
        """Whether its transaction code was guessed too often."""
        return self.wrong_guesses >= MAX_WRONG_GUESSES

    def can_be_taken(self, now: datetime) -> bool:
        return not self.was_taken and not self.is_dead and now < self.expires_at


@dataclass(frozen=True)
class MadeOffer:
    """A new offer as its holder gets it: the address of the offer itself, what a wallet opens, the page that a
    camera opens, and the code that goes another way.
    """

    reference: str
    wallet_link: str
    claim_page: str
    transaction_code: str
    expires_at: datetime
