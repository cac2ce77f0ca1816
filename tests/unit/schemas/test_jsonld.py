"""Safe mode: what a document says becomes statements, or the document is refused; nothing is lost or fetched."""

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import strict_json
from schemas.contexts import SIGNING, VERIFYING, ContextSet
from schemas.jsonld import MAX_BLANK_NODES, MAX_QUADS, JsonLdError, to_quads, types_of
from schemas.jsonld.context import MAX_KEPT, contexts_of
from schemas.rdf import literal
from tests.unit.schemas.plain_jsonld import canonical, n_quads

VC2 = "https://www.w3.org/ns/credentials/v2"
OB303 = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
EXAMPLES = "https://www.w3.org/ns/credentials/examples/v2"
OB = "https://purl.imsglobal.org/spec/vc/ob/vocab.html#"
XSD = "http://www.w3.org/2001/XMLSchema#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def badge(**more: Any) -> dict[str, Any]:
    """A small badge; members of the subject's achievement may be given too."""
    return {
        "@context": [VC2, OB303],
        "id": "urn:uuid:1",
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "issuer": "did:web:badges.example",
        "credentialSubject": {
            "type": "AchievementSubject",
            "achievement": {"id": "urn:uuid:2", "type": "Achievement", "name": "Speaker"},
        },
        **more,
    }


def objects(document: dict[str, Any], predicate: str = "urn:p") -> list[str]:
    """The objects of one property, in the order in which the document says them."""
    return [quad[2] for quad in to_quads(document) if quad[1] == f"<{predicate}>"]


def refused(document: dict[str, Any], message: str) -> None:
    with pytest.raises(JsonLdError, match=message) as caught:
        to_quads(document)
    told = str(caught.value)
    assert told.endswith(".") and "\n" not in told and len(told) < 400


def test_a_badge_says_what_its_contexts_mean() -> None:
    assert to_quads(badge()) == [
        ("<urn:uuid:1>", f"<{RDF}type>", "<https://www.w3.org/2018/credentials#VerifiableCredential>", ""),
        ("<urn:uuid:1>", f"<{RDF}type>", f"<{OB}OpenBadgeCredential>", ""),
        ("<urn:uuid:1>", "<https://www.w3.org/2018/credentials#issuer>", "<did:web:badges.example>", ""),
        ("_:b0", f"<{RDF}type>", f"<{OB}AchievementSubject>", ""),
        ("<urn:uuid:2>", f"<{RDF}type>", f"<{OB}Achievement>", ""),
        ("<urn:uuid:2>", "<https://schema.org/name>", '"Speaker"', ""),
        ("_:b0", f"<{OB}achievement>", "<urn:uuid:2>", ""),
        ("<urn:uuid:1>", "<https://www.w3.org/2018/credentials#credentialSubject>", "_:b0", ""),
    ]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (badge(shoeSize=43), "The term 'shoeSize' is not defined"),
        (badge(type=["VerifiableCredential", "ShoeCredential"]), "The type 'ShoeCredential' is not defined"),
        (badge(type=["VerifiableCredential", 5]), "A type must be a text"),
        (badge(type=None), "A type must be a text"),
        (badge(id="badge-1"), "The reference 'badge-1' is no absolute IRI"),
        (badge(id="https ://a.example"), "no absolute IRI"),
        (badge(id="urn:a>\u0020<urn:b"), "no absolute IRI"),
        (badge(id="urn:<b>"), "no absolute IRI"),
        (badge(id=None), "An id must be a text"),
        (badge(id=["urn:a", "urn:b"]), "An id must be a text"),
        (badge(issuer="summit"), "The reference 'summit' is no absolute IRI"),
        (badge(issuer={"id": "@type"}), "The reference '@type' is no absolute IRI"),
        (badge(name={"@value": "a", "url": "https://a.example"}), "cannot have the member 'url'"),
        (badge(name={"@value": None}), "is null, or no single value, and would be lost"),
        (badge(name={"@value": "a", "@language": "not a tag"}), "is no language tag"),
        (badge(name={"@value": "a", "@direction": "up"}), "neither ltr nor rtl"),
        (badge(name={"@value": 5, "@language": "en"}), "has a language, and it or the value is no text"),
        (badge(name={"@value": "a", "@type": "date"}), "a type that is no absolute IRI"),
        (badge(name={"@value": "a", "@type": "urn:t", "@language": "en"}), "both a type and a language"),
        (badge(**{"@id": "urn:uuid:3"}), "A node has two ids"),
        (badge(**{"@graph": []}) | {"@graph": "text"}, "must be nodes"),
        (badge(**{"@embed": "urn:p"}), "'@embed' is not defined"),
        (badge(**{"@vocab": "urn:p"}), "@vocab, which it cannot have"),
        (badge(**{"_:property": "a"}), "The term '_:property' is not defined"),
        (badge(proof="urn:proof:1"), "stands alone in a graph, so it would be lost"),
        (badge(proof={}), "says nothing, so it would be lost"),
        ({"@context": VC2, "id": "urn:uuid:1"}, "says nothing, so it would be lost"),
        ({"@context": VC2}, "says nothing, so it would be lost"),
        ({}, "says nothing"),
        ({"@graph": []}, "The document makes no statement"),
        ({"@value": "text"}, "a literal where a node was expected"),
        ({"@list": []}, "has no property"),
        ({"@set": [{"@id": "urn:a"}]}, "has no property"),
        ({"@graph": ["text"]}, "a literal where a node was expected"),
        ({"@included": [{"@id": "urn:a"}], "urn:p": 1}, "says nothing, so it would be lost"),
        ({"@reverse": {"urn:p": "text"}}, "a literal where a node was expected"),
        ({"@reverse": {"urn:p": {"@list": []}}}, "a list where a node was expected"),
        ({"@reverse": {"@id": "urn:p"}}, "'@id' is not defined"),
        ({"@nest": "text"}, "must be members of a node"),
        ({"urn:p": {"@list": [], "@set": []}}, "other members than one of both allows"),
    ],
)
def test_what_would_be_lost_is_refused_by_its_name(document: dict[str, Any], message: str) -> None:
    refused(document, message)


