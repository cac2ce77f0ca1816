"""Vouchers in a pretix, over its published REST API: one use, a percentage off, by a code that we derived.

Exactly one voucher rests on the code being unique in the shop's event and on nothing else: pretix keeps its
idempotency key for a day only, compares no body, and replays errors. So a second order of the same code is
refused by the shop, and looking it up settles whether it was ours. When to try again is `outbox`.

Withdrawing rests on the same: pretix deletes no voucher that was ever ordered with, so deleting settles whether
it was used. Afterwards the code is made anew as one that buys nothing, and stays: an order of ours that is still
on its way would bring a code to life that is free again.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
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
    Sale,
    ShopRefusedError,
    ShopUnreachableError,
    ShopVoucher,
    UsedThere,
    VoucherOrder,
    Withdrawn,
)
from verifier.registration.shops.pricing import PERCENTAGES, Pricing

MAX_PAGES = 2_000  # of 50 vouchers: as many as a large shop has, and no endless list
MAX_TOKEN_BYTES = 1_000  # pretix's have 64
MAX_WITHDRAWING_STEPS = 6  # each try needs two or three; more only where somebody works against us
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_VALUE = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,4})?")
_LATER = {408, 409, 425, 429}  # 409: another request holds pretix's lock; 429: too many a minute


def connect(
    settings: Settings, *, url: str, organizer: str, event: str, pricing: Pricing = PERCENTAGES
) -> "PretixShop":
    """The shop at `url`, with the token that the settings hold for exactly this address. `pricing`: how its
    vouchers are written, to read them.

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
    return PretixShop(client, organizer=organizer, event=event, pricing=pricing)


@dataclass(frozen=True)
class PretixShop:
    """One event of a pretix. Its token needs the rights to view and to change vouchers, and no other."""

    client: ServiceClient
    organizer: str
    event: str
    pricing: Pricing = PERCENTAGES

    def put(self, order: VoucherOrder) -> Placed | AlreadyThere:
        """As `Shop.put`: POST, and where pretix says 400, GET by the code (pretix REST API, vouchers)."""
        reply = self._ask("vouchers/", body=strict_json.dumps(_voucher(order)).encode())
        if reply.status == 400:
            return self._settle(order, refusal=reply)
        if reply.status != 201:
            raise _problem(reply)
        _require(self._parsed(_object(reply)), order)
        return Placed(order.code)

    def vouchers(self, *, tag: str) -> tuple[ShopVoucher, ...]:
        """As `Shop.vouchers`, page by page. An address in an answer is never followed: pages are counted."""
        listed = [self._parsed(entry) for entry in self._pages("vouchers/", tag=tag)]
        return tuple(voucher for voucher in listed if voucher.tag == tag)

    def active_codes(self, *, tag: str) -> frozenset[str]:
        """As `Shop.active_codes`: pretix compares each voucher's end with its own time."""
        listed = [self._parsed(entry) for entry in self._pages("vouchers/", tag=tag, active="true")]
        return frozenset(voucher.code.upper() for voucher in listed if not voucher.is_worthless)

    def withdraw(self, order: VoucherOrder) -> Withdrawn | UsedThere:
        """As `Shop.withdraw`. One step for each state in which the code can be, until it buys nothing."""
        for _ in range(MAX_WITHDRAWING_STEPS):
            there = self._find(order)
            if there is None:
                if self._make_worthless(order):
                    return Withdrawn(order.code)
            elif there.is_used:
                if there.is_worthless:  # ordered with while it was lowered: it is the holder's as it was granted
                    self._change(there, _voucher(order))
                return UsedThere(order.code)
            elif there.is_worthless:
                return Withdrawn(order.code)
            elif not self._delete(there) and not self._is_used(order):
                self._change(there, _WORTHLESS)  # an order with it was canceled: then pretix keeps the voucher
        raise ShopUnreachableError(f"The code {order.code} changes in the shop while it is withdrawn.")

    def sales(self, vouchers: Iterable[ShopVoucher]) -> tuple[Sale, ...]:
        """As `Shop.sales`, voucher by voucher: only the tickets that were bought with ours are looked at."""
        found: list[Sale] = []
        for voucher in vouchers:
            pages = self._pages("orderpositions/", voucher=str(voucher.number), order__status__in="n,p")
            found += [_sale(entry, voucher.code) for entry in pages if entry.get("voucher") == voucher.number]
        return tuple(found)

    def currency(self) -> str | None:
        """As `Shop.currency`."""
        reply = self._ask("")
        if reply.status in _LATER or reply.status >= 500:
            raise _problem(reply)
        currency = _object(reply).get("currency") if reply.status == 200 else None
        return currency if isinstance(currency, str) and re.fullmatch("[A-Z]{3}", currency) else None

    def _find(self, order: VoucherOrder) -> ShopVoucher | None:
        """The voucher of this code, if there is one.

        Raises:
            ShopRefusedError: it stands under another tag: it is not ours.
        """
        listed = [self._parsed(entry) for entry in _entries(self._get(code=order.code))]
        there = [voucher for voucher in listed if voucher.code.upper() == order.code.upper()]
        if there and there[0].tag != order.tag:
            raise _not_ours(there[0], order)
        return there[0] if there else None

    def _make_worthless(self, order: VoucherOrder) -> bool:
        """Take the code with a voucher that buys nothing; False if somebody was quicker."""
        dead = _voucher(order) | _WORTHLESS
        reply = self._ask("vouchers/", body=strict_json.dumps(dead).encode())
        if reply.status == 400 and self._find(order) is None:
            raise ShopRefusedError(f"The shop does not let the code {order.code} be taken: {_words(reply)}.")
        if reply.status not in {201, 400}:
            raise _problem(reply)
        return reply.status == 201

    def _delete(self, voucher: ShopVoucher) -> bool:
        """Whether it is gone; the shop keeps one that an order holds. Whoever has it in a cart loses it there."""
        reply = self._ask(f"vouchers/{voucher.number}/", method="DELETE")
        if reply.status not in {204, 403, 404}:
            raise _problem(reply)
        return reply.status != 403

    def _is_used(self, order: VoucherOrder) -> bool:
        there = self._find(order)
        return there is not None and there.is_used

    def _change(self, voucher: ShopVoucher, fields: JsonObject) -> None:
        reply = self._ask(f"vouchers/{voucher.number}/", body=strict_json.dumps(fields).encode(), method="PATCH")
        if reply.status not in {200, 404}:
            raise _problem(reply)

    def _settle(self, order: VoucherOrder, *, refusal: Reply) -> AlreadyThere:
        """A 400 is a duplicate if the code is there: ours from an earlier try, or somebody else's."""
        there = self._find(order)
        if there is None:
            raise ShopRefusedError(f"The shop refused the voucher: {_words(refusal)}.")
        _require(there, order)
        return AlreadyThere(order.code)

    def _parsed(self, entry: JsonObject) -> ShopVoucher:
        code, tag, uses = entry.get("code"), entry.get("tag"), entry.get("max_usages")
        if not isinstance(code, str):
            raise ShopUnreachableError("The shop answered with something that is no voucher.")
        value = _money(entry.get("value"))
        percent = None if value is None else self.pricing.percent(entry.get("price_mode"), value)
        redeemed, number, ends = entry.get("redeemed"), entry.get("id"), entry.get("valid_until")
        return ShopVoucher(
            code,
            percent,
            uses if type(uses) is int else None,
            tag if isinstance(tag, str) else "",
            redeemed=redeemed if type(redeemed) is int else 0,
            valid_until=_moment(ends),
            discount_given=_money(entry.get("budget_used")),
            number=number if type(number) is int else 0,
        )

    def _pages(self, path: str, **query: str) -> Iterator[JsonObject]:
        for page in range(1, MAX_PAGES + 1):
            answer = self._get(path, **query, page=str(page))
            yield from _entries(answer)
            if answer.get("next") is None:
                return
        raise ShopRefusedError(f"The shop lists more than {MAX_PAGES} pages of {path.rstrip('/')}.")

    def _get(self, path: str = "vouchers/", **query: str) -> JsonObject:
        reply = self._ask(f"{path}?{urlencode(query)}")
        if reply.status != 200:
            raise _problem(reply)
        return _object(reply)

    def _ask(self, rest: str, *, body: bytes | None = None, method: str | None = None) -> Reply:
        organizer, event = quote(self.organizer, safe=""), quote(self.event, safe="")
        try:
            return self.client.ask(
                f"/api/v1/organizers/{organizer}/events/{event}/{rest}", body=body, method=method
            )
        except OutboundError as error:
            raise ShopUnreachableError(str(error)) from error


