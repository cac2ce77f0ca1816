"""The contexts of Open Badges 3.0: four versions, the last in two revisions under one URL, and the extensions.

Tables of facts only, in the notation of `notation`; proved equal to the published files by the tests. Two tables
were enough: what one version changed in another is written as a change log would say it.
"""

from typing import Final

from schemas.contexts.notation import context, revised
from schemas.strict_json import JsonObject

_PREFIXES: Final = {
    "ob": "https://purl.imsglobal.org/spec/vc/ob/vocab.html#",
    "schema": "https://schema.org/",
    "jwt": "https://www.iana.org/assignments/jwt#",
    "xss": "https://www.w3.org/2001/XMLSchema#",  # published with https, which is another datatype
}

# The type of awardedDate is really `xsd:dateTime`: no context on a badge defines that prefix.
_3_0_3: Final = """
@protected id type
OpenBadgeCredential       ob:OpenBadgeCredential
Achievement               ob:Achievement
    @protected id type
    achievementType       ob:achievementType
    alignment             ob:alignment             @set
    creator               ob:creator
    creditsAvailable      ob:creditsAvailable      xss:float
    criteria              ob:Criteria              @id
    fieldOfStudy          ob:fieldOfStudy
    humanCode             ob:humanCode
    image                 ob:image                 @id
    otherIdentifier       ob:otherIdentifier       @set
    related               ob:related               @set
    resultDescription     ob:resultDescription     @set
    specialization        ob:specialization
    tag                   schema:keywords          @set
    version               ob:version
    inLanguage            schema:inLanguage
AchievementCredential     ob:OpenBadgeCredential
AchievementSubject        ob:AchievementSubject
    @protected id type
    achievement           ob:achievement
    activityEndDate       ob:activityEndDate       xss:date
    activityStartDate     ob:activityStartDate     xss:date
    creditsEarned         ob:creditsEarned         xss:float
    identifier            ob:identifier            @set
    image                 ob:image                 @id
    licenseNumber         ob:licenseNumber
    result                ob:result                @set
    role                  ob:role
    source                ob:source                @id
    term                  ob:term
Address                   ob:Address
    @protected id type
    addressCountry        schema:addressCountry
    addressCountryCode    ob:CountryCode
    addressLocality       schema:addressLocality
    addressRegion         schema:addressRegion
    geo                   ob:GeoCoordinates
    postOfficeBoxNumber   schema:postOfficeBoxNumber
    postalCode            schema:postalCode
    streetAddress         schema:streetAddress
Alignment                 schema:AlignmentObject
    @protected id type
    targetCode            ob:targetCode
    targetDescription     schema:targetDescription
    targetFramework       schema:targetFramework
    targetName            schema:targetName
    targetType            ob:targetType
    targetUrl             schema:targetUrl         xss:anyURI
Criteria                  ob:Criteria
EndorsementCredential     ob:EndorsementCredential
EndorsementSubject        ob:EndorsementSubject
    @protected id type
    endorsementComment    ob:endorsementComment
Evidence                  ob:Evidence
    @protected id type
    audience              schema:audience
    genre                 schema:genre
GeoCoordinates            ob:GeoCoordinates
    @protected id type
    latitude              schema:latitude
    longitude             schema:longitude
IdentifierEntry           ob:IdentifierEntry
    @protected id type
    identifier            ob:identifier
    identifierType        ob:identifierType
IdentityObject            ob:IdentityObject
    @protected id type
    hashed                ob:hashed                xss:boolean
    identityHash          ob:identityHash
    identityType          ob:identityType
    salt                  ob:salt
Image                     ob:Image
    @protected id type
    caption               schema:caption
Profile                   ob:Profile
    @protected id type
    additionalName        schema:additionalName
    address               ob:address               @id
    dateOfBirth           ob:dateOfBirth           xss:date
    email                 schema:email
    familyName            schema:familyName
    familyNamePrefix      ob:familyNamePrefix
    givenName             schema:givenName
    honorificPrefix       schema:honorificPrefix
    honorificSuffix       schema:honorificSuffix
    image                 ob:image                 @id
    otherIdentifier       ob:otherIdentifier       @set
    parentOrg             ob:parentOrg             @id
    patronymicName        ob:patronymicName
    phone                 ob:phone
    official              ob:official
Related                   ob:Related
    @protected id type
    version               ob:version
    inLanguage            schema:inLanguage
Result                    ob:Result
    @protected id type
    achievedLevel         ob:achievedLevel         xss:anyURI
    resultDescription     ob:resultDescription     xss:anyURI
    status                ob:status
    value                 schema:value
ResultDescription         ob:ResultDescription
    @protected id type
    allowedValue          ob:allowedValue          @list
    requiredLevel         ob:requiredLevel         xss:anyURI
    requiredValue         ob:requiredValue
    resultType            ob:resultType
    rubricCriterionLevel  ob:rubricCriterionLevel  @set
    valueMax              ob:valueMax
    valueMin              ob:valueMin
RubricCriterionLevel      ob:RubricCriterionLevel
    @protected id type
    level                 ob:level
    points                ob:points
alignment                 ob:alignment             @set
description               schema:description
endorsement               ob:endorsement           @set
image                     ob:image                 @id
inLanguage                schema:inLanguage
name                      schema:name
narrative                 ob:narrative
url                       schema:url               xss:anyURI
awardedDate               ob:awardedDate           xsd:dateTime
"""

