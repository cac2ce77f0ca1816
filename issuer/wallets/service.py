"""Badges taken into wallets: offered once, to one key (OpenID4VCI 1.0, pre-authorised code flow).

No secret of an offer is stored: what a wallet must know is derived from the office's secret, and what it was given
at random is kept as a hash. Each step is one transaction, so of two that come at once one is refused.
"""

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

from sqlalchemy import Connection

from issuer.badges import garments, issuance
from issuer.badges import service as badges
from issuer.badges.bureau import Bureau
from issuer.badges.model import Badge, BadgeError
from issuer.ground.database import reading, writing
from issuer.ground.language import Voice
from issuer.ground.tokens import hash_of
from issuer.people import service as people_service
from issuer.wallets import metadata, proof_of_key, store
from issuer.wallets.errors import Code, OfferError, WalletError
from issuer.wallets.model import (
    KEEP_FOR,
    NONCE_LASTS,
    OFFER_LASTS,
    TOKEN_LASTS,
    TRANSACTION_DIGITS,
    Event,
    MadeOffer,
    Offer,
)
from keys.errors import CustodyError
from schemas import base64url
from schemas.strict_json import JsonObject, JsonValue

AFTER_LASTS: Final = timedelta(
    days=1
)  # so long a token still fetches what was deferred, and tells what became of it
RETRY_SECONDS: Final = 10
EVENTS: Final[tuple[Event, ...]] = ("credential_accepted", "credential_failure", "credential_deleted")
_RANDOM_BYTES: Final = 16
_MAX_EVENT_TEXT: Final = 1000


@dataclass(frozen=True)
class Token:
    """What an offer's code is exchanged for. `lasts`: in seconds."""

    access_token: str
    lasts: int


@dataclass(frozen=True)
class Taken:
    """A wallet that took a badge, as its holder sees it. `copy`: the badge bound to it, if one is."""

    offer: Offer
    copy: Badge | None


def offer(bureau: Bureau, badge: Badge, *, now: datetime) -> MadeOffer:
    """A new offer of a badge to one wallet; one made before that no wallet took ends now.

    Raises:
        OfferError: the badge is not one that goes into a wallet.
    """
    if badge.copy_of is not None:
        raise OfferError("This badge is a wallet's copy already; the badge that it was made from can be offered.")
    if not badge.standing or badge.suspended_at is not None or badge.jwt is None:
        state = badge.state if badge.jwt is not None else "not signed yet"
        raise OfferError(f"This badge is {state}; only one in force goes into a wallet.")
    made = Offer(uuid4().hex, badge.id, now, now + OFFER_LASTS, 0, None, None, None, None)
    handle, code = bureau.wallet_secret("handle", made.id), bureau.wallet_secret("code", made.id)
    with writing(bureau.engine) as connection:
        store.add_offer(
            connection,
            made,
            handle_hash=hash_of(handle),
            code_hash=hash_of(code),
            forget_before=now - KEEP_FOR,
        )
    reference = f"{metadata.offers(bureau)}{handle}"
    return MadeOffer(
        reference=reference,
        wallet_link=metadata.wallet_link(reference),
        claim_page=metadata.claim_page(bureau, reference),
        transaction_code=_transaction_code(bureau, made.id),
        expires_at=made.expires_at,
    )


def offer_document(bureau: Bureau, handle: str, *, now: datetime, say: Voice) -> "JsonObject | None":
    """What lies behind an offer's address as long as it can be taken; None for any other address."""
    with reading(bureau.engine) as connection:
        found = store.offer_of_handle(connection, hash_of(handle))
    if found is None or not found.can_be_taken(now):
        return None
    return metadata.of_offer(bureau, code=bureau.wallet_secret("code", found.id), say=say)