def with_context(context: Any, **members: Any) -> dict[str, Any]:
    return {"@context": context, "urn:p": "text", **members}


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ("https://summit.example/context", "The context 'https://summit.example/context' is not known here"),
        ("relative", "The context 'relative' is not known here"),
        (5, "A context must be a URL, an object or null"),
        ([VC2, None], "would remove terms that are protected"),
        ([VC2, {"name": "urn:name"}], "The term 'name' is protected and cannot be redefined"),
        ([VC2, {"VerifiableCredential": "urn:vc"}], "'VerifiableCredential' is protected"),
        ({"@base": "https://a.example/"}, "base IRI, which is not supported"),
        ({"@version": 1.0}, "must be 1.1"),
        ({"@vocab": "relative"}, "The @vocab of a context is no absolute IRI"),
        ({"@vocab": "_:b"}, "The @vocab of a context is no absolute IRI"),
        ({"@language": "not a tag"}, "is no language tag"),
        ({"@language": 5}, "must be a text or null"),
        ({"@direction": "up"}, "must be ltr, rtl or null"),
        ({"@protected": "yes"}, "must be true or false"),
        ({"@propagate": "yes"}, "must be true or false"),
        ([{}, {"@propagate": False}], "Only the first of several contexts can say @propagate"),
        ({"@import": 5}, "must be a URL"),
        ({"@import": "https://a.example/"}, "not known here"),
        ({"@context": {}}, "The keyword @context cannot be redefined"),
        ({"@id": "urn:id"}, "The keyword @id cannot be redefined"),
        ({"@type": "urn:type"}, "The keyword @type cannot be redefined"),
        ({"@unknown": "urn:x"}, "looks like a keyword, which is reserved"),
        ({"": "urn:x"}, "must not be an empty text"),
        ({"t": 5}, "must be a text, an object or null"),
        ({"t": {"@id": 5}}, "must be a text or null"),
        ({"t": {"@id": "urn:t", "colour": 1}}, "has a member 'colour'"),
        ({"t": "relative"}, "does not stand for an absolute IRI"),
        ({"t": "@unknown"}, "which it must not"),
        ({"t": "@context"}, "which it must not"),
        ({"t": {}}, "The term 't' has no @id"),
        ({"t": "t:x"}, "The term 't' is defined by itself"),
        ({"a": "b:x", "b": "a:x"}, "is defined by itself"),
        ({"urn:x": "urn:y"}, "looks like an IRI, and stands for another"),
        ({"t": {"@id": "urn:t", "@type": 5}}, "must be a text"),
        ({"t": {"@id": "urn:t", "@type": "relative"}}, "no absolute IRI"),
        ({"t": {"@id": "urn:t", "@type": "_:b"}}, "no absolute IRI"),
        ({"t": {"@id": "urn:t", "@container": "@value"}}, "none that JSON-LD knows"),
        ({"t": {"@id": "urn:t", "@container": ["@list", "@set"]}}, "none that JSON-LD knows"),
        ({"t": {"@id": "urn:t", "@container": None}}, "none that JSON-LD knows"),
        ({"t": {"@id": "urn:t", "@container": "@type", "@type": "@json"}}, "must be @id or @vocab"),
        ({"t": {"@id": "urn:t", "@language": 5}}, "must be a text or null"),
        ({"t": {"@id": "urn:t", "@direction": "up"}}, "must be ltr, rtl or null"),
        ({"t": {"@id": "urn:t", "@index": "urn:i"}}, "must name a property of an index container"),
        ({"t": {"@id": "urn:t", "@nest": "@id"}}, "must be @nest or a term"),
        ({"t": {"@id": "urn:t", "@prefix": "yes"}}, "cannot be a prefix"),
        ({"t": {"@id": "urn:t", "@protected": "yes"}}, "must be true or false"),
        ({"t": {"@reverse": "urn:t", "@id": "urn:t"}}, "neither @id nor @nest"),
        ({"t": {"@reverse": "urn:t", "@container": "@list"}}, "none that JSON-LD knows"),
        ({"t": {"@id": "@id", "@context": {}}}, "not supported here"),
        ({"t": {"@id": "urn:t", "@context": {"u": "relative"}}}, "does not stand for an absolute IRI"),
        ({"t": {"@id": "urn:t", "@context": "https://a.example/"}}, "not known here"),
    ],
)
def test_an_unsound_context_is_refused_even_if_unused(context: Any, message: str) -> None:
    refused(with_context(context), message)


