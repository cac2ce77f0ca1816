"""The contract as it is run: `serve` over https, `sign` at the command line, `publish` as a network in files."""

import asyncio
import io
import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from issuer import cli
from issuer.app import create_app as create_issuer
from issuer.contract.securing import SUITES
from keys import custody, data_integrity, did, jws
from keys.final_archive import folder_of
from schemas import base64url
from tests.unit.keys import material
from verifier.app import create_app as create_verifier
from verifier.ground import settings as verifier_settings
from verifier.ground.documents import OfflineFolder

PROGRAM = (sys.executable, "-c", "from issuer.cli import main; main()")
START_SECONDS = 30
V2 = "https://www.w3.org/ns/credentials/v2"
CREDENTIAL = {
    "@context": [V2],
    "type": ["VerifiableCredential"],
    "issuer": "did:example:issuer",
    "credentialSubject": {"id": "did:example:subject"},
}
PRESENTATION = {"@context": [V2], "type": ["VerifiablePresentation"], "holder": "did:example:holder"}


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def run(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(custody, "SCRYPT_N", 1 << 10)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, stdin: bytes = b"") -> Said:
        capfdbinary.readouterr()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as ended:
            cli.main(list(arguments))
        sys.stdout.flush()
        out, err = (part.decode() for part in capfdbinary.readouterr())
        assert "Traceback" not in out + err
        return Said(int(str(ended.value.code)), out, err)

    return run


def refused(said: Said, words: str) -> None:
    """One sentence, and exit code 1."""
    assert said.code == 1, said
    assert words in said.err and said.err.startswith("badge-issuer: "), said.err
    assert said.err.count("\n") == 1 and said.err.rstrip().endswith(".")
    assert said.out == ""


# sign


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, Path]:
    """A private JWK of each curve of tests, as a file."""
    p256, ed25519 = material.p256("cli"), material.ed25519("cli")
    point = p256.public_key().public_numbers()
    jwks = {
        "P-256": {
            "kty": "EC",
            "crv": "P-256",
            "x": _number(point.x),
            "y": _number(point.y),
            "d": _number(p256.private_numbers().private_value),
        },
        "Ed25519": {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": base64url.encode(ed25519.public_key().public_bytes_raw()),
            "d": base64url.encode(ed25519.private_bytes_raw()),
        },
    }
    files = {kind: tmp_path / f"{kind}.jwk" for kind in jwks}
    for kind, file in files.items():
        file.write_text(json.dumps(jwks[kind]))
    return files


def _number(value: int) -> str:
    return base64url.encode(value.to_bytes(32))


def signed(run: Run, document: Any, key: Path, form: str, *more: str) -> str:
    Path("in.json").write_text(json.dumps(document))
    said = run("sign", "--input", "in.json", "--key", str(key), "--as", form, "--output", "out", *more)
    assert said.code == 0, said.err
    return Path("out").read_text().strip()


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("eddsa-rdfc-2022", "Ed25519"),
        ("eddsa-jcs-2022", "Ed25519"),
        ("ecdsa-rdfc-2019", "P-256"),
        ("ecdsa-jcs-2019", "P-256"),
    ],
)
def test_a_proof_made_at_the_command_line_verifies(run: Run, keys: dict[str, Path], form: str, kind: str) -> None:
    made = json.loads(signed(run, CREDENTIAL, keys[kind], form))
    method = made["proof"]["verificationMethod"]
    controller = did.implied_document(did.did_of_key_id(method))
    assert data_integrity.verify_document(made, controller=controller).document == CREDENTIAL
    assert abs(datetime.fromisoformat(made["proof"]["created"]) - datetime.now(UTC)) < timedelta(minutes=5)


def test_a_presentation_made_at_the_command_line_answers_its_challenge(run: Run, keys: dict[str, Path]) -> None:
    more = ("--challenge", "c-1", "--domain", "desk.example")
    made = json.loads(signed(run, PRESENTATION, keys["Ed25519"], "eddsa-rdfc-2022", *more))
    controller = did.implied_document(did.did_of_key_id(made["proof"]["verificationMethod"]))
    secured = data_integrity.verify_document(made, controller=controller, purpose="authentication")
    secured.proofs[0].check_expected(challenge="c-1", domain="desk.example")


