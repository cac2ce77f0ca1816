"""From a badge to the trust bundle that its verification needs: what to fetch, how long to keep it.

Only three kinds of public documents are ever fetched, each whole: the issuer's DID document, its status lists,
dictionaries. None of these requests names a badge (no phone home). What cannot be had is recorded as absent
with its reason. Nothing is judged here; the pure story is `checks`. The socket and its guard are
`verifier.ground.outbound`.
"""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from keys import did, jws
from keys.did import DidDocument
from keys.errors import KeysError, SignatureError
from keys.jwk import PublicKey
from schemas import badge_qr, strict_json
from schemas.badge_qr import BadgeQrError, Dictionary, UnknownDictionaryError
from schemas.claims import document_of
from schemas.contexts import VERIFYING, ContextSet
from schemas.outline import issuer_of
from schemas.strict_json import JsonObject, JsonValue, StrictJsonError
from verifier.ground.documents import DocumentSource
from verifier.ground.outbound import OutboundError
from verifier.verification import proofs, status, story
from verifier.verification.reading import ReadBadge
from verifier.verification.trust import STATUS_AGE_LIMIT, Absent, Published, TrustBundle

DOCUMENT_KEPT = timedelta(minutes=5)  # a key that its issuer takes out must soon stop verifying
MAX_KEPT = 4096  # documents in the cache; beyond it the oldest goes
MAX_HOSTS_ASKED = 16  # for one dictionary: a code names its dictionary by four bytes and no host
MAX_GATHERED = 256  # lists, and dictionaries, of one issuer: a community of a million badges has eight lists
MAX_STATUS_LIST_BYTES = jws.MAX_JWS_CHARACTERS


