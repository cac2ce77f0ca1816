"""Attacks by what words mean: contexts that redefine, hide, swallow or swell what a signed document says.

Whatever is signed here is well signed by its issuer. What is refused is refused for its words, at once. That
words mean what the published files say is proved in `tests/unit/schemas`.
"""

import time
from typing import Any

import pytest

from keys import data_integrity
from schemas import jsonld, strict_json
from tests.hostile import stranger
from tests.hostile.stranger import OB, P256, V2, credential, enveloped, token, with_proofs
from tests.unit.verifier.simulator import NOW, Clock, DocumentsInMemory, IssuerSimulator
from verifier.verification.service import Verification
from verifier.verification.verdict import Outcome, State

SUBJECT = {"id": "did:example:subject"}
EXAMPLES = "https://www.w3.org/ns/credentials/examples/v2"


def unprovable(document: dict[str, Any]) -> dict[str, Any]:
    """A document whose RDF proof nobody could make, with one that only the canonical JSON is in."""
    return data_integrity.sign(document, signer=P256, created=NOW, suite="ecdsa-jcs-2019")


def assert_refused(document: dict[str, Any], *, words: str = "") -> None:
    """As a token and as a document, for its words and within a second."""
    for given in (enveloped(token(document)), stranger.as_read(unprovable(document))):
        begun = time.process_time()
        verdict = stranger.verification().verify_credential(given).verdict
        assert time.process_time() - begun < 1
        assert verdict.outcome is Outcome.NOT_VALID
        check = verdict.check("context")
        assert check.state is State.FAIL and words in check.evidence, check.evidence


REDEFINED: dict[str, Any] = {
    "a protected term": {"name": "urn:x:name"},
    "a protected term as null": {"description": None},
    "a protected term with another type": {"name": {"@id": "https://schema.org/name", "@type": "@id"}},
    "id as a property": {"id": "urn:x:id"},
    "type as a property": {"type": "urn:x:type"},
    "id by another name for another": {"id": "@type"},
    "a type": {"VerifiableCredential": "urn:x:something"},
    "a keyword": {"@id": "urn:x:id"},
    "a keyword's look": {"@proof": "urn:x:proof"},
    "the keyword type": {"@type": "urn:x:type"},
    "a term that looks like an IRI": {"https://www.w3.org/2018/credentials#issuer": "urn:x:issuer"},
    "a prefix that turns": {"name:x": "urn:x:name"},
    "an empty name": {"": "urn:x:nothing"},
    "a term in a circle": {"a": "b:x", "b": "a:x"},
    "a term by itself": {"a": {"@id": "a:a"}},
    "a chain of terms": {f"t{n}": f"t{n + 1}:x" for n in range(100)},
    "a list of lists of containers": {"a": {"@id": "urn:x:a", "@container": ["@list", "@set"]}},
    "a member that no definition has": {"a": {"@id": "urn:x:a", "@requires": "urn:x:b"}},
    "a scoped context that redefines": {"a": {"@id": "urn:x:a", "@context": {"@id": "urn:x:b"}}},
    "@vocab that is nothing": {"@vocab": "nothing"},
    "@vocab as an object": {"@vocab": {}},
    "@base": {"@base": "https://thief.example/"},
    "@version": {"@version": 1.0},
    "@propagate as text": {"@propagate": "no"},
    "@protected as text": {"@protected": "no"},
    "@direction": {"@direction": "up"},
    "@language": {"@language": "no language at all"},
    "@import of a stranger": {"@import": "https://thief.example/context"},
    "@import of a list": {"@import": [V2]},
    "@import that redefines": {"@import": V2, "name": "urn:x:name"},
}


@pytest.mark.parametrize("name", REDEFINED)
def test_a_context_that_turns_words_is_refused_in_both_garments(name: str) -> None:
    assert_refused(credential(context=REDEFINED[name]))


def test_a_word_of_a_type_means_what_its_type_says_whatever_stands_before() -> None:
    """`issuer` belongs to the type VerifiableCredential: a context of one's own cannot take it away."""
    plain, turned = credential(), credential(context={"issuer": "urn:x:issuer", "validFrom": None})

    assert sorted(jsonld.to_quads(plain)) == sorted(jsonld.to_quads(turned))


@pytest.mark.parametrize("name", ["a protected term", "id as a property", "a protected term as null"])
def test_a_context_further_in_turns_no_words_either(name: str) -> None:
    assert_refused(credential({**SUBJECT, "@context": REDEFINED[name], "name": "Ada"}))
    assert_refused(credential(evidence={"type": "Evidence", "@context": [REDEFINED[name]], "name": "Ada"}))


@pytest.mark.parametrize("context", [None, [None], [None, V2], [V2, None], {"@vocab": None, "name": None}])
def test_a_context_of_null_takes_no_protection_away(context: Any) -> None:
    assert_refused(credential({**SUBJECT, "@context": context, "name": "Ada"}))


