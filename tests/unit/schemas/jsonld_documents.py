"""Generated JSON-LD documents: badges as people might make them, and linked data as nobody would.

Each comes from a seed alone. Most are sound; some are not, or would lose something, which is for the test to tell.
"""

import random
from typing import Any

from schemas.contexts import BUNDLED

Json = Any

IRIS = [
    "ex:a",
    "https://ex.example/b",
    "urn:uuid:1",
    "did:key:z1",
    "_:x",
    "_:y",
    "ex2:q#r",
    "https://ü.example/\U0001f303",
]
TEXTS = [
    "",
    "a",
    "x\ny",
    'q"\\',
    "\x00\x1f\x7f\x85",
    "é\U0001f600",
    "5",
    "1.50",
    "-0",
    "en",
    "ex:a",
    "t1",
    "\u2028",
    "a b",
]
NUMBERS = [-1, 1.5, 1e21, -1e-7, 123456789012, 0.1, 5.0, -0.0, 1e100, 2**53 - 1, 4.35, True, False]
XSD = "http://www.w3.org/2001/XMLSchema#"
TYPES_TOO = {"T1", "T2", "T3", "t2", ""}  # terms that nodes have as types
TERMS = ["t1", "t2", "t3", "t4", "t5", "T1", "T2", "T3", "p", "name"]
TYPES = ["@id", "@vocab", "@json", "@none", "ex:dt", f"{XSD}double", f"{XSD}integer", f"{XSD}string", "pre:dt"]
CONTAINERS: list[Json] = ["@set", "@list", "@index", "@language", "@graph", "@id", "@type", ["@set", "@index"]]
CONTAINERS += [
    ["@graph", "@id"],
    ["@graph", "@index"],
    ["@graph", "@set"],
    ["@type", "@set"],
    ["@set", "@language"],
]
ALIASES = ["@id", "@type", "@value", "@graph", "@language", "@list", "@set", "@reverse", "@nest", "@included"]


