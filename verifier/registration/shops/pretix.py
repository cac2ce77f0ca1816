"""Vouchers in a pretix, over its published REST API: one use, a percentage off, by a code that we derived.

Exactly one voucher rests on the code being unique in the shop's event and on nothing else: pretix keeps its
idempotency key for a day only, compares no body, and replays errors. So a second order of the same code is
refused by the shop, and looking it up settles whether it was ours. When to try again is `outbox`.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote, urlencode

from schemas import strict_json, timestamps
from schemas.strict_json import JsonObject, StrictJsonError
from verifier.ground.outbound import MAX_BODY_BYTES, OutboundError, Reply, ServiceClient
from verifier.ground.settings import Settings
from verifier.registration.shops import (
    AlreadyThere,
    Placed,
    ShopRefusedError,
    ShopUnreachableError,
    ShopVoucher,
    VoucherOrder,
)

MAX_PAGES = 2_000  # of 50 vouchers: as many as a large shop has, and no endless list
MAX_TOKEN_BYTES = 1_000  # pretix's have 64
_VALUE = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,4})?")
_LATER = {408, 409, 425, 429}  # 409: another request holds pretix's lock; 429: too many a minute


def connect(settings: Settings, *, url: str, organizer: str, event: str) -> "PretixShop":
    """The shop at `url`, with the token that the settings hold for exactly this address.

    Raises:
        ShopRefusedError: the settings know no such shop, or its token cannot be read.
    """
    access = settings.shops.get(url.rstrip("/"))
    if access is None:  # an event's file must not choose where our token goes
        raise ShopRefusedError(f"verifier.yaml names no shop at {url}: its 'shops' was expected to.")
    client = ServiceClient(
        access.url,
        f"Token {_read_token(access.token_file)}",
        exempt_hosts=settings.exempt_hosts,
        ca_file=settings.ca_file,
    )
    return PretixShop(client, organizer=organizer, event=event)


@dataclass(frozen=True)
class PretixShop:
    """One event of a pretix. Its token needs the rights to view and to change vouchers, and no other."""

    client: ServiceClient
    organizer: str
    event: str

    def put(self, order: VoucherOrder) -> Placed | AlreadyThere:
        """As `Shop.put`: POST, and where pretix says 400, GET by the code (pretix REST API, vouchers)."""
        reply = self._ask("", body=strict_json.dumps(_voucher(order)).encode())
        if reply.status == 400:
            return self._settle(order, refusal=reply)
        if reply.status != 201:
            raise _problem(reply)
        _require(_parsed(_object(reply)), order)
        return Placed(order.code)

    def vouchers(self, *, tag: str) -> tuple[ShopVoucher, ...]:
        """As `Shop.vouchers`, page by page. An address in an answer is never followed: pages are counted."""
        found: list[ShopVoucher] = []
        for page in range(1, MAX_PAGES + 1):
            answer = self._get(tag=tag, page=str(page))
            found += _results(answer)
            if answer.get("next") is None:
                return tuple(voucher for voucher in found if voucher.tag == tag)
        raise ShopRefusedError(f"The shop lists more than {MAX_PAGES} pages of vouchers under the tag {tag!a}.")

    def _settle(self, order: VoucherOrder, *, refusal: Reply) -> AlreadyThere:
        """A 400 is a duplicate if the code is there: ours from an earlier try, or somebody else's."""
        there = [v for v in _results(self._get(code=order.code)) if v.code.upper() == order.code.upper()]
        if not there:
            raise ShopRefusedError(f"The shop refused the voucher: {_words(refusal)}.")
        _require(there[0], order)
        return AlreadyThere(order.code)

    def _get(self, **query: str) -> JsonObject:
        reply = self._ask("?" + urlencode(query))
        if reply.status != 200:
            raise _problem(reply)
        return _object(reply)

    def _ask(self, rest: str, *, body: bytes | None = None) -> Reply:
        organizer, event = quote(self.organizer, safe=""), quote(self.event, safe="")
        try:
            return self.client.ask(f"/api/v1/organizers/{organizer}/events/{event}/vouchers/{rest}", body=body)
        except OutboundError as error:
            raise ShopUnreachableError(str(error)) from error


