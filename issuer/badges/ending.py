"""The end of a programme: the final archive, by which badges verify as of that day, however long afterwards."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from issuer.badges import documents, preparation, publishing
from issuer.badges.bureau import Bureau
from issuer.badges.documents import Document
from issuer.badges.model import BadgeError
from issuer.badges.service import OPERATOR
from issuer.ground import audit
from issuer.ground.database import writing
from keys import final_archive
from schemas import timestamps

MAX_REASON = 400
_READ_ME = """\
The final archive of {name}
{line}

{name} ({did}) ended its badges on {day}:
{reason}

To verify a badge as of that day:

    badge-verifier verify BADGE --archive THIS-FILE.zip

or, for an office that verifies for others: badge-verifier archive add THIS-FILE.zip --sha256 …
with the number that was announced.

The folder {folder} is what the web host served. Any web host can go on serving it at {base}: its status
lists have no end. archive.jwt names every file by its SHA-256 and is signed by {kid}.
"""


@dataclass(frozen=True)
class Sunset:
    """The archive as a file; `documents`: how many it holds."""

    body: bytes
    documents: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


def sunset(bureau: Bureau, *, reason: str, now: datetime, also: Iterable[Document] = ()) -> Sunset:
    """Every public document with status lists that have no end, the history of the keys, and why, signed by the
    key for badges. `also`: the documents of rooms above.

    Raises:
        BadgeError: no reason of one line was given.
    """
    said = reason.strip()
    if not said or not said.isprintable() or len(said) > MAX_REASON:
        raise BadgeError(
            f"A programme ends for a reason: one line of at most {MAX_REASON} characters was expected."
        )
    moment = preparation.whole_seconds(now)
    folder = final_archive.folder_of(bureau.addresses.base)
    made = chain(documents.all_documents(bureau, now=moment, is_last=True), also)
    files = {f"{folder}/{document.file}": document.body for document in made}
    files[f"{folder}/{publishing.AS_IT_IS}"] = b""
    day = timestamps.show(moment)[:10]
    title = f"The final archive of {bureau.name}"
    read_me = _READ_ME.format(
        name=bureau.name, line="=" * len(title), did=bureau.did, day=day, reason=said, folder=folder,
        base=bureau.addresses.base, kid=bureau.signer.kid,
    )  # fmt: skip
    body = final_archive.write(
        bureau.did, files, records=bureau.keyset.records, as_of=moment, reason=said, read_me=read_me,
        signer=bureau.signer,
    )  # fmt: skip
    return Sunset(body, len(files))


def note(bureau: Bureau, made: Sunset, *, now: datetime) -> None:
    """In the audit log, once the file lies where it was to lie."""
    with writing(bureau.engine) as connection:
        audit.write(
            connection, actor=OPERATOR, role="operator", act="issuer.sunset", reason=f"SHA-256 {made.sha256}",
            now=now, subject="final archive",
        )  # fmt: skip