_Entry = TypeVar("_Entry", str, JsonObject)


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
        contexts: ContextSet = VERIFYING,
    ) -> None:
        self._source, self._known_issuers, self._clock = source, known_issuers, clock
        self._contexts = contexts
        self._kept: dict[str, _Kept] = {}
        self._dictionaries: dict[str, Dictionary] = {}
        self._lock = threading.Lock()

    def resolve(self, badge: ReadBadge, *, given_key: PublicKey | None = None) -> TrustBundle:
        """The trust bundle for one credential. Fetches nothing for one that cannot be read, and no status list for
        one whose signature does not verify: a stranger's unsigned text chooses no addresses.

        `given_key`: the key that whoever asks vouches for; then the issuer's document is had for its lists only.
        """
        now = self._clock()
        dictionaries: dict[str, Dictionary] = {}
        if badge.document is not None:
            claim = _claim_of_document(badge, contexts=self._contexts)
        else:
            token, dictionaries = self._token(badge)
            claim = _claim_of_token(token)
        bundle = TrustBundle(now, dictionaries=dictionaries, contexts=self._contexts, given_key=given_key)
        if claim is None:
            return bundle
        urls = _status_urls(claim.content)
        if given_key is not None and not (urls and claim.is_signed_by(given_key)):
            return bundle
        if given_key is None and not claim.owned:
            return bundle
        bundle = replace(bundle, did_documents=self.documents_of(claim.issuer))
        document = _document(claim, trust=bundle)
        if document is None or not urls:
            return bundle
        asked = any(self._kept_now(url, now=now) is None for url in urls)
        if asked and given_key is None and not claim.is_signed_by(document):
            return bundle
        lists = {url: self._status_list(url, document=document, now=now) for url in urls}
        return replace(bundle, status_lists=lists)

    def at_hand(self, issuer: str, lists: Sequence[str]) -> TrustBundle | None:
        """The trust bundle for an issuer's badge with these status lists, if all of it was had lately enough; None
        if anything would have to be fetched.
        """
        now = self._clock()
        documents: dict[str, Published | Absent] = {}
        if not did.holds_its_key(issuer):
            try:
                document = self._kept_now(did.url_of_did_web(issuer), now=now)
            except KeysError:
                return None
            if document is None:
                return None
            documents[issuer] = document
        found = {url: self._kept_now(url, now=now) for url in lists}
        snapshots: dict[str, Published | Absent] = {url: kept for url, kept in found.items() if kept is not None}
        if len(snapshots) < len(found):
            return None
        return TrustBundle(now, did_documents=documents, status_lists=snapshots, contexts=self._contexts)

    def documents_of(self, name: str) -> dict[str, Published | Absent]:
        """The DID document of `name`, as a bundle holds it; nothing for a DID that holds its own key."""
        return {} if did.holds_its_key(name) else {name: self._document(name, now=self._clock())}

    def lists_of(self, issuer: str, urls: Iterable[str]) -> TrustBundle:
        """The bundle for looking at an issuer's keys and at these lists of its, each had once; for badges whose
        signatures were found good before.
        """
        now = self._clock()
        bundle = TrustBundle(now, did_documents=self.documents_of(issuer), contexts=self._contexts)
        try:
            document = story.read_document(issuer, published=story.document_to_read(issuer, trust=bundle))
        except KeysError:
            return bundle
        lists = {url: self._status_list(url, document=document, now=now) for url in dict.fromkeys(urls)}
        return replace(bundle, status_lists=lists)

    def gather(
        self, issuers: Iterable[str], *, lists: Mapping[str, Iterable[str]], achievements: Collection[str]
    ) -> TrustBundle:
        """All that badges of these issuers may need, for whoever will be able to ask nobody.

        `lists`: addresses of status lists that are known of an issuer, besides those in its index; `achievements`:
        those whose dictionaries are had. An index that cannot be had is no fault: then only what is known is had.
        """
        documents: dict[str, Published | Absent] = {}
        snapshots: dict[str, Published | Absent] = {}
        dictionaries: dict[str, Dictionary] = {}
        for issuer in dict.fromkeys(issuers):
            named = [*lists.get(issuer, ()), *self._listed(issuer, "status-lists", "status_lists", str)]
            found = self.lists_of(issuer, named[:MAX_GATHERED])
            documents |= found.did_documents
            snapshots |= found.status_lists
            for entry in self._listed(issuer, "dictionaries", "dictionaries", dict)[:MAX_GATHERED]:
                made = self._dictionary(str(entry.get("id")), hosts=[_host_of(issuer)])
                if made is not None and entry.get("achievement", "") in {"", *achievements}:
                    dictionaries[made.id] = made
        return TrustBundle(
            self._clock(),
            did_documents=documents,
            status_lists=snapshots,
            dictionaries=dictionaries,
            contexts=self._contexts,
        )

    def _listed(self, issuer: str, folder: str, member: str, kind: type[_Entry]) -> "list[_Entry]":
        """What an issuer's index of a folder lists; nothing where it has none."""
        host = _host_of(issuer)
        if not host:
            return []
        try:
            index = strict_json.loads_object(self._source.fetch(f"https://{host}/{folder}/").body)
        except (OutboundError, StrictJsonError):
            return []
        listed = index.get(member)
        return [entry for entry in listed if isinstance(entry, kind)] if isinstance(listed, list) else []

    @property
    def contexts(self) -> ContextSet:
        """The JSON-LD contexts that are known here."""
        return self._contexts

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

    def _dictionary(self, dictionary_id: str, *, hosts: Sequence[str] | None = None) -> Dictionary | None:
        """A dictionary by its id: immutable, so it is kept for good; its hash is the id."""
        if dictionary_id in self._dictionaries:
            return self._dictionaries[dictionary_id]
        for host in (self._hosts() if hosts is None else hosts)[:MAX_HOSTS_ASKED]:
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
        hosts += [_host_of(issuer) for issuer in self._known_issuers()]
        return list(dict.fromkeys(filter(None, hosts)))

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
                snapshot = status.open_list(body, url=url, document=document, now=now, contexts=self._contexts)
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
        kept = self._kept_now(url, now=now)
        if kept is not None:
            return kept
        try:
            published = Published(self._source.fetch(url, max_bytes=max_bytes).body, now)
        except OutboundError as error:
            return Absent(str(error))
        with self._lock:
            self._kept[url] = _Kept(published, keep_until(published.body))
            while len(self._kept) > MAX_KEPT:
                del self._kept[next(iter(self._kept))]
        return published

    def _kept_now(self, url: str, *, now: datetime) -> Published | None:
        """The document that was had lately enough; None where it would have to be asked for."""
        with self._lock:
            kept = self._kept.get(url)
        return kept.published if kept is not None and kept.published.fetched_at <= now < kept.until else None