def test_a_scoped_context_can_neither_override_protection_by_a_type() -> None:
    context = {"t": {"@id": "urn:t", "@protected": True}, "T": {"@id": "urn:T", "@context": {"t": "urn:other"}}}

    refused(with_context(context, **{"@type": "T"}), "The term 't' is protected")


def test_a_property_may_override_protection_inside() -> None:
    context = {
        "t": {"@id": "urn:t", "@protected": True},
        "p": {"@id": "urn:p", "@context": {"t": "urn:other"}},
    }

    assert objects({"@context": context, "p": {"t": "text"}}, "urn:other") == ['"text"']


def test_a_presented_credential_is_read_in_its_own_contexts_only() -> None:
    presentation: dict[str, Any] = {
        "@context": [VC2, EXAMPLES],
        "type": "VerifiablePresentation",
        "verifiableCredential": badge(),
    }

    quads = to_quads(presentation)
    assert {quad for quad in to_quads(badge()) if "_:" not in "".join(quad)} == {
        (*quad[:3], "") for quad in quads if quad[3] and "_:" not in "".join(quad[:3])
    }
    presentation["verifiableCredential"] = badge(shoeSize=43)  # though examples/v2 defines every term outside
    refused(presentation, "The term 'shoeSize' is not defined")


def test_with_a_vocabulary_every_term_is_defined() -> None:
    document = badge(shoeSize=43) | {"@context": [VC2, OB303, EXAMPLES]}

    assert objects(document, "https://www.w3.org/ns/credentials/examples#shoeSize") == [f'"43"^^<{XSD}integer>']