@pytest.mark.parametrize(("form", "document"), [("vc+jwt", CREDENTIAL), ("vp+jwt", PRESENTATION)])
@pytest.mark.parametrize("kind", ["P-256", "Ed25519"])
def test_a_token_made_at_the_command_line_verifies(
    run: Run, keys: dict[str, Path], form: str, document: dict[str, Any], kind: str
) -> None:
    token = signed(run, document, keys[kind], form)
    header = jws.parse(token).header
    assert header.kid is not None and header.typ == form
    key = did.implied_document(did.did_of_key_id(header.kid)).key(header.kid, purpose="assertionMethod")
    assert key is not None
    claims = json.loads(jws.verify(token, key=key, accepted_typ=frozenset({form})))
    assert claims.items() >= document.items()


def test_standard_input_and_output_are_a_dash(run: Run, keys: dict[str, Path]) -> None:
    arguments = ("sign", "--input", "-", "--key", str(keys["P-256"]), "--as", "vc+jwt", "--output", "-")
    said = run(*arguments, stdin=json.dumps(CREDENTIAL).encode())
    assert said.code == 0 and said.out.count(".") == 2 and said.out.endswith("\n")


@pytest.mark.parametrize(
    ("document", "form", "words"),
    [
        (b"{", "vc+jwt", "breaks off"),
        (b"[]", "vc+jwt", "JSON object"),
        (json.dumps({**CREDENTIAL, "issuer": None}).encode(), "vc+jwt", "issuer is missing or null"),
        (json.dumps({**CREDENTIAL, "colour": "red"}).encode(), "vc+jwt", "colour"),
        (json.dumps({**CREDENTIAL, "colour": "red"}).encode(), "eddsa-jcs-2022", "colour"),
        (json.dumps(CREDENTIAL).encode(), "vp+jwt", "credential is not signed as vp+jwt"),
        (json.dumps(CREDENTIAL).encode(), "ecdsa-rdfc-2019", "does not sign with this Ed25519 key"),
    ],
)
def test_what_cannot_be_signed_is_one_sentence(
    run: Run, keys: dict[str, Path], document: bytes, form: str, words: str
) -> None:
    Path("in.json").write_bytes(document)
    refused(run("sign", "--input", "in.json", "--key", str(keys["Ed25519"]), "--as", form), words)


def test_a_key_that_is_none_is_one_sentence_without_the_key(run: Run, keys: dict[str, Path]) -> None:
    Path("in.json").write_text(json.dumps(CREDENTIAL))
    broken = json.loads(keys["P-256"].read_text())
    secret = broken["d"]
    Path("broken.jwk").write_text(json.dumps({**broken, "d": secret[:-1]}))
    said = run("sign", "--input", "in.json", "--key", "broken.jwk", "--as", "vc+jwt")
    refused(said, "JWK")
    assert secret[:8] not in said.err
    refused(run("sign", "--input", "in.json", "--key", "nowhere.jwk", "--as", "vc+jwt"), "cannot be read")
    refused(run("sign", "--input", "-", "--key", "-", "--as", "vc+jwt"), "cannot both come from standard input")
    folder = ("sign", "--input", "in.json", "--key", str(keys["P-256"]), "--as", "vc+jwt", "--output", ".")
    refused(run(*folder), "cannot be written")


@pytest.mark.parametrize("arguments", [("--as", "xml"), (), ("--as", "vc+jwt", "--colour", "red")])
def test_a_command_line_that_is_none_is_misuse(
    run: Run, keys: dict[str, Path], arguments: tuple[str, ...]
) -> None:
    assert run("sign", "--input", "in.json", "--key", str(keys["P-256"]), *arguments).code == 3


