"""The final archive of a programme that ends: every public document of an issuer in one file, signed as a whole.

A ZIP of files below a folder for each host, as `publish` writes them, and `archive.jwt` beside them: a token by a
key of the issuer that says who ends it, when, why, the digest of each file, and the history of its keys. So badges
can be verified as of that day when the issuer's host is gone, or in other hands. That an archive's parts belong
together is checked here; whether it is the issuer's own, if nobody answers for its keys any more, is for whoever
takes it in.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from keys import did, jws
from keys.did import DidDocument
from keys.errors import ArchiveError, KeysError
from keys.keyset import KeyRecord
from keys.signer import Signer
from schemas import strict_json, timestamps
from schemas.strict_json import JsonObject, JsonValue

TYP: Final = "badgewright-archive+jwt"
MANIFEST: Final = "archive.jwt"
READ_ME: Final = "README.txt"
LAYOUT: Final = 1
MAX_FILES: Final = 50_000
MAX_BYTES: Final = 512 << 20  # unpacked; a community of a million badges has some 30 MiB of lists
MAX_MANIFEST_CHARACTERS: Final = 16 << 20
_FIRST_MOMENT = (1980, 1, 1, 0, 0, 0)  # every file's: the same documents give the same archive
_USUAL_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class FinalArchive:
    """An archive whose parts belong together. `as_of`: until when it knows; `files`: by their paths; `kid`: the
    key that signed it, which stands in its own DID document.
    """

    issuer: str
    as_of: datetime
    reason: str
    kid: str
    keys: tuple[JsonObject, ...]
    files: Mapping[str, bytes]
    sha256: str

    @property
    def document(self) -> DidDocument:
        """The issuer's DID document as it was last."""
        return did.parse_document(self.files[_path_of_did(self.issuer)], expected_id=self.issuer)


def folder_of(address: str) -> str:
    """The folder of an address's host: `badges.example.org`, or with a port that is not the scheme's own
    `localhost%3A8443`.
    """
    parts = urlsplit(address)
    host, port = (parts.hostname or "").lower(), parts.port
    return host if port in {None, _USUAL_PORTS.get(parts.scheme)} else f"{host}%3A{port}"


def write(
    issuer: str,
    files: Mapping[str, bytes],
    *,
    records: Iterable[KeyRecord],
    as_of: datetime,
    reason: str,
    read_me: str,
    signer: Signer,
) -> bytes:
    """The archive as a file. `records`: all keys that the issuer ever had; `read_me`: for whoever opens it."""
    whole = {READ_ME: read_me.encode(), **files}
    digests: JsonObject = {path: hashlib.sha256(body).hexdigest() for path, body in sorted(whole.items())}
    keys: list[JsonValue] = [
        {
            "kid": record.kid,
            "use": record.use,
            "state": record.state,
            "since": timestamps.show(record.since.replace(microsecond=0)),
            "publicKeyJwk": {**record.public.to_jwk()},
        }
        for record in records
    ]
    claims: JsonObject = {
        "layout": LAYOUT,
        "iss": issuer,
        "iat": int(as_of.timestamp()),
        "reason": reason,
        "keys": keys,
        "files": digests,
    }
    token = jws.sign(strict_json.dumps(claims).encode(), signer=signer, typ=TYP)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, body in [(MANIFEST, token.encode()), *sorted(whole.items())]:
            entry = zipfile.ZipInfo(path, _FIRST_MOMENT)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, body)
    return stream.getvalue()


def read(data: bytes) -> FinalArchive:
    """An archive, once every file was found to be the one that its manifest names, and the manifest to be signed
    by a key of the archive's own DID document.

    Raises:
        ArchiveError: it is none, or something in it was changed, added or left out.
    """
    files = _unpacked(data)
    try:
        token = files.pop(MANIFEST).decode()
        parsed = jws.parse(token, max_characters=MAX_MANIFEST_CHARACTERS)
        claims = strict_json.loads_object(parsed.payload, max_bytes=MAX_MANIFEST_CHARACTERS)
        issuer, listed = claims["iss"], claims["files"]
        as_of = timestamps.from_numeric_date(claims["iat"])
        reason, keys = claims["reason"], claims["keys"]
        if claims.get("layout") != LAYOUT or not isinstance(issuer, str) or not isinstance(listed, dict):
            raise ArchiveError("The archive is of another layout than this program reads.")
        if not isinstance(reason, str) or not isinstance(keys, list):
            raise ArchiveError("The archive is of another layout than this program reads.")
        digests = {path: hashlib.sha256(body).hexdigest() for path, body in files.items()}
        if digests != listed:
            wrong = sorted(path for path in {*digests, *listed} if digests.get(path) != listed.get(path))
            raise ArchiveError(f"The archive was changed: {wrong[0]} is not what its manifest names.")
        made = FinalArchive(
            issuer,
            as_of,
            reason,
            parsed.header.kid or "",
            tuple(one for one in keys if isinstance(one, dict)),
            files,
            hashlib.sha256(data).hexdigest(),
        )
        key = made.document.key(made.kid, purpose="assertionMethod")
        if key is None:
            raise ArchiveError("The archive is signed by a key that is not in its DID document.")
        jws.check_signature(parsed, key=key, accepted_typ=frozenset({TYP}))
        if parsed.header.typ != TYP:
            raise ArchiveError("The archive's manifest is another kind of token.")
    except (KeyError, UnicodeDecodeError, strict_json.StrictJsonError, timestamps.TimestampError) as error:
        raise ArchiveError(f"This is no final archive: {error}") from error
    except ArchiveError:
        raise
    except KeysError as error:
        raise ArchiveError(f"The archive cannot be believed: {error}") from error
    return made


def _unpacked(data: bytes) -> dict[str, bytes]:
    """The files of a ZIP, bounded; a name that leads out, or stands there twice, is refused."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > MAX_FILES or sum(entry.file_size for entry in entries) > MAX_BYTES:
                raise ArchiveError(f"The archive has more than {MAX_FILES} files or {MAX_BYTES >> 20} MiB.")
            names = [entry.filename for entry in entries]
            if len(set(names)) != len(names):
                raise ArchiveError("The archive has a file twice.")
            for name in names:
                if name.startswith("/") or "\\" in name or ".." in name.split("/"):
                    raise ArchiveError(f"The archive has the file {name!r}, which leads out of it.")
            return {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise ArchiveError(f"This is no final archive: {error}") from error


def _path_of_did(issuer: str) -> str:
    url = did.url_of_did_web(issuer)
    return f"{folder_of(url)}{urlsplit(url).path}"
