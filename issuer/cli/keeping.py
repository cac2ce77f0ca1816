"""`keys`: the life of signing keys: planned, active, retired, compromised (docs/keys.md has the ceremony)."""

import enum
from typing import TYPE_CHECKING, Annotated

import typer

from issuer.cli import sharing
from issuer.cli.output import DataOption, JsonOption, Office, answer, open_office, progress, table

if TYPE_CHECKING:
    from keys.custody import KeyStore
    from keys.keyset import KeyRecord

keys = typer.Typer(help="The keys that sign badges and status lists.", no_args_is_help=True)


class Use(enum.StrEnum):
    """What a key signs."""

    BADGES = "badges"
    DOCUMENTS = "documents"
    DOCUMENTS_P256 = "documents-p256"
    STATUS = "status"


class Kind(enum.StrEnum):
    """What a key is, which decides how it signs: ES256, EdDSA or RS256."""

    P_256 = "P-256"
    ED25519 = "Ed25519"
    RSA = "RSA"


KEYS_FOLDER = "keys"
UseOption = Annotated[Use, typer.Option("--use", help="What the key signs.")]


def register(app: typer.Typer) -> None:
    app.add_typer(keys, name="keys")
    sharing.register(keys)


@keys.command(name="list")
def list_(data: DataOption = None, json: JsonOption = False) -> None:
    """Show every key that there ever was, and its state."""
    from keys.custody import read_keyset

    office = open_office(data)
    records = read_keyset(office.settings.keys).records
    rows = [[r.name, r.use, r.state, f"{r.since:%Y-%m-%d}", r.public.algorithm] for r in records]
    text = table("", ["key", "signs", "state", "since", "alg"], rows)
    answer(json, {"keys": [_shown(record) for record in records]}, text)


@keys.command()
def plan(
    use: UseOption = Use.BADGES,
    kind: Annotated[
        Kind | None,
        typer.Option("--kind", help="What the key is [default: as the one that signs now]. RSA gives RS256."),
    ] = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Make the next key and publish it, so that every verifier knows it before it signs."""
    office = open_office(data)
    made = _store(office).plan(use.value, now=office.now, kind=None if kind is None else kind.value)
    _note(office)
    answer(json, _shown(made), f"{made.name} is planned. Publish; 'keys rotate' lets it sign.")


@keys.command()
def rotate(use: UseOption = Use.BADGES, data: DataOption = None, json: JsonOption = False) -> None:
    """Let the planned key (or a new one) sign from now on; the old one is retired and its badges stay good."""
    office = open_office(data)
    made = _store(office).rotate(use.value, now=office.now)
    _note(office)
    answer(json, _shown(made), f"{made.name} signs {use.value} from now on. Publish, and restart 'serve'.")


@keys.command()
def compromise(
    key: Annotated[str, typer.Argument(help="The key that somebody else may have: badges-1, or its whole kid.")],
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Stop anybody from believing a key, whatever date a badge claims. Then run 'keys sign-anew' and 'publish'."""
    office = open_office(data)
    fallen = _store(office).compromise(key, now=office.now)
    _note(office)
    text = (
        f"{fallen.name} is compromised: it leaves the DID document, and none of its badges verifies any more.\n"
        "Now: 'keys sign-anew' signs the genuine ones with the new key, then 'publish'."
    )
    answer(json, _shown(fallen), text)


@keys.command(name="sign-anew")
def sign_anew(data: DataOption = None, json: JsonOption = False) -> None:
    """Sign the genuine badges of a compromised key with the new one: same ids, same status entries. Resumable."""
    from issuer.badges import issuance

    office = open_office(data)
    bureau = office.bureau()
    signed = issuance.sign_anew(bureau, now=office.now, progress=progress("signed anew"))
    answer(
        json, {"signed": signed}, f"{signed} badges signed anew. Publish; their holders find them where they were."
    )


def _store(office: Office) -> "KeyStore":
    from issuer.ground import settings as ground
    from keys.custody import KeyStore

    settings = office.settings
    return KeyStore(settings.keys, passphrase=ground.passphrase(settings.data), token=settings.token)


def _note(office: Office) -> None:
    """Let the journal know the keys as they are now, encrypted: a backup may be older."""
    from issuer.ground.database import note_files

    kept = {f"{KEYS_FOLDER}/{file.name}": file.read_text() for file in sorted(office.settings.keys.iterdir())}
    note_files(office.engine, {name: text for name, text in kept.items() if "/." not in name})


def _shown(record: "KeyRecord") -> dict[str, str]:
    return {"kid": record.kid, "use": record.use, "state": record.state, "since": record.since.isoformat()}
