"""One document signed and checked from the command line, with a key that the caller holds: every form, both ways.

Both tools run as processes where that matters, and in this one where hundreds of documents are changed.
"""

import copy
import json
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from keys import jwk
from keys.jwk import from_cryptography
from schemas import base64url, strict_json
from tests.integration.test_verifier_contract import leaves, tampered
from verifier import one_document
from verifier.verification.errors import ReadingError
from verifier.verification.presentations import Expected

SCRIPTS = Path(sys.executable).parent
V2 = "https://www.w3.org/ns/credentials/v2"
EXAMPLES = "https://www.w3.org/ns/credentials/examples/v2"
FORMS = [
    ("P-256", "vc+jwt"),
    ("Ed25519", "vc+jwt"),
    ("RSA", "vc+jwt"),
    ("Ed25519", "eddsa-rdfc-2022"),
    ("Ed25519", "eddsa-jcs-2022"),
    ("P-256", "ecdsa-rdfc-2019"),
    ("P-384", "ecdsa-rdfc-2019"),
    ("P-256", "ecdsa-jcs-2019"),
]


def private_jwk(kind: str) -> dict[str, str]:
    """A fresh private key of a kind."""
    if kind == "Ed25519":
        one = ed25519.Ed25519PrivateKey.generate()
        return {**from_cryptography(one.public_key()).to_jwk(), "d": base64url.encode(one.private_bytes_raw())}
    if kind == "RSA":
        big = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        numbers = big.private_numbers()
        secret = {"d": numbers.d, "p": numbers.p, "q": numbers.q, "qi": numbers.iqmp}
        secret |= {"dp": numbers.dmp1, "dq": numbers.dmq1}
        spelled = {name: base64url.encode(n.to_bytes((n.bit_length() + 7) // 8)) for name, n in secret.items()}
        return {**from_cryptography(big.public_key()).to_jwk(), **spelled}
    curve, size = (ec.SECP256R1(), 32) if kind == "P-256" else (ec.SECP384R1(), 48)
    point = ec.generate_private_key(curve)
    value = point.private_numbers().private_value.to_bytes(size)
    return {**from_cryptography(point.public_key()).to_jwk(), "d": base64url.encode(value)}


@pytest.fixture(scope="module")
def key_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("keys")
    files = {}
    for kind in ("P-256", "P-384", "Ed25519", "RSA"):
        files[kind] = folder / f"{kind}.jwk"
        files[kind].write_text(json.dumps(private_jwk(kind)))
    return files


def credential(**members: Any) -> dict[str, Any]:
    return {
        "@context": [V2, EXAMPLES],
        "id": "urn:uuid:0d6f7a54-0000-4000-8000-00000000000a",
        "type": ["VerifiableCredential", "AlumniCredential"],
        "issuer": "https://university.example/issuers/1",
        "validFrom": "2026-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:example:a", "alumniOf": "The School of Examples"},
    } | members


def presentation(*inside: Any, **members: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"@context": [V2], "type": ["VerifiablePresentation"]}
    return made | ({"verifiableCredential": list(inside)} if inside else {}) | members


def signed(folder: Path, document: dict[str, Any], key: Path, form: str, *more: str) -> Path:
    source, target = folder / "document.json", folder / "signed"
    source.write_text(json.dumps(document))
    command = [SCRIPTS / "badge-issuer", "sign", "--input", source, "--key", key, "--as", form, "--output", target]
    subprocess.run([*map(str, command), *more], check=True, capture_output=True)
    return target


def checked(file: Path, key: Path, *more: str) -> tuple[int, dict[str, Any]]:
    command = [str(SCRIPTS / "badge-verifier"), "verify", str(file), "--key", str(key), "--json", *more]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout) if done.stdout else {"error": done.stderr}


def in_process(file: Path, key: Path, capsys: pytest.CaptureFixture[str]) -> bool:
    """Whether it verifies, asked without starting a process."""
    with suppress(ReadingError):
        code = one_document.run(one_document.Asked(str(file), str(key), True, Expected()))
        said = json.loads(capsys.readouterr().out)
        assert (code == one_document.VALID) is said["verified"]
        return code == one_document.VALID
    return False


@pytest.mark.parametrize(("kind", "form"), FORMS, ids=lambda value: value)
def test_what_one_tool_signs_the_other_verifies_and_nothing_in_it_can_be_changed(
    kind: str, form: str, key_files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = signed(tmp_path, credential(), key_files[kind], form)
    code, said = checked(file, key_files[kind])
    assert (code, said["verified"], said["verdict"]) == (0, True, "valid")

    other = tmp_path / "other.jwk"
    other.write_text(json.dumps(private_jwk(kind)))
    assert checked(file, other)[0] == 1

    text = file.read_text().strip()
    changes: list[Callable[[Any], Any]] = [lambda value: f"{value}x", lambda _: None]
    for changed in _changed(text, changes):
        file.write_text(changed)
        assert not in_process(file, key_files[kind], capsys), changed[:300]


def _changed(text: str, changes: list[Callable[[Any], Any]]) -> list[str]:
    """A token with each part changed, and each member of its payload; or a document with each of its members."""
    if text.startswith("{"):
        made = strict_json.loads_object(text)
        return [
            json.dumps(tampered(made, path, change)) for path in dict.fromkeys(leaves(made)) for change in changes
        ]
    header, payload, signature = text.split(".")
    content = strict_json.loads_object(base64url.decode(payload))
    parts = [
        base64url.encode(json.dumps(tampered(content, path, change)).encode())
        for path in dict.fromkeys(leaves(content))
        for change in changes
    ]
    spoiled = [f"{header}.{part}.{signature}" for part in parts]
    return [*spoiled, f"{header}.{payload}.", f"{payload}.{payload}.{signature}", text[:-4] + "AAAA"]


@pytest.mark.parametrize(("kind", "form"), [("P-256", "vp+jwt"), ("Ed25519", "vp+jwt"), *FORMS[3:]])
def test_a_presentation_is_bound_to_its_challenge_and_domain(
    kind: str, form: str, key_files: dict[str, Path], tmp_path: Path
) -> None:
    bound = ("--challenge", "abc", "--domain", "summit.example")
    file = signed(tmp_path, presentation(), key_files[kind], form, *bound)
    assert checked(file, key_files[kind], *bound)[0] == 0
    assert checked(file, key_files[kind])[0] == 0
    assert checked(file, key_files[kind], "--challenge", "abd")[0] == 1
    assert checked(file, key_files[kind], "--domain", "other.example")[0] == 1


def test_the_credentials_in_a_presentation_are_verified_by_their_issuers_keys(
    key_files: dict[str, Path], tmp_path: Path
) -> None:
    """The key that came along is the holder's; a did:key issuer is found without any network."""
    from keys import multikey

    issuer_jwk = private_jwk("Ed25519")
    text = multikey.encode(jwk.from_jwk({name: issuer_jwk[name] for name in ("kty", "crv", "x")}))
    issuer_key = tmp_path / "issuer.jwk"
    issuer_key.write_text(json.dumps(issuer_jwk | {"kid": f"did:key:{text}#{text}"}))
    inner = json.loads(
        signed(tmp_path, credential(issuer=f"did:key:{text}"), issuer_key, "eddsa-rdfc-2022").read_text()
    )
    file = signed(tmp_path, presentation(inner), key_files["P-256"], "ecdsa-rdfc-2019")
    code, said = checked(file, key_files["P-256"])
    assert (code, [one["verdict"] for one in said["credentials"]]) == (0, ["valid"])

    inner["credentialSubject"]["alumniOf"] = "Another School"
    file = signed(tmp_path, presentation(inner), key_files["P-256"], "ecdsa-rdfc-2019")
    code, said = checked(file, key_files["P-256"])
    assert (code, [one["verdict"] for one in said["credentials"]]) == (1, ["not_valid"])


def test_what_is_out_of_its_time_is_not_valid(key_files: dict[str, Path], tmp_path: Path) -> None:
    past = credential(validUntil="2026-01-02T00:00:00Z")
    for form in ("vc+jwt", "ecdsa-rdfc-2019"):
        code, said = checked(signed(tmp_path, past, key_files["P-256"], form), key_files["P-256"])
        assert code == 1
        assert [check["id"] for check in said["checks"] if check["state"] == "fail"] == ["valid_until"]


def test_a_status_that_nobody_can_be_asked_about_is_could_not_tell(
    key_files: dict[str, Path], tmp_path: Path
) -> None:
    entry = {
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "7",
        "statusListCredential": "https://university.example/lists/1",
    }
    file = signed(tmp_path, credential(credentialStatus=entry), key_files["P-256"], "vc+jwt")
    code, said = checked(file, key_files["P-256"], "--offline-dir", str(tmp_path))
    assert (code, said["verdict"], said["verified"]) == (2, "unknown", False)


@pytest.mark.parametrize(
    ("file", "key", "sentence"),
    [
        ("missing", "P-256", "cannot be read"),
        ("document", "missing", "cannot be read"),
        ("document", "document", "JWK"),
        ("noise", "P-256", "no text"),
    ],
)
def test_bad_input_is_one_sentence_and_misuse(
    file: str, key: str, sentence: str, key_files: dict[str, Path], tmp_path: Path
) -> None:
    document, noise = tmp_path / "document", tmp_path / "noise"
    document.write_text(json.dumps(credential()))
    noise.write_bytes(b"\xff\xfe\x00")
    files = {"missing": tmp_path / "missing", "document": document, "noise": noise, **key_files}
    code, said = checked(files[file], files[key])
    assert code == 3
    assert sentence in said["error"] and said["error"].count("\n") == 1


@pytest.mark.parametrize("option", ["--case", "--archive", "--issuer"])
def test_what_a_key_of_ones_own_has_no_use_for_is_misuse_and_not_passed_over(
    option: str, key_files: dict[str, Path], tmp_path: Path
) -> None:
    file = signed(tmp_path, credential(), key_files["P-256"], "vc+jwt")
    code, said = checked(file, key_files["P-256"], option, str(tmp_path / "x"))
    assert code == 3 and option in said["error"] and "--key" in said["error"]
    assert not (tmp_path / "x").exists()


def test_people_read_the_verdict_in_words(key_files: dict[str, Path], tmp_path: Path) -> None:
    file = signed(tmp_path, credential(), key_files["P-256"], "vc+jwt")
    command = [str(SCRIPTS / "badge-verifier"), "verify", str(file), "--key", str(key_files["P-256"])]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert told.startswith("✓ Valid") and "Nothing was changed" in told


# --- https -------------------------------------------------------------------------------------------------


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost and its key, made now and good for an hour."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return chain, key


def free_port() -> int:
    import socket

    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def test_the_verifier_answers_https_with_the_certificate_that_it_is_given(tmp_path: Path) -> None:
    chain, key = certificate(tmp_path)
    port = free_port()
    serve = [str(SCRIPTS / "badge-verifier"), "serve", "--port", str(port), "--data", str(tmp_path), "--json"]
    process = subprocess.Popen([*serve, "--tls-cert", str(chain), "--tls-key", str(key)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["listening"] == f"https://127.0.0.1:{port}"
        trusted = ssl.create_default_context(cafile=str(chain))
        body = json.dumps({"verifiableCredential": copy.deepcopy(credential())}).encode()
        asked = urllib.request.Request(
            f"https://localhost:{port}/credentials/verify", body, {"Content-Type": "application/json"}
        )
        for attempt in range(50):
            try:
                urllib.request.urlopen(asked, context=trusted, timeout=5)
            except urllib.error.HTTPError as refused:
                assert refused.code == 400
                assert json.loads(refused.read())["verified"] is False
                return
            except urllib.error.URLError:
                assert attempt < 49
                time.sleep(0.1)
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


@pytest.mark.parametrize("given", [("--tls-cert",), ("--tls-key",), ("--tls-cert", "--tls-key")])
def test_a_certificate_that_does_not_open_is_one_sentence(given: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "nothing.pem"
    file.write_text("no certificate")
    options = [word for name in given for word in (name, str(file))]
    serve = [str(SCRIPTS / "badge-verifier"), "serve", "--data", str(tmp_path), *options]
    done = subprocess.run(serve, check=False, capture_output=True, text=True, timeout=30)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1 and ("belong together" in done.stderr or "cannot be used" in done.stderr)
