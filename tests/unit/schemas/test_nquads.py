"""N-Quads are read to the letter of their grammar, into one spelling of each term."""

import random
from pathlib import Path

import pyoxigraph
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import RdfFormat

from schemas.nquads import MAX_CHARACTERS, NQuadsError, read
from schemas.rdf import literal

SUBJECT, P = "<https://example.org/s>", "<https://example.org/p>"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
GOOD = [
    f'{SUBJECT} {P} "text" .',
    f'{SUBJECT} {P} "text"@en-GB .',
    f'{SUBJECT} {P} "7"^^<https://example.org/type> _:graph .',
    f"_:a {P} _:b.c {SUBJECT} . # a remark",
]


def object_of(text: str) -> str:
    [quad] = read(f"{SUBJECT} {P} {text} .\n")
    return quad[2]


def test_terms_come_out_as_subject_predicate_object_and_graph() -> None:
    assert read(GOOD[0]) == [(SUBJECT, P, '"text"', "")]
    assert read(GOOD[3]) == [("_:a", P, "_:b.c", SUBJECT)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n\n", "\n# a remark\n \t\n"])
def test_lines_may_end_in_any_way_and_empty_ones_say_nothing(end: str) -> None:
    assert len(read(end.join(GOOD))) == len(read(end.join(GOOD) + end)) == len(GOOD)


def test_space_between_terms_may_be_left_out() -> None:
    assert read(f'{SUBJECT}{P}"x"@en{SUBJECT}.') == [(SUBJECT, P, '"x"@en', SUBJECT)]
    assert read(f"_:a{P}_:b.") == [("_:a", P, "_:b", "")]


def test_other_separators_of_unicode_end_no_line() -> None:
    assert object_of('"a\u2028b\u0085c\x0bd"') == '"a\u2028b\u0085c\\u000Bd"'


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (r'"\u0041\U0001F303"', '"A\U0001f303"'),
        (r'"\t\b\n\r\f\"\'\\"', r'"\t\b\n\r\f\"' + r"'" + r'\\"'),
        (r'"\u0009\u0000\u007f"', r'"\t\u0000\u007F"'),
        (r'"\\u0041"', r'"\\u0041"'),
        (r"<urn:ex:\u00fc>", "<urn:ex:ü>"),
        (r'"x"^^<urn:ex:\u0064>', '"x"^^<urn:ex:d>'),
        ('"x"^^<http://www.w3.org/2001/XMLSchema#string>', '"x"'),
        (r'"x"^^<http://www.w3.org/2001/XMLSchema#\u0073tring>', '"x"'),
    ],
)
def test_each_term_has_one_spelling(text: str, canonical: str) -> None:
    assert object_of(text) == canonical


@given(TEXTS)
def test_every_text_survives(text: str) -> None:
    assert object_of(literal(text)) == literal(text)


@given(TEXTS)
def test_another_reader_reads_the_same_text(text: str) -> None:
    [quad] = pyoxigraph.parse(f"{SUBJECT} {P} {literal(text)} .".encode(), format=RdfFormat.N_QUADS)
    assert isinstance(quad.object, pyoxigraph.Literal)
    assert quad.object.value == text


@pytest.mark.parametrize(
    "line",
    [
        f"{SUBJECT} {P} .",
        f"{SUBJECT} {P} {P}",
        f"{SUBJECT} {P} {P} {P} {P} .",
        f"{SUBJECT} {P} {P} . {SUBJECT} {P} {P} .",
        f'"text" {P} {P} .',
        f"{SUBJECT} _:b {P} .",
        f'{SUBJECT} {P} {P} "graph" .',
        f"{SUBJECT} {P} 'text' .",
        f'{SUBJECT} {P} "te"xt" .',
        f'{SUBJECT} {P} "text .',
        f'{SUBJECT} {P} "\\x" .',
        f'{SUBJECT} {P} "\\u00g1" .',
        f'{SUBJECT} {P} "x"@ .',
        f'{SUBJECT} {P} "x"@en_GB .',
        f'{SUBJECT} {P} "x"^^_:type .',
        f'{SUBJECT} {P} "x"@en^^{P} .',
        f"{SUBJECT} {P} _: .",
        f"{SUBJECT} {P} _:-a .",
        f"{SUBJECT} {P} _:a. .",
        f"{SUBJECT} {P} <https://example.org/a b> .",
        f"{SUBJECT} {P} <https://example.org/{{}}> .",
        f"{SUBJECT}\u00a0{P} {P} .",
        "anything else",
    ],
)
def test_what_the_grammar_does_not_allow_is_refused_by_its_line(line: str) -> None:
    with pytest.raises(NQuadsError, match="Line 2 "):
        read(f"{GOOD[0]}\n{line}\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<relative>", "no absolute IRI"),
        ("<>", "no absolute IRI"),
        (r"<urn:ex:\u0020>", "no absolute IRI"),
        (r"<urn:ex:\u003e>", "no absolute IRI"),
        (r"<urn:ex:\ud800>", "no absolute IRI"),
        (r'"\ud83c\udf03"', "surrogate"),
        ('"\ud800"', "surrogate"),
        (r'"\U00110000"', "beyond"),
        (r'"\UFFFFFFFF"', "beyond"),
        ('"x"^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#langString>', "language"),
    ],
)
def test_terms_that_mean_nothing_are_refused_with_a_sentence(text: str, message: str) -> None:
    with pytest.raises(NQuadsError, match=rf"Line 1: .*{message}"):
        object_of(text)


def test_a_text_beyond_the_limit_is_not_read() -> None:
    with pytest.raises(NQuadsError, match="at most"):
        read("#" * (MAX_CHARACTERS + 1))


@pytest.mark.parametrize("number", ["059", "060", "061", "062"])
def test_another_reader_agrees_about_the_published_inputs(number: str, shared: Path) -> None:
    data = (shared / "vectors" / "rdf-canon" / "rdfc10" / f"test{number}-in.nq").read_bytes()

    theirs = {f"{quad} ." for quad in pyoxigraph.parse(data, format=RdfFormat.N_QUADS, rename_blank_nodes=False)}

    assert {f"{' '.join(filter(None, quad))} ." for quad in read(data.decode())} == theirs


def test_another_reader_accepts_and_refuses_the_same_broken_lines() -> None:
    """Good lines with a character lost, doubled or changed: 4,000 of them."""
    rng, refused = random.Random("broken lines"), 0
    good = [line for line in GOOD if "@" not in line]  # of tags, it also asks whether such a language exists
    for _ in range(4_000):
        line = rng.choice(good).replace("https://example.org/", "urn:example:")  # which needs no port or host
        place = rng.randrange(len(line))
        changed = line[:place] + rng.choice(["", line[place] * 2, *'<>"_:.@^ \\#']) + line[place + 1 :]
        assert accepts(changed) == accepted_by_oxigraph(changed), changed
        refused += not accepts(changed)
    assert 1_000 < refused < 4_000


def accepts(line: str) -> bool:
    try:
        read(line)
    except NQuadsError:
        return False
    return True


def accepted_by_oxigraph(line: str) -> bool:
    try:
        list(pyoxigraph.parse(line.encode(), format=RdfFormat.N_QUADS))
    except SyntaxError:
        return False
    return True