def take(bureau: Bureau, form: Mapping[str, str], *, now: datetime) -> Token:
    """Exchange a pre-authorised code and its transaction code for an access token, once (§6.1).

    Raises:
        WalletError: `unsupported_grant_type`, `invalid_request`, `invalid_grant`.
    """
    if form.get("grant_type") != metadata.PRE_AUTHORIZED:
        refused: Code = "unsupported_grant_type" if form.get("grant_type") else "invalid_request"
        raise WalletError(refused, f"grant_type must be {metadata.PRE_AUTHORIZED}.")
    code, guess = form.get("pre-authorized_code"), form.get("tx_code")
    if not code:
        raise WalletError("invalid_request", "pre-authorized_code is missing.")
    if not guess:
        raise WalletError("invalid_request", "tx_code is missing: this offer needs the code of its page.")
    with reading(bureau.engine) as connection:
        found = store.offer_of_code(connection, hash_of(code))
    if found is None or not found.can_be_taken(now):
        raise _ended(found)
    with writing(bureau.engine) as connection:
        may_guess = store.count_guess(connection, found.id)
    if not may_guess or not _same(guess, _transaction_code(bureau, found.id)):
        raise WalletError("invalid_grant", "This tx_code is wrong. After five wrong ones the offer is dead.")
    token = secrets.token_urlsafe(_RANDOM_BYTES + 8)
    with writing(bureau.engine) as connection:
        if not store.take(connection, found.id, token_hash=hash_of(token), token_expires_at=now + TOKEN_LASTS):
            raise _ended(found)
    return Token(token, int(TOKEN_LASTS.total_seconds()))


def nonce(bureau: Bureau, *, now: datetime) -> str:
    """A nonce for one proof, good for five minutes (§7). Nothing is kept of it until it is used."""
    expires = int((now + NONCE_LASTS).timestamp())
    body = secrets.token_bytes(_RANDOM_BYTES) + expires.to_bytes(8)
    return f"{base64url.encode(body)}.{bureau.wallet_secret('nonce', base64url.encode(body))}"


def credential(bureau: Bureau, token: str, request: JsonObject, *, now: datetime) -> JsonObject:
    """The badge, bound to the key that the request proves, in the format that it asks for; or, where the key that
    signs is out of reach, a transaction by which to ask again (§8.3).

    Asked again with the same key, it gives the same badge, in either format; with another key it is refused.

    Raises:
        WalletError: as §8.3.1 names them.
    """
    found = _offer_of(bureau, token, now=now, lasts=timedelta())
    form = _format_of(request)
    key = proof_of_key.read(request.get("proofs"), issuer=bureau.addresses.base, now=now)
    expires_at = _check_nonce(bureau, key.nonce, now=now)
    with writing(bureau.engine) as connection:
        if not store.use_nonce(connection, hash_of(key.nonce), expires_at=expires_at, now=now):
            raise WalletError("invalid_nonce", "This nonce was used before; the nonce endpoint gives a new one.")
        is_bound = store.bind(connection, found.id, key.subject)
    if not is_bound:
        raise WalletError("credential_request_denied", "This offer's badge is bound to another key already.")
    try:
        badge = badges.badge_by_id(bureau.engine, found.badge)
        with reading(bureau.engine) as connection:
            person = people_service.persons_behind(connection, {badge.award.person})[badge.award.person]
        copy = issuance.bind(bureau, badge, subject=key.subject, person=person, now=now)
    except (BadgeError, KeyError) as error:
        raise WalletError("credential_request_denied", "This badge is not in force any more.") from error
    with writing(bureau.engine) as connection:
        store.set_copy(connection, found.id, copy)
    return _signed_or_later(bureau, found.id, copy, form, now)


def deferred(bureau: Bureau, token: str, request: JsonObject, *, now: datetime) -> JsonObject:
    """What `credential` could not give yet (§9).

    Raises:
        WalletError: `invalid_token`, `invalid_transaction_id`, `credential_request_denied`.
    """
    found = _offer_of(bureau, token, now=now, lasts=AFTER_LASTS)
    given = request.get("transaction_id")
    for form in metadata.CONFIGURATIONS:
        if found.copy and isinstance(given, str) and _same(given, _transaction(bureau, found.id, form)):
            return _signed_or_later(bureau, found.id, found.copy, form, now)
    raise WalletError("invalid_transaction_id", "There is no such transaction of this token.")


def note(bureau: Bureau, token: str, request: JsonObject, *, now: datetime) -> None:
    """Keep what a wallet says became of its badge; said twice it is the same (§11).

    Raises:
        WalletError: `invalid_token`, `invalid_notification_id`, `invalid_notification_request`.
    """
    found = _offer_of(bureau, token, now=now, lasts=AFTER_LASTS)
    event = next((known for known in EVENTS if known == request.get("event")), None)
    said = request.get("event_description", "")
    if event is None or not isinstance(said, str) or len(said) > _MAX_EVENT_TEXT:
        raise WalletError("invalid_notification_request", f"event must be one of {', '.join(EVENTS)}.")
    given = request.get("notification_id")
    wanted = bureau.wallet_secret("notification", found.id)
    if not isinstance(given, str) or not _same(given, wanted) or not found.copy:
        raise WalletError("invalid_notification_id", "There is no such notification_id of this token.")
    with writing(bureau.engine) as connection:
        store.note_event(connection, found.id, event, now=now)


