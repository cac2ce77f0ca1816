"""Python and the browser agree: on the shared vectors state by state, and on what strangers may send.

A badge that is passed in the browser is passed by the server; one that is refused there is refused here. Where the
browser knows less, it says unknown.
"""

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import badge_qr, base64url, strict_json, timestamps
from schemas import claims as jwt_claims
from schemas.badge_qr import BadgeQrError
from schemas.base64url import Base64UrlError
from schemas.strict_json import StrictJsonError
from schemas.timestamps import TimestampError
from tests.browser import sentences
from tests.browser.twin import Twin, asked
from tests.unit.verifier.simulator import IssuerSimulator
from tests.vectors import test_vectors as vectors
from tests.vectors.build import CASES, case
from verifier.verification.reading import ReadBadge
from verifier.verification.service import judge

FILES = [file for file in sorted(CASES.glob("*.json")) if "document" not in json.loads(file.read_text())]
ISSUER = IssuerSimulator(seed="badgewright verification vectors 1")
MUTATIONS = 1_500
WORKED_EXAMPLE = (  # DESK section 3
    "OB1:9701LSKSDOG16EU.70CT28HD3:3FTMJY00.128AR:F9DRND3JLM*.GFYA8HDP6ET86RE2WVB*RG40TR-D.CPVCEN%VL02RND9$96ABWJKZ2"
    "LCMSEFDKLPRIPPKL-0LAB5:NN:D9Q7T 2J23LIPNAFHTGHPGLMJHAB5Y1HP%11R6OF6MC6KS0"
)
lasting = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with asked() as answering:
        yield answering


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_browser_has_the_state_of_every_check_that_the_vector_expects(file: Path, twin: Twin) -> None:
    given = json.loads(file.read_text())

    assert twin.ask("verify", given)["answer"]["states"] == given["expect"]


@pytest.mark.parametrize("name", ["valid_ed25519", "signature_ed25519", "valid", "signature"])
def test_a_browser_without_ed25519_comes_to_the_same(name: str) -> None:
    given = json.loads((CASES / f"{name}.json").read_text())
    with asked("--without-ed25519") as old:
        assert old.ask("verify", given)["answer"]["states"] == given["expect"]


def test_random_ed25519_signatures_whole_and_damaged_are_judged_as_by_the_server() -> None:
    """Each bit of signature and key counts, and a key that is no point is no reason to pass anything."""
    chance = random.Random(8032)
    template = json.loads((CASES / "valid_ed25519.json").read_text())
    head, _, signature = template["token"].rpartition(".")
    with asked("--without-ed25519") as old:
        for _ in range(64):
            damaged = bytearray(base64url.decode(signature))
            damaged[chance.randrange(64)] ^= 1 << chance.randrange(8)
            given = {**template, "token": f"{head}.{base64url.encode(bytes(damaged))}"}
            assert vectors.states(given)["signature"] == "fail"
            assert old.ask("verify", given)["answer"]["states"]["signature"] == "fail"


def test_what_a_badge_says_is_the_same(twin: Twin) -> None:
    given = json.loads((CASES / "valid.json").read_text())
    said = twin.ask("verify", given)["answer"]["statement"]
    badge = ReadBadge("jwt", token=given["token"])
    verdict = judge(badge, trust=vectors.bundle(given), now=timestamps.parse(given["now"]))
    stated, credential = verdict.statement, verdict.require()

    assert stated
    assert said["issuer"] == stated.issuer
    assert said["issuerName"] == stated.issuer_name
    assert (said["achievement"], said["achievementName"]) == (stated.achievement, stated.achievement_name)
    assert (said["name"], said["term"]) == (stated.name, stated.term)
    assert tuple(said["references"]) == credential.credentialSubject.holder_references
    assert said["validUntil"] == pytest.approx(credential.validUntil.timestamp() * 1000)  # type: ignore[union-attr]


