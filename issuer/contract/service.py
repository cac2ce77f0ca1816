"""What the contract does: issues one credential, keeps it under its id, makes status lists and sets their bits.

Every request is examined before a key is touched. Nothing here counts as recognition: awards and their badges are
`issuer.badges`. How it travels over HTTP is `web`.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection, Engine

from issuer.badges import status
from issuer.badges.bureau import Bureau
from issuer.badges.documents import STATUS, Document
from issuer.contract import store
from issuer.contract.errors import BadRequestError, GoneError, NotFoundError
from issuer.contract.requests import IssueRequest, ListRequest, StatusEntry, StatusRequest, read_entry
from issuer.contract.securing import SoundDocument, Suite, UnsoundError, as_token, envelope, examine, with_proof
from issuer.ground.database import reading, writing
from keys.cryptosuites import SUITES
from keys.signer import Signer
from schemas import outline, strict_json
from schemas.contexts import VERIFYING, ContextSet
from schemas.strict_json import JsonObject

LISTS = "/status-lists/"
MAX_KEPT_BYTES = 3 * strict_json.MAX_DOCUMENT_BYTES  # a credential and the same secured, which was base64 perhaps
MAX_KEPT_DEPTH = strict_json.MAX_DEPTH + 2
_LIST_NAME = re.compile(r"(?=.*[^0-9])[A-Za-z0-9][A-Za-z0-9_-]{0,99}", re.ASCII)  # numbers are the badges' lists


def issue(bureau: Bureau, request: IssueRequest, *, now: datetime, contexts: ContextSet = VERIFYING) -> JsonObject:
    """The credential with a proof inside, or an envelope around its token; kept if it has an id.

    `contexts`: those that a credential may use.

    Raises:
        BadRequestError: the document is not sound, is not of this issuer, or has no such form here.
    """
    try:
        credential = examine(request.credential, contexts=contexts)
        _check_is_ours(credential, did=bureau.did)
        secured = _secured(bureau, credential, request, now=now)
    except UnsoundError as error:
        raise BadRequestError(str(error), code=error.problem) from error
    credential_id = request.credential_id or outline.outline(credential.content).id
    if credential_id is not None:
        with writing(bureau.engine) as connection:
            document = strict_json.dumps({"credential": credential.content, "secured": secured})
            store.keep_credential(connection, credential_id, document=document, now=now)
    return secured


def credential(engine: Engine, credential_id: str) -> JsonObject:
    """A credential that was issued here, as it was given out.

    Raises:
        NotFoundError: none was issued under this id.
        GoneError: it was deleted.
    """
    with reading(engine) as connection:
        secured = _kept(connection, credential_id)["secured"]
    assert isinstance(secured, dict)
    return secured


def delete(engine: Engine, credential_id: str) -> None:
    """Forget a credential; that its id was used stays. It verifies as before: only its status can withdraw it.

    Raises:
        NotFoundError, GoneError: as for `credential`.
    """
    with writing(engine) as connection:
        _kept(connection, credential_id)
        store.forget_credential(connection, credential_id)


def set_status(bureau: Bureau, request: StatusRequest, *, now: datetime) -> None:
    """Set or clear the bit of a credential's status entry, in a list that was made here; all in one transaction.

    Raises:
        NotFoundError, GoneError: no such credential is kept here, or the list is not one of the contract's.
        BadRequestError: the credential has no such entry, its place is outside the list, or a revocation was to be
            taken back, which the standard forbids (Bitstring Status List 1.0 §2.1; STANDARDS k20).
    """
    with writing(bureau.engine) as connection:
        kept = _kept(connection, request.credential_id)["credential"]
        assert isinstance(kept, dict)
        entry = _entry_of(kept, request.entry)
        name = _own_name(bureau, entry.list_url or "")
        purpose = None if name is None else store.purpose_of_list(connection, name)
        if name is None or purpose is None:
            raise NotFoundError("The status list of this entry was not made here.")
        if purpose != entry.purpose:
            raise BadRequestError(f"The status list is for {purpose}.")
        if entry.index is None or entry.index >= status.ENTRIES:
            raise BadRequestError(
                f"The index is outside the list of {status.ENTRIES} entries.", code="RANGE_ERROR"
            )
        if request.value:
            store.set_bit(connection, name, entry.index, now=now)
        elif purpose == "revocation" and store.is_set(connection, name, entry.index):
            raise BadRequestError("A revocation is never taken back; only a suspension can be.")
        else:
            store.clear_bit(connection, name, entry.index)


def make_list(bureau: Bureau, request: ListRequest, *, now: datetime) -> str:
    """A new empty status list; its URL, below the issuer's public address.

    Raises:
        BadRequestError: the id asked for is no address of a list here, or is taken.
    """
    name = str(uuid4()) if request.id is None else _own_name(bureau, request.id)
    if name is None:
        where = f"{bureau.addresses.base}{LISTS}"
        raise BadRequestError(f"id must be {where} and a name of letters, digits, '-' or '_' that is no number.")
    with writing(bureau.engine) as connection:
        if store.purpose_of_list(connection, name) is not None:
            raise BadRequestError("There is a status list with this id already.")
        store.add_list(connection, name, purpose=request.purpose, now=now)
    return _url(bureau, name)


def list_credential(bureau: Bureau, name: str, *, now: datetime, is_last: bool = False) -> JsonObject:
    """The list credential of this name as it stands now, signed by the key for status lists. `is_last`: it has no
    end.

    Raises:
        NotFoundError: no such list was made here.
    """
    with reading(bureau.engine) as connection:
        purpose = store.purpose_of_list(connection, name)
        if purpose is None:
            raise NotFoundError("There is no such status list.")
        indexes = list(store.set_indexes(connection, name))
    moment = now.replace(microsecond=0)
    document = status.list_document(
        url=_url(bureau, name), did=bureau.did, purpose=purpose, indexes=indexes, now=moment, is_last=is_last
    )
    signer = bureau.status_signer
    return with_proof(examine(document), suite=_suite_of(signer), signer=signer, now=moment)


def public_documents(bureau: Bureau, *, now: datetime, is_last: bool = False) -> Iterator[Document]:
    """Every status list of the contract, for `publish`, and without an end for `sunset`."""
    with reading(bureau.engine) as connection:
        names = store.list_names(connection)
    for name in names:
        body = strict_json.dumps(list_credential(bureau, name, now=now, is_last=is_last)).encode()
        yield Document(f"{LISTS}{name}", "application/vc", body, STATUS)


def _secured(bureau: Bureau, document: SoundDocument, request: IssueRequest, *, now: datetime) -> JsonObject:
    if request.form == "vc+jwt":
        return envelope(as_token(document, form="vc+jwt", signer=bureau.signer))
    suite = request.form or _suite_of(bureau.document_signer)
    return with_proof(document, suite=suite, signer=_signer_for(bureau, suite), now=now)


def _signer_for(bureau: Bureau, suite: Suite) -> Signer:
    """The key for documents, or the one for suites that want ECDSA."""
    fitting = [s for s in (bureau.document_signer, bureau.ecdsa_signer) if s.public.kind in SUITES[suite].kinds]
    return fitting[0] if fitting else bureau.document_signer


def _suite_of(signer: Signer) -> Suite:
    """The suite of a key for what nobody asked to be otherwise: the one that hashes RDF."""
    return "eddsa-rdfc-2022" if signer.public.kind in SUITES["eddsa-rdfc-2022"].kinds else "ecdsa-rdfc-2019"


def _check_is_ours(document: SoundDocument, *, did: str) -> None:
    """We say nothing in another's name: the issuer is the DID of our keys, exactly (STANDARDS h)."""
    if document.is_presentation:
        raise BadRequestError("A presentation is not issued: its holder signs it.")
    issuer = outline.issuer_of(document.content)
    if issuer != did:
        raise BadRequestError(f"issuer is {ascii(issuer)[:200]}: {did} was expected.")


