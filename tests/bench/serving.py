"""What a verification costs over HTTP: the server's own CPU for a request, and how it answers many at once.

The server is a process of its own, as it is deployed; the baseline is the smallest FastAPI route that reads a
body, makes one bare signature check and answers a constant, served in the same way and asked in turns with ours.
"""

import asyncio
import gc
import multiprocessing
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse

from schemas import badge_qr, strict_json
from tests.bench.badges import bare_ecdsa_verify, documents
from tests.bench.measuring import Row, microseconds, row, seconds
from tests.unit.verifier.simulator import NOW, Clock, DocumentsInMemory, IssuerSimulator
from verifier.app import create_app
from verifier.ground.settings import Settings
from verifier.verification.service import Verification

CONNECTIONS = 32
BATCH = 10_000
REQUESTS = 3_000  # for one measurement of CPU: the system counts it in hundredths of a second
ROUNDS = 3  # in turns; the best counts
_HEAD = "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n"
_TICKS = os.sysconf("SC_CLK_TCK")


def rows() -> Iterator[Row]:
    """CPU of a request beside its bare need, then throughput and waiting times under load."""
    issuer = IssuerSimulator()
    tokens = [issuer.token(document) for document in documents(issuer)]
    bare = microseconds(bare_ecdsa_verify(tokens, issuer.signer))
    with TemporaryDirectory() as folder, _serving(_Ours(Path(folder))) as ours, _serving(_Bare()) as plain:
        bodies = [token.encode() for token in tokens]
        for server in (ours, plain):
            asyncio.run(_ask(server, bodies, requests=500))  # imports, caches, connections
        best, waits, spans = {ours: 1e9, plain: 1e9}, [0.0], [1e9]
        for _ in range(ROUNDS):
            for server in (ours, plain):
                before, begins = server.cpu(), time.perf_counter()
                times = asyncio.run(_ask(server, bodies, requests=REQUESTS))
                span = time.perf_counter() - begins
                best[server] = min(best[server], (server.cpu() - before) / REQUESTS * 1e6)
                if server is ours and span < spans[0]:
                    waits, spans[0] = sorted(times), span
        yield row("POST /verify of a VC-JWT, server CPU", best[ours], "CPU microseconds", baseline=best[plain])
        yield row("POST /verify, for one second of CPU", 1e6 / best[ours], "requests", baseline=1e6 / bare)
        p50, p99 = waits[len(waits) // 2], waits[len(waits) * 99 // 100]
        yield row(f"POST /verify, p99 at {CONNECTIONS} connections", p99 * 1e3, "ms", baseline=p50 * 1e3)
    yield from _batch_rows(issuer, tokens)


def _batch_rows(issuer: IssuerSimulator, tokens: Sequence[str]) -> Iterator[Row]:
    """Ten thousand badges in one request beside the same ones judged in a loop, and the server's memory."""
    mixed = [*tokens, *(badge_qr.to_desk_text(issuer.packed(token)) for token in tokens[:64])]
    mixed += [token[:-4] + "AAAA" for token in tokens[:32]]
    mixed += [strict_json.dumps(issuer.secured(document)) for document in documents(issuer)[:64]]
    badges = [mixed[number % len(mixed)] for number in range(BATCH)]
    body = b"".join(strict_json.dumps(badge).encode() + b"\n" for badge in badges)
    verification = Verification(DocumentsInMemory.of([issuer]), clock=Clock(NOW))
    for badge in mixed:
        verification.verify(badge.encode())
    with TemporaryDirectory() as folder, _serving(_Ours(Path(folder))) as ours:
        asyncio.run(_send_batch(ours, body[: len(body) // 10].rpartition(b"\n")[0]))
        before, best, loop = ours.memory(), 1e9, 1e9
        for _ in range(ROUNDS):
            used = ours.cpu()
            asyncio.run(_send_batch(ours, body))
            best = min(best, ours.cpu() - used)
            loop = min(loop, seconds(lambda: [verification.verify(badge.encode()) for badge in badges]))
        yield row(f"POST /verify/batch of {BATCH} mixed badges", BATCH / best, "badges", baseline=BATCH / loop)
        yield row(f"POST /verify/batch of {BATCH}, memory after", ours.memory(), "MiB", baseline=before)


async def _send_batch(server: "_Server", body: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = f"POST /verify/batch HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}"

    async def send() -> None:
        writer.write(head.encode() + b"\r\n\r\n")
        for start in range(0, len(body), 1 << 16):
            writer.write(body[start : start + (1 << 16)])
            await writer.drain()

    sending = asyncio.create_task(send())
    lines = 0
    while chunk := await reader.read(1 << 16):
        lines += chunk.count(b'{"line":')
    await sending
    writer.close()
    assert lines == body.count(b"\n") + (not body.endswith(b"\n")), lines


class _Ours:
    """The verifying office, with an issuer whose documents are at hand."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = "/verify"

    def __call__(self) -> FastAPI:
        issuer = IssuerSimulator()
        return create_app(Settings(self._folder), source=DocumentsInMemory.of([issuer]), clock=Clock(NOW))


class _Bare:
    """A route that reads a body, checks one signature that lies ready, and answers a constant."""

    path = "/constant"

    def __call__(self) -> FastAPI:
        app, issuer = FastAPI(), IssuerSimulator()
        tokens = [issuer.token(document) for document in documents(issuer)]
        verify_one = bare_ecdsa_verify(tokens, issuer.signer)

        @app.post("/constant")
        async def constant(request: Request) -> JSONResponse:
            await request.body()
            verify_one()
            return JSONResponse({"verdict": "valid"})

        return app


class _Server:
    def __init__(self, process: BaseProcess, port: int, path: str) -> None:
        self.port, self.path, self._pid = port, path, process.pid

    def memory(self) -> float:
        """Mebibytes that the process holds."""
        status = Path(f"/proc/{self._pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def cpu(self) -> float:
        """Seconds of CPU that the process has used."""
        fields = Path(f"/proc/{self._pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


def _run(make: Callable[[], FastAPI], port: int) -> None:
    app = make()
    gc.collect()
    gc.freeze()
    uvicorn.run(app, host="127.0.0.1", port=port, access_log=False, server_header=False, log_level="error")


@contextmanager
def _serving(made: "_Ours | _Bare") -> Iterator[_Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(made, port), daemon=True)
    process.start()
    try:
        _wait_for(port)
        yield _Server(process, port, made.path)
    finally:
        process.terminate()
        process.join(10)


def _wait_for(port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("The server did not start.")


async def _ask(server: _Server, bodies: Sequence[bytes], *, requests: int) -> list[float]:
    """Many requests over a few connections that stay open: how long each took."""
    times: list[float] = []
    left = iter(range(requests))

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for number in left:
            body = bodies[number % len(bodies)]
            begins = time.perf_counter()
            writer.write(_HEAD.format(path=server.path, length=len(body)).encode() + body)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
            times.append(time.perf_counter() - begins)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return times
