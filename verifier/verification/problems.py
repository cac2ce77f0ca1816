"""The standards' names for what can be wrong: the problem type of each check, as the HTTP contract tells it.

A check's outcome may carry a narrower code of its own. Sentences for people are in `sentences`; which problem
decides a request is the contract's affair.
"""

from collections.abc import Mapping

from verifier.verification.verdict import Check, State

_VC = "https://www.w3.org/TR/vc-data-model#"  # VCDM 2.0 §7.1
_SECURITY = "https://w3id.org/security#"  # VC Data Integrity 1.0 §2.9
_STATUS = "https://www.w3.org/ns/credentials/status-list#"  # Bitstring Status List 1.0 §5

TYPES: Mapping[str, str] = {
    **{
        code: f"{_VC}{code}"
        for code in ("PARSING_ERROR", "CRYPTOGRAPHIC_SECURITY_ERROR", "MALFORMED_VALUE_ERROR", "RANGE_ERROR")
    },
    **{
        code: f"{_SECURITY}{code}"
        for code in (
            "PROOF_GENERATION_ERROR",
            "PROOF_VERIFICATION_ERROR",
            "PROOF_TRANSFORMATION_ERROR",
            "INVALID_DOMAIN_ERROR",
            "INVALID_CHALLENGE_ERROR",
            "DATA_LOSS_DETECTION_ERROR",
        )
    },
    **{
        code: f"{_STATUS}{code}"
        for code in ("STATUS_RETRIEVAL_ERROR", "STATUS_VERIFICATION_ERROR", "STATUS_LIST_LENGTH_ERROR")
    },
    "UNKNOWN_OPTION_PROVIDED": "https://www.w3.org/TR/vcalm#UNKNOWN_OPTION_PROVIDED",
}

# The problem of each check that was not passed, unless its outcome says a narrower one.
OF_CHECK: Mapping[str, str] = {
    **dict.fromkeys(("unpacking", "token", "header", "payload"), "PARSING_ERROR"),
    **dict.fromkeys(("context", "data_model", "vc_claim"), "MALFORMED_VALUE_ERROR"),
    **dict.fromkeys(("proof", "proof_suite", "proof_purpose"), "PROOF_VERIFICATION_ERROR"),
    **dict.fromkeys(
        ("key_owner", "issuer_document", "issuer_key", "signature", "holder"), "CRYPTOGRAPHIC_SECURITY_ERROR"
    ),
    **dict.fromkeys(
        ("issuer_claim", "id_claim", "subject_claim", "valid_from_claim", "valid_until_claim"),
        "CRYPTOGRAPHIC_SECURITY_ERROR",
    ),
    **dict.fromkeys(("valid_from", "valid_until", "proof_expires"), "RANGE_ERROR"),
    "status": "STATUS_VERIFICATION_ERROR",
    "challenge": "INVALID_CHALLENGE_ERROR",
}


def problem_type(check: Check) -> str | None:
    """The URL of what is wrong with a check's outcome; None for one that passed."""
    return None if check.state is State.PASS else TYPES[check.problem or OF_CHECK[check.id]]
