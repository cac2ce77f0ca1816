"""The contexts of verifiable credentials: data model 1.1, 2.0, and the one of its examples.

Tables of facts only, in the notation of `notation`; proved equal to the published files by the tests.
"""

from typing import Final

from schemas.contexts.notation import context
from schemas.strict_json import JsonObject

_PREFIXES: Final = {
    "vc": "https://www.w3.org/2018/credentials#",
    "status": "https://www.w3.org/ns/credentials/status#",
    "security": "https://w3id.org/security#",
    "schema": "https://schema.org/",
    "jwt": "https://www.iana.org/assignments/jwt#",
    "jose": "https://www.iana.org/assignments/jose#",
    "xs": "http://www.w3.org/2001/XMLSchema#",
    "xss": "https://www.w3.org/2001/XMLSchema#",  # published with https, which is another datatype
}

_V2: Final = """
@protected id type
description                      schema:description
digestMultibase                  security:digestMultibase          security:multibase
digestSRI                        vc:digestSRI                      vc:sriString
mediaType                        schema:encodingFormat
name                             schema:name
VerifiableCredential             vc:VerifiableCredential
    @protected id type
    confidenceMethod             vc:confidenceMethod               @id
    credentialSchema             vc:credentialSchema               @id
    credentialStatus             vc:credentialStatus               @id
    credentialSubject            vc:credentialSubject              @id
    description                  schema:description
    evidence                     vc:evidence                       @id
    issuer                       vc:issuer                         @id
    name                         schema:name
    proof                        security:proof                    @id @graph
    refreshService               vc:refreshService                 @id
    relatedResource              vc:relatedResource                @id
    renderMethod                 vc:renderMethod                   @id
    termsOfUse                   vc:termsOfUse                     @id
    validFrom                    vc:validFrom                      xs:dateTime
    validUntil                   vc:validUntil                     xs:dateTime
EnvelopedVerifiableCredential    vc:EnvelopedVerifiableCredential
VerifiablePresentation           vc:VerifiablePresentation
    @protected id type
    holder                       vc:holder                         @id
    proof                        security:proof                    @id @graph
    termsOfUse                   vc:termsOfUse                     @id
    verifiableCredential         vc:verifiableCredential           @id @graph @null
EnvelopedVerifiablePresentation  vc:EnvelopedVerifiablePresentation
JsonSchemaCredential             vc:JsonSchemaCredential
JsonSchema                       vc:JsonSchema
    @protected id type
    jsonSchema                   vc:jsonSchema                     @json
BitstringStatusListCredential    status:BitstringStatusListCredential
BitstringStatusList              status:BitstringStatusList
    @protected id type
    encodedList                  status:encodedList                security:multibase
    statusPurpose                status:statusPurpose
    ttl                          status:ttl
BitstringStatusListEntry         status:BitstringStatusListEntry
    @protected id type
    statusListCredential         status:statusListCredential       @id
    statusListIndex              status:statusListIndex
    statusPurpose                status:statusPurpose
    statusMessage                status:statusMessage
        @protected id type
        message                  status:message
        status                   status:status
    statusReference              status:statusReference            @id
    statusSize                   status:statusSize                 xss:integer
DataIntegrityProof               security:DataIntegrityProof
    @protected id type
    challenge                    security:challenge
    created                      http://purl.org/dc/terms/created  xs:dateTime
    cryptosuite                  security:cryptosuite              security:cryptosuiteString
    domain                       security:domain
    expires                      security:expiration               xs:dateTime
    nonce                        security:nonce
    previousProof                security:previousProof            @id
    proofPurpose                 security:proofPurpose             @vocab
        = purposes
    proofValue                   security:proofValue               security:multibase
    verificationMethod           security:verificationMethod       @id
...                              jwt:...
_sd                              jwt:_sd                           @json
_sd_alg                          jwt:_sd_alg
aud                              jwt:aud                           @id
cnf                              jwt:cnf
    @protected
    kid                          jwt:kid                           @id
    jwk                          jwt:jwk                           @json
exp                              jwt:exp                           xss:nonNegativeInteger
iat                              jwt:iat                           xss:nonNegativeInteger
iss                              jose:iss                          @id
jku                              jose:jku                          @id
kid                              jose:kid                          @id
nbf                              jwt:nbf                           xss:nonNegativeInteger
sub                              jose:sub                          @id
x5u                              jose:x5u                          @id
"""