def test_signing_refuses_the_terms_that_only_the_newer_revision_has() -> None:
    document = badge(endorsementJwt=["e30.e30.AA"])

    assert objects(document, f"{OB}endorsementJwt") == ['"e30.e30.AA"']
    with pytest.raises(JsonLdError, match="'endorsementJwt' is not defined"):
        to_quads(document, contexts=SIGNING)
    assert to_quads(badge(), contexts=SIGNING) == to_quads(badge(), contexts=VERIFYING)


def test_the_same_document_means_the_same_in_any_order_of_members() -> None:
    document = badge(name="a", image="urn:image")
    backwards = dict(reversed(document.items()))

    assert canonical(n_quads(to_quads(backwards))) == canonical(n_quads(to_quads(document)))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, f'"true"^^<{XSD}boolean>'),
        (5, f'"5"^^<{XSD}integer>'),
        (5.0, f'"5"^^<{XSD}integer>'),
        (-0.0, f'"0"^^<{XSD}integer>'),
        (1.5, f'"1.5E0"^^<{XSD}double>'),
        (0.1, f'"1.0E-1"^^<{XSD}double>'),
        (1e21, f'"1.0E21"^^<{XSD}double>'),
        (1e20, f'"100000000000000000000"^^<{XSD}integer>'),
        (-1234.5e-10, f'"-1.2345E-7"^^<{XSD}double>'),
        ('a\nb"\\\x7f\x00é', '"a\\nb\\"\\\\\\u007F\\u0000é"'),
        ({"@value": "a", "@language": "de-AT"}, '"a"@de-at'),
        ({"@value": "a", "@language": "ar", "@direction": "rtl"}, '"a"@ar'),
        ({"@value": "a", "@type": f"{XSD}string"}, '"a"'),
        ({"@value": False, "@type": f"{XSD}string"}, '"false"'),
        ({"@value": 5, "@type": f"{XSD}double"}, f'"5.0E0"^^<{XSD}double>'),
        ({"@value": "5.0", "@type": f"{XSD}double"}, f'"5.0E0"^^<{XSD}double>'),
        ({"@value": "5.0 m", "@type": f"{XSD}double"}, f'"5.0 m"^^<{XSD}double>'),
        ({"@value": 5, "@type": "urn:t"}, '"5"^^<urn:t>'),
        (
            {"@value": {"b": [1, 2.50], "a": None}, "@type": "@json"},
            f'"{{\\"a\\":null,\\"b\\":[1,2.5]}}"^^<{RDF}JSON>',
        ),
        ({"@value": "a", "@type": None, "@language": None, "@index": "i"}, '"a"'),
    ],
)
def test_a_value_is_written_in_its_one_form(value: Any, expected: str) -> None:
    assert objects({"urn:p": value}) == [expected]


def test_null_and_empty_arrays_say_nothing() -> None:
    assert objects({"urn:p": [None, "a", [], None], "urn:q": None, "urn:r": []}) == ['"a"']


def test_a_graph_beside_members_that_say_nothing_is_the_default_graph() -> None:
    inner: Any = {"@id": "urn:a", "urn:p": "x"}

    assert to_quads({"@graph": inner, "urn:q": None, "@type": []}) == [("<urn:a>", "<urn:p>", '"x"', "")]
    assert to_quads({"@graph": inner, "@id": "urn:g"}) == [("<urn:a>", "<urn:p>", '"x"', "<urn:g>")]
    refused({"@graph": inner, "shoeSize": None}, "The term 'shoeSize' is not defined")


def test_nested_members_are_those_of_their_node() -> None:
    node: Any = {"@nest": [{"@id": "urn:a", "urn:p": "x"}, {"urn:p": "y"}], "urn:p": "z"}

    assert {quad[0] for quad in to_quads(node)} == {"<urn:a>"} and len(to_quads(node)) == 3
    refused({"@index": "i", "@nest": {"@index": "i", "urn:p": 1}}, "Two members of a node stand for @index")
    refused({"@id": "urn:a", "@nest": {"@id": "urn:b"}, "urn:p": 1}, "A node has two ids")
    refused({"@nest": {"@context": {}, "urn:p": 1}}, "have a context, which is not supported")


def test_a_repeated_statement_is_made_once() -> None:
    assert len(to_quads({"@id": "urn:a", "urn:p": ["x", "x", {"@value": "x"}]})) == 1