_3_0_1: Final = """
id
type
xsd                       https://www.w3.org/2001/XMLSchema#
OpenBadgeCredential       ob:OpenBadgeCredential
Achievement               ob:Achievement
    achievementType       ob:achievementType          xss:string
    alignment             ob:alignment                @set
    creator               ob:creator
    creditsAvailable      ob:creditsAvailable         xss:float
    criteria              ob:Criteria                 @id
    fieldOfStudy          ob:fieldOfStudy             xss:string
    humanCode             ob:humanCode                xss:string
    image                 ob:Image                    @id
    otherIdentifier       ob:otherIdentifier          @set
    related               ob:related                  @set
    resultDescription     ob:resultDescription        @set
    specialization        ob:specialization           xss:string
    tag                   schema:keywords             xss:string @set
    version               ob:version                  xss:string
AchievementCredential     ob:OpenBadgeCredential
AchievementSubject        ob:AchievementSubject
    achievement           ob:achievement-0
    activityEndDate       ob:activityEndDate          xss:date
    activityStartDate     ob:activityStartDate        xss:date
    creditsEarned         ob:creditsEarned            xss:float
    identifier            ob:identifier               @set
    image                 ob:Image                    @id
    licenseNumber         ob:licenseNumber            xss:string
    result                ob:result                   @set
    role                  ob:role                     xss:string
    source                ob:source                   @id
    term                  ob:term                     xss:string
Address                   ob:Address
    addressCountry        schema:addressCountry       xss:string
    addressCountryCode    ob:CountryCode              xss:string
    addressLocality       schema:addressLocality      xss:string
    addressRegion         schema:addressRegion        xss:string
    geo                   ob:GeoCoordinates
    postOfficeBoxNumber   schema:postOfficeBoxNumber  xss:string
    postalCode            schema:postalCode           xss:string
    streetAddress         schema:streetAddress        xss:string
Alignment                 schema:AlignmentObject
    targetCode            ob:targetCode               xss:string
    targetDescription     schema:targetDescription    xss:string
    targetFramework       schema:targetFramework      xss:string
    targetName            schema:targetName           xss:string
    targetType            ob:targetType               xss:string
    targetUrl             schema:targetUrl            xss:anyURI
Criteria                  ob:Criteria
EndorsementCredential     ob:EndorsementCredential
EndorsementSubject        ob:EndorsementSubject
    endorsementComment    ob:endorsementComment       xss:string
Evidence                  ob:Evidence
    audience              schema:audience             xss:string
    genre                 schema:genre                xss:string
GeoCoordinates            ob:GeoCoordinates
    latitude              schema:latitude             xss:string
    longitude             schema:longitude            xss:string
IdentifierEntry           ob:IdentifierEntry
    identifier            ob:identifier               xss:string
    identifierType        ob:identifierType           xss:string
IdentityObject            ob:IdentityObject
    hashed                ob:hashed                   xss:boolean
    identityHash          ob:identityHash             xss:string
    identityType          ob:identityType             xss:string
    salt                  ob:salt                     xss:string
Image                     ob:Image
    caption               schema:caption              xss:string
Profile                   ob:Profile
    additionalName        schema:additionalName       xss:string
    address               ob:address                  @id
    dateOfBirth           ob:dateOfBirth              xss:date
    email                 schema:email                xss:string
    familyName            schema:familyName           xss:string
    familyNamePrefix      ob:familyNamePrefix         xss:string
    givenName             schema:givenName            xss:string
    honorificPrefix       schema:honorificPrefix      xss:string
    honorificSuffix       schema:honorificSuffix      xss:string
    image                 ob:Image                    @id
    otherIdentifier       ob:otherIdentifier          @set
    parentOrg             ob:parentOrg                @id
    patronymicName        ob:patronymicName           xss:string
    phone                 ob:phone                    xss:string
    official              ob:official                 xss:string
Related                   ob:Related
    version               ob:version                  xss:string
Result                    ob:Result
    achievedLevel         ob:achievedLevel            xss:anyURI
    resultDescription     ob:resultDescription        xss:anyURI
    status                ob:status                   xss:string
    value                 schema:value                xss:string
ResultDescription         ob:ResultDescription
    allowedValue          ob:allowedValue             xss:string @set
    requiredLevel         ob:requiredLevel            xss:anyURI
    requiredValue         ob:requiredValue            xss:string
    resultType            ob:resultType               xss:string
    rubricCriterionLevel  ob:rubricCriterionLevel     @set
    valueMax              ob:valueMax                 xss:string
    valueMin              ob:valueMin                 xss:string
RubricCriterionLevel      ob:RubricCriterionLevel
    level                 ob:level                    xss:string
    points                ob:points                   xss:string
alignment                 ob:alignment                @set
awardedDate               ob:awardedDate              xss:dateTime
description               schema:description          xss:string
endorsement               ob:endorsement              @set
image                     ob:image                    @id
name                      schema:name                 xss:string
narrative                 ob:narrative                xss:string
url                       schema:url                  xss:anyURI
"""