def _kept(connection: Connection, credential_id: str) -> JsonObject:
    found = store.credential(connection, credential_id)
    if found is None:
        raise NotFoundError("No credential with this id was issued here.")
    if found.document is None:
        raise GoneError("The credential with this id was deleted here.")
    return strict_json.loads_object(found.document, max_bytes=MAX_KEPT_BYTES, max_depth=MAX_KEPT_DEPTH)


def _entry_of(document: JsonObject, asked: StatusEntry) -> StatusEntry:
    """The credential's own entry that a request means, so that nobody sets a bit of somebody else's credential."""
    entries = list(_readable_entries(document))
    whole = asked.list_url is not None
    fitting = [own for own in entries if (own == asked if whole else own.purpose == asked.purpose)]
    if len(fitting) != 1:
        raise BadRequestError(
            "The credential has no such entry." if not fitting else "Several entries fit: name one."
        )
    return fitting[0]


def _readable_entries(document: JsonObject) -> Iterator[StatusEntry]:
    """Entries of other types and purposes passed through when it was issued, and have no bit here."""
    for item in outline.outline(document).status:
        with suppress(BadRequestError):
            yield read_entry(item)


def _url(bureau: Bureau, name: str) -> str:
    return f"{bureau.addresses.base}{LISTS}{name}"


def _own_name(bureau: Bureau, url: str) -> str | None:
    """The name of a list by its URL, if it is one that this room may have."""
    name = url.removeprefix(f"{bureau.addresses.base}{LISTS}")
    return name if name != url and _LIST_NAME.fullmatch(name) else None
