"""The one table of sentences for checks, keyed by the check's id: for a holder, for a desk, for an integrator.

A check's id is its function's name without `check_`. English stands here; another language is
another table with the same keys, and a test holds ids and keys together. Sentences about acceptance and
redemption stand in `verifier.registration.reasons`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Voice = Literal["holder", "desk", "integrator"]
StateWord = Literal["pass", "fail", "unknown", "not_made"]

NOT_MADE = "Not looked at, because an earlier check was not passed."
_ASK_THE_LEAD = "We could not tell. Say: “This takes a moment, my lead will help you.”"
_REFUSE = "Say: “The system can’t accept this one, my lead will help you.” The lead sees the reason."


@dataclass(frozen=True)
class Words:
    """What one check says.

    `clause`: what it looks at, with the standard, for integrators; `failed_for_now`: what stands for `failed`
    where the failure may be lifted again.
    """

    clause: str
    passed: str
    failed: str
    unknown: str = "This could not be found out now."
    desk_failed: str = _REFUSE
    desk_unknown: str = _ASK_THE_LEAD
    failed_for_now: str = ""


ENGLISH: Mapping[str, Words] = {
    "unpacking": Words(
        clause="The packed badge of a QR code unpacks to a token (DESK section 1).",
        passed="The code was read completely.",
        failed="The code is damaged: part of the badge is missing. Photograph it again, or use the badge file.",
        unknown="The code was made in a way that is not known here. Use the badge file instead.",
        desk_failed="Photograph the code again, closer and without glare.",
        desk_unknown="Ask for the badge file or the registration page; the lead can update this desk.",
    ),
    "token": Words(
        clause="The token is a compact JWS in canonical base64url (RFC 7515 §7.1).",
        passed="The badge has the form of a signed statement.",
        failed="The badge is damaged, or is no badge: it does not have the form of a signed statement.",
    ),
    "header": Words(
        clause="The header names an accepted algorithm, type and key id, and nothing to follow (RFC 8725 §3).",
        passed="It is signed in a way that is accepted here.",
        failed="It claims to be signed in a way that is never accepted.",
        unknown="It is signed in a way that cannot be checked here yet.",
    ),
    "payload": Words(
        clause="The payload, or document, is one strict JSON object that names its issuer (VC-JOSE-COSE §3.1).",
        passed="What it says can be read.",
        failed="What it says cannot be read.",
    ),
    "proof": Words(
        clause="Every proof inside the document is well-formed, and there are few (VC Data Integrity §2.1).",
        passed="It carries its signature in the standard form.",
        failed="The signature inside it is damaged, or has a form that is never accepted.",
    ),
    "proof_suite": Words(
        clause="One proof or more is of a cryptosuite that is verified here (VC Data Integrity §3.1).",
        passed="It is signed in a way that can be checked here.",
        failed="It claims to be signed in a way that is never accepted.",
        unknown="It is signed in a way that cannot be checked here yet. Ask its issuer for the badge as JWT.",
        desk_unknown="This badge cannot be checked here: ask for its code or its other file, or ask the lead.",
    ),
    "proof_purpose": Words(
        clause="Every proof has its purpose: assertionMethod, or authentication (VC Data Integrity §2.1).",
        passed="It was signed as a statement.",
        failed="It was signed for something else than a statement: to log in, or to show a badge.",
    ),
    "key_owner": Words(
        clause="The key id belongs to the DID of the credential’s issuer (Controlled Identifiers §2.2).",
        passed="It names a key of the issuer whose badge it says it is.",
        failed="It names the key of somebody else than the issuer whose badge it says it is.",
    ),
    "issuer_document": Words(
        clause="The issuer’s DID document was had and is sound (DID Core §7.1, did:web).",
        passed="The issuer’s public keys were found.",
        failed="The issuer’s list of public keys is broken, so nothing that it signed can be checked.",
        unknown="The issuer’s public keys could not be had now. Try again later.",
        desk_unknown="This desk could not reach the issuer. Try once more, then ask the lead.",
    ),
    "issuer_key": Words(
        clause="The key stands under assertionMethod in the issuer’s DID document (DID Core §5.3.2).",
        passed="The issuer publishes this key for signing badges.",
        failed="The issuer does not publish this key, or no longer: what it signed is not accepted.",
    ),
    "signature": Words(
        clause="The signature, or each proof, verifies under the issuer’s key (RFC 7515 §5.2, Data Integrity §4).",
        passed="Nothing was changed since the issuer signed it.",
        failed="It was changed after it was signed, or the issuer never signed it.",
    ),
    "context": Words(
        clause="Known contexts define every word; a badge has exactly a known list of them (VCDM 2.0 §4.3).",
        passed="Its words have their standard meaning.",
        failed="It uses words whose meaning is not known here.",
    ),
    "data_model": Words(
        clause="The document obeys its data model, a badge that of Open Badges 3.0 (VCDM 2.0 §4, OB 3.0 §B.1).",
        passed="It has everything that a badge needs.",
        failed="Something that a badge needs is missing or wrong.",
    ),
    "envelope": Words(
        clause="The presentation is a compact JWS of type vp+jwt (VC-JOSE-COSE §3.2.2).",
        passed="It has the form of a signed presentation.",
        failed="It is damaged, or is no signed presentation.",
    ),
    "presentation_model": Words(
        clause="The document obeys the data model of presentations (VCDM 2.0 §4.13).",
        passed="It has everything that a presentation needs.",
        failed="Something that a presentation needs is missing or wrong.",
    ),
    "challenge": Words(
        clause="It was made for this challenge and this domain, if any were given (VC Data Integrity §2.1).",
        passed="It was made for this very request.",
        failed="It was made for another request, or for somebody else.",
    ),
    "vc_claim": Words(
        clause="Only a 1.1 credential stands in a vc claim, and nothing beside it (VC-JOSE-COSE §3.1).",
        passed="It makes one statement only.",
        failed="It holds a second statement beside the first.",
    ),
    "issuer_claim": Words(
        clause="The iss claim equals issuer.id (OB 3.0 §8.2.4.1).",
        passed="It names its issuer the same everywhere.",
        failed="It names two different issuers.",
    ),
    "id_claim": Words(
        clause="The jti claim equals id (OB 3.0 §8.2.4.1).",
        passed="It has one identity.",
        failed="It has two different identities.",
    ),
    "subject_claim": Words(
        clause="The sub claim equals credentialSubject.id (OB 3.0 §8.2.4.1).",
        passed="It is about one holder.",
        failed="It names two different holders.",
    ),
    "valid_from_claim": Words(
        clause="The nbf claim equals validFrom (OB 3.0 §8.2.4.1).",
        passed="It has one beginning.",
        failed="It names two different beginnings.",
    ),
    "valid_until_claim": Words(
        clause="The exp claim equals validUntil, and both or neither are there (OB 3.0 §8.2.4.1).",
        passed="It has one end.",
        failed="It names two different ends.",
    ),
    "valid_from": Words(
        clause="validFrom is not in the future, with 60 s of skew (VCDM 2.0 §4.9).",
        passed="Its time has begun.",
        failed="It is not valid yet.",
        desk_failed="The badge begins to be valid later, or the clock here is wrong. " + _REFUSE,
    ),
    "valid_until": Words(
        clause="validUntil is not in the past, with 60 s of skew (VCDM 2.0 §4.9).",
        passed="It has not expired.",
        failed="It has expired. Its issuer may have given its holder a newer one.",
        desk_failed="Ask whether they have a newer badge. " + _REFUSE,
    ),
    "proof_expires": Words(
        clause="No proof has an expires in the past, with 60 s of skew (VC Data Integrity §2.1).",
        passed="Its signature is still meant to be relied on.",
        failed="Its signature was meant to be relied on for a time that has ended. Ask for a newer copy.",
        desk_failed="Ask whether they have a newer badge. " + _REFUSE,
    ),
    "status": Words(
        clause="No entry of credentialStatus is set in its list (Bitstring Status List 1.0 §3.2).",
        passed="It was not withdrawn.",
        failed="It was withdrawn. Its holder was told; the issuer explains it to them.",
        failed_for_now="It is suspended for now. Its holder was told; the issuer may lift that again.",
        unknown="Whether it was withdrawn could not be found out now. Try again later.",
        desk_unknown="The badge is genuine. Whether it was withdrawn since is not known here: ask the lead.",
    ),
}


def sentence(
    check_id: str, state: str, *, voice: Voice, lasting: bool = True, table: Mapping[str, Words] = ENGLISH
) -> str:
    """The sentence of a check's outcome (`pass`, `fail`, `unknown`, `not_made`) in one voice.

    `lasting`: False for a failure that may be lifted again. KeyError for an id that the table does not have.
    """
    words = table[check_id]
    if voice == "integrator":
        return words.clause
    if state == "not_made":
        return NOT_MADE
    if state == "pass":
        return words.passed
    if state == "fail":
        if voice == "desk":
            return words.desk_failed
        return words.failed if lasting or not words.failed_for_now else words.failed_for_now
    return words.desk_unknown if voice == "desk" else words.unknown
