"""The guard: on by default, at connect time, for every spelling of an inside address, within one deadline.

The servers here listen on loopback only; names are resolved by the tests themselves.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from verifier.ground.outbound import (
    MAX_BODY_BYTES,
    ForbiddenAddressError,
    GuardedClient,
    OutboundError,
    is_public,
)

Serve = Callable[[socket.socket], None]


@contextmanager
def server(serve: Serve) -> Iterator[int]:
    """One connection after another, each handed to `serve`; gives the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    serve(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=5)


def answer(head: str, body: bytes = b"") -> Serve:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)

    return serve


def ok(body: bytes, kind: str = "application/json") -> Serve:
    return answer(f"HTTP/1.1 200 OK\nContent-Type: {kind}\nContent-Length: {len(body)}", body)


def client(port: int, **changes: object) -> GuardedClient:
    return GuardedClient(exempt_hosts=frozenset({f"localhost:{port}"}), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1"),
        *("169.254.169.254", "224.0.0.1", "255.255.255.255", "240.0.0.1", "198.18.0.1", "192.0.2.1"),
        *("::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "64:ff9b::7f00:1"),
        *("64:ff9b::a9fe:a9fe", "fe80::1%eth0", "not an address", ""),
    ],
)
def test_no_inside_address_is_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["9.9.9.9", "2620:fe::fe", "::ffff:9.9.9.9", "64:ff9b::909:909"])
def test_addresses_of_the_open_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://badges.example.org/.well-known/did.json",
        "ftp://badges.example.org/x",
        "file:///etc/passwd",
        "https://user@badges.example.org/x",
        "https://user:word@badges.example.org/x",
        "https:///x",
        "https://badges.example.org:99999/x",
        "https://badges.example.org/x#fragment",
        "https://badges.example.org/a b",
        "https://badges.example.org/\r\nHost: other",
        "https://bädges.example.org/x",
        "https://[::1/x",
    ],
)
def test_an_address_that_is_not_plain_https_is_refused_before_anything_is_resolved(url: str) -> None:
    def never(host: str, port: int) -> list[str]:
        raise AssertionError(f"{host}:{port} was resolved")

    with pytest.raises(ForbiddenAddressError):
        GuardedClient(resolve=never).fetch(url)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "169.254.169.254", "::ffff:127.0.0.1"])
def test_a_name_that_leads_inside_is_refused_by_default(address: str) -> None:
    with pytest.raises(ForbiddenAddressError, match="not asked"):
        GuardedClient(resolve=lambda host, port: [address]).fetch("https://badges.example.org/x")


def test_one_inside_address_among_good_ones_is_enough() -> None:
    with pytest.raises(ForbiddenAddressError):
        GuardedClient(resolve=lambda host, port: ["9.9.9.9", "10.0.0.1"]).fetch("https://badges.example.org/x")


def test_a_number_for_a_name_is_resolved_and_refused() -> None:
    with pytest.raises(OutboundError):
        GuardedClient().fetch("https://127.0.0.1/x")
    with pytest.raises(OutboundError):
        GuardedClient().fetch("https://2130706433/x")


def test_loopback_is_refused_unless_exempt() -> None:
    with server(ok(b"{}")) as port, pytest.raises(ForbiddenAddressError):
        GuardedClient().fetch(f"https://localhost:{port}/x")


def test_nothing_is_exempt_by_default() -> None:
    assert GuardedClient().exempt_hosts == frozenset()


def test_an_exempt_loopback_host_is_asked_over_plain_http() -> None:
    with server(ok(b'{"a":1}')) as port:
        document = client(port).fetch(f"https://localhost:{port}/x")

    assert document.body == b'{"a":1}'
    assert document.content_type == "application/json"


def test_an_exemption_is_for_exactly_this_host_and_port() -> None:
    with server(ok(b"{}")) as port:
        other = GuardedClient(exempt_hosts=frozenset({f"localhost:{port + 1}"}))
        with pytest.raises(ForbiddenAddressError):
            other.fetch(f"https://localhost:{port}/x")
        with pytest.raises(ForbiddenAddressError):
            client(port).fetch(f"https://127.0.0.1:{port}/x")
        with pytest.raises(ForbiddenAddressError):
            client(port).fetch(f"http://other.example:{port}/x")


def test_an_exempt_host_that_is_not_this_machine_still_needs_tls() -> None:
    with server(ok(b"{}")) as port:
        named = GuardedClient(
            exempt_hosts=frozenset({f"badges.example.org:{port}"}), resolve=lambda host, _: ["127.0.0.1"]
        )
        with pytest.raises(OutboundError, match="could not be asked"):
            named.fetch(f"https://badges.example.org:{port}/x")