def test_lists_keep_their_order_and_hold_lists() -> None:
    quads = to_quads({"@id": "urn:a", "urn:p": {"@list": ["x", [], ["y"]]}})

    first = {quad[0]: quad[2] for quad in quads if quad[1] == f"<{RDF}first>"}
    rest = {quad[0]: quad[2] for quad in quads if quad[1] == f"<{RDF}rest>"}
    head = next(quad[2] for quad in quads if quad[1] == "<urn:p>")
    second = rest[head]
    third = rest[second]
    assert (first[head], first[second], rest[third]) == ('"x"', f"<{RDF}nil>", f"<{RDF}nil>")
    assert first[first[third]] == '"y"' and len(quads) == 9


def test_blank_nodes_of_the_document_are_told_apart_from_new_ones() -> None:
    document: Any = {"@id": "_:b1", "urn:p": [{"urn:q": "x"}, {"@id": "_:b1"}, {"@id": "_:b0"}]}

    subject, new, itself, other = [to_quads(document)[-1][0], *objects(document)]
    assert subject == itself and len({subject, new, other}) == 3


MAPS: Any = {
    "language": {"@id": "urn:p", "@container": "@language"},
    "index": {"@id": "urn:p", "@container": "@index"},
    "property": {"@id": "urn:p", "@container": "@index", "@index": "urn:index"},
    "id": {"@id": "urn:p", "@container": "@id"},
    "type": {"@id": "urn:p", "@container": "@type"},
    "graph": {"@id": "urn:p", "@container": "@graph"},
    "named": {"@id": "urn:p", "@container": ["@graph", "@id"]},
    "list": {"@id": "urn:p", "@container": "@list"},
    "back": {"@reverse": "urn:p"},
    "json": {"@id": "urn:p", "@type": "@json"},
    "none": "@none",
    "T": {"@id": "urn:T", "@context": {"inside": "urn:inside"}},
}


def test_maps_say_what_their_keys_mean() -> None:
    def said(**members: Any) -> set[tuple[str, ...]]:
        return {
            tuple(term or "-" for term in quad) for quad in to_quads({"@context": MAPS, "@id": "urn:a", **members})
        }

    a, p = "<urn:a>", "<urn:p>"
    assert said(language={"en": ["x", None], "DE": "y", "none": "z"}) == {
        (a, p, '"x"@en', "-"), (a, p, '"y"@de', "-"), (a, p, '"z"', "-")
    }  # fmt: skip
    assert said(index={"i": "x", "j": ["y"]}) == {(a, p, '"x"', "-"), (a, p, '"y"', "-")}
    assert said(property={"i": {"@id": "urn:b"}}) == {
        (a, p, "<urn:b>", "-"), ("<urn:b>", "<urn:index>", '"i"', "-")
    }  # fmt: skip
    assert said(id={"urn:b": {"urn:q": 1}}) >= {(a, p, "<urn:b>", "-")}
    assert said(type={"T": {"@id": "urn:b", "inside": "x"}}) == {
        (a, p, "<urn:b>", "-"),
        ("<urn:b>", f"<{RDF}type>", "<urn:T>", "-"),
        ("<urn:b>", "<urn:inside>", '"x"', "-"),
    }
    assert said(graph={"@id": "urn:b", "urn:q": "x"}) == {
        (a, p, "_:b0", "-"), ("<urn:b>", "<urn:q>", '"x"', "_:b0")
    }  # fmt: skip
    assert said(named={"urn:g": {"@id": "urn:b", "urn:q": "x"}}) == {
        (a, p, "<urn:g>", "-"), ("<urn:b>", "<urn:q>", '"x"', "<urn:g>")
    }  # fmt: skip
    assert said(list=[]) == {(a, p, f"<{RDF}nil>", "-")}
    assert said(back={"@id": "urn:b"}) == {("<urn:b>", p, a, "-")}
    assert said(json=[None]) == {(a, p, f'"[null]"^^<{RDF}JSON>', "-")}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"language": {"en": 5}}, "holds something that is no text"),
        ({"language": {"not a tag": "x"}}, "is no language tag"),
        ({"property": {"i": "x"}}, "a literal where a node was expected"),
        ({"id": {"relative": {"urn:q": 1}}}, "'relative' is no absolute IRI"),
        ({"id": {"urn:b": {"@id": "urn:c", "urn:q": 1}}}, "under another id"),
        ({"type": {"U": {"@id": "urn:b"}}}, "The type 'U' is not defined"),
        ({"graph": "x"}, "a literal where a node was expected"),
        ({"graph": {"@list": ["x"]}}, "a list where a node was expected"),
        ({"back": "x"}, "a literal where a node was expected"),
    ],
)
def test_maps_that_would_lose_something_are_refused(members: dict[str, Any], message: str) -> None:
    refused({"@context": MAPS, "@id": "urn:a", **members}, message)