_EXTENSIONS: Final = """
id
type
1EdTechJsonSchemaValidator2019  https://purl.imsglobal.org/spec/vccs/v1p0/context.json#1EdTechJsonSchemaValidator2019
1EdTechRevocationList           https://purl.imsglobal.org/spec/vcrl/v1p0/context.json#1EdTechRevocationList
1EdTechCredentialRefresh        https://purl.imsglobal.org/spec/vccr/v1p0/context.json#1EdTechCredentialRefresh
"""

_JUNE_2026: Final = {
    "endorsementJwt": "ob:endorsementJwt @set",
    "jti": "jwt:jti @id",
}

_3_0_2: Final = {
    "Achievement/image": "ob:Image @id",
    "Achievement/inLanguage": None,
    "AchievementSubject/achievement": "ob:achievement-0",
    "AchievementSubject/image": "ob:Image @id",
    "Profile/image": "ob:Image @id",
    "Related/inLanguage": None,
    "image": "ob:Image @id",
    "inLanguage": None,
    "awardedDate": None,
}

_3_0_0: Final = {
    "Alignment": "schema:Alignment",
    "Achievement/alignment": "ob:alignment ob:Alignment @set",
    "Achievement/creator": "ob:Profile",
    "Achievement/image": None,
    "Achievement/otherIdentifier": "ob:otherIdentifier ob:IdentifierEntry @set",
    "Achievement/related": "ob:related ob:Related @set",
    "Achievement/resultDescription": "ob:resultDescription ob:ResultDescription @set",
    "AchievementSubject/achievement": "ob:Achievement",
    "AchievementSubject/identifier": "ob:identifier ob:IdentityObject @set",
    "AchievementSubject/image": None,
    "AchievementSubject/result": "ob:result ob:Result @set",
    "AchievementSubject/source": "ob:source ob:Profile",
    "Profile/address": "ob:Address",
    "Profile/image": None,
    "Profile/otherIdentifier": "ob:otherIdentifier ob:IdentifierEntry @set",
    "Profile/parentOrg": "ob:parentOrg xss:string",
    "Profile/phone": "ob:PhoneNumber xss:string",
    "ResultDescription/rubricCriterionLevel": "ob:rubricCriterionLevel ob:RubricCriterionLevel @set",
    "alignment": "ob:alignment ob:Alignment @set",
    "awardedDate": None,
    "endorsement": "ob:endorsement ob:EndorsementCredential @set",
    "image": "ob:image ob:Image",
}


def version_3_0_3_of_june_2026() -> JsonObject:
    """`…/context-3.0.3.json` as it was changed in place: two terms more, nothing else (STANDARDS k1)."""
    return revised(version_3_0_3_of_april_2025(), changes=_JUNE_2026, prefixes=_PREFIXES)


def version_3_0_3_of_april_2025() -> JsonObject:
    """`…/context-3.0.3.json` as most badges were signed with it."""
    return context(_3_0_3, prefixes=_PREFIXES)


def version_3_0_2() -> JsonObject:
    """`…/context-3.0.2.json`"""
    return revised(version_3_0_3_of_april_2025(), changes=_3_0_2, prefixes=_PREFIXES)


def version_3_0_1() -> JsonObject:
    """`…/context-3.0.1.json`: nothing in it is protected."""
    return context(_3_0_1, prefixes=_PREFIXES)


def version_3_0() -> JsonObject:
    """`…/context.json`, the first"""
    return revised(version_3_0_1(), changes=_3_0_0, prefixes=_PREFIXES)


def extensions() -> JsonObject:
    """`…/extensions.json`: the types of the schema check, the refresh and the revocation list of 1EdTech."""
    return context(_EXTENSIONS, prefixes=_PREFIXES)
