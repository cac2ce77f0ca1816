"""Both offices on loopback: the issuer's command line in this process, and either web application in a thread."""

import contextlib
import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn

from issuer import cli as issuer_cli

START_SECONDS = 20
PREFERRED_PORTS = (8001, 8002)  # easy to remember; any free ones if these are taken


class DemoError(Exception):
    """A step did not go as it must."""


def issuer_command(data: Path, *arguments: str, allowed: tuple[int, ...] = (0,)) -> Any:
    """What `badge-issuer ARGUMENTS --data DATA --json` answers, run in this process."""
    printed, complained = io.StringIO(), io.StringIO()
    code = 0
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complained):
        try:
            issuer_cli.main([*arguments, "--data", str(data), "--json"])
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    if code not in allowed:
        said = " ".join((complained.getvalue() or printed.getvalue()).split())
        raise DemoError(f"badge-issuer {arguments[0]} ended with {code}: {said[:500]}")
    return json.loads(printed.getvalue())


def free_ports() -> tuple[int, int]:
    """Two ports on which nothing listens."""
    ports = [_free(port) or _free(0) for port in PREFERRED_PORTS]
    return ports[0], ports[1]


@contextlib.contextmanager
def serving(make_app: Callable[[], Any], port: int) -> Iterator[None]:
    """An application on loopback while the block runs."""
    config = uvicorn.Config(make_app(), host="127.0.0.1", port=port, log_level="error", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        _wait_until(lambda: server.started, thread)
        yield
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)


def _wait_until(ready: Callable[[], bool], thread: threading.Thread) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if not thread.is_alive() or time.monotonic() > deadline:
            raise DemoError("An office did not start on loopback.")
        time.sleep(0.02)


def _free(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
        return int(probe.getsockname()[1])
