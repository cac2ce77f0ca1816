"""A small shop over real HTTP that speaks the published voucher API of pretix, and can misbehave on purpose.

It shares no code with the adapter. A fault is for one request, in the order in which they come; without one the
shop works. What it holds is in `vouchers`, by upper-case code.
"""

import itertools
import json
import re
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.unit.verifier.simulator import NOW

TOKEN = "a-token-for-tests"
EVENT = "/api/v1/organizers/foundation/events/summit2027/"
PATH = EVENT + "vouchers/"
PAGE = 50
QUOTA = 12
ITEM = 31  # one of its products


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request.

    `status`: answered instead of the truth, nothing is done (0: the connection is closed without an answer);
    `seconds`: it takes so long; `first`: the shop carries the order out before it takes its time and fails.
    """

    status: int | None = None
    seconds: float = 0.0
    first: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    body: str = '{"detail": "on purpose"}'


@dataclass
class ContractServer:
    """A shop at `url`, with one event and one quota.

    `positions`: its tickets; `may_see_orders`: whether our token may look at them.
    """

    vouchers: dict[str, dict[str, Any]] = field(default_factory=dict)
    positions: list[dict[str, Any]] = field(default_factory=list)
    may_see_orders: bool = True
    now: datetime = NOW
    faults: deque[Fault] = field(default_factory=deque)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)  # method, path, headers
    arrived: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._open(0)

    def _open(self, port: int) -> None:
        shop = self

        class Handler(_Handler):
            contract = shop

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """As an event's file says it; the guard speaks http to an exempt host of this machine."""
        return f"https://{self.host}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def start_again(self) -> None:
        self._open(self.port)

    def create(self, order: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """A new voucher by the rules of the shop: its code is unique in any case, its quota exists."""
        with self._lock:
            code = str(order.get("code", ""))
            if "item" in order and "quota" not in order:
                if order["item"] != ITEM:
                    return 400, {"item": [f'Invalid pk "{order["item"]}" - object does not exist.']}
            elif order.get("quota") != QUOTA:
                return 400, {"quota": [f'Invalid pk "{order.get("quota")}" - object does not exist.']}
            if code.upper() in self.vouchers:
                return 400, {"non_field_errors": ["A voucher with this code already exists."]}
            empty = {"redeemed": 0, "budget_used": "0.00", "item": None, "variation": None}
            voucher = {"id": next(self._numbers), **empty, **order}
            self.vouchers[code.upper()] = voucher
            return 201, voucher

    def change(self, number: int, fields: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """PATCH of one voucher."""
        with self._lock:
            for voucher in self.vouchers.values():
                if voucher["id"] == number:
                    voucher.update(fields)
                    return 200, dict(voucher)
        return 404, {"detail": "Not found."}

    def remove(self, number: int) -> tuple[int, dict[str, Any]]:
        """DELETE of one voucher: refused if any order ever held it, be it canceled."""
        with self._lock:
            code = next((code for code, v in self.vouchers.items() if v["id"] == number), None)
            if code is None:
                return 404, {"detail": "Not found."}
            if any(position["voucher"] == number for position in self.positions):
                return 403, {"detail": "This voucher can not be deleted as it has already been used."}
            del self.vouchers[code]
            return 204, {}

    def buy(self, code: str, *, price: str = "100.00", now: datetime = NOW) -> bool:
        """Somebody orders a ticket with a voucher; False if it does not make the ticket cheaper."""
        with self._lock:
            voucher = self.vouchers.get(code.upper())
            if voucher is None or voucher["redeemed"] or datetime.fromisoformat(voucher["valid_until"]) < now:
                return False
            left = Decimal(100) - Decimal(voucher["value"])
            paid = (Decimal(price) * left / 100).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
            if paid == Decimal(price):
                return False
            voucher["redeemed"] += 1
            voucher["budget_used"] = str(Decimal(price) - paid)
            self.positions.append(
                {
                    "id": len(self.positions) + 1,
                    "order": "ABCDE",
                    "voucher": voucher["id"],
                    "price": str(paid),
                    "voucher_budget_use": str(Decimal(price) - paid),
                    "discount": None,
                    "attendee_name": "Nina Nobody",
                    "attendee_email": "nina@example.org",
                    "status": "p",  # of its order: a filter knows it, the shop does not answer it
                }
            )
            return True

    def cancel(self, code: str) -> None:
        """The order with a voucher is canceled: the voucher counts down, its ticket stays as a canceled one."""
        with self._lock:
            voucher = self.vouchers[code.upper()]
            voucher |= {"redeemed": 0, "budget_used": "0.00"}
            for position in self.positions:
                if position["voucher"] == voucher["id"]:
                    position["status"] = "c"

    def usable(self, *, now: datetime = NOW) -> list[str]:
        """The codes that would make a ticket cheaper now."""
        with self._lock:
            return [
                voucher["code"]
                for voucher in self.vouchers.values()
                if not voucher["redeemed"]
                and Decimal(voucher["value"]) > 0
                and datetime.fromisoformat(voucher["valid_until"]) > now
            ]

    def tickets(self, query: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        """One page of the tickets that match."""
        if not self.may_see_orders:
            return 403, {"detail": "You do not have permission to perform this action."}
        with self._lock:
            found = list(self.positions)
        if "voucher" in query:
            found = [p for p in found if p["voucher"] == int(query["voucher"][0])]
        if "order__status__in" in query:
            found = [p for p in found if p["status"] in query["order__status__in"][0].split(",")]
        return self._page(found, query)

    def listed(self, query: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        """One page of the vouchers that match."""
        with self._lock:
            found = list(self.vouchers.values())
        if "code" in query:
            found = [v for v in found if v["code"].upper() == query["code"][0].upper()]
        if "tag" in query:
            found = [v for v in found if v["tag"] == query["tag"][0]]
        if query.get("active") == ["true"]:
            found = [v for v in found if not v["redeemed"] and datetime.fromisoformat(v["valid_until"]) > self.now]
        return self._page(found, query)

    def _page(self, found: list[dict[str, Any]], query: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        page = int(query.get("page", ["1"])[0])
        more = f"{self.url}{PATH}?page={page + 1}" if len(found) > page * PAGE else None
        shown = found[(page - 1) * PAGE : page * PAGE]
        return 200, {"count": len(found), "next": more, "previous": None, "results": shown}


class _Handler(BaseHTTPRequestHandler):
    contract: ContractServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        fields = self._fields()
        self._serve(lambda: self.contract.create(fields))

    def do_PATCH(self) -> None:
        fields = self._fields()
        self._serve(lambda: self.contract.change(self._number(), fields))

    def do_DELETE(self) -> None:
        self._serve(lambda: self.contract.remove(self._number()))

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if path == EVENT:
            self._serve(lambda: (200, {"slug": "summit2027", "currency": "EUR"}))
        elif path == EVENT + "orderpositions/":
            self._serve(lambda: self.contract.tickets(query))
        else:
            self._serve(lambda: self.contract.listed(query))

    def _fields(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def _number(self) -> int:
        return int(urlsplit(self.path).path.removeprefix(PATH).rstrip("/"))

    def _serve(self, work: Any) -> None:
        shop = self.contract
        shop.asked.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}))
        fault = shop.faults.popleft() if shop.faults else Fault()
        status, answer = work() if fault.first else (0, {})
        shop.arrived.set()
        time.sleep(fault.seconds)
        if fault.status is not None:
            self._answer(fault.status, fault.body, headers=fault.headers)
            return
        if self.headers.get("Authorization") != f"Token {TOKEN}":
            status, answer = 401, {"detail": "Invalid token."}
        elif not re.fullmatch(f"{EVENT}(vouchers/([0-9]+/)?|orderpositions/)?", urlsplit(self.path).path):
            status, answer = 404, {"detail": "Not found."}
        elif not fault.first:
            status, answer = work()
        self._answer(status, json.dumps(answer))

    def _answer(self, status: int, body: str, *, headers: tuple[tuple[str, str], ...] = ()) -> None:
        self.close_connection = True
        if status == 0:
            return
        try:
            self.send_response(status)
            for name, value in (("Content-Type", "application/json"), *headers):
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(b"" if status == 204 else body.encode())
        except OSError:
            pass  # whoever asked has gone: that is one of the faults

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        return