def certificate(folder: Path, *, host: str) -> tuple[Path, Path]:
    """A certificate for one host that vouches for itself, and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "certificate.pem", folder / "key.pem"
    public.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return public, private


def test_tls_is_checked_against_the_name_and_not_the_address(tmp_path: Path) -> None:
    public, private = certificate(tmp_path, host="badges.example.org")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    named: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: named.append(name)

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            ok(b"{}")(secured)

    with server(serve) as port:
        hosts = frozenset({f"badges.example.org:{port}", f"other.example:{port}"})
        trusting = GuardedClient(exempt_hosts=hosts, ca_file=public, resolve=lambda host, _: ["127.0.0.1"])
        assert trusting.fetch(f"https://badges.example.org:{port}/x").body == b"{}"
        assert named == ["badges.example.org"]
        with pytest.raises(OutboundError, match="could not be asked"):
            trusting.fetch(f"https://other.example:{port}/x")
        usual = GuardedClient(exempt_hosts=hosts, resolve=lambda host, _: ["127.0.0.1"])
        with pytest.raises(OutboundError, match="could not be asked"):
            usual.fetch(f"https://badges.example.org:{port}/x")


def test_a_file_of_certificates_that_is_missing_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(OutboundError, match="certificates"):
        GuardedClient(ca_file=tmp_path / "missing.pem").fetch("https://badges.example.org/x")


def test_the_request_carries_no_cookie_and_no_credential() -> None:
    seen: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        seen.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\n{}")

    with server(serve) as port:
        guarded = client(port)
        guarded.fetch(f"https://localhost:{port}/x")
        guarded.fetch(f"https://localhost:{port}/x")

    head = seen[1].decode().lower()
    assert f"host: localhost:{port}" in head
    assert "cookie" not in head
    assert "authorization" not in head


def test_a_redirect_is_not_followed() -> None:
    head = "HTTP/1.1 302 Found\nLocation: https://badges.example.org/\nContent-Length: 0"
    with server(answer(head)) as port, pytest.raises(OutboundError, match="answered 302"):
        client(port).fetch(f"https://localhost:{port}/x")


@pytest.mark.parametrize("status", ["204 No Content", "404 Not Found", "500 Oops"])
def test_anything_but_200_is_no_document(status: str) -> None:
    head = f"HTTP/1.1 {status}\nContent-Length: 0"
    with server(answer(head)) as port, pytest.raises(OutboundError, match="200 was expected"):
        client(port).fetch(f"https://localhost:{port}/x")


def test_a_web_page_is_no_document() -> None:
    with server(ok(b"<html>", "text/html; charset=utf-8")) as port, pytest.raises(OutboundError, match="web page"):
        client(port).fetch(f"https://localhost:{port}/x")


def test_a_compressed_answer_is_refused() -> None:
    head = "HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: 2"
    with server(answer(head, b"xx")) as port, pytest.raises(OutboundError, match="compressed"):
        client(port).fetch(f"https://localhost:{port}/x")


def test_a_body_is_cut_off_at_its_limit_whatever_its_length_says() -> None:
    exact, longer = bytes(1000), bytes(1001)
    with server(ok(exact)) as port:
        assert len(client(port).fetch(f"https://localhost:{port}/x", max_bytes=1000).body) == 1000
    with server(ok(longer)) as port, pytest.raises(OutboundError, match="more than 1000 bytes"):
        client(port).fetch(f"https://localhost:{port}/x", max_bytes=1000)

    def endless(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(bytes(65536))

    with server(endless) as port, pytest.raises(OutboundError, match=f"more than {MAX_BODY_BYTES} bytes"):
        client(port).fetch(f"https://localhost:{port}/x")


def drip(first: bytes) -> Serve:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(first)
        for _ in range(200):
            connection.sendall(b"a")
            time.sleep(0.05)

    return serve


@pytest.mark.parametrize(
    "first", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"]
)
def test_a_slow_drip_ends_at_the_one_deadline(first: bytes) -> None:
    began = time.monotonic()
    with server(drip(first)) as port, pytest.raises(OutboundError, match="in time"):
        client(port, total_seconds=0.5).fetch(f"https://localhost:{port}/x")
    assert time.monotonic() - began < 3


def test_a_name_that_takes_for_ever_ends_at_the_deadline() -> None:
    def slow(host: str, port: int) -> list[str]:
        time.sleep(2)
        return ["9.9.9.9"]

    began = time.monotonic()
    with pytest.raises(OutboundError, match="in time"):
        GuardedClient(resolve=slow, total_seconds=0.2).fetch("https://badges.example.org/x")
    assert time.monotonic() - began < 1.5


def test_an_unknown_name_is_one_sentence() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise OutboundError(f"The host {host} is not known.")

    with pytest.raises(OutboundError, match="not known"):
        GuardedClient(resolve=unknown).fetch("https://badges.example.org/x")


def test_the_name_is_resolved_once_and_the_checked_address_is_the_one_asked() -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    asked: list[str] = []

    def changing(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    with server(ok(b"{}")) as port:
        guarded = client(port, resolve=changing)
        assert guarded.fetch(f"https://localhost:{port}/x").body == b"{}"
    assert asked == ["localhost"]


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with server(ok(b"{}")) as port:
        assert client(port).fetch(f"https://localhost:{port}/x").body == b"{}"


@pytest.mark.parametrize(
    ("hours", "age", "said"), [(0, 0, None), (1, 0, "60 minutes"), (-1, 0, "60 minutes"), (-1, 3600, None)]
)
def test_a_clock_that_is_an_hour_wrong_is_said(
    caplog: pytest.LogCaptureFixture, hours: int, age: int, said: str | None
) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)
    head = f"HTTP/1.1 200 OK\r\nDate: {date}\r\nAge: {age}\r\nContent-Length: 2\r\n\r\n{{}}".encode()

    def serve(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(head)

    with server(serve) as port:
        client = GuardedClient(exempt_hosts=frozenset({f"127.0.0.1:{port}"}))
        assert client.fetch(f"https://127.0.0.1:{port}/did.json").body == b"{}"
    assert (said in caplog.text) if said else ("clock" not in caplog.text)
