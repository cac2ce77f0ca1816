"""What a request asks for is read once; what is not understood is refused, never passed over."""

from typing import Any

import pytest

from issuer.contract.errors import BadRequestError
from issuer.contract.requests import (
    IssueRequest,
    ListRequest,
    StatusEntry,
    StatusRequest,
    read_issue,
    read_list,
    read_status,
)

LIST = "https://badges.example.org/status-lists/a"
ENTRY = {
    "type": "BitstringStatusListEntry",
    "statusPurpose": "revocation",
    "statusListIndex": "94567",
    "statusListCredential": LIST,
}


def issue(**options: Any) -> IssueRequest:
    return read_issue({"credential": {}, "options": options})


def status(**members: Any) -> StatusRequest:
    whole: dict[str, Any] = {"credentialId": "urn:x:1", "credentialStatus": ENTRY, "status": True, **members}
    return read_status({name: value for name, value in whole.items() if value is not ...})


def test_a_credential_alone_is_enough() -> None:
    assert read_issue({"credential": {"a": 1}}) == IssueRequest({"a": 1}, None, None)
    assert read_issue({"credential": None, "options": {}}) == IssueRequest(None, None, None)


def test_the_form_is_chosen_by_type_or_suite() -> None:
    assert issue(type="vc+jwt").form == "vc+jwt"
    assert issue(type="DataIntegrityProof").form is None
    assert issue(cryptosuite="ecdsa-jcs-2019").form == "ecdsa-jcs-2019"
    assert issue(cryptosuite="eddsa-rdfc-2022", type="DataIntegrityProof").form == "eddsa-rdfc-2022"
    assert issue(credentialId="an id").credential_id == "an id"


@pytest.mark.parametrize(
    ("body", "words", "code"),
    [
        ({}, "credential is missing", "MALFORMED_VALUE_ERROR"),
        ({"credential": {}, "options": None}, "options must be an object", "MALFORMED_VALUE_ERROR"),
        ({"credential": {}, "options": []}, "options must be an object", "MALFORMED_VALUE_ERROR"),
        ({"credential": {}, "colour": 1}, "colour is not understood", "UNKNOWN_OPTION_PROVIDED"),
    ],
)
def test_a_body_of_another_shape_is_refused(body: dict[str, Any], words: str, code: str) -> None:
    with pytest.raises(BadRequestError, match=words) as refused:
        read_issue(body)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("options", "words", "code"),
    [
        ({"colour": "red"}, r"options\.colour is not understood", "UNKNOWN_OPTION_PROVIDED"),
        ({"mandatoryPointers": ["/issuer"]}, "selective disclosure", "UNKNOWN_OPTION_PROVIDED"),
        ({"credentialId": 5}, "credentialId must be a text", "MALFORMED_VALUE_ERROR"),
        ({"credentialId": ""}, "credentialId must be a text", "MALFORMED_VALUE_ERROR"),
        ({"credentialId": "x" * 2001}, "credentialId must be a text", "MALFORMED_VALUE_ERROR"),
        ({"type": "Ed25519Signature2020"}, r"options\.type must be", "MALFORMED_VALUE_ERROR"),
        ({"type": None}, r"options\.type must be", "MALFORMED_VALUE_ERROR"),
        ({"type": "vc+jwt", "cryptosuite": "eddsa-rdfc-2022"}, "asks for a token", "MALFORMED_VALUE_ERROR"),
        ({"cryptosuite": "ecdsa-sd-2023"}, "must be one of", "PROOF_GENERATION_ERROR"),
        ({"cryptosuite": None}, "must be one of", "PROOF_GENERATION_ERROR"),
        ({"cryptosuite": ["eddsa-rdfc-2022"]}, "must be one of", "PROOF_GENERATION_ERROR"),
    ],
)
def test_an_option_that_is_not_understood_is_refused(options: dict[str, Any], words: str, code: str) -> None:
    with pytest.raises(BadRequestError, match=words) as refused:
        issue(**options)
    assert refused.value.code == code


def test_a_status_request_names_a_credential_and_an_entry() -> None:
    assert status(indexAllocator="https://allocator.example") == StatusRequest(
        "urn:x:1", StatusEntry("revocation", LIST, 94567), True
    )
    short = {"type": "BitstringStatusListEntry", "statusPurpose": "suspension"}
    assert status(credentialStatus=short, status=False).entry == StatusEntry("suspension", None, None)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"credentialId": ...}, "credentialId must be"),
        ({"status": "true"}, "status must be true or false"),
        ({"status": 1}, "status must be true or false"),
        ({"status": ...}, "status must be true or false"),
        ({"credentialStatus": [ENTRY]}, "credentialStatus must be an object"),
        ({"credentialStatus": {**ENTRY, "type": "Other"}}, r"credentialStatus\.type must be"),
        ({"credentialStatus": {**ENTRY, "statusPurpose": "message"}}, "statusPurpose must be"),
        ({"credentialStatus": {**ENTRY, "statusListIndex": 94567}}, "statusListIndex must be a text"),
        ({"credentialStatus": {**ENTRY, "statusListIndex": "-1"}}, "whole number"),
        ({"credentialStatus": {**ENTRY, "statusListIndex": "٣"}}, "whole number"),
        ({"credentialStatus": {**ENTRY, "statusListCredential": None}}, "statusListCredential must be"),
        ({"indexAllocator": 5}, "indexAllocator must be"),
        ({"colour": "red"}, "colour is not understood"),
    ],
)
def test_a_status_request_of_another_shape_is_refused(members: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequestError, match=words):
        status(**members)


def test_a_list_is_for_revocation_or_suspension() -> None:
    assert read_list({"statusPurpose": "suspension"}) == ListRequest("suspension", None)
    assert read_list({"statusPurpose": "revocation", "id": LIST, "options": {}}) == ListRequest("revocation", LIST)
    for body in ({}, {"statusPurpose": ["revocation"]}, {"statusPurpose": "refresh"}):
        with pytest.raises(BadRequestError, match="statusPurpose must be revocation or suspension"):
            read_list(body)  # type: ignore[arg-type]
    with pytest.raises(BadRequestError, match=r"options\.size is not understood"):
        read_list({"statusPurpose": "revocation", "options": {"size": 5}})
