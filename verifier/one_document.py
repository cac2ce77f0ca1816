"""`badge-verifier verify FILE --key JWK`: one document checked with a key that whoever asks brings along.

For scripts, test suites and pipelines that start it a thousand times: it imports only what it needs (what some
documents alone need, where it is used), asks no network and opens no data folder. What the key cannot answer (a
status list, who signed the credentials in a presentation) is left to `verifier.cli`, which gives the same key to
the whole office.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from keys import jwk, jws
from keys.errors import KeyFormatError, SignatureError
from keys.jwk import PublicKey
from schemas import strict_json, vcdm
from schemas.strict_json import JsonObject, JsonValue, StrictJsonError
from verifier.ground.clock import system_clock
from verifier.verification import checks, reading
from verifier.verification.content import Level
from verifier.verification.errors import ReadingError
from verifier.verification.report import Report, check_json
from verifier.verification.trust import TrustBundle
from verifier.verification.verdict import Check, Outcome, State

if TYPE_CHECKING:
    from verifier.verification.presentations import Expected, PresentationVerdict

MAX_INPUT_BYTES: Final = 1 << 20
VALID, NOT_VALID, COULD_NOT_TELL, MISUSE = 0, 1, 2, 3
CODES: Final = {Outcome.VALID: VALID, Outcome.NOT_VALID: NOT_VALID, Outcome.UNKNOWN: COULD_NOT_TELL}
_MARKS: Final = {State.PASS: "✓", State.FAIL: "✕", State.UNKNOWN: "?"}
_WORDS: Final = {
    Outcome.VALID: "✓ Valid",
    Outcome.NOT_VALID: "✕ Not valid",
    Outcome.UNKNOWN: "? We could not tell",
}


class Asked(NamedTuple):
    """The arguments of the command, as far as they can be answered here."""

    file: str
    key: str
    as_json: bool
    expected: "Expected | None" = None


def asked(arguments: list[str]) -> Asked | None:
    """What `verify FILE --key JWK [--json] [--challenge C] [--domain D]` asks for; None for anything else."""
    if arguments[:1] != ["verify"]:
        return None
    options: dict[str, str] = {}
    files: list[str] = []
    rest = iter(arguments[1:])
    for argument in rest:
        if argument == "--json":
            options[argument] = ""
        elif argument in {"--key", "--challenge", "--domain"}:
            value = next(rest, None)
            if value is None or argument in options:
                return None
            options[argument] = value
        elif argument.startswith("-") and argument != "-":
            return None
        else:
            files.append(argument)
    if len(files) != 1 or "--key" not in options:
        return None
    return Asked(files[0], options["--key"], "--json" in options, _expected(options))


def _expected(options: Mapping[str, str]) -> "Expected | None":
    if options.keys().isdisjoint({"--challenge", "--domain"}):
        return None
    from verifier.verification.presentations import Expected

    return Expected(options.get("--challenge"), options.get("--domain"))


def run(wanted: Asked) -> int | None:
    """Check it, print the answer and return the exit code; None, with nothing printed, where the office is needed.

    Raises:
        ReadingError, KeyFormatError: the document or the key cannot be read; one sentence.
    """
    key, value = read_key(wanted.key), read_value(wanted.file)
    now = system_clock()
    trust = TrustBundle(now, given_key=key)
    if is_presentation(value):
        return _run_presentation(value, wanted=wanted, trust=trust)
    credential = reading.read_secured(value)
    if credential.document is None:
        verdict = checks.verify(credential, trust=trust, now=now, level=Level.CREDENTIAL)
    else:
        from verifier.verification import proofs

        verdict = proofs.verify(credential, trust=trust, now=now, level=Level.CREDENTIAL)
    if verdict.outline is not None and verdict.outline.status:
        return None
    tell(Report(credential, verdict, now), as_json=wanted.as_json)
    return CODES[verdict.outcome]


def _run_presentation(value: JsonValue, *, wanted: Asked, trust: TrustBundle) -> int | None:
    from verifier.verification import presentations

    presented = presentations.read(value)
    if presented.credentials:
        return None
    expected = wanted.expected or presentations.Expected()
    made = presentations.verify(presented, expected=expected, trust=trust, now=trust.as_of)
    verdict = presentations.PresentationVerdict(made, (), None)
    tell_presentation(verdict, as_json=wanted.as_json)
    return CODES[verdict.outcome]


def read_key(file: str) -> PublicKey:
    """The public key in a JWK file. A private JWK is taken too, and only its public half is ever looked at.

    Raises:
        KeyFormatError: no such file, no JSON, or no key that is accepted.
    """
    try:
        given = strict_json.loads_object(Path(file).read_bytes(), max_bytes=64 * 1024)
    except OSError as error:
        raise KeyFormatError(f"The key file {file} cannot be read: {error.strerror}.") from error
    except StrictJsonError as error:
        raise KeyFormatError(f"The key file {file} is no JWK: {error}") from error
    return jwk.from_jwk({name: value for name, value in given.items() if name not in jwk.PRIVATE_MEMBERS})


def read_value(file: str) -> JsonValue:
    """A document as JSON, or a compact JWT as a text; `-` reads standard input.

    Raises:
        ReadingError: no such file, too large, no text, or no JSON.
    """
    try:
        data = sys.stdin.buffer.read(MAX_INPUT_BYTES + 1) if file == "-" else _head_of(Path(file))
        text = data.decode("utf-8-sig").strip()
    except OSError as error:
        raise ReadingError(f"The file {file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ReadingError(
            f"The file {file} is no text: a JSON document or a compact JWT was expected."
        ) from error
    if len(data) > MAX_INPUT_BYTES:
        raise ReadingError(f"The file {file} is larger than 1 MiB.")
    if not text.startswith("{"):
        return text
    try:
        return strict_json.loads_object(text)
    except StrictJsonError as error:
        raise ReadingError(f"The JSON in {file} cannot be read: {error}") from error


def is_presentation(value: JsonValue) -> bool:
    """Whether a document or token is a presentation, by its type, its header or what is in it."""
    if isinstance(value, dict):
        types = {vcdm.PRESENTATION_TYPE, vcdm.ENVELOPED_PRESENTATION_TYPE}
        return not types.isdisjoint(vcdm.types_in(value))
    try:
        parsed = jws.parse(str(value))
        claims = strict_json.loads_object(parsed.payload)
    except (SignatureError, StrictJsonError):
        return False
    return parsed.header.typ == "vp+jwt" or "vp" in claims or vcdm.PRESENTATION_TYPE in vcdm.types_in(claims)


def tell(report: Report, *, as_json: bool) -> None:
    """Print what is known about a credential."""
    if as_json:
        verified = report.verdict.outcome is Outcome.VALID
        _print_json({"verified": verified, **report.to_json()})
        return
    deciding = report.verdict.deciding
    print(_WORDS[report.verdict.outcome] + (f": {deciding.sentence}" if deciding else ""))  # noqa: T201
    _print_checks(report.verdict.checks)


def tell_presentation(verdict: "PresentationVerdict", *, as_json: bool) -> None:
    """Print what is known about a presentation."""
    if as_json:
        _print_json(
            {
                "verified": verdict.outcome is Outcome.VALID,
                "verdict": verdict.outcome.value,
                "holder": verdict.holder,
                "checks": [check_json(check) for check in verdict.checks],
                "credentials": [
                    {"verdict": inner.outcome.value, "checks": [check_json(check) for check in inner.checks]}
                    for inner in verdict.credentials
                ],
            }
        )
        return
    print(_WORDS[verdict.outcome])  # noqa: T201
    _print_checks(verdict.checks)
    for inner in verdict.credentials:
        print(f"A credential in it: {_WORDS[inner.outcome]}")  # noqa: T201
        _print_checks(inner.checks)


def _print_checks(made: tuple[Check, ...]) -> None:
    for check in made:
        if check.made:
            detail = f" ({check.evidence})" if check.evidence and check.state is not State.PASS else ""
            print(f"  {_MARKS[check.state]} {check.sentence}{detail}")  # noqa: T201


def _print_json(value: JsonObject) -> None:
    print(strict_json.dumps(value))  # noqa: T201


def _head_of(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MAX_INPUT_BYTES + 1)