def taken(bureau: Bureau, badge: Badge) -> list[Taken]:
    """The wallets that took a badge, newest first."""
    with reading(bureau.engine) as connection:
        offers = store.offers_of(connection, badge.id)
    copies = {copy.id: copy for copy in badges.copies_of(bureau.engine, badge)}
    return [Taken(one, copies.get(one.copy or "")) for one in offers]


def forget(connection: Connection, badge_ids: Sequence[str]) -> None:
    """Leave nothing of the offers of these badges, in the transaction of their holder's leaving."""
    store.forget(connection, badge_ids)


def _signed_or_later(bureau: Bureau, offer_id: str, copy: str, form: str, now: datetime) -> JsonObject:
    try:
        badge = issuance.sign_bound(bureau, copy, now=now)
    except CustodyError:  # the intent is stored: it is signed as soon as somebody can
        return {"transaction_id": _transaction(bureau, offer_id, form), "interval": RETRY_SECONDS}
    if not badge.standing or badge.jwt is None or badge.proof is None:
        raise WalletError("credential_request_denied", "This badge is not in force any more.")
    secured: JsonValue = badge.jwt if form == metadata.TOKEN else garments.as_document(badge.jwt, badge.proof)
    return {
        "credentials": [{"credential": secured}],
        "notification_id": bureau.wallet_secret("notification", offer_id),
    }


def _offer_of(bureau: Bureau, token: str, *, now: datetime, lasts: timedelta) -> Offer:
    """Whose token it is; `lasts`: how long after its end it is taken here."""
    with reading(bureau.engine) as connection:
        found = store.offer_of_token(connection, hash_of(token)) if token else None
    if found is None or found.token_expires_at is None or now >= found.token_expires_at + lasts:
        raise WalletError("invalid_token", "This access token is not known here, or has ended.")
    return found


def _format_of(request: JsonObject) -> str:
    """Which configuration a request asks for (§8.2)."""
    if "credential_identifier" in request and "credential_configuration_id" in request:
        raise WalletError(
            "invalid_credential_request",
            "credential_identifier and credential_configuration_id exclude each other.",
        )
    if "credential_response_encryption" in request:
        raise WalletError("invalid_encryption_parameters", "Credentials are not encrypted here, beyond https.")
    if "credential_identifier" in request:
        raise WalletError("unknown_credential_identifier", "No credential_identifier was given with the token.")
    asked = request.get("credential_configuration_id")
    if not isinstance(asked, str):
        raise WalletError("invalid_credential_request", "credential_configuration_id is missing.")
    if asked not in metadata.CONFIGURATIONS:
        raise WalletError(
            "unknown_credential_configuration", f"The offer is for {' and '.join(metadata.CONFIGURATIONS)}."
        )
    return asked


def _check_nonce(bureau: Bureau, text: str, *, now: datetime) -> datetime:
    """When a nonce of ours ends."""
    wrong = WalletError("invalid_nonce", "This nonce is not one of ours, or has ended; ask for a new one.")
    body, _, seal = text.partition(".")
    if not _same(seal, bureau.wallet_secret("nonce", body)):
        raise wrong
    expires_at = datetime.fromtimestamp(int.from_bytes(base64url.decode(body)[_RANDOM_BYTES:]), UTC)
    if now >= expires_at:
        raise wrong
    return expires_at


def _transaction_code(bureau: Bureau, offer_id: str) -> str:
    """Six digits that go another way than the offer."""
    number = int.from_bytes(bureau.wallet_secret("transaction code", offer_id).encode())
    return f"{number % 10**TRANSACTION_DIGITS:0{TRANSACTION_DIGITS}}"


def _same(given: str, secret: str) -> bool:
    """Compared so that no timing tells how much of it is right; a client may send any text."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.encode())


def _transaction(bureau: Bureau, offer_id: str, form: str) -> str:
    return bureau.wallet_secret("deferred", f"{offer_id}\0{form}")


def _ended(found: Offer | None) -> WalletError:
    """Which it was is said only to whoever has the code."""
    if found is not None and found.is_dead:
        return WalletError(
            "invalid_grant", "This offer is dead: its tx_code was guessed wrong five times. Make a new one."
        )
    return WalletError("invalid_grant", "This offer was taken already, or has ended. Make a new one.")