def test_a_badge_that_was_changed_in_any_place_is_never_passed_by_the_browser_alone(twin: Twin) -> None:
    """The same mutated badges, signed by the issuer's own key, to both: members gone, doubled, renamed, of another
    type, strange types and contexts. What differs is only ever the browser's unknown."""
    chance = random.Random(20261123)
    template = case("mutated", ISSUER.token())
    passed_by_both = 0
    for number in range(MUTATIONS):
        document = mutated(ISSUER.document(), chance)
        try:
            token = ISSUER.sign(jwt_claims.claims_of(document))
        except (ValueError, TypeError, AttributeError):
            continue  # no token can say this
        given = {**template, "token": token}
        here = vectors.states(given)
        there = twin.ask("verify", given)["answer"]["states"]
        if set(there.values()) == {"pass"}:
            assert set(here.values()) == {"pass"}, (number, document, here)
            passed_by_both += 1
        if "fail" in there.values():
            assert "fail" in here.values(), (number, document, there)
    assert passed_by_both > MUTATIONS / 50


def test_the_worked_example_is_read(twin: Twin) -> None:
    packed = badge_qr.read_text(WORKED_EXAMPLE)
    assert twin.ask("read_code", WORKED_EXAMPLE) == {"answer": packed.hex()}
    url = badge_qr.to_url_text(packed, host="badges.example.org")
    assert twin.ask("read_code", url) == {"answer": packed.hex()}


@lasting
@given(data=st.binary(max_size=80), cut=st.integers(0, 40), form=st.sampled_from(["desk", "url"]))
def test_codes_whole_and_damaged_are_read_alike(twin: Twin, data: bytes, cut: int, form: str) -> None:
    text = badge_qr.to_desk_text(data) if form == "desk" else badge_qr.to_url_text(data, host="b.example")
    for given_text in (text, text[: len(text) - cut], text.replace("1", "9"), text.replace("0", "z")):
        try:
            expected: object = badge_qr.read_text(given_text).hex()
        except BadgeQrError:
            expected = None
        assert twin.ask("read_code", given_text).get("answer") == expected, given_text


@pytest.mark.parametrize(
    "text",
    [
        *("", "OB1:", "ob1:00", "https://h/v#", "https://h/V#123", "http://h/v#00001108152157446007"),
        *("https://h/v#00001108152157446007", "HTTPS://H.example:8443/a/v?x=1#00001108152157446007"),
        *("https:///v#123", "https://h/x?/v#123", "https://h/v#72057594037927936", "https://h/v#٣٣٣"),
        *("https://h/v#000", "https://h/v#256", "https://h/v#255\n", "https://h/v#1#255", "OB1:::::", "OB1:é00"),
    ],
)
def test_texts_at_the_edges_of_the_grammar_are_read_alike(twin: Twin, text: str) -> None:
    try:
        expected: object = badge_qr.read_text(text).hex()
    except BadgeQrError:
        expected = None
    assert twin.ask("read_code", text).get("answer") == expected


JSON_EDGES = [
    *('{"a":1,"a":2}', '{"a":1}x', '{"a":NaN}', '{"a":-Infinity}', '{"a":1e400}', '{"a":9007199254740993}'),
    *('{"a":9007199254740991}', '{"a":01}', '{"a":1.}', '{"a":.5}', '{"a":-0}', '{"a":1e5}', '{"a":"\\ud800"}'),
    *('{"a":"\\ud83d\\ude00"}', '{"\\ud800":1}', "[1]", '"x"', "{}", ' {"a" : [ ] } ', '{"a":1,}', "{'a':1}"),
    *('\ufeff{"a":1}', '{"a":"\t"}', '{"a":"\\x41"}', '{"a":tru}', '{"a":true false}', '{"__proto__":{"b":1}}'),
    *(
        '{"a":' + "[" * 31 + "]" * 31 + "}",
        '{"a":' + "[" * 32 + "]" * 32 + "}",
        '{"constructor":1}',
        '{"a" 1}',
        "",
    ),
    *('{"a":"\u2028"}', "\u00a0{}", '{"a":1\u000c}', '{"a":[1 2]}', '{"a":[,]}', '{"a":{}', "nul", '{"a":-}'),
]


