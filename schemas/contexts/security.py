"""The contexts of proofs, keys and those who control them: Data Integrity, Multikey, Ed25519 of 2020, DIDs.

Tables of facts only, in the notation of `notation`; proved equal to the published files by the tests.
"""

from typing import Final

from schemas.contexts.notation import context
from schemas.strict_json import JsonObject

_PREFIXES: Final = {
    "security": "https://w3id.org/security#",
    "did": "https://www.w3.org/ns/did#",
    "as": "https://www.w3.org/ns/activitystreams#",
    "xs": "http://www.w3.org/2001/XMLSchema#",
}

_DATA_INTEGRITY_1: Final = """
@protected id type
proof                   security:proof                    @id @graph
DataIntegrityProof      security:DataIntegrityProof
    @protected id type
    challenge           security:challenge
    created             http://purl.org/dc/terms/created  xs:dateTime
    domain              security:domain
    expires             security:expiration               xs:dateTime
    nonce               security:nonce
    proofPurpose        security:proofPurpose             @vocab
        = purposes
    cryptosuite         security:cryptosuite
    proofValue          security:proofValue               security:multibase
    verificationMethod  security:verificationMethod       @id
"""

_DATA_INTEGRITY_2: Final = """
@protected id type
proof                   security:proof                    @id @graph
DataIntegrityProof      security:DataIntegrityProof
    @protected id type
    challenge           security:challenge
    created             http://purl.org/dc/terms/created  xs:dateTime
    domain              security:domain
    expires             security:expiration               xs:dateTime
    nonce               security:nonce
    previousProof       security:previousProof            @id
    proofPurpose        security:proofPurpose             @vocab
        = purposes
    cryptosuite         security:cryptosuite              security:cryptosuiteString
    proofValue          security:proofValue               security:multibase
    verificationMethod  security:verificationMethod       @id
"""

_ED25519_2020: Final = """
@protected id type
proof                       security:proof                    @id @graph
Ed25519VerificationKey2020  security:Ed25519VerificationKey2020
    @protected id type
    controller              security:controller               @id
    revoked                 security:revoked                  xs:dateTime
    publicKeyMultibase      security:publicKeyMultibase       security:multibase
Ed25519Signature2020        security:Ed25519Signature2020
    @protected id type
    challenge               security:challenge
    created                 http://purl.org/dc/terms/created  xs:dateTime
    domain                  security:domain
    expires                 security:expiration               xs:dateTime
    nonce                   security:nonce
    proofPurpose            security:proofPurpose             @vocab
        = purposes
    proofValue              security:proofValue               security:multibase
    verificationMethod      security:verificationMethod       @id
"""

_PURPOSES: Final = """
@protected id type
assertionMethod       security:assertionMethod             @id @set
authentication        security:authenticationMethod        @id @set
capabilityDelegation  security:capabilityDelegationMethod  @id @set
capabilityInvocation  security:capabilityInvocationMethod  @id @set
keyAgreement          security:keyAgreementMethod          @id @set
"""

_MULTIKEY: Final = """
@protected id type
Multikey  security:Multikey
    = multikey
"""

_CONTROLLER: Final = """
@protected id type
alsoKnownAs           as:alsoKnownAs  @id
assertionMethod       security:assertionMethod                           @id @set
authentication        security:authenticationMethod                      @id @set
capabilityDelegation  security:capabilityDelegationMethod                @id @set
capabilityInvocation  security:capabilityInvocationMethod                @id @set
controller            security:controller                                @id
keyAgreement          security:keyAgreementMethod                        @id @set
service               did:service                                        @id
    @protected id type
    serviceEndpoint   did:serviceEndpoint                                @id
verificationMethod    security:verificationMethod                        @id
"""

_KEYS: Final = """
Multikey          security:Multikey
    = multikey
JsonWebKey        security:JsonWebKey
    @protected id type
    controller    security:controller    @id
    revoked       security:revoked       xs:dateTime
    expires       security:expiration    xs:dateTime
    publicKeyJwk  security:publicKeyJwk  @json
    secretKeyJwk  security:secretKeyJwk  @json
"""

_MULTIKEY_TERMS: Final = """
@protected id type
controller          security:controller          @id
revoked             security:revoked             xs:dateTime
expires             security:expiration          xs:dateTime
publicKeyMultibase  security:publicKeyMultibase  security:multibase
secretKeyMultibase  security:secretKeyMultibase  security:multibase
"""


def data_integrity_1() -> JsonObject:
    """`https://w3id.org/security/data-integrity/v1`"""
    return _context(_DATA_INTEGRITY_1)


def data_integrity_2() -> JsonObject:
    """`https://w3id.org/security/data-integrity/v2`"""
    return _context(_DATA_INTEGRITY_2)


def multikey_1() -> JsonObject:
    """`https://w3id.org/security/multikey/v1`"""
    return _context(_MULTIKEY)


def ed25519_2020() -> JsonObject:
    """`https://w3id.org/security/suites/ed25519-2020/v1`"""
    return _context(_ED25519_2020)


def did_1() -> JsonObject:
    """`https://www.w3.org/ns/did/v1`"""
    return _context(_CONTROLLER)


def controlled_identifiers_1() -> JsonObject:
    """`https://www.w3.org/ns/cid/v1`: as for DIDs, and the terms of two kinds of key."""
    return _context(_CONTROLLER + _KEYS)


def _context(table: str) -> JsonObject:
    return context(table, prefixes=_PREFIXES, blocks={"purposes": _PURPOSES, "multikey": _MULTIKEY_TERMS})
