"""From a badge to the trust bundle that its verification needs: what to fetch, how long to keep it.

Only three kinds of public documents are ever fetched, each whole: the issuer's DID document, its status lists,
dictionaries. None of these requests names a badge (no phone home). What cannot be had is recorded as absent
with its reason. Nothing is judged here; the pure story is `checks`. The socket and its guard are
`verifier.ground.outbound`.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from keys import data_integrity, did, jws
from keys.did import DidDocument
from keys.errors import KeysError, SignatureError
from schemas import badge_qr, strict_json
from schemas.badge_qr import BadgeQrError, Dictionary, UnknownDictionaryError
from schemas.strict_json import JsonObject, JsonValue, StrictJsonError
from verifier.ground.documents import DocumentSource
from verifier.ground.outbound import OutboundError
from verifier.verification import checks, status
from verifier.verification.reading import ReadBadge
from verifier.verification.trust import STATUS_AGE_LIMIT, Absent, Published, TrustBundle

DOCUMENT_KEPT = timedelta(minutes=5)  # a key that its issuer takes out must soon stop verifying
MAX_KEPT = 4096  # documents in the cache; beyond it the oldest goes
MAX_HOSTS_ASKED = 16  # for one dictionary: a code names its dictionary by four bytes and no host
MAX_STATUS_LIST_BYTES = jws.MAX_JWS_CHARACTERS


@dataclass(frozen=True)
class _Kept:
    published: Published
    until: datetime


class Resolver:
    """Makes trust bundles from a document source. One for a process: its cache is shared and locked.

    `known_issuers`: DIDs whose hosts may be asked for a dictionary.
    """

    def __init__(
        self,
        source: DocumentSource,
        *,
        known_issuers: Callable[[], Iterable[str]] = tuple,
        clock: Callable[[], datetime],
    ) -> None:
        self._source, self._known_issuers, self._clock = source, known_issuers, clock
        self._kept: dict[str, _Kept] = {}
        self._dictionaries: dict[str, Dictionary] = {}
        self._lock = threading.Lock()

    def resolve(self, badge: ReadBadge) -> TrustBundle:
        """The trust bundle for one badge. Fetches nothing for a badge that cannot be read, and no status list
        for one whose signature does not verify: a stranger's unsigned text chooses no addresses.
        """
        now = self._clock()
        dictionaries: dict[str, Dictionary] = {}
        if badge.document is not None:
            claim = _claim_of_document(badge.document)
        else:
            token, dictionaries = self._token(badge)
            claim = _claim_of_token(token)
        if claim is None:
            return TrustBundle(now, dictionaries=dictionaries)
        issuer = claim.issuer
        documents = {} if did.holds_its_key(issuer) else {issuer: self._document(issuer, now=now)}
        bundle = TrustBundle(now, did_documents=documents, dictionaries=dictionaries)
        document = _signed_by(claim, trust=bundle)
        if document is None:
            return bundle
        lists = {url: self._status_list(url, document=document, now=now) for url in _status_urls(claim.content)}
        return TrustBundle(now, did_documents=documents, status_lists=lists, dictionaries=dictionaries)

    def _token(self, badge: ReadBadge) -> tuple[str, dict[str, Dictionary]]:
        if badge.packed is None:
            return badge.token or "", {}
        dictionaries: dict[str, Dictionary] = {}
        try:
            badge_qr.unpack(badge.packed, dictionaries=dictionaries)
        except UnknownDictionaryError as error:
            found = self._dictionary(error.dictionary_id)
            dictionaries = {} if found is None else {found.id: found}
        except BadgeQrError:
            return "", dictionaries
        try:
            return badge_qr.unpack(badge.packed, dictionaries=dictionaries), dictionaries
        except BadgeQrError:
            return "", dictionaries

    def _dictionary(self, dictionary_id: str) -> Dictionary | None:
        """A dictionary by its id: immutable, so it is kept for good; its hash is the id."""
        if dictionary_id in self._dictionaries:
            return self._dictionaries[dictionary_id]
        for host in self._hosts()[:MAX_HOSTS_ASKED]:
            url = f"https://{host}/dictionaries/{dictionary_id}"
            try:
                body = self._source.fetch(url, max_bytes=badge_qr.MAX_DICTIONARY_BYTES).body
                found = Dictionary.parse(body)
            except (OutboundError, BadgeQrError):
                continue
            if found.id == dictionary_id:
                with self._lock:
                    self._dictionaries[dictionary_id] = found
                return found
        return None

    def _hosts(self) -> list[str]:
        hosts = list(self._source.hosts)
        for issuer in self._known_issuers():
            try:
                hosts.append(urlsplit(did.url_of_did_web(issuer)).netloc)
            except KeysError:
                continue  # a did:key publishes nothing
        return list(dict.fromkeys(hosts))

    def _document(self, issuer: str, *, now: datetime) -> Published | Absent:
        try:
            url = did.url_of_did_web(issuer)
        except KeysError as error:
            return Absent(f"The keys of {issuer} cannot be looked up: {error}")
        return self._published(url, now=now, keep_until=lambda _: now + DOCUMENT_KEPT)

    def _status_list(self, url: str, *, document: DidDocument, now: datetime) -> Published | Absent:
        """Kept for min(ttl, its end, one hour), and only if it is sound: a bad answer is asked for again."""

        def keep_until(body: bytes) -> datetime:
            try:
                snapshot = status.open_list(body, url=url, document=document, now=now)
            except status.UnusableListError:
                return now
            end = snapshot.valid_until or now + STATUS_AGE_LIMIT
            return min(now + min(snapshot.ttl or STATUS_AGE_LIMIT, STATUS_AGE_LIMIT), end)

        return self._published(url, now=now, keep_until=keep_until, max_bytes=MAX_STATUS_LIST_BYTES)

    def _published(
        self,
        url: str,
        *,
        now: datetime,
        keep_until: Callable[[bytes], datetime],
        max_bytes: int = strict_json.MAX_DOCUMENT_BYTES,
    ) -> Published | Absent:
        with self._lock:
            kept = self._kept.get(url)
        if kept is not None and kept.published.fetched_at <= now < kept.until:
            return kept.published
        try:
            published = Published(self._source.fetch(url, max_bytes=max_bytes).body, now)
        except OutboundError as error:
            return Absent(str(error))
        with self._lock:
            self._kept[url] = _Kept(published, keep_until(published.body))
            while len(self._kept) > MAX_KEPT:
                del self._kept[next(iter(self._kept))]
        return published


@dataclass(frozen=True)
class _Claim:
    """What an unverified badge says of itself: an issuer, whose key it names, and its content.

    `verify` raises a KeysError unless it is signed by a key of the issuer's document.
    """

    issuer: str
    content: JsonObject
    verify: Callable[[DidDocument], object]


def _claim_of_token(token: str) -> _Claim | None:
    """The claim of a token, if it can be read and its key id is of the issuer that it names."""
    try:
        parsed = jws.parse(token)
        content = strict_json.loads_object(parsed.payload)
        kid = parsed.header.kid or ""
        owner = did.did_of_key_id(kid)
    except (KeysError, StrictJsonError):
        return None

    def verify(document: DidDocument) -> object:
        key = document.key(kid, purpose="assertionMethod")
        if key is None:
            raise SignatureError(f"There is no key {kid}.")
        return jws.verify(token, key=key)

    issuer = checks.issuer_of(content)
    return _Claim(issuer, content, verify) if issuer == owner else None


def _claim_of_document(text: str) -> _Claim | None:
    """The claim of a document with proofs inside, if they can be read and all are by the issuer that it names."""
    try:
        content = strict_json.loads_object(text)
        methods = [proof.verification_method for proof in data_integrity.read_proofs(content).proofs]
        owners = {did.did_of_key_id(method) for method in methods}
    except (KeysError, StrictJsonError):
        return None
    issuer = checks.issuer_of(content)
    if owners != {issuer}:
        return None
    return _Claim(issuer, content, lambda document: data_integrity.verify_document(content, controller=document))


def _signed_by(claim: _Claim, *, trust: TrustBundle) -> DidDocument | None:
    """The issuer's document, if the badge is signed by a key in it."""
    try:
        published = checks.document_to_read(claim.issuer, trust=trust)
        document = checks.read_document(claim.issuer, published=published)
        claim.verify(document)
    except KeysError:
        return None
    return document


def _status_urls(claims: JsonObject) -> list[str]:
    """The lists that a badge's status entries name, each once, no more than are read."""
    entries: JsonValue = claims.get("credentialStatus")
    listed = entries if isinstance(entries, list) else [entries]
    urls = [entry.get("statusListCredential") for entry in listed if isinstance(entry, dict)]
    return list(dict.fromkeys(url for url in urls if isinstance(url, str)))[: status.MAX_ENTRIES]
