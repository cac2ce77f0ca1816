"""A decision as a file that anybody can repeat, to whom its holder gives it (POLICY §4). Pure.

It holds the rules as they were published, the records as the decision saw them, and the decision itself. Other
people appear as `other-1`, never by name, account or reference: the decision only asks whether there are any.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import ValidationError

from issuer.contributions.model import Facts
from issuer.people.model import Pause
from issuer.recognition import merits
from issuer.recognition.decision import ENGINE, Decision, Line, Rules, decide
from issuer.recognition.item import Attested, Item
from schemas import jcs, policy, strict_json
from schemas.strict_json import JsonObject, JsonValue

FORMAT = "badgewright-case/1"
MAX_BYTES = 8 << 20  # a person with ten thousand records, ten times over
_ACCOUNTS = ("accepted_by", "owner", "moved_by")  # whose they are is said by the item; the names stay at home


class CaseFileError(ValueError):
    """A case file that cannot be read; one sentence."""


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What repeating a case gave. `differences`: where it is not what the file says, by field."""

    decision: Decision
    differences: tuple[str, ...]

    @property
    def same(self) -> bool:
        return not self.differences


def write(items: Iterable[Item], rules: Rules, *, as_of: datetime, pauses: tuple[Pause, ...] = ()) -> bytes:
    """The case of one person: canonical JSON (RFC 8785), so that the same case is the same bytes."""
    listed = sorted(items, key=lambda item: item.id)
    decision = decide(listed, rules, as_of=as_of, pauses=pauses)
    case: JsonObject = {
        "format": FORMAT,
        "engine": ENGINE,
        "policy": {
            "id": rules.policy.id,
            "version": rules.policy.version,
            "sha256": rules.policy.digest,
            "document": rules.policy.document.decode(),
        },
        "as_of": decision.as_of.isoformat(),
        "pauses": [[pause.begins.isoformat(), pause.ends.isoformat()] for pause in pauses],
        "items": [_written(item) for item in listed],
        "decision": said(decision),
    }
    return jcs.canonicalise(case)


def recompute(data: bytes) -> Recomputed:
    """Decide again from the file alone, and compare with what it says, bit for bit.

    Raises:
        CaseFileError: it is none, of another format, or its rules are not those of the digest that it names.
    """
    try:
        case = strict_json.loads_object(data, max_bytes=MAX_BYTES)
    except strict_json.StrictJsonError as error:
        raise CaseFileError(f"The case file cannot be read: {error}") from error
    if case.get("format") != FORMAT:
        raise CaseFileError(f"This is no case file of the format {FORMAT!r}.")
    if case.get("engine") != ENGINE:
        raise CaseFileError(
            f"The case was decided by the engine {case.get('engine')!r}, and this is {ENGINE!r}: use that version."
        )
    try:
        return _recompute(case)
    except (KeyError, TypeError, AttributeError, ValidationError, InvalidOperation, ValueError) as error:
        if isinstance(error, CaseFileError):
            raise
        raise CaseFileError(f"The case file is damaged: {type(error).__name__} at {error}.") from error


def said(decision: Decision) -> JsonObject:
    """A decision as values: outcome, and each record's line."""
    change = decision.smallest_change
    badges: list[JsonValue] = [merit.badge for merit in merits.earned(decision)]
    return {
        # A policy without a catalogue says nothing of badges per kind, as cases did before there were any.
        **({"badges": badges} if decision.rules.policy.catalogue else {}),
        "tier": decision.tier,
        "credits": str(decision.credits),
        "active_months": decision.active_months,
        "active_quarters": decision.active_quarters,
        "smallest_change": None
        if change is None
        else {
            "tier": change.tier,
            "attest": [item.id for item in change.waiting],
            "credits": str(change.shortage.credits),
            "months": change.shortage.months,
            "quarters": change.shortage.quarters,
        },
        "lines": [_line(line) for line in decision.lines],
    }


def _line(line: Line) -> JsonObject:
    return {
        "item": line.item.id,
        "kind": line.kind,
        "clause": line.clause,
        "credits": str(line.credits),
        "weight": str(line.weight),
        "condition": str(line.predicate) if line.predicate else None,
        "missing": line.missing,
    }


def _recompute(case: Mapping[str, Any]) -> Recomputed:
    document = case["policy"]["document"].encode()
    if hashlib.sha256(document).hexdigest() != case["policy"]["sha256"]:
        raise CaseFileError("The rules in the case file are not those of the SHA-256 that it names.")
    rules = Rules.of(policy.load(document, name="the case's policy"))
    pauses = tuple(Pause(datetime.fromisoformat(a), datetime.fromisoformat(b)) for a, b in case["pauses"])
    items = [_read(fields) for fields in case["items"]]
    decision = decide(items, rules, as_of=datetime.fromisoformat(case["as_of"]), pauses=pauses)
    given, made = case["decision"], said(decision)
    differences = [name for name in sorted(given.keys() | made.keys()) if given.get(name) != made.get(name)]
    for name, value in (("id", rules.policy.id), ("version", rules.policy.version)):
        if case["policy"].get(name) != value:
            differences.append(f"policy.{name}")
    return Recomputed(decision, tuple(differences))


def _written(item: Item) -> JsonObject:
    facts: JsonObject = item.facts.model_dump(mode="json", exclude_defaults=True, exclude=set(_ACCOUNTS))
    attestations: list[JsonValue] = [
        {"role": a.role, "statements": [*sorted(a.statements)], "attendees": a.attendees}
        for a in item.attestations
    ]
    return {
        "id": item.id,
        "record": item.record,
        "source": item.source,
        "happened_at": item.happened_at.isoformat(),
        "facts": facts,
        "by_machine": item.by_machine,
        "accepted_by_others": len(item.acceptors),
        "own_change": item.own_change,
        "reverted": item.reverted,
        "moved_by_another": item.moved_by_another,
        "other_affiliation": item.other_affiliation,
        "attestations": attestations,
        "has_record_of_event": item.has_record_of_event,
        "attested_by_oneself": item.attested_by_oneself,
        "evidence": item.evidence,
    }


def _read(fields: Mapping[str, Any]) -> Item:
    return Item(
        id=fields["id"],
        record=fields["record"],
        source=fields["source"],
        happened_at=datetime.fromisoformat(fields["happened_at"]),
        facts=Facts.model_validate(
            {k: Decimal(v) if k in {"quantity", "credits"} else v for k, v in fields["facts"].items()}
        ),
        by_machine=fields["by_machine"],
        acceptors=frozenset(f"other-{n + 1}" for n in range(fields["accepted_by_others"])),
        own_change=fields["own_change"],
        reverted=fields["reverted"],
        moved_by_another=fields["moved_by_another"],
        other_affiliation=fields["other_affiliation"],
        attestations=tuple(
            Attested(f"other-{n}", a["role"], frozenset(a["statements"]), a["attendees"])
            for n, a in enumerate(fields["attestations"], start=1)
        ),
        has_record_of_event=fields["has_record_of_event"],
        attested_by_oneself=fields["attested_by_oneself"],
        evidence=fields["evidence"],
    )