class CarriedTrust:
    """Stands where a resolver stands, on a machine that asks nobody: its trust came along, as one value."""

    def __init__(self, trust: Callable[[], TrustBundle]) -> None:
        self._trust = trust

    def resolve(self, badge: ReadBadge, *, given_key: PublicKey | None = None) -> TrustBundle:
        """What came along, whatever the badge is."""
        return replace(self._trust(), given_key=given_key) if given_key else self._trust()

    def at_hand(self, issuer: str, lists: Sequence[str]) -> TrustBundle | None:
        """The same: all of it is at hand."""
        return self._trust()

    def documents_of(self, name: str) -> dict[str, Published | Absent]:
        """The DID document of `name`, if it came along."""
        found = self._trust().did_documents.get(name)
        return {} if found is None else {name: found}

    def lists_of(self, issuer: str, urls: Iterable[str]) -> TrustBundle:
        """What came along: nothing is had anew."""
        return self._trust()

    def gather(
        self, issuers: Iterable[str], *, lists: Mapping[str, Iterable[str]], achievements: Collection[str]
    ) -> TrustBundle:
        """What came along."""
        return self._trust()

    @property
    def contexts(self) -> ContextSet:
        """The JSON-LD contexts that are known here."""
        return self._trust().contexts


@dataclass(frozen=True)
class _Claim:
    """What an unverified credential says of itself: an issuer, and its content.

    `owned`: whether every key that it names is of that issuer, by the key's id. `verify` raises a KeysError unless
    it is signed by the key that it is given for a key id.
    """

    issuer: str
    content: JsonObject
    owned: bool
    verify: Callable[[Callable[[str], PublicKey | None]], object]

    def is_signed_by(self, keys: DidDocument | PublicKey) -> bool:
        """Whether it is signed by this key, or by keys that this document lists for assertions."""
        try:
            if isinstance(keys, DidDocument):
                self.verify(lambda kid: keys.key(kid, purpose="assertionMethod"))
            else:
                self.verify(lambda _: keys)
        except KeysError:
            return False
        return True


def _claim_of_token(token: str) -> _Claim | None:
    """The claim of a token, if it can be read."""
    try:
        parsed = jws.parse(token)
        content = document_of(strict_json.loads_object(parsed.payload))
    except (KeysError, StrictJsonError):
        return None
    kid = parsed.header.kid or ""

    def verify(key_of: Callable[[str], PublicKey | None]) -> None:
        key = key_of(kid)
        if key is None:
            raise SignatureError(f"There is no key {kid}.")
        jws.check_signature(parsed, key=key)

    issuer = issuer_of(content)
    return _Claim(issuer, content, _owner(kid) == issuer, verify)


def _claim_of_document(badge: ReadBadge, *, contexts: ContextSet) -> _Claim | None:
    """The claim of a document with proofs inside, if they can be read and one of them is known here."""
    try:
        found = proofs.proofs_in(badge, contexts=contexts)
    except (KeysError, StrictJsonError):
        return None

    def verify(key_of: Callable[[str], PublicKey | None]) -> None:
        for proof in found.proofs:
            key = key_of(proof.verification_method)
            if key is None:
                raise SignatureError(f"There is no key {proof.verification_method}.")
            found.verify(proof, key=key)

    content = found.document
    issuer = issuer_of(content)
    owned = {_owner(proof.verification_method) for proof in found.proofs} == {issuer}
    return _Claim(issuer, content, owned, verify) if found.proofs else None


def _host_of(issuer: str) -> str:
    """The host that publishes an issuer's documents; empty where none does."""
    try:
        return urlsplit(did.url_of_did_web(issuer)).netloc
    except KeysError:
        return ""


def _owner(kid: str) -> str | None:
    try:
        return did.did_of_key_id(kid)
    except KeysError:
        return None


def _document(claim: _Claim, *, trust: TrustBundle) -> DidDocument | None:
    """The issuer's document, if it is at hand and sound."""
    try:
        return story.read_document(claim.issuer, published=story.document_to_read(claim.issuer, trust=trust))
    except KeysError:
        return None


def _status_urls(content: JsonObject) -> list[str]:
    """The lists that a credential's status entries name, each once, no more than are read."""
    entries: JsonValue = content.get("credentialStatus")
    listed = entries if isinstance(entries, list) else [entries]
    urls = [status.list_url(entry) for entry in listed if isinstance(entry, dict)]
    return list(dict.fromkeys(url for url in urls if url is not None))[: status.MAX_ENTRIES]
