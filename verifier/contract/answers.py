"""From a verdict to the contract's answer: 200 with `verified: true`, or 400 with a problem. Pure (STANDARDS h).

A failed check of cryptography or of the data model always decides; time and status decide unless the request left
them out, and are told as warnings then. A 200 here is no acceptance: what a credential buys is decided elsewhere.
"""

from collections.abc import Iterable
from typing import Final

from schemas.strict_json import JsonObject, JsonValue
from verifier.contract.requests import PROOF, STATUS, Options, RequestError
from verifier.verification import problems
from verifier.verification.presentations import PresentationVerdict
from verifier.verification.verdict import Check, State, Verdict

OK, BAD_REQUEST = 200, 400
TIME: Final = "validity"
_GROUPS: Final = {"valid_from": TIME, "valid_until": TIME, "proof_expires": TIME, "status": STATUS}


def of_credential(verdict: Verdict, *, credential: JsonValue, options: Options) -> tuple[int, JsonObject]:
    """The status code and body for one credential."""
    errors, warnings = _sorted([verdict], options=options)
    extras: JsonObject = {"credential": credential} if options.returns_input else {}
    if options.returns_results:
        extras["results"] = _results(verdict, credential)
    return _answer(errors, warnings, extras=extras, options=options)


def of_presentation(
    verdict: PresentationVerdict, *, presentation: JsonValue, credentials: list[JsonValue], options: Options
) -> tuple[int, JsonObject]:
    """The status code and body for a presentation: verified if it and every credential in it is."""
    own = Verdict(verdict.checks)
    errors, warnings = _sorted([own, *verdict.credentials], options=options)
    extras: JsonObject = {"verifiablePresentation": presentation} if options.returns_input else {}
    if options.returns_results:
        each = zip(verdict.credentials, credentials, strict=True)
        extras["results"] = {
            "presentation": _presentation_results(verdict, presentation, options),
            "credentials": [_credential_result(inner, given, options) for inner, given in each],
        }
    return _answer(errors, warnings, extras=extras, options=options)


def of_request_error(error: RequestError, *, status: int = BAD_REQUEST) -> tuple[int, JsonObject]:
    """The answer to a request that cannot be carried out."""
    told: JsonObject = {
        "type": problems.TYPES[error.problem],
        "title": error.problem,
        "status": status,
        "detail": str(error),
    }
    return status, {**told, "verified": False, "problemDetails": [told]}


def _sorted(verdicts: Iterable[Verdict], *, options: Options) -> tuple[list[JsonObject], list[JsonObject]]:
    """What decides against it, and what is only to be known, in the order in which it was found."""
    errors: list[JsonObject] = []
    warnings: list[JsonObject] = []
    for verdict in verdicts:
        for check in verdict.checks:
            if not check.made or check.state is State.PASS:
                continue
            decides = options.decides(_GROUPS.get(check.id, PROOF))
            (errors if decides else warnings).append(_problem(check))
        warnings += [{"type": "about:blank", "title": "WARNING", "detail": text} for text in verdict.warnings]
    return errors, warnings


def _problem(check: Check) -> JsonObject:
    return {
        "type": problems.problem_type(check),
        "title": check.problem or problems.OF_CHECK[check.id],
        "detail": check.evidence or check.sentence,
        "check": check.id,
    }


def _answer(
    errors: list[JsonObject], warnings: list[JsonObject], *, extras: JsonObject, options: Options
) -> tuple[int, JsonObject]:
    told: JsonObject = {"problemDetails": [*errors, *warnings]} if options.returns_problems else {}
    if not errors:
        return OK, {"verified": True, **told, **extras}
    first = {name: errors[0][name] for name in ("type", "title", "detail")}
    body: JsonObject = {**first, "status": BAD_REQUEST, "verified": False, **told, **extras}
    return BAD_REQUEST, body


def _results(verdict: Verdict, credential: JsonValue) -> JsonObject:
    """One result for each part of the credential that was checked."""
    made = {check.id: check.state is State.PASS for check in verdict.checks if check.made}
    said = credential if isinstance(credential, dict) else {}
    results: JsonObject = {}
    for member, check in (("validFrom", "valid_from"), ("validUntil", "valid_until")):
        if member in said and check in made:
            results[member] = {"verified": made[check], "input": said[member]}
    for member, check in (
        ("credentialStatus", "status"),
        ("credentialSchema", "data_model"),
        ("proof", "signature"),
    ):
        value = said.get(member, [])
        entries = value if isinstance(value, list) else [value]
        results[member] = [{"verified": made.get(check, False), "input": entry} for entry in entries]
    return results


def _credential_result(verdict: Verdict, credential: JsonValue, options: Options) -> JsonObject:
    errors, warnings = _sorted([verdict], options=options)
    return {
        "verified": not errors,
        "problemDetails": [*errors, *warnings],
        "results": _results(verdict, credential),
    }


def _presentation_results(verdict: PresentationVerdict, presentation: JsonValue, options: Options) -> JsonObject:
    made = {check.id: check.state is State.PASS for check in verdict.checks if check.made}
    said = presentation if isinstance(presentation, dict) else {}
    results: JsonObject = {}
    for name, expected in (("challenge", options.expected.challenge), ("domain", options.expected.domain)):
        if expected is not None:
            results[name] = {"verified": made.get("challenge", False), "input": expected}
    if verdict.holder is not None:
        results["holder"] = {"verified": True, "input": verdict.holder}
    value = said.get("proof", [])
    entries = value if isinstance(value, list) else [value]
    results["proof"] = [{"verified": made.get("signature", False), "input": entry} for entry in entries]
    return results