@pytest.mark.parametrize(("propagates", "inside"), [(False, False), (True, True)])
def test_the_context_of_a_type_ends_with_its_node_unless_it_says_otherwise(propagates: bool, inside: bool) -> None:
    context = {"T": {"@id": "urn:T", "@context": {"@propagate": propagates, "t": "urn:t"}}}
    document = {"@context": context, "@type": "T", "t": "x", "urn:p": {"@id": "urn:b", "t": "y"}}

    if inside:
        assert objects(document, "urn:t") == ['"x"', '"y"']
    else:
        refused(document, "The term 't' is not defined")


def test_types_are_told_without_reading_the_rest() -> None:
    assert types_of(badge(shoeSize=43)) == (
        "https://www.w3.org/2018/credentials#VerifiableCredential",
        f"{OB}OpenBadgeCredential",
    )
    assert types_of(badge(type="AchievementCredential")) == (f"{OB}OpenBadgeCredential",)
    assert types_of({"@context": VC2}) == ()
    with pytest.raises(JsonLdError, match="The type 'ShoeCredential' is not defined"):
        types_of(badge(type=["ShoeCredential"]))
    with pytest.raises(JsonLdError, match="A type must be a text"):
        types_of(badge(type=[5]))


def test_as_many_statements_as_allowed_are_made_and_not_one_more() -> None:
    def document(count: int) -> dict[str, Any]:
        return {"@id": "urn:a", "urn:p": [f"{number}" for number in range(count)] * 2}

    assert len(to_quads(document(MAX_QUADS))) == MAX_QUADS
    refused(document(MAX_QUADS + 1), f"more than {MAX_QUADS} statements")
    assert len(to_quads(document(3), max_quads=3)) == 3
    with pytest.raises(JsonLdError, match="more than 2 statements"):
        to_quads(document(3), max_quads=2)


def test_as_many_blank_nodes_as_allowed_are_made_and_not_one_more() -> None:
    def document(count: int) -> dict[str, Any]:
        return {"@id": "urn:a", "urn:p": [{} for _ in range(count)]}

    assert len(to_quads(document(MAX_BLANK_NODES))) == MAX_BLANK_NODES
    refused(document(MAX_BLANK_NODES + 1), f"more than {MAX_BLANK_NODES} nodes without an id")
    with pytest.raises(JsonLdError, match="more than 1 nodes"):
        to_quads(document(2), max_blank_nodes=1)


def test_nesting_ends_at_the_depth_of_the_strict_reader() -> None:
    deep: Any = "x"
    for _ in range(strict_json.MAX_DEPTH - 1):
        deep = {"urn:p": deep}
    assert len(to_quads(deep)) == strict_json.MAX_DEPTH - 1
    refused({"urn:p": {"urn:p": {"urn:p": deep}}}, "nested more than 32 levels")
    for _ in range(20_000):
        deep = {"@nest": deep, "urn:p": 1}
    refused(deep, "nested")
    listed: Any = ["x"]
    for _ in range(20_000):
        listed = [listed]
    refused({"urn:p": listed}, "nested more than 32 levels")
    refused({"@context": listed, "urn:p": 1}, "nested|must be a URL")


