"""The use cases of verification: read what arrived, resolve what it rests on, tell the verdict.

What other rooms call. The pieces are pure (`reading`, `checks`, `proofs`) or bounded (`resolver`); whether a
valid badge buys something is decided in `verifier.registration`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from schemas import timestamps
from schemas.strict_json import JsonObject, JsonValue
from verifier.ground.clock import system_clock
from verifier.ground.documents import DocumentSource
from verifier.verification import checks, proofs, reading
from verifier.verification.reading import ReadBadge
from verifier.verification.resolver import Resolver
from verifier.verification.trust import TrustBundle
from verifier.verification.verdict import Check, Verdict


@dataclass(frozen=True)
class Report:
    """A badge and its verdict at one moment. `trusted_by`: the named lists that hold its issuer."""

    badge: ReadBadge
    verdict: Verdict
    checked_at: datetime
    trusted_by: tuple[str, ...] = ()

    def to_json(self) -> JsonObject:
        """The verdict as the API and `--json` tell it; what the badge says is there only if it is authentic."""
        said = self.verdict.statement
        return {
            "verdict": self.verdict.outcome.value,
            "form": self.badge.form,
            "issuer": said.issuer if said else None,
            "achievement": said.achievement if said else None,
            "achievement_name": said.achievement_name if said else None,
            "name": said.name if said else None,
            "valid_from": timestamps.show(said.valid_from) if said else None,
            "valid_until": timestamps.show(said.valid_until) if said and said.valid_until else None,
            "trusted_by": list(self.trusted_by),
            "checked_at": timestamps.show(self.checked_at),
            "checks": [_check_json(check) for check in self.verdict.checks],
        }


class Verification:
    """Verifies badges in any form against documents from one source.

    `known_issuers`: a function that gives the DIDs whose dictionaries may be asked for; `clock` is given by
    tests.
    """

    def __init__(
        self,
        source: DocumentSource,
        *,
        trusted_issuers: Mapping[str, tuple[str, ...]] | None = None,
        known_issuers: Callable[[], Iterable[str]] = tuple,
        clock: Callable[[], datetime] = system_clock,
    ) -> None:
        self._trusted = trusted_issuers or {}
        self._clock = clock
        listed = tuple(issuer for issuers in self._trusted.values() for issuer in issuers)
        self._resolver = Resolver(source, known_issuers=lambda: (*listed, *known_issuers()), clock=clock)

    def verify(self, data: bytes) -> Report:
        """The report on a badge in any form that `reading` knows.

        Raises:
            ReadingError: there is no badge in `data`.
        """
        return self.verify_badge(reading.read(data))

    def verify_badge(self, badge: ReadBadge) -> Report:
        """The report on a badge that was read already."""
        trust = self._resolver.resolve(badge)
        now = self._clock()
        verdict = judge(badge, trust=trust, now=now)
        issuer = verdict.statement.issuer if verdict.statement else None
        trusted_by = tuple(name for name, issuers in self._trusted.items() if issuer in issuers)
        return Report(badge, verdict, now, trusted_by)


def judge(badge: ReadBadge, *, trust: TrustBundle, now: datetime) -> Verdict:
    """The verdict on a badge, told as its form wants it: as a token, or as a document with proofs inside."""
    story = checks.verify if badge.document is None else proofs.verify
    return story(badge, trust=trust, now=now)


def _check_json(check: Check) -> dict[str, JsonValue]:
    return {
        "id": check.id,
        "state": check.state.value,
        "made": check.made,
        "sentence": check.sentence,
        "clause": check.sentence_for("integrator"),
        "evidence": check.evidence,
        "age_seconds": None if check.age is None else int(check.age.total_seconds()),
    }