_PURPOSES: Final = """
@protected id type
assertionMethod       security:assertionMethod             @id @set
authentication        security:authenticationMethod        @id @set
capabilityDelegation  security:capabilityDelegationMethod  @id @set
capabilityInvocation  security:capabilityInvocationMethod  @id @set
keyAgreement          security:keyAgreementMethod          @id @set
"""

# What RsaSignature2018 says really is `sec:…` and `xsd:…`: its context was published without those prefixes.
_V1: Final = """
@protected id type
VerifiableCredential              vc:VerifiableCredential
    @protected id type
    cred                          https://www.w3.org/2018/credentials#
    sec                           https://w3id.org/security#
    xsd                           http://www.w3.org/2001/XMLSchema#
    credentialSchema              vc:credentialSchema               @id
        @protected id type
        cred                      https://www.w3.org/2018/credentials#
        JsonSchemaValidator2018   vc:JsonSchemaValidator2018
    credentialStatus              vc:credentialStatus               @id
    credentialSubject             vc:credentialSubject              @id
    evidence                      vc:evidence                       @id
    expirationDate                vc:expirationDate                 xs:dateTime
    holder                        vc:holder                         @id
    issued                        vc:issued                         xs:dateTime
    issuer                        vc:issuer                         @id
    issuanceDate                  vc:issuanceDate                   xs:dateTime
    proof                         security:proof                    @id @graph
    refreshService                vc:refreshService                 @id
        @protected id type
        cred                      https://www.w3.org/2018/credentials#
        ManualRefreshService2018  vc:ManualRefreshService2018
    termsOfUse                    vc:termsOfUse                     @id
    validFrom                     vc:validFrom                      xs:dateTime
    validUntil                    vc:validUntil                     xs:dateTime
VerifiablePresentation            vc:VerifiablePresentation
    @protected id type
    cred                          https://www.w3.org/2018/credentials#
    sec                           https://w3id.org/security#
    holder                        vc:holder                         @id
    proof                         security:proof                    @id @graph
    verifiableCredential          vc:verifiableCredential           @id @graph
EcdsaSecp256k1Signature2019       security:EcdsaSecp256k1Signature2019
    = suite
EcdsaSecp256r1Signature2019       security:EcdsaSecp256r1Signature2019
    = suite
Ed25519Signature2018              security:Ed25519Signature2018
    = suite
RsaSignature2018                  security:RsaSignature2018
    @protected
    challenge                     sec:challenge
    created                       http://purl.org/dc/terms/created  xsd:dateTime
    domain                        sec:domain
    expires                       sec:expiration                    xsd:dateTime
    jws                           sec:jws
    nonce                         sec:nonce
    proofPurpose                  sec:proofPurpose                  @vocab
        = purposes
    proofValue                    sec:proofValue
    verificationMethod            sec:verificationMethod            @id
proof                             security:proof                    @id @graph
"""

_V1_SUITE: Final = """
@protected id type
sec                 https://w3id.org/security#
xsd                 http://www.w3.org/2001/XMLSchema#
challenge           security:challenge
created             http://purl.org/dc/terms/created  xs:dateTime
domain              security:domain
expires             security:expiration               xs:dateTime
jws                 security:jws
nonce               security:nonce
proofPurpose        security:proofPurpose             @vocab
    = purposes
proofValue          security:proofValue
verificationMethod  security:verificationMethod       @id
"""

_V1_PURPOSES: Final = """
@protected id type
sec              https://w3id.org/security#
assertionMethod  security:assertionMethod       @id @set
authentication   security:authenticationMethod  @id @set
"""

_EXAMPLES: Final = """
@vocab https://www.w3.org/ns/credentials/examples#
"""


def version_2() -> JsonObject:
    """`https://www.w3.org/ns/credentials/v2`"""
    return context(_V2, prefixes=_PREFIXES, blocks={"purposes": _PURPOSES})


def version_1() -> JsonObject:
    """`https://www.w3.org/2018/credentials/v1`"""
    return context(_V1, prefixes=_PREFIXES, blocks={"suite": _V1_SUITE, "purposes": _V1_PURPOSES})


def examples() -> JsonObject:
    """`https://www.w3.org/ns/credentials/examples/v2`: it defines every term, so nothing is ever undefined."""
    return context(_EXAMPLES, prefixes=_PREFIXES)