class Writer:
    """Writes one document from a seed."""

    def __init__(self, seed: object) -> None:
        self._rng = random.Random(str(seed))

    def linked(self) -> dict[str, Json]:
        """A document with contexts of its own, of every kind of term that there is."""
        context: Json = self._context(0)
        if self._often(0.15):
            context = [self._one(list(BUNDLED.members)), context]
        node = self._node(0)
        node.pop("@context", None)
        return {"@context": context, **node}

    def badge(self) -> dict[str, Json]:
        """A badge in the terms of Open Badges, and sometimes of a context of its own."""
        context: list[Json] = ["https://www.w3.org/ns/credentials/v2", self._open_badges_context()]
        if self._often(0.3):
            context.append({"ours": "https://summit.example/vocabulary#", "shoeSize": "ours:shoeSize"})
        subject: dict[str, Json] = {"type": ["AchievementSubject"], "achievement": self._achievement()}
        subject |= self._some({"id": self._iri(), "role": self._text(), "creditsEarned": self._number()})
        subject |= self._some({"identifier": self._several(self._identity), "activityEndDate": "2026-12-01"})
        subject |= self._some({"result": self._several(self._result), "narrative": self._text()})
        badge: dict[str, Json] = {
            "@context": context,
            "type": self._shuffled(
                ["VerifiableCredential", self._one(["OpenBadgeCredential", "AchievementCredential"])]
            ),
            "issuer": self._one([f"did:web:{self._label()}.example", self._profile()]),
            "validFrom": "2026-01-01T00:00:00Z",
            "credentialSubject": self._one([subject, [subject, {"id": "ex:other", "type": "AchievementSubject"}]]),
        }
        badge |= self._some({"id": f"urn:uuid:{self._label()}", "name": self._localised(), "image": self._image()})
        badge |= self._some({"evidence": self._several(self._evidence)})
        badge |= self._some({"credentialStatus": self._status(), "endorsement": self._several(self._endorsement)})
        badge |= self._some(
            {"relatedResource": {"id": "ex:policy", "digestSRI": "sha384-AAAA", "mediaType": "a/b"}}
        )
        if "context-3.0.3.json" in context[1]:
            badge |= self._some({"awardedDate": "2026-02-03T04:05:06+07:00"})
        if len(context) == 3:
            badge["shoeSize"] = self._number()
        return self._of_1_1(badge) if self._often(0.3) else badge

    def _of_1_1(self, badge: dict[str, Json]) -> dict[str, Json]:
        """The badge as one of the data model 1.1, in any of the older contexts of Open Badges."""
        version = self._one(["", "-3.0.1", "-3.0.2", "-3.0.3"])
        badge["@context"][:2] = [
            "https://www.w3.org/2018/credentials/v1",
            f"https://purl.imsglobal.org/spec/ob/v3p0/context{version}.json",
        ]
        badge["issuanceDate"] = badge.pop("validFrom")
        for newer in ("awardedDate", "credentialStatus", "relatedResource"):
            badge.pop(newer, None)
        return badge

    # -- badges

    def _open_badges_context(self) -> str:
        return f"https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.{self._one(['2', '3'])}.json"

    def _achievement(self) -> dict[str, Json]:
        made = {"id": self._iri(), "type": ["Achievement"], "name": self._text(), "description": self._text()}
        made["criteria"] = self._one([{"narrative": self._text()}, {"id": "https://a.example/policy"}])
        made |= self._some({"tag": self._several(self._text), "creator": self._profile(), "version": self._text()})
        made |= self._some({"alignment": self._several(self._alignment), "achievementType": "Award"})
        return made | self._some(
            {"resultDescription": self._several(self._result_description), "image": self._image()}
        )

    def _profile(self) -> dict[str, Json]:
        made = {"id": self._one(IRIS), "type": self._one(["Profile", ["Profile"]]), "name": self._text()}
        return made | self._some({"url": "https://a.example", "email": self._text(), "official": self._text()})

    def _identity(self) -> dict[str, Json]:
        made = {"type": "IdentityObject", "hashed": self._often(0.5), "identityHash": self._text()}
        return made | self._some({"salt": self._text(), "identityType": "emailAddress"})

    def _result(self) -> dict[str, Json]:
        return {"type": ["Result"], **self._some({"value": self._text(), "status": "Completed"})}

    def _result_description(self) -> dict[str, Json]:
        made = {"id": self._iri(), "type": ["ResultDescription"], "name": self._text(), "resultType": "Status"}
        return made | self._some({"allowedValue": self._several(self._text), "valueMax": self._text()})

    def _alignment(self) -> dict[str, Json]:
        return {"type": "Alignment", "targetName": self._text(), "targetUrl": "https://a.example/t"}

    def _evidence(self) -> dict[str, Json]:
        return {
            "type": ["Evidence"],
            **self._some({"id": self._iri(), "name": self._text(), "genre": self._text()}),
        }

    def _endorsement(self) -> dict[str, Json]:
        subject = {"id": "ex:endorsed", "type": "EndorsementSubject", "endorsementComment": self._text()}
        made: dict[str, Json] = {
            "type": ["VerifiableCredential", "EndorsementCredential"],
            "issuer": self._profile(),
        }
        return made | {
            "id": f"urn:{self._label()}",
            "credentialSubject": subject,
            "validFrom": "2026-01-01T00:00:00Z",
        }

    def _status(self) -> dict[str, Json]:
        made = {"type": "BitstringStatusListEntry", "statusPurpose": "revocation", "statusListIndex": "9"}
        return made | {"statusListCredential": "https://a.example/status"}

    def _image(self) -> Json:
        return self._one(
            ["https://a.example/i.png", {"id": "data:image/png,AA", "type": "Image", "caption": self._text()}]
        )

    def _localised(self) -> Json:
        tagged = {"@value": self._text(), "@language": self._one(["en", "de-AT", "zh-Hant-TW"])}
        return self._one([self._text(), tagged, [tagged, {"@value": "x", "@language": "ar", "@direction": "rtl"}]])

    # -- linked data

    def _context(self, depth: int, *, but: str = "") -> Json:
        """A context. A scoped one never redefines its own term (`but`): there processors differ."""
        if depth and self._often(0.04):
            return {} if but in TYPES_TOO else None  # a null that PyLD ignores, for a type
        made: dict[str, Json] = {}
        if self._often(0.15 if depth else 0.6):
            made["@vocab"] = self._one(["https://vocab.example/", "ex:v#"])
        if self._often(0.1):
            made["@language"] = self._one(["en", "FR"])
        if self._often(0.1):
            made["@protected"] = True
        if self._often(0.05):
            made["@propagate"] = self._often(0.5)
        if self._often(0.8):
            made["pre"] = "https://pre.example/"
        if self._often(0.7):
            made |= {"id": "@id", "type": "@type"}
        for name in self._rng.sample(TERMS, self._rng.randrange(8)):
            if name != but:
                made[name] = self._definition(name, depth)
        return self._in_any_order(made)

    def _definition(self, name: str, depth: int) -> Json:
        if self._often(0.25):
            return self._one(["ex:p0", "ex:p1", "https://v.example/ns#", "pre:x", "https://v.example/p0"])
        if self._often(0.04):
            return self._one(ALIASES)
        made = {"@reverse": self._one(["ex:r0", "ex:r1"])} if self._often(0.05) else {}
        if not made and self._often(0.95):
            made = {"@id": self._one(["ex:p0", "ex:p1", "ex:p2", "https://v.example/q0", "pre:y"])}
        made |= self._some({"@type": self._one(TYPES)}, chance=0.5) | self._some(
            {"@protected": self._often(0.5)}, chance=0.1
        )
        made |= self._some({"@container": self._one(CONTAINERS)}, chance=0.4)
        made |= self._some({"@language": self._one(["en", "de-AT", None])}, chance=0.1)
        made |= self._some({"@direction": self._one(["ltr", None])}, chance=0.05)
        made |= self._some({"@prefix": self._often(0.5)}, chance=0.05) | self._some(
            {"@nest": "@nest"}, chance=0.03
        )
        if "@index" in made.get("@container", "") and self._often(0.3):
            made["@index"] = self._one(["ex:index", "pre:index"])
        if depth < 2 and self._often(0.25):
            made["@context"] = self._context(depth + 1, but=name)
        return made

    def _node(self, depth: int) -> dict[str, Json]:
        made: dict[str, Json] = self._some({"@context": self._context(1)}, chance=0.08)
        made |= self._some({self._one(["@id", "id"]): self._iri()}, chance=0.4)
        types = [["T1", "T2"], "T1", "T3", "ex:Type", ["T3", "ex:X"], "t2", []]
        made |= self._some({self._one(["@type", "type"]): self._one(types)}, chance=0.4)
        for _ in range(self._rng.randrange(5)):
            name = self._one(TERMS)
            if self._often(0.3):
                name = self._one(
                    ["ex:direct", "https://d.example/p", "pre:z", "@included", "@graph", "@nest", "@reverse"]
                )
            made[name] = (
                self._value(depth) if name != "@reverse" else {self._one([*TERMS, "ex:rev"]): self._value(depth)}
            )
        made |= self._some({"@index": "i"}, chance=0.04)
        return self._in_any_order(made)

    def _value(self, depth: int) -> Json:
        chance = self._rng.random()
        if depth > 3 or chance < 0.45:
            return self._scalar()
        if chance < 0.6:
            return [self._value(depth + 1) for _ in range(self._rng.randrange(4))]
        if chance < 0.66:
            return self._value_object()
        if chance < 0.73:
            return {self._one(["@list", "@list", "@set"]): self._value(depth + 1)}
        if chance < 0.78:
            keys = ["en", "de", "@none", "ex:m", "i1", "T1", "t1"]
            return {key: self._value(depth + 1) for key in self._rng.sample(keys, self._rng.randrange(3))}
        return self._node(depth + 1)

    def _value_object(self) -> dict[str, Json]:
        made: dict[str, Json] = {"@value": self._one([*TEXTS, *NUMBERS])}
        if self._often(0.4):
            made["@language"] = self._one(["en", "EN-us"])
        elif self._often(0.5):
            made["@type"] = self._one(["ex:dt", "t1", "T1", f"{XSD}double", "@json"])
        return made | self._some({"@direction": "rtl"}, chance=0.15) | self._some({"@index": "i"}, chance=0.1)

    def _scalar(self) -> Json:
        return self._one(
            [None, self._iri(), self._iri(), *(self._one([self._text(), self._number()]) for _ in range(4))]
        )

    # -- choices

    def _one(self, choices: list[Json]) -> Json:
        return self._rng.choice(choices)

    def _often(self, chance: float) -> bool:
        return self._rng.random() < chance

    def _some(self, members: dict[str, Json], *, chance: float = 0.5) -> dict[str, Json]:
        return {name: value for name, value in members.items() if self._often(chance)}

    def _several(self, make: Any) -> Json:
        return [make() for _ in range(self._rng.randrange(1, 4))]

    def _shuffled(self, items: list[Json]) -> list[Json]:
        return self._rng.sample(items, len(items))

    def _in_any_order(self, members: dict[str, Json]) -> dict[str, Json]:
        return dict(self._shuffled(list(members.items())))

    def _iri(self) -> str:
        return str(self._one(IRIS))

    def _text(self) -> str:
        return str(self._one(TEXTS)) * self._rng.randrange(1, 3)

    def _number(self) -> Json:
        return self._one(
            [
                *NUMBERS,
                self._rng.uniform(-1e6, 1e6),
                self._rng.getrandbits(52) * 10.0 ** self._rng.randrange(-30, 30),
            ]
        )

    def _label(self) -> str:
        return f"{self._rng.getrandbits(64):016x}"
