"""The badge's shape: what must be there, what may come in two spellings, and what survives unknown."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from schemas import identity
from schemas.credential import (
    OB_CONTEXT,
    VC_CONTEXT,
    Achievement,
    AchievementSubject,
    CredentialError,
    Criteria,
    OpenBadgeCredential,
    Profile,
    read,
    write,
)
from schemas.strict_json import JsonObject, dumps

REFERENCE = "urn:uuid:6f1c1c0e-52d1-4b57-9c55-6a4a6e0a7d11"


def document() -> dict[str, Any]:
    """A badge with every member that is required, and some that are not."""
    return {
        "@context": [VC_CONTEXT, OB_CONTEXT],
        "id": "urn:uuid:00000000-0000-4000-8000-000000000001",
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": "Contributor 2026",
        "issuer": {"id": "did:web:badges.example.org", "type": ["Profile"], "name": "Example Foundation"},
        "validFrom": "2026-11-22T09:00:00Z",
        "validUntil": "2027-03-31T23:59:59Z",
        "credentialSubject": {
            "id": REFERENCE,
            "type": ["AchievementSubject"],
            "identifier": [
                {"type": "IdentityObject", "hashed": False, "identityHash": REFERENCE, "identityType": "systemId"},
                {"type": "IdentityObject", "hashed": False, "identityHash": "Ada Quin", "identityType": "name"},
            ],
            "achievement": {
                "id": "https://badges.example.org/achievements/contributor",
                "type": ["Achievement"],
                "name": "Contributor",
                "description": "Work for the community.",
                "criteria": {"id": "https://badges.example.org/policy"},
            },
        },
        "credentialStatus": [
            {
                "type": "BitstringStatusListEntry",
                "statusPurpose": "revocation",
                "statusListIndex": "94567",
                "statusListCredential": "https://badges.example.org/status/1",
            }
        ],
        "relatedResource": [{"id": "https://badges.example.org/policy.yaml", "digestSRI": "sha384-AAAA"}],
        "evidence": [{"type": ["Evidence"], "id": "https://books.example/changes/1"}],
    }


def changed(change: Callable[[dict[str, Any]], object]) -> JsonObject:
    made = copy.deepcopy(document())
    change(made)
    return made


def test_badge_survives_reading_and_writing() -> None:
    assert write(read(document())) == document()
    assert list(write(read(document()))) == list(document())


def test_what_we_do_not_know_survives_at_every_level() -> None:
    def add(made: dict[str, Any]) -> None:
        for part in (
            made,
            made["issuer"],
            made["credentialSubject"],
            made["credentialSubject"]["achievement"],
            made["credentialSubject"]["achievement"]["criteria"],
            made["credentialStatus"][0],
            made["relatedResource"][0],
            made["evidence"][0],
        ):
            part["x-ours"] = {"deep": [1, {"er": "ä"}], "number": 1.5}

    assert write(read(changed(add))) == changed(add)


def test_single_values_are_taken_for_sets_and_written_as_sets() -> None:
    def compact(made: dict[str, Any]) -> None:
        made["credentialStatus"] = made["credentialStatus"][0]
        made["relatedResource"] = made["relatedResource"][0]
        made["evidence"] = made["evidence"][0]
        made["evidence"]["type"] = "Evidence"
        made["issuer"]["type"] = "Profile"
        subject = made["credentialSubject"]
        subject["type"] = "AchievementSubject"
        subject["achievement"]["type"] = "Achievement"
        subject["achievement"]["tag"] = "operations"
        subject["identifier"] = subject["identifier"][0]

    written = write(read(changed(compact)))
    subject: Any = written["credentialSubject"]
    assert written["credentialStatus"] == document()["credentialStatus"]
    assert written["evidence"] == document()["evidence"]
    assert subject["type"] == ["AchievementSubject"]
    assert subject["achievement"]["tag"] == ["operations"]
    assert subject["identifier"] == document()["credentialSubject"]["identifier"][:1]


def test_issuer_may_be_given_by_its_id_alone() -> None:
    assert read(changed(lambda d: d.update(issuer="did:web:badges.example.org"))).issuer.id == (
        "did:web:badges.example.org"
    )


def test_achievement_credential_is_the_same_type() -> None:
    types = ["VerifiableCredential", "AchievementCredential", "x:Other"]
    assert list(read(changed(lambda d: d.update(type=types))).type) == types


def test_nothing_empty_is_written() -> None:
    made = OpenBadgeCredential(
        context=(VC_CONTEXT, OB_CONTEXT),
        id="urn:uuid:1",
        type=("VerifiableCredential", "OpenBadgeCredential"),
        issuer=Profile(id="did:web:badges.example.org", type=("Profile",)),
        validFrom=datetime(2026, 11, 22, 9, tzinfo=UTC),
        evidence=(),
        credentialSubject=AchievementSubject(
            id=REFERENCE,
            type=("AchievementSubject",),
            identifier=(),
            achievement=Achievement(
                id="https://badges.example.org/a",
                type=("Achievement",),
                name="A",
                description="B",
                criteria=Criteria(narrative="Do it."),
            ),
        ),
    )
    text = dumps(write(made))
    assert "null" not in text and "[]" not in text
    assert '"validFrom":"2026-11-22T09:00:00Z"' in text and "validUntil" not in text


def test_empty_arrays_and_nulls_that_arrived_are_not_written_either() -> None:
    written = write(read(changed(lambda d: d.update({"x-empty": [], "x-null": None, "name": None}))))
    assert not {"x-empty", "x-null", "name"} & written.keys()


def without(*path: str | int) -> Callable[[dict[str, Any]], object]:
    def remove(made: dict[str, Any]) -> None:
        part: Any = made
        for step in path[:-1]:
            part = part[step]
        del part[path[-1]]

    return remove


ACHIEVEMENT = ("credentialSubject", "achievement")


@pytest.mark.parametrize(
    "path",
    [
        ("@context",),
        ("id",),
        ("type",),
        ("issuer",),
        ("validFrom",),
        ("credentialSubject",),
        ("issuer", "id"),
        ("issuer", "type"),
        ("credentialSubject", "type"),
        ACHIEVEMENT,
        (*ACHIEVEMENT, "id"),
        (*ACHIEVEMENT, "type"),
        (*ACHIEVEMENT, "name"),
        (*ACHIEVEMENT, "description"),
        (*ACHIEVEMENT, "criteria"),
        ("credentialStatus", 0, "type"),
        ("evidence", 0, "type"),
        ("credentialSubject", "identifier", 0, "type"),
        ("credentialSubject", "identifier", 0, "hashed"),
        ("credentialSubject", "identifier", 0, "identityHash"),
        ("credentialSubject", "identifier", 0, "identityType"),
    ],
    ids=lambda path: ".".join(map(str, path)),
)
def test_required_member_is_missed_by_its_name(path: tuple[str | int, ...]) -> None:
    with pytest.raises(CredentialError, match=f"{path[-1]}: this field is missing"):
        read(changed(without(*path)))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: d.update({"@context": VC_CONTEXT}), "@context"),
        (lambda d: d.update({"@context": [VC_CONTEXT]}), "@context"),
        (lambda d: d.update(type=["VerifiableCredential"]), "OpenBadgeCredential"),
        (lambda d: d.update(type=["OpenBadgeCredential"]), "VerifiableCredential"),
        (lambda d: d.update(type=[]), "type"),
        (lambda d: d.update(id="no address"), "no absolute URL"),
        (lambda d: d.update(id=["urn:uuid:1"]), "id"),
        (lambda d: d.update(id="https://["), "id"),
        (lambda d: d.update(issuer={"id": "", "type": "Profile"}), "issuer.id"),
        (lambda d: d.update(issuer=["did:web:a.example"]), "issuer"),
        (lambda d: d.update(validFrom="2026-11-22T09:00:00"), "validFrom"),
        (lambda d: d.update(validFrom=1_800_000_000), "validFrom"),
        (lambda d: d.update(validUntil="2026-11-22T08:59:59Z"), "validUntil is before validFrom"),
        (lambda d: d.update(validUntil="tomorrow"), "validUntil"),
        (lambda d: d.update(credentialSubject={}), "credentialSubject"),
        (lambda d: d.update(credentialSubject=[d["credentialSubject"]]), "credentialSubject"),
        (lambda d: d["credentialSubject"].update(type="Person"), "must contain AchievementSubject"),
        (
            lambda d: [d["credentialSubject"].pop(m) for m in ("id", "identifier")],
            "id or identifier must be present",
        ),
        (lambda d: d["credentialSubject"]["achievement"].update(criteria={}), "an id or a narrative"),
        (lambda d: d["credentialSubject"]["achievement"].update(name=7), "name"),
        (lambda d: d["relatedResource"].append(d["relatedResource"][0]), "the same id"),
        (lambda d: d["relatedResource"][0].pop("digestSRI"), "digestSRI or digestMultibase"),
        (lambda d: d["credentialSubject"]["identifier"][0].update(extra=1), "extra: this field is not known here"),
        (lambda d: d["credentialSubject"]["identifier"][0].update(type="Other"), "type"),
        (lambda d: d["credentialSubject"]["identifier"][0].update(hashed="false"), "hashed"),
        (lambda d: d["credentialSubject"]["identifier"][0].update(hashed=0), "hashed"),
    ],
)
def test_wrong_member_is_refused_by_its_name(change: Callable[[dict[str, Any]], object], sentence: str) -> None:
    with pytest.raises(CredentialError, match=sentence) as caught:
        read(changed(change))
    assert "\n" not in str(caught.value)


def with_result(result: dict[str, Any], *, described: str = "Status") -> dict[str, Any]:
    made = document()
    subject = made["credentialSubject"]
    subject["achievement"]["resultDescription"] = [
        {"id": "urn:uuid:r", "type": ["ResultDescription"], "name": "Passed", "resultType": described}
    ]
    subject["result"] = [{"type": ["Result"], **result}]
    return made


def test_a_result_is_one_that_the_achievement_describes() -> None:
    read(with_result({"resultDescription": "urn:uuid:r", "status": "Completed"}))
    read(with_result({"resultDescription": "urn:uuid:r", "value": "7"}, described="RawScore"))
    read(with_result({"value": "7"}))
    with pytest.raises(CredentialError, match="not one of the achievement's"):
        read(with_result({"resultDescription": "urn:uuid:other", "status": "Completed"}))
    with pytest.raises(CredentialError, match="needs a status"):
        read(with_result({"resultDescription": "urn:uuid:r"}))


@pytest.mark.parametrize("missing", ["type", "targetName", "targetUrl"])
def test_an_alignment_says_where_it_leads(missing: str) -> None:
    made = document()
    entry = {"type": ["Alignment"], "targetName": "A skill", "targetUrl": "https://skills.example/1"}
    made["credentialSubject"]["achievement"]["alignment"] = [entry]
    read(made)
    del entry[missing]
    with pytest.raises(CredentialError, match=missing):
        read(made)


def test_instants_are_compared_and_not_their_texts() -> None:
    made = read(
        changed(lambda d: d.update(validFrom="2026-11-22T10:00:00+02:00", validUntil="2026-11-22T08:00:00Z"))
    )
    assert made.validFrom == made.validUntil


def test_subject_s_references_and_name_are_read_in_clear_text_only() -> None:
    subject = read(document()).credentialSubject
    assert (subject.holder_references, subject.name) == ((REFERENCE,), "Ada Quin")
    hidden = identity.hashed("Ada Quin", identity_type="name", salt="s")
    foreign = identity.plain("member-7", identity_type="systemId")
    other = subject.model_copy(update={"identifier": (hidden, foreign)})
    assert (other.holder_references, other.name) == ((), None)
    assert subject.model_copy(update={"identifier": None}).holder_references == ()


def test_badge_that_was_read_is_frozen() -> None:
    with pytest.raises(ValidationError):
        read(document()).name = "Other"  # type: ignore[misc]