def test_signing_starts_without_the_office(keys: dict[str, Path], tmp_path: Path) -> None:
    """A cold start imports neither the database nor the models nor the web."""
    (tmp_path / "in.json").write_text(json.dumps(CREDENTIAL))
    program = (
        "import sys\nfrom issuer.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as ended:\n    assert ended.code == 0, ended.code\n"
        "print([name for name in sys.modules if name in "
        "{'sqlalchemy', 'schemas.credential', 'fastapi', 'alembic', 'PIL', 'httpx', 'jinja2', 'yaml'}])"
    )
    arguments = ["sign", "--input", "in.json", "--key", str(keys["Ed25519"]), "--as", "eddsa-rdfc-2022"]
    command = [sys.executable, "-c", program, *arguments, "--output", "out.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


# serve


@pytest.fixture
def office(run: Run) -> str:
    """A data folder with an office in it."""
    assert run("init", "--public-url", "https://badges.example.org", "--data", "office").code == 0
    return "office"


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for this machine, made now, and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = tmp_path / "tls.pem", tmp_path / "tls.key"
    files[0].write_bytes(made.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "locked.key").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a passphrase"))
    )
    return files


@contextmanager
def serving(office: str, port: int, *arguments: str) -> Iterator[str]:
    """`badge-issuer serve` as a process of its own; gives the address that it says it listens on."""
    options = ["serve", "--data", office, "--port", str(port), "--json", *arguments]
    with subprocess.Popen([*PROGRAM, *options], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["listening"]
        finally:
            process.terminate()
            process.wait(START_SECONDS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until_it_answers(ask: Callable[[], httpx.Response]) -> httpx.Response:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return ask()
        except httpx.ConnectError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def test_an_office_answers_https_under_another_address_for_one_run(
    certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    office = str(tmp_path / "whole")  # with keys locked as a process of its own expects them
    init = [*PROGRAM, "init", "--public-url", "https://badges.example.org", "--data", office]
    subprocess.run(init, check=True, capture_output=True, timeout=60)
    port, (chain, key) = free_port(), certificate
    public = f"https://localhost:{port}"
    arguments = ("--tls-cert", str(chain), "--tls-key", str(key), "--public-url", public, "--open-issue")
    trusted = ssl.create_default_context(cafile=str(chain))
    with serving(office, port, *arguments) as address, httpx.Client(verify=trusted) as client:
        assert address == f"https://127.0.0.1:{port}"
        found = until_it_answers(lambda: client.get(f"{public}/.well-known/did.json"))
        me = f"did:web:localhost%3A{port}"
        controller = did.parse_document(found.content, expected_id=me)
        body = {"credential": {**CREDENTIAL, "issuer": me}}
        answer = client.post(f"{public}/credentials/issue", json=body)
        assert answer.status_code == 201, answer.text
        data_integrity.verify_document(answer.json()["verifiableCredential"], controller=controller)
        made = client.post(f"{public}/status-lists", json={"statusPurpose": "revocation"}).json()
        assert made["id"].startswith(f"{public}/status-lists/")
        data_integrity.verify_document(client.get(made["id"]).json(), controller=controller)
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://localhost:{port}/")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "badges.example.org"])
def test_an_open_office_stays_on_its_machine(run: Run, office: str, host: str) -> None:
    refused(run("serve", "--data", office, "--host", host, "--open-issue"), "it needs a loopback address")


def test_certificate_and_key_come_together_and_open(
    run: Run, office: str, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    chain, key = (str(file) for file in certificate)
    serve = ("serve", "--data", office)
    refused(run(*serve, "--tls-cert", chain), "belong together")
    refused(run(*serve, "--tls-key", key), "belong together")
    refused(run(*serve, "--tls-cert", "nowhere.pem", "--tls-key", key), "nowhere.pem cannot be read")
    refused(run(*serve, "--tls-cert", chain, "--tls-key", "nowhere.key"), "nowhere.key cannot be read")
    refused(run(*serve, "--tls-cert", key, "--tls-key", chain), "cannot be used for https")
    refused(run(*serve, "--tls-cert", chain, "--tls-key", str(tmp_path / "locked.key")), "unencrypted")


def test_an_address_that_others_cannot_use_is_refused(run: Run, office: str) -> None:
    refused(run("serve", "--data", office, "--public-url", "http://badges.example.org"), "not usable")
    refused(run("serve", "--data", office, "--public-url", "https://127.0.0.1"), "names no host")


def test_contexts_of_the_operator_must_be_what_was_pinned(run: Run, office: str, tmp_path: Path) -> None:
    refused(run("serve", "--data", office, "--offline-dir", "nowhere"), "There is no folder nowhere")
    pinned = {"https://terms.example/v1": {"file": "terms.json", "sha256": "0" * 64}}
    (tmp_path / "contexts.json").write_text(json.dumps(pinned))
    refused(run("serve", "--data", office, "--offline-dir", "."), "terms.json cannot be read")
    (tmp_path / "terms.json").write_text('{"@context": {"colour": "https://terms.example/colour"}}')
    refused(run("serve", "--data", office, "--offline-dir", "."), "its SHA-256 differs")


# publish


@pytest.mark.parametrize(
    ("address", "folder"),
    [
        ("https://badges.example.org", "badges.example.org"),
        ("https://badges.example.org:443", "badges.example.org"),
        ("https://Badges.Example.org:8443", "badges.example.org%3A8443"),
        ("http://localhost:8001", "localhost%3A8001"),
        ("http://localhost:80", "localhost"),
    ],
)
def test_a_published_folder_stands_for_the_network(address: str, folder: str, tmp_path: Path) -> None:
    file = tmp_path / folder_of(address) / "status-lists" / "1"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"a list")
    assert folder_of(address) == folder
    assert OfflineFolder(tmp_path).fetch(f"{address}/status-lists/1").body == b"a list"


# Both halves


def asked(app: Any, path: str, body: Any) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="https://localhost") as client:
            return await client.post(path, json=body)

    return asyncio.run(send())


@pytest.mark.parametrize("options", [{"type": "vc+jwt"}, *({"cryptosuite": suite} for suite in SUITES)], ids=str)
def test_what_is_issued_verifies_until_it_is_revoked_and_no_member_can_be_changed(
    run: Run, office: str, tmp_path: Path, options: dict[str, str]
) -> None:
    issuer = create_issuer(Path(office), open_issue=True)
    url = asked(issuer, "/status-lists", {"statusPurpose": "revocation"}).json()["id"]
    entry = {"type": "BitstringStatusListEntry", "statusPurpose": "revocation"}
    document = {
        **CREDENTIAL,
        "id": "urn:uuid:0d6f7a54-0000-4000-8000-000000000001",
        "name": "A name",
        "issuer": "did:web:badges.example.org",
        "validFrom": "2026-01-01T00:00:00Z",
        "credentialStatus": {**entry, "statusListIndex": "4711", "statusListCredential": url},
    }
    answer = asked(issuer, "/credentials/issue", {"credential": document, "options": options})
    made = answer.json()["verifiableCredential"]

    def verified(credential: Any) -> int:
        assert run("publish", "site", "--data", office).code == 0
        empty = tmp_path / "verifier"
        empty.mkdir(exist_ok=True)
        known = replace(verifier_settings.load(empty), offline_dir=tmp_path / "site")
        answer = asked(create_verifier(known), "/credentials/verify", {"verifiableCredential": credential})
        assert answer.json()["verified"] is (answer.status_code == 200), answer.text
        return answer.status_code

    assert verified(made) == 200
    for changed in tampered(made):
        assert verified(changed) == 400, changed
    revoke = {"credentialId": document["id"], "credentialStatus": entry, "status": True}
    assert asked(issuer, "/credentials/status", revoke).status_code == 200
    assert verified(made) == 400


def tampered(made: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Copies of a secured credential with one member changed, in the token or in the document and its proof."""
    if "proof" not in made:
        prefix, _, token = made["id"].partition(",")
        header, payload, signature = token.split(".")
        for changed in _each_changed(json.loads(base64url.decode(payload))):
            forged = base64url.encode(json.dumps(changed).encode())
            yield {**made, "id": f"{prefix},{header}.{forged}.{signature}"}
        return
    yield from (changed for changed in _each_changed(made) if changed.get("proof") == made["proof"])
    for changed in _each_changed(made["proof"]):
        yield {**made, "proof": changed}


def _each_changed(members: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, value in members.items():
        if isinstance(value, str):
            yield {**members, name: value[:-1] + ("A" if value[-1] != "A" else "B")}
        elif isinstance(value, int):
            yield {**members, name: value + 1}
        elif isinstance(value, dict):
            yield from ({**members, name: changed} for changed in _each_changed(value))
        yield {other: kept for other, kept in members.items() if other != name}
