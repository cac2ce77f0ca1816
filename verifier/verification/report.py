"""A credential with its verdict at one moment, and how programs are told it: the API, `--json`.

What a page or a terminal says about it is made there, out of the same verdict.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring

from schemas import timestamps
from schemas.strict_json import JsonObject, JsonValue
from verifier.verification.problems import problem_type
from verifier.verification.reading import ReadBadge
from verifier.verification.trust import TrustBundle
from verifier.verification.verdict import Check, Endorsement, Outcome, State, Verdict

_WRITER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Report:
    """A badge and its verdict at one moment. `trusted_by`: the named lists that hold its issuer; `not_asked`:
    those that could not be asked; `trust`: all that the verdict rests on, for a case file. `as_of`: for which
    moment the verdict is, where the issuer's programme has ended and its final archive speaks for it.
    """

    badge: ReadBadge
    verdict: Verdict
    checked_at: datetime
    trusted_by: tuple[str, ...] = ()
    trust: TrustBundle = field(default_factory=lambda: TrustBundle(NEVER), compare=False, repr=False)
    not_asked: tuple[str, ...] = ()
    as_of: datetime | None = None

    def to_json(self) -> JsonObject:
        """The verdict as the API and `--json` tell it; what the badge says is there only if it is authentic."""
        return self._head() | {"checks": [check_json(check) for check in self.verdict.checks]}

    def to_text(self, *, checks: bytes | None = None) -> bytes:
        """The same as JSON text in UTF-8. `checks`: their texts, joined by commas, where those are at hand."""
        told = b",".join(map(check_text, self.verdict.checks)) if checks is None else checks
        return b"".join((self._head_text(), b',"checks":[', told, b"]}"))

    def _head_text(self) -> bytes:
        """`_head` as text, but for its end. What badges of one achievement have in common is written once."""
        said, outline, verdict = self.verdict.statement, self.verdict.outline, self.verdict
        if said is None or outline is None or self.as_of or verdict.warnings or verdict.endorsements:
            return _text(self._head())[:-1].encode()
        before, after = _common_text(
            verdict.outcome,
            self.badge.form,
            outline.issuer,
            said.achievement,
            said.achievement_name,
            self.trusted_by,
            self.not_asked,
        )
        name, valid_from, valid_until = said.name, outline.valid_from, outline.valid_until
        own = (
            f',"name":{"null" if name is None else encode_basestring(name)}'
            f',"valid_from":{_moment(valid_from)},"valid_until":{_moment(valid_until)}'
        )
        return b"".join((before, own.encode(), after, _moment(self.checked_at).encode()))

    def _head(self) -> JsonObject:
        said, outline = self.verdict.statement, self.verdict.outline
        valid_from, valid_until = (outline.valid_from, outline.valid_until) if outline else (None, None)
        return {
            "verdict": self.verdict.outcome.value,
            "form": self.badge.form,
            "issuer": outline.issuer if outline else None,
            "achievement": said.achievement if said else None,
            "achievement_name": said.achievement_name if said else None,
            "name": said.name if said else None,
            "valid_from": timestamps.show(valid_from) if valid_from else None,
            "valid_until": timestamps.show(valid_until) if valid_until else None,
            "trusted_by": list(self.trusted_by),
            "lists_not_asked": list(self.not_asked),
            "warnings": list(self.verdict.warnings),
            "endorsements": [_endorsement_json(endorsement) for endorsement in self.verdict.endorsements],
            "as_of": timestamps.show(self.as_of) if self.as_of else None,
            "checked_at": timestamps.show(self.checked_at),
        }


def _endorsement_json(endorsement: Endorsement) -> JsonObject:
    return {
        "issuer": endorsement.issuer,
        "comment": endorsement.comment,
        "verdict": endorsement.verdict.outcome.value,
    }


def _moment(moment: datetime | None) -> str:
    return "null" if moment is None else f'"{timestamps.show(moment)}"'


def check_text(check: Check) -> bytes:
    """One check as JSON text in UTF-8."""
    before, between = _around(check.id, check.state, check.made, check.problem, check.lasting)
    age = "null" if check.age is None else str(int(check.age.total_seconds()))
    return b"".join((before, encode_basestring(check.evidence).encode(), between, age.encode(), b"}"))


@lru_cache(maxsize=256)
def _common_text(
    outcome: Outcome,
    form: str,
    issuer: str,
    achievement: str,
    achievement_name: str,
    trusted_by: tuple[str, ...],
    not_asked: tuple[str, ...],
) -> tuple[bytes, bytes]:
    """What stands in a head before the badge's own members, and what after them."""
    before: JsonObject = {
        "verdict": outcome.value,
        "form": form,
        "issuer": issuer,
        "achievement": achievement,
        "achievement_name": achievement_name,
    }
    after: JsonObject = {
        "trusted_by": list(trusted_by),
        "lists_not_asked": list(not_asked),
        "warnings": [],
        "endorsements": [],
        "as_of": None,
    }
    return _text(before)[:-1].encode(), f',{_text(after)[1:-1]},"checked_at":'.encode()


@lru_cache(maxsize=1024)  # the words of a check stand in a table: few of them come out differently
def _around(check_id: str, state: State, made: bool, problem: str, lasting: bool) -> tuple[bytes, bytes]:
    """What stands before a check's evidence, and between that and its age."""
    check = Check(check_id, state, made=made, problem=problem, lasting=lasting)
    told = check_json(check)
    names = list(told)
    at = names.index("evidence")
    assert names[-1] == "age_seconds"
    before = _text({name: told[name] for name in names[:at]})[:-1]
    between = _text({name: told[name] for name in names[at + 1 : -1]})[1:-1]
    return f'{before},"evidence":'.encode(), f',{between},"age_seconds":'.encode()


def _text(value: JsonValue) -> str:
    return _WRITER.encode(value)


def check_json(check: Check) -> dict[str, JsonValue]:
    """One check for programs: its state, what it looks at, what was seen, and the standard's problem type."""
    return {
        "id": check.id,
        "state": check.state.value,
        "made": check.made,
        "sentence": check.sentence,
        "clause": check.sentence_for("integrator"),
        "evidence": check.evidence,
        "problem": problem_type(check) if check.made else None,
        "age_seconds": None if check.age is None else int(check.age.total_seconds()),
    }
