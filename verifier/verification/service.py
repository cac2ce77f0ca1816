"""The use cases of verification: read what arrived, resolve what it rests on, tell the verdict.

What other rooms call. The pieces are pure (`reading`, `checks`, `proofs`, `presentations`) or bounded
(`resolver`); whether a valid badge buys something is decided in `verifier.registration`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from keys import jws
from keys.final_archive import FinalArchive
from keys.jwk import PublicKey
from schemas import strict_json, timestamps
from schemas.claims import document_of
from schemas.contexts import VERIFYING, ContextSet
from schemas.strict_json import JsonObject, JsonValue
from verifier.ground.clock import cpu_clock, system_clock
from verifier.ground.documents import DocumentSource
from verifier.ground.outbound import OutboundError
from verifier.verification import (
    case_file,
    checks,
    endorsements,
    presentations,
    proofs,
    reading,
    share_link,
    standing,
)
from verifier.verification.archives import ArchivedDocuments, Shelf
from verifier.verification.content import Level
from verifier.verification.errors import ReadingError
from verifier.verification.known_badges import KnownBadges
from verifier.verification.presentations import Expected, PresentationVerdict, Presented
from verifier.verification.reading import ReadBadge
from verifier.verification.report import Report
from verifier.verification.resolver import CarriedTrust, Resolver
from verifier.verification.share_link import OpenPage
from verifier.verification.standing import Finding, Lookup
from verifier.verification.trust import Published, TrustBundle
from verifier.verification.trusted_lists import TrustedLists, Vouching
from verifier.verification.verdict import Endorsement, Outcome, State, Verdict

# Seconds of CPU for all that stands inside one presentation or badge together. One credential alone is bounded by
# counts; many dear ones in one request would hold everybody else. Sixteen badges take a tenth of it.
MAX_CPU_SECONDS: Final = 0.3

_KNOWN = KnownBadges()


@dataclass(frozen=True)
class PresentationReport:
    """A presentation and its verdict at one moment."""

    presented: Presented
    verdict: PresentationVerdict
    checked_at: datetime


class Verification:
    """Verifies badges in any form against documents from one source.

    `trusted_issuers`: the DIDs on each named list of this office; `trusted_lists`: the addresses of others' lists.
    `open_page`: opens the page behind a link, for a caller who agrees; without it no link is followed.

    `carried`: on a machine that asks nobody, the trust that came along.
    `known_issuers`: a function that gives the DIDs whose dictionaries may be asked for; `clock` and `cpu` (seconds
    of work so far) are given by tests; `contexts`: the JSON-LD contexts that are known, and no others ever.
    `archives`: of programmes that have ended.
    """

    def __init__(
        self,
        source: DocumentSource,
        *,
        trusted_issuers: Mapping[str, tuple[str, ...]] | None = None,
        trusted_lists: Mapping[str, str] | None = None,
        open_page: OpenPage | None = None,
        known_issuers: Callable[[], Iterable[str]] = tuple,
        clock: Callable[[], datetime] = system_clock,
        cpu: Callable[[], float] = cpu_clock,
        contexts: ContextSet = VERIFYING,
        carried: Callable[[], TrustBundle] | None = None,
        archives: Shelf | None = None,
    ) -> None:
        self._source, self._archives = source, archives or Shelf()
        self._of_archives: dict[str, Resolver] = {}
        self._trusted = TrustedLists(trusted_issuers or {}, trusted_lists or {}, source=source, clock=clock)
        self._clock, self._cpu, self._open_page = clock, cpu, open_page
        self._known_issuers, self._contexts = known_issuers, contexts
        self._carried = None if carried is None else CarriedTrust(carried)
        self._resolver: Resolver | CarriedTrust = self._carried or self._new_resolver()

    def _new_resolver(self) -> Resolver | CarriedTrust:
        """One that has nothing yet, so that all is had anew."""
        return self._carried or Resolver(
            self._source,
            known_issuers=lambda: (*self._trusted.issuers(), *self._known_issuers()),
            clock=self._clock,
            contexts=self._contexts,
        )

    def verify(self, data: bytes, *, follow_link: bool = False) -> Report:
        """The report on a badge in any form that `reading` knows.

        `follow_link`: whoever asks agrees that the address of a page is opened, and that its server sees it.

        Raises:
            ReadingError: there is no badge in `data`, or behind the link.
        """
        if follow_link and self._open_page is not None and share_link.is_address(data):
            data = share_link.badge_behind(
                data.decode("utf-8", errors="replace").strip(), open_page=self._open_page
            )
        return self.verify_badge(reading.read(data))

    def badge_at(self, address: str) -> ReadBadge:
        """The badge that the page at an address shows, not verified. Its server sees that somebody looks.

        Raises:
            ReadingError: there is none, it could not be had, or no pages are opened here.
        """
        if self._open_page is None:
            raise ReadingError("This machine opens no pages.")
        return reading.read(share_link.badge_behind(address, open_page=self._open_page))

    def verify_badge(self, badge: ReadBadge) -> Report:
        """The report on a badge that was read already, with what others say about it.

        One with `as_of` rests on the archive of a programme that has ended, and says nothing of later.
        """
        ended = self._by_archive(badge)
        if ended is not None:
            return ended
        trust = self._resolver.resolve(badge)
        now = self._clock()
        verdict = judge(badge, trust=trust, now=now)
        issuer = verdict.outline.issuer if verdict.outline else None
        vouching = Vouching() if issuer is None else self._trusted.look_up(issuer)
        told = self._with_endorsements(badge, verdict, now=now)
        return Report(badge, told, now, vouching.names, trust, vouching.not_asked)

    def _by_archive(self, badge: ReadBadge, *, level: Level = Level.BADGE) -> Report | None:
        """The report as of the day on which the issuer's programme ended; None for one that has not."""
        for archive in self._archives.archives.values():
            trust = self._resolver_of(archive).resolve(badge)
            if not isinstance(trust.did_documents.get(archive.issuer), Published):
                continue
            verdict = judge(badge, trust=trust, now=archive.as_of, level=level)
            said = f"This programme ended on {timestamps.show(archive.as_of)[:10]} ({archive.reason})."
            known = "Its final archive says what held then; nothing is known of later."
            verdict = replace(verdict, warnings=(*verdict.warnings, f"{said} {known}"))
            vouching = self._trusted.look_up(archive.issuer)
            now = self._clock()
            return Report(badge, verdict, now, vouching.names, trust, vouching.not_asked, as_of=archive.as_of)
        return None

    def _resolver_of(self, archive: FinalArchive) -> Resolver:
        """Its documents, on its day."""
        kept = self._of_archives.get(archive.sha256)
        if kept is None:
            kept = self._of_archives[archive.sha256] = Resolver(
                ArchivedDocuments(archive), clock=lambda: archive.as_of, contexts=self._contexts
            )
        return kept

    def look_again(self, badges: Iterable[Lookup]) -> list[Finding]:
        """How badges that were valid once stand now, in their order; each document is had anew, once, whole. Those
        of a programme that has ended stand as its archive says.
        """
        asked, archives = list(badges), self._archives.archives
        resolver = self._new_resolver()
        urls: dict[str, list[str]] = {}
        for badge in asked:
            urls.setdefault(badge.issuer, []).extend(filter(None, [badge.url]))
        ended = {issuer: archives[issuer] for issuer in urls if issuer in archives}
        bundles = {
            issuer: (self._resolver_of(ended[issuer]) if issuer in ended else resolver).lists_of(issuer, listed)
            for issuer, listed in urls.items()
        }
        now = self._clock()
        moments = {issuer: archive.as_of for issuer, archive in ended.items()}
        return [
            standing.find(badge, trust=bundles[badge.issuer], now=moments.get(badge.issuer, now))
            for badge in asked
        ]

    def gather(
        self, issuers: Iterable[str], *, lists: Mapping[str, Iterable[str]], achievements: Collection[str]
    ) -> TrustBundle:
        """All that badges of these issuers may need, had anew: for a desk that will ask nobody. Nothing of one
        whose programme has ended: whoever has its host now may publish any key.
        """
        resolver, ended = self._new_resolver(), self._archives.archives
        living = [issuer for issuer in issuers if issuer not in ended]
        return resolver.gather(living, lists=lists, achievements=achievements)

    def document(self, url: str) -> bytes | None:
        """A public document that others may want to read, such as an achievement; None if it cannot be had."""
        try:
            return self._source.fetch(url).body
        except OutboundError:
            return None

    def tell_at_once(self, token: str) -> bytes | None:
        """The report on a badge as JSON text, if it passes every check, one like it was judged before, and all
        that it rests on is at hand: it asks nobody, and takes as long as a signature. None: ask `verify`.
        """
        found = _KNOWN.find(token, contexts=self._resolver.contexts)
        if found is None or found.known.lists is None or found.issuer in self._archives.archives:
            return None
        trust = self._resolver.at_hand(found.issuer, found.known.lists)
        vouching = self._trusted.at_hand(found.issuer)
        if trust is None or vouching is None:
            return None
        now = self._clock()
        verdict = found.judge(trust=trust, now=now)
        if verdict is None:
            return None
        badge = ReadBadge("jwt", token=token)
        report = Report(badge, verdict, now, vouching.names, trust, vouching.not_asked)
        return report.to_text(checks=found.known.texts(verdict))

    def recompute(self, case: bytes) -> Report:
        """The report that a case file leads to: the same badge, documents and moment, and no network.

        Raises:
            ReadingError: it is no case file, or was judged with other contexts.
        """
        badge, trust, now = case_file.read(case, contexts=self._resolver.contexts)
        return Report(badge, checks_of(badge, trust=trust, now=now), now, (), trust)

    def verify_credential(self, credential: JsonValue, *, given_key: PublicKey | None = None) -> Report:
        """The report on any verifiable credential: a document, an envelope, or a compact JWT as a text.

        `given_key`: the key to check it with, in place of those that its issuer publishes.

        Raises:
            ReadingError: it is neither.
        """
        read = reading.read_secured(credential)
        ended = self._by_archive(read, level=Level.CREDENTIAL) if given_key is None else None
        if ended is not None:
            return ended
        trust = self._resolver.resolve(read, given_key=given_key)
        now = self._clock()
        verdict = judge(read, trust=trust, now=now, level=Level.CREDENTIAL)
        return Report(read, self._with_endorsements(read, verdict, now=now), now)

    def verify_presentation(
        self, presentation: JsonValue, *, expected: Expected, given_key: PublicKey | None = None
    ) -> PresentationReport:
        """The report on a presentation and on every credential in it.

        `given_key`: the holder's key, in place of those that it publishes.

        Raises:
            ReadingError: it is none, holds what is no credential, or credentials that together take too much work.
        """
        begun = self._cpu()
        presented = presentations.read(presentation)
        holders = self._resolver.documents_of(presented.holder) if presented.holder else {}
        now = self._clock()
        trust = TrustBundle(now, did_documents=holders, contexts=self._resolver.contexts, given_key=given_key)
        made = presentations.verify(presented, expected=expected, trust=trust, now=now)
        verdicts: list[Verdict] = []
        for credential in presented.credentials:
            if self._cpu() - begun > MAX_CPU_SECONDS:
                raise ReadingError("The presentation is too much work to verify as a whole: give less at a time.")
            verdicts.append(self._judge_inside(credential, now=now))
        proved = presented.holder if any(check.id == "signature" and check.made for check in made) else None
        holder = proved if all(check.state is State.PASS for check in made) else None
        return PresentationReport(presented, PresentationVerdict(made, tuple(verdicts), holder), now)

    def _judge_inside(self, credential: ReadBadge, *, now: datetime) -> Verdict:
        """The verdict on a credential that stands in something else."""
        ended = self._by_archive(credential, level=Level.CREDENTIAL)
        if ended is not None:
            return ended.verdict
        return judge(credential, trust=self._resolver.resolve(credential), now=now, level=Level.CREDENTIAL)

    def _with_endorsements(self, badge: ReadBadge, verdict: Verdict, *, now: datetime) -> Verdict:
        """The verdict with those of its endorsements; for a badge that is not authentic nobody is asked about
        them.
        """
        if verdict.outline is None:
            return verdict
        told, warnings, begun = [], list(verdict.warnings), self._cpu()
        for found in endorsements.find(content_of(badge)):
            if self._cpu() - begun > MAX_CPU_SECONDS:
                warnings.append("Not every endorsement was looked at: they are too much work to verify.")
                break
            said = self._judge_inside(found.credential, now=now)
            content = content_of(found.credential) if said.outline else {}
            problem = endorsements.problem_of(content, endorsed=found.endorsed)
            if said.outcome is not Outcome.VALID or said.outline is None or problem is not None:
                warnings.append(problem if problem and said.outline else "An endorsement could not be verified.")
                continue
            told.append(Endorsement(said.outline.issuer, endorsements.comment_of(content), said))
        return replace(verdict, warnings=tuple(warnings), endorsements=tuple(told))


def judge(badge: ReadBadge, *, trust: TrustBundle, now: datetime, level: Level = Level.BADGE) -> Verdict:
    """The verdict on a badge, told as its form wants it: as a token, or as a document with proofs inside."""
    if badge.document is not None:
        return proofs.verify(badge, trust=trust, now=now, level=level)
    if level is not Level.BADGE:
        return checks.verify(badge, trust=trust, now=now, level=level)
    known = _KNOWN.judge(badge, trust=trust, now=now)
    if known is not None:
        return known
    verdict = checks.verify(badge, trust=trust, now=now)
    _KNOWN.remember(badge, verdict, trust=trust)
    return verdict


def checks_of(badge: ReadBadge, *, trust: TrustBundle, now: datetime) -> Verdict:
    """The verdict by the whole story, whatever was judged before."""
    story = checks.verify if badge.document is None else proofs.verify
    return story(badge, trust=trust, now=now)


def content_of(badge: ReadBadge) -> JsonObject:
    """What a credential says, without its registered claims, once it was found authentic; {} for a code."""
    if badge.document is not None:
        return strict_json.loads_object(badge.document)
    return document_of(strict_json.loads_object(jws.parse(badge.token).payload)) if badge.token else {}