@pytest.mark.parametrize(
    "url",
    [
        "https://thief.example/context",
        f"{V2}#",
        f"{V2}/",
        f"{V2}?",
        V2.upper(),
        V2.replace("https", "http"),
        "urn:x:context",
        "https://www.w3.org/ns/credentials/undefined-terms/v2",
    ],
)
def test_a_context_that_is_not_known_is_refused_and_never_asked_for(url: str) -> None:
    for document in (credential(context=url), credential({**SUBJECT, "@context": url})):
        documents = stranger.documents()
        for given in (enveloped(token(document)), stranger.as_read(unprovable(document))):
            verdict = Verification(documents, clock=Clock()).verify_credential(given).verdict
            assert verdict.check("context").state is State.FAIL
        assert not [asked for asked in documents.asked if asked == url]


def nested(depth: int, innermost: Any) -> Any:
    context = innermost
    for _ in range(depth):
        context = {"a": {"@id": "urn:x:a", "@context": context}}
    return context


@pytest.mark.parametrize(
    "context",
    [
        {f"t{n}": f"urn:t:{n}" for n in range(10_000)},
        [{"p": "urn:p"}] * 9_000,
        [V2] * 9_000,
        [OB, V2] * 4_000,
        nested(12, {"issuer": {}}),
        {f"t{n}": {"@id": f"urn:t:{n}", "@context": [OB, {f"u{n}": "urn:u"}]} for n in range(400)},
    ],
    ids=["10,000 terms", "9,000 objects", "9,000 times one", "two by turns", "deep", "contexts of properties"],
)
def test_contexts_that_swell_are_refused_within_the_second(context: Any) -> None:
    document = credential()
    document["@context"] = [V2, *(context if isinstance(context, list) else [context])]
    document["credentialSubject"]["t1"] = "x"
    begun = time.process_time()
    for given in (enveloped(token(document)), stranger.as_read(unprovable(document))):
        assert stranger.verification().verify_credential(given).verdict.outcome is Outcome.NOT_VALID
    assert time.process_time() - begun < 1


GAMES: dict[str, tuple[Any, Any]] = {
    "an undefined term": ({}, {"undefined": "x"}),
    "an undefined term of null": ({}, {"undefined": None}),
    "an undefined type": ({}, {"type": "Undefined"}),
    "a term of null": ({"hidden": None}, {"hidden": "what nobody signed"}),
    "a keyword of nobody": ({}, {"@hidden": "x"}),
    "a relative id": ({}, {"id": "../x"}),
    "an id of a number": ({}, {"id": 1}),
    "two ids": ({"also": "@id"}, {"also": "did:example:other"}),
    "a value beside its list": ({"p": "urn:p"}, {"p": {"@list": ["x"], "@value": "y"}}),
    "a value of null": ({"p": "urn:p"}, {"p": {"@value": None}}),
    "a value with members": ({"p": "urn:p"}, {"p": {"@value": "x", "q": "y"}}),
    "a language of a number": ({"p": "urn:p"}, {"p": {"@value": 1, "@language": "en"}}),
    "a text alone in a graph": ({"g": {"@id": "urn:g", "@container": "@graph"}}, {"g": "x"}),
    "a text in @included": ({}, {"@included": "x"}),
    "an empty node in @included": ({}, {"@included": [{}]}),
    "a text in @reverse": ({"p": "urn:p"}, {"@reverse": {"p": "x"}}),
    "@reverse of an undefined term": ({}, {"@reverse": {"undefined": {"id": "urn:x"}}}),
    "a context in @nest": ({"n": "@nest", "p": "urn:p"}, {"n": {"@context": {"p": "urn:other"}, "p": "x"}}),
    "a value in @nest": ({"n": "@nest"}, {"n": {"@value": "x"}}),
    "another id in @nest": ({"n": "@nest"}, {"n": {"id": "did:example:other"}}),
    "a map of ids that contradicts": (
        {"m": {"@id": "urn:m", "@container": "@id"}},
        {"m": {"urn:a": {"id": "urn:b", "type": "urn:t"}}},
    ),
    "a reference of a blank node's look": ({"q": {"@id": "urn:q", "@type": "@id"}}, {"q": "_: "}),
    "a literal where a node stands": ({"q": {"@reverse": "urn:q"}}, {"q": "x"}),
    "a property that is a blank node": ({"p": "_:p"}, {"p": "x"}),
    "markup in an IRI": ({"q": {"@id": "urn:q", "@type": "@id"}}, {"q": "urn:a> <urn:b> <urn:c"}),
    "a language that writes statements": ({"p": "urn:p"}, {"p": {"@value": "x", "@language": "en .\n<urn:a"}}),
    "a type that writes statements": ({}, {"type": "urn:a> .\n<urn:b> <urn:c> <urn:d"}),
    "a datatype that writes statements": ({"p": "urn:p"}, {"p": {"@value": "x", "@type": "urn:a> .\n<urn:b"}}),
}


@pytest.mark.parametrize("name", GAMES)
def test_what_would_be_lost_or_said_twice_is_refused(name: str) -> None:
    context, members = GAMES[name]
    assert_refused(credential({**SUBJECT, **members}, context=context))