# What a withdrawn code is in the shop: it takes off nothing, and its time is over.
_WORTHLESS: JsonObject = {
    "value": "0.00",
    "price_mode": "percent",
    "valid_until": timestamps.show(_LONG_AGO),
    "comment": "Badgewright: withdrawn. It stays, so that its code cannot be made again.",
}


def _voucher(order: VoucherOrder) -> JsonObject:
    """The order in pretix's words. It takes no seat from the quota, and none beyond it."""
    tickets = {"quota": order.quota, "item": order.item, "variation": order.variation}
    return {
        "code": order.code,
        "max_usages": order.uses,
        "valid_until": timestamps.show(order.valid_until),
        "block_quota": False,
        "allow_ignore_quota": False,
        "price_mode": order.pricing.mode,
        "value": str(order.pricing.value(order.percent)),
        "tag": order.tag,
        "comment": order.comment,
        **{name: number for name, number in tickets.items() if number},
    }


def _require(voucher: ShopVoucher, order: VoucherOrder) -> None:
    if voucher.tag != order.tag:
        raise _not_ours(voucher, order)
    difference = voucher.difference(percent=order.percent)
    if difference is not None:
        raise ShopRefusedError(f"The code {order.code} {difference}.")


def _not_ours(voucher: ShopVoucher, order: VoucherOrder) -> ShopRefusedError:
    return ShopRefusedError(
        f"The code {order.code} is in the shop under the tag {voucher.tag[:60]!a}: {order.tag!a} was expected."
    )


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


def _entries(answer: JsonObject) -> list[JsonObject]:
    results = answer.get("results")
    if not isinstance(results, list) or not all(isinstance(entry, dict) for entry in results):
        raise ShopUnreachableError("The shop answered with something that is no list.")
    return [entry for entry in results if isinstance(entry, dict)]


def _sale(entry: JsonObject, code: str) -> Sale:
    """Of a ticket only its price is read, and never who it is for."""
    price = _money(entry.get("price"))
    if price is None:
        raise ShopUnreachableError("The shop answered with a ticket that has no price.")
    return Sale(code, price, _money(entry.get("voucher_budget_use")), entry.get("discount") is not None)


def _money(value: object) -> Decimal | None:
    text = value if isinstance(value, str) else ""
    return Decimal(text) if _VALUE.fullmatch(text) else None


def _moment(value: object) -> datetime | None:
    """A time as pretix writes it; one that cannot be read must not look like a voucher without an end."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ShopUnreachableError("The shop answered with a voucher whose end is no time.")
    return moment


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