@pytest.mark.parametrize("text", JSON_EDGES)
def test_json_at_the_edges_is_read_alike(twin: Twin, text: str) -> None:
    try:
        expected: object = strict_json.loads_object(text)
    except StrictJsonError:
        expected = None
    assert twin.ask("read_json", text).get("answer") == expected


@lasting
@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=4))
)
def test_json_of_any_shape_is_read_alike(twin: Twin, value: object) -> None:
    try:
        text = json.dumps({"value": value}, ensure_ascii=False)
        expected: object = strict_json.loads_object(text)
    except StrictJsonError:
        expected = None
    assert twin.ask("read_json", text).get("answer") == expected


@pytest.mark.parametrize(
    "text",
    [
        *("2026-11-22T09:00:00Z", "2026-11-22T09:00:00.5Z", "2026-11-22T09:00:00+02:00", "2026-02-29T00:00:00Z"),
        *("2024-02-29T23:59:59Z", "2026-11-22T24:00:00Z", "2026-11-22T09:60:00Z", "2026-11-22T09:00:60Z"),
        *("0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z"),
        *("9999-12-31T23:59:59-14:00", "2026-11-22T09:00:00", "2026-11-22 09:00:00Z", "2026-11-22T09:00:00Z\n"),
        *(
            "2026-11-22T09:00:00+14:00",
            "2026-11-22T09:00:00+14:01",
            "2026-11-22T09:00:00-00:00",
            "0050-01-01T00:00:00Z",
        ),
        *("2026-11-22T09:00:00.1234567891Z", "2026-11-22T09:00:00.123456789Z", "٢٠٢٦-11-22T09:00:00Z"),
    ],
)
def test_moments_are_read_alike(twin: Twin, text: str) -> None:
    try:
        expected: object = pytest.approx(timestamps.parse(text).timestamp() * 1000, abs=0.01)
    except TimestampError:
        expected = None
    assert twin.ask("read_time", text).get("answer") == expected


@lasting
@given(st.text("ABab01-_+/=", max_size=12))
def test_base64url_is_read_alike(twin: Twin, text: str) -> None:
    try:
        expected: object = base64url.decode(text).hex()
    except Base64UrlError:
        expected = None
    assert twin.ask("read_base64url", text).get("answer") == expected


def mutated(document: Any, chance: random.Random) -> Any:
    """The document with one to two changes somewhere inside."""
    changed = deepcopy(document)
    for _ in range(chance.choice([1, 1, 2])):
        place, key = chance.choice(list(places(changed)))
        change(place, key, chance)
    return changed


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    for key in value if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


def change(place: Any, key: Any, chance: random.Random) -> None:
    old = place[key]
    strange = [
        None,
        True,
        7,
        1.5,
        "",
        "text",
        [],
        {},
        ["x"],
        {"id": "x"},
        "https://a.example/x",
        "urn:x",
        old,
        [old],
    ]
    match chance.randrange(4):
        case 0:
            del place[key]
        case 1:
            place[key] = chance.choice(strange)
        case 2 if isinstance(place, dict):
            words = [
                "endorsement",
                "vp",
                "name",
                "nickname",
                "@context",
                "id",
                "type",
                "image",
                "url",
                "statusSize",
            ]
            place[chance.choice(words)] = chance.choice(strange)
        case _ if isinstance(old, str):
            place[key] = old + chance.choice([" ", "x", "#", "%", "é", "\n", "<", "/../"])
        case _:
            place[key] = [old, old]


def test_the_sentences_that_pages_say_by_themselves_are_those_of_the_table() -> None:
    assert sentences.FILE.read_text("utf-8") == sentences.text()