@pytest.mark.parametrize(
    "name",
    ["__proto__", "constructor", "__class__", "__init__", "hasOwnProperty", "toString", "prototype", "None"],
)
def test_a_name_that_means_something_to_a_program_is_a_name(name: str) -> None:
    """Undefined it is refused; defined it is signed, verified, and cannot be changed."""
    assert_refused(credential({**SUBJECT, name: "x"}), words="not defined")
    good = with_proofs(credential({**SUBJECT, name: "x"}, context={name: "urn:p"}))
    assert stranger.verification().verify_credential(good).verdict.outcome is Outcome.VALID
    changed = stranger.as_read(good)
    changed["credentialSubject"][name] = "y"
    assert stranger.verification().verify_credential(changed).verdict.outcome is Outcome.NOT_VALID


@pytest.mark.parametrize(
    ("context", "members"),
    [
        ({"p": "urn:p"}, {"p": [str(n) for n in range(2_001)]}),
        ({"p": "urn:p"}, {"p": [{"p": "x"}] * 201}),
        ({"l": {"@id": "urn:l", "@container": "@list"}}, {"l": ["x"] * 201}),
        ({"g": {"@id": "urn:g", "@container": "@graph"}}, {"g": [{"id": "urn:a", "type": "urn:t"}] * 201}),
        ({"@vocab": "urn:v:"}, {f"u{n}": "x" for n in range(2_001)}),
    ],
    ids=["statements", "blank nodes", "a list", "graphs", "a vocabulary"],
)
def test_floods_are_refused(context: Any, members: Any) -> None:
    assert_refused(credential({**SUBJECT, **members}, context=context), words="more than")


def test_nesting_ends_where_json_does() -> None:
    """Sets in sets, nests in nests, nodes in nodes: 32 levels for the whole document."""
    for wrap in (lambda inner: [inner], lambda inner: {"n": inner}, lambda inner: {"p": inner}):
        value: Any = {"p": "x"}
        for _ in range(40):
            value = wrap(value)
        document = credential({**SUBJECT, "p": value}, context={"p": "urn:p", "n": "@nest"})
        with pytest.raises(jsonld.JsonLdError, match="deep"):
            jsonld.to_quads(document)


# Words whose statements stay the same

ISSUER = IssuerSimulator()


def swapped() -> dict[str, Any]:
    """A badge whose proof still verifies, in which other names say what was signed: the holder is called what the
    achievement was, and the other way round.
    """
    good = ISSUER.secured()
    context = {
        "title": {"@id": "https://schema.org/name"},
        "name": None,
    }
    subject = dict(good["credentialSubject"])
    achievement = dict(subject["achievement"])
    achievement["title"] = achievement.pop("name")
    subject["achievement"] = achievement
    return {**good, "@context": [*good["@context"], context], "credentialSubject": subject}


def test_a_badge_says_everything_in_the_standards_own_words() -> None:
    """STANDARDS c4: a proof over statements says nothing about names, so a badge has exactly known contexts."""
    for context in ({"title": "https://schema.org/name"}, EXAMPLES, {}, {"@vocab": "urn:v:"}, V2):
        document = ISSUER.document()
        document["@context"] = [*document["@context"], context]
        for data in (
            strict_json.dumps(ISSUER.secured(document)).encode(),
            ISSUER.token(document).encode(),
        ):
            verdict = Verification(DocumentsInMemory.of([ISSUER]), clock=Clock()).verify(data).verdict
            assert verdict.check("context").state is State.FAIL


def test_other_names_for_signed_statements_are_no_badge() -> None:
    data = strict_json.dumps(swapped()).encode()
    verdict = Verification(DocumentsInMemory.of([ISSUER]), clock=Clock()).verify(data).verdict

    assert verdict.outcome is Outcome.NOT_VALID and verdict.check("context").state is State.FAIL


@pytest.mark.parametrize("place", ["issuer", "credentialSubject", "credentialStatus"])
def test_no_part_of_a_badge_brings_words_of_its_own(place: str) -> None:
    document = ISSUER.document()
    part = document[place][0] if place == "credentialStatus" else document[place]
    part["@context"] = {"extra": "urn:x:extra"}
    for data in (strict_json.dumps(ISSUER.secured(document)).encode(), ISSUER.token(document).encode()):
        verdict = Verification(DocumentsInMemory.of([ISSUER]), clock=Clock()).verify(data).verdict
        assert verdict.check("context").state is State.FAIL


def test_the_same_statements_under_other_names_are_another_json_for_whoever_reads_names() -> None:
    """At the level of any credential such a swap verifies with an RDF suite, as the standards have it, and never
    with one that signs the JSON.
    """
    document = credential({**SUBJECT, "given": "Ada"}, context={"given": "urn:p:name"})
    other = {"@context": [V2, {"alias": "urn:p:name"}], "credentialSubject": {**SUBJECT, "alias": "Ada"}}
    by_statements = with_proofs(document) | other
    by_text = stranger.as_read(unprovable(document)) | other

    assert stranger.verification().verify_credential(by_statements).verdict.outcome is Outcome.VALID
    assert stranger.verification().verify_credential(by_text).verdict.outcome is Outcome.NOT_VALID
