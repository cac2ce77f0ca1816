"""A badge judged for a desk whose page cannot: one with its proof inside the JSON, which a program reads here.

The desk trusts whoever decides for that, as it trusts it for the grant. What is told is what the page would have
found by itself in a code (`keys/browser/verify.js`): every check, and what the badge says.
"""

from schemas.credential import OpenBadgeCredential
from schemas.identity import EMAIL_TYPE
from schemas.strict_json import JsonObject, JsonValue
from verifier.verification.report import Report
from verifier.verification.verdict import Outcome


def told(report: Report) -> JsonObject:
    """A report as the page has its own verdicts; `statement` only for a badge that is valid. One of a programme
    that has ended is good as of a day, by which nothing is granted: of now nothing is known.
    """
    verdict = report.verdict
    valid = verdict.outcome is Outcome.VALID and report.as_of is None
    ended = verdict.outcome is Outcome.VALID and report.as_of is not None
    checks: list[JsonValue] = [
        {"id": check.id, "state": check.state.value, "evidence": check.evidence, "made": check.made}
        for check in verdict.checks
    ]
    return {
        "outcome": Outcome.UNKNOWN.value if ended else verdict.outcome.value,
        "checks": checks,
        "statement": statement(verdict.require()) if valid else None,
    }


def statement(badge: OpenBadgeCredential) -> JsonObject:
    """What a badge says, with the members that the page's own statement has; times in milliseconds."""
    subject = badge.credentialSubject
    addresses: list[JsonValue] = [
        {"identityHash": one.identityHash, "salt": one.salt}
        for one in subject.identities(EMAIL_TYPE)
        if one.hashed
    ]
    return {
        "issuer": badge.issuer.id,
        "issuerName": badge.issuer.name,
        "achievement": subject.achievement.id,
        "achievementName": subject.achievement.name,
        "name": subject.name,
        "subject": subject.id,
        "references": [*subject.holder_references],
        "hashedAddresses": addresses,
        "term": subject.term,
        "validFrom": round(badge.validFrom.timestamp() * 1000),
        "validUntil": None if badge.validUntil is None else round(badge.validUntil.timestamp() * 1000),
    }