def _voucher(order: VoucherOrder) -> JsonObject:
    """The order in pretix's words. It takes no seat from the quota, and none beyond it."""
    return {
        "code": order.code,
        "max_usages": order.uses,
        "valid_until": timestamps.show(order.valid_until),
        "block_quota": False,
        "allow_ignore_quota": False,
        "price_mode": "percent",
        "value": f"{order.percent}.00",
        "quota": order.quota,
        "tag": order.tag,
        "comment": order.comment,
    }


def _require(voucher: ShopVoucher, order: VoucherOrder) -> None:
    if voucher.tag != order.tag:
        raise ShopRefusedError(
            f"The code {order.code} is in the shop under the tag {voucher.tag[:60]!a}: {order.tag!a} was expected."
        )
    difference = voucher.difference(percent=order.percent)
    if difference is not None:
        raise ShopRefusedError(f"The code {order.code} {difference}.")


def _problem(reply: Reply) -> ShopUnreachableError | ShopRefusedError:
    """What an answer other than the good ones means: later, or a person."""
    if reply.status in _LATER or reply.status >= 500:
        return ShopUnreachableError(
            f"The shop answered {reply.status}; it is asked again later.", retry_after=reply.retry_after
        )
    hints = {401: "its token is not accepted", 403: "its token may not do this", 404: "it has no such event"}
    return ShopRefusedError(f"The shop answered {reply.status}: {hints.get(reply.status) or _words(reply)}.")


def _object(reply: Reply) -> JsonObject:
    """The answer's object. What is none comes from something before the shop, which may go away."""
    try:
        return strict_json.loads_object(reply.body, max_bytes=MAX_BODY_BYTES)
    except StrictJsonError as error:
        raise ShopUnreachableError("The shop answered with something that is not its own JSON.") from error


def _results(answer: JsonObject) -> list[ShopVoucher]:
    results = answer.get("results")
    if not isinstance(results, list) or not all(isinstance(entry, dict) for entry in results):
        raise ShopUnreachableError("The shop answered with something that is no list of vouchers.")
    return [_parsed(entry) for entry in results if isinstance(entry, dict)]


def _parsed(entry: JsonObject) -> ShopVoucher:
    code, tag, uses = entry.get("code"), entry.get("tag"), entry.get("max_usages")
    if not isinstance(code, str):
        raise ShopUnreachableError("The shop answered with something that is no voucher.")
    value = str(entry.get("value"))
    is_percent = entry.get("price_mode") == "percent" and _VALUE.fullmatch(value)
    percent = Decimal(value) if is_percent else None
    return ShopVoucher(code, percent, uses if type(uses) is int else None, tag if isinstance(tag, str) else "")


def _words(reply: Reply) -> str:
    """The shop's own words for a refusal, short and on one line."""
    try:
        text = " ".join(_texts(strict_json.loads(reply.body, max_bytes=MAX_BODY_BYTES)))
    except StrictJsonError:
        text = ""
    shown = "".join(c for c in " ".join(text.split()) if c.isprintable()).rstrip(".")
    return shown[:200] or f"it gave no reason with its {reply.status}"


def _texts(value: object) -> list[str]:
    """Every text in a small JSON value, in its order; the names of members before theirs."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for name, inner in value.items() for text in (f"{name}:", *_texts(inner))]
    return [text for inner in value for text in _texts(inner)] if isinstance(value, list) else []


def _read_token(file: Path) -> str:
    try:
        text = file.read_bytes()[: MAX_TOKEN_BYTES + 1].decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ShopRefusedError(f"The shop's token cannot be read from {file}.") from error
    if not text or len(text) > MAX_TOKEN_BYTES or not text.isprintable() or " " in text:
        raise ShopRefusedError(f"The file {file} was expected to hold the shop's token and nothing else.")
    return text
