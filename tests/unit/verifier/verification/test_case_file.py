"""A case file: the same verdict again from one document, without any network, and nothing believed for standing
there.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from schemas import badge_qr, strict_json
from schemas.contexts import SIGNING
from tests.unit.verifier.simulator import Clock, DocumentsInMemory, IssuerSimulator
from verifier.verification import case_file
from verifier.verification.errors import ReadingError
from verifier.verification.report import Report
from verifier.verification.service import Verification
from verifier.verification.verdict import Outcome

ISSUER = IssuerSimulator()
REVOKED = IssuerSimulator(revoked={94567})


def reported(badge: str, *, issuer: IssuerSimulator = ISSUER, without: str = "") -> Report:
    documents = DocumentsInMemory.of([issuer])
    documents.documents.pop(without, None)
    documents.hosts = (issuer.host,)
    return Verification(documents, clock=Clock()).verify(badge.encode())


def recomputed(case: Any) -> Report:
    """From the file alone: there is nobody to ask, and the clock says another day."""
    later = Clock()
    later.pass_by(days=400)
    nobody = DocumentsInMemory()
    report = Verification(nobody, clock=later).recompute(strict_json.dumps(case).encode())
    assert nobody.asked == []
    return report


CASES: dict[str, Callable[[], Report]] = {
    "token": lambda: reported(ISSUER.token()),
    "document": lambda: reported(strict_json.dumps(ISSUER.secured())),
    "code": lambda: reported(badge_qr.to_desk_text(ISSUER.packed())),
    "withdrawn": lambda: reported(REVOKED.token(), issuer=REVOKED),
    "changed": lambda: reported(strict_json.dumps(ISSUER.secured() | {"name": "x"})),
    "list out of reach": lambda: reported(ISSUER.token(), without=ISSUER.list_url),
    "issuer out of reach": lambda: reported(ISSUER.token(), without=f"{ISSUER.base}/.well-known/did.json"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_same_verdict_comes_out_of_the_file_alone(name: str) -> None:
    report = CASES[name]()
    again = recomputed(case_file.write(report))

    assert again.verdict.checks == report.verdict.checks
    assert again.verdict.outcome is report.verdict.outcome
    assert again.checked_at == report.checked_at
    told = {"trusted_by", "form"}
    assert {k: v for k, v in again.to_json().items() if k not in told} == {
        k: v for k, v in report.to_json().items() if k not in told
    }


def test_a_case_that_somebody_touched_does_not_lead_to_valid() -> None:
    case: Any = case_file.write(reported(REVOKED.token(), issuer=REVOKED))
    case["verdict"] = "valid"
    assert recomputed(case).verdict.outcome is Outcome.NOT_VALID

    case = case_file.write(reported(ISSUER.token()))
    thief = IssuerSimulator(seed="a thief")
    case["badge"]["token"] = thief.token()
    assert recomputed(case).verdict.outcome is Outcome.NOT_VALID


@pytest.mark.parametrize(
    "act",
    [
        lambda c: c.pop("now"),
        lambda c: c.update(now="yesterday"),
        lambda c: c.update(case="another kind"),
        lambda c: c.update(contexts=SIGNING.digest),
        lambda c: c.update(added=1),
        lambda c: c.update(trust=[]),
        lambda c: c["trust"].update(status_lists=7),
        lambda c: c["trust"].update(dictionaries=["%"]),
        lambda c: c["trust"]["did_documents"].update({ISSUER.did: {"body": "===", "fetched_at": "x"}}),
        lambda c: c["badge"].pop("token"),
        lambda c: c["badge"].update(token=7),
    ],
)
def test_what_is_no_sound_case_file_is_one_sentence(act: Callable[[Any], object]) -> None:
    case = json.loads(strict_json.dumps(case_file.write(reported(ISSUER.token()))))
    act(case)
    with pytest.raises(ReadingError) as refused:
        recomputed(case)
    assert "\n" not in str(refused.value)
