"""`sign`: one document signed with a key that the caller holds, to try out formats and other people's software.

It opens no data folder and imports neither database nor models, so that it starts at once. The issuer's own badges
are signed by `issue`.
"""

import enum
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from issuer.cli.output import CommandError, JsonOption, answer, read_file

if TYPE_CHECKING:
    from issuer.contract.securing import Suite, TokenForm

STANDARD = Path("-")


class As(enum.StrEnum):
    """The forms in which a document is secured."""

    VC_JWT = "vc+jwt"
    VP_JWT = "vp+jwt"
    EDDSA_RDFC = "eddsa-rdfc-2022"
    ECDSA_RDFC = "ecdsa-rdfc-2019"
    EDDSA_JCS = "eddsa-jcs-2022"
    ECDSA_JCS = "ecdsa-jcs-2019"


_TOKENS: "dict[As, TokenForm]" = {As.VC_JWT: "vc+jwt", As.VP_JWT: "vp+jwt"}
_SUITES: "dict[As, Suite]" = {
    As.EDDSA_RDFC: "eddsa-rdfc-2022",
    As.ECDSA_RDFC: "ecdsa-rdfc-2019",
    As.EDDSA_JCS: "eddsa-jcs-2022",
    As.ECDSA_JCS: "ecdsa-jcs-2019",
}


def register(app: typer.Typer) -> None:
    app.command()(sign)


def sign(
    document: Annotated[
        Path, typer.Option("--input", help="A credential or presentation as JSON; - is standard input.")
    ],
    key: Annotated[Path, typer.Option("--key", help="A private JWK: P-256, P-384, Ed25519 or RSA.")],
    form: Annotated[As, typer.Option("--as", help="A token around the document, or the suite of a proof inside.")],
    output: Annotated[Path, typer.Option("--output", help="Where to write; - is standard output.")] = STANDARD,
    challenge: Annotated[str | None, typer.Option(help="What a presentation answers.")] = None,
    domain: Annotated[str | None, typer.Option(help="For whom a presentation is.")] = None,
    json: JsonOption = False,
) -> None:
    """Sign one document with a key of your own; what breaks its data model or JSON-LD is refused."""
    from issuer.contract.securing import as_token, examine, with_proof
    from keys import private_jwk
    from schemas import strict_json

    if document == key == STANDARD:
        raise CommandError("The document and the key cannot both come from standard input.")
    signer = private_jwk.read(read_file(key))
    sound = examine(strict_json.loads_object(read_file(document)))
    if form in _TOKENS:
        signed = as_token(sound, form=_TOKENS[form], signer=signer, challenge=challenge, domain=domain)
    else:
        suite, now = _SUITES[form], datetime.now(UTC)
        signed = strict_json.dumps(
            with_proof(sound, suite=suite, signer=signer, now=now, challenge=challenge, domain=domain)
        )
    body = f"{signed}\n".encode()
    if output == STANDARD:
        sys.stdout.buffer.write(body)
        return
    try:
        output.write_bytes(body)
    except OSError as error:
        raise CommandError(f"{output} cannot be written: {error.strerror}.") from error
    value = {"as": form.value, "kid": signer.kid, "file": str(output)}
    answer(json, value, f"{output}: {len(body)} bytes, signed by {signer.kid}.")
