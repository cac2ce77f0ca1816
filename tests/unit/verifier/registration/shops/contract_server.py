"""A small shop over real HTTP that speaks the published voucher API of pretix, and can misbehave on purpose.

It shares no code with the adapter. A fault is for one request, in the order in which they come; without one the
shop works. What it holds is in `vouchers`, by upper-case code.
"""

import json
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "a-token-for-tests"
PATH = "/api/v1/organizers/foundation/events/summit2027/vouchers/"
PAGE = 50
QUOTA = 12


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
    """A shop at `url`, with one event and one quota."""

    vouchers: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: deque[Fault] = field(default_factory=deque)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)  # method, path, headers
    arrived: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
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
            if order.get("quota") != QUOTA:
                return 400, {"quota": [f'Invalid pk "{order.get("quota")}" - object does not exist.']}
            if code.upper() in self.vouchers:
                return 400, {"non_field_errors": ["A voucher with this code already exists."]}
            voucher = {"id": len(self.vouchers) + 1, "redeemed": 0, "item": None, "variation": None, **order}
            self.vouchers[code.upper()] = voucher
            return 201, voucher

    def listed(self, query: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        """One page of the vouchers that match."""
        with self._lock:
            found = list(self.vouchers.values())
        if "code" in query:
            found = [v for v in found if v["code"].upper() == query["code"][0].upper()]
        if "tag" in query:
            found = [v for v in found if v["tag"] == query["tag"][0]]
        page = int(query.get("page", ["1"])[0])
        more = f"{self.url}{PATH}?page={page + 1}" if len(found) > page * PAGE else None
        shown = found[(page - 1) * PAGE : page * PAGE]
        return 200, {"count": len(found), "next": more, "previous": None, "results": shown}


class _Handler(BaseHTTPRequestHandler):
    contract: ContractServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._serve(lambda: self.contract.create(json.loads(body)))

    def do_GET(self) -> None:
        self._serve(lambda: self.contract.listed(parse_qs(urlsplit(self.path).query)))

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
        elif urlsplit(self.path).path != PATH:
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
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())
        except OSError:
            pass  # whoever asked has gone: that is one of the faults

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        return