def test_contexts_that_define_too_much_are_refused_whether_or_not_they_are_kept() -> None:
    large = {f"t{number}": f"urn:t{number}" for number in range(1_000)}
    document = {"@context": [large] * 51, "urn:p": "x"}
    wide = {"@context": large, "urn:p": [{"@context": {"a": "urn:a"}, "@id": "urn:b", "a": 1}] * 3_000}

    for _ in range(2):
        refused(document, "define too much")
        refused(wide, "define too much")
        refused({"@context": [VC2, OB303] * 500, "urn:p": "x"}, "define too much")


def test_contexts_inside_contexts_end_somewhere() -> None:
    context: Any = {"u": "urn:u"}
    for _ in range(30):
        context = {"t": {"@id": "urn:t", "@context": context}}

    refused(with_context(context), "nested more than 16 deep")


def test_a_chain_of_terms_ends_somewhere() -> None:
    context = {f"t{number}": f"t{number + 1}:x" for number in range(100)} | {"t100": "urn:t/"}

    refused(with_context(context), "a chain of more than 32 terms")


def set_of(**contexts: Any) -> ContextSet:
    """A set of nothing but these contexts, each at a host of its name."""
    files = {
        f"https://{name}.example/": (
            data := strict_json.dumps({"@context": value}).encode(),
            sha256(data).hexdigest(),
        )
        for name, value in contexts.items()
    }
    return ContextSet.of(name="none").extended(files, name="test")


def test_contexts_that_include_one_another_are_refused() -> None:
    contexts = set_of(
        a=["https://b.example/"], b={"t": "urn:t", "@import": "https://a.example/"}, c="https://c.example/"
    )

    for url in ("https://a.example/", "https://c.example/"):
        with pytest.raises(JsonLdError, match=r"includes itself|single object"):
            to_quads({"@context": url, "urn:p": 1}, contexts=contexts)


def test_an_import_is_overridden_by_what_stands_beside_it() -> None:
    contexts = set_of(
        base={"t": "urn:t", "u": "urn:u"}, other={"@import": "https://base.example/", "t": "urn:other"}
    )
    document: Any = {"@context": "https://other.example/", "t": "x", "u": "y"}

    assert [quad[1] for quad in to_quads(document, contexts=contexts)] == ["<urn:other>", "<urn:u>"]
    with pytest.raises(JsonLdError, match="cannot be imported"):
        to_quads({"@context": {"@import": "https://other.example/"}, "urn:p": 1}, contexts=contexts)


def test_a_stranger_cannot_fill_the_memory_with_contexts() -> None:
    known = set_of(**{f"c{number}": {f"t{number}": f"urn:t{number}"} for number in range(90)})
    contexts = contexts_of(known)
    first = contexts.initial
    for number in range(MAX_KEPT):
        pair: Any = [f"https://c{number % 90}.example/", f"https://c{number // 90}.example/"]
        to_quads({"@context": pair, "urn:p": number}, contexts=known)

    assert contexts_of(known) is contexts and contexts.initial is not first


def test_what_a_document_defines_is_forgotten_with_it() -> None:
    refused({"@context": [VC2, OB303], "urn:p": {"ours": "x"}}, "'ours' is not defined")
    assert to_quads({"@context": [VC2, OB303, {"ours": "urn:ours"}], "urn:p": {"ours": "x"}})
    refused({"@context": [VC2, OB303], "urn:p": {"ours": "x"}}, "'ours' is not defined")


def test_a_message_shows_only_the_beginning_of_a_long_name() -> None:
    refused({"x" * 100_000: 1}, "'x{80}…'".replace("…", r"\\u2026"))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([VC2, "urn:x", "@id"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["@context", "@id", "@type", "@graph", "@value", "@list", "id", "type", "urn:p", "t", "@nest"]
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(
    st.dictionaries(
        st.sampled_from(["@context", "@type", "type", "urn:p", "@graph", "@reverse"]), JSON, max_size=4
    )
)
def test_any_json_is_read_or_refused_in_one_sentence(document: dict[str, Any]) -> None:
    try:
        quads = to_quads(document)
    except JsonLdError as error:
        assert str(error).endswith(".")
    else:
        assert canonical(n_quads(quads))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_out_as_canonical_n_quads_write_it(text: str) -> None:
    assert objects({"urn:p": text}) == [literal(text)]
    assert canonical(n_quads(to_quads({"urn:p": text})))
