"""The bundled contexts define what was published; what is promised of them is checked; others are pinned."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from schemas import contexts
from schemas.contexts import (
    BUNDLED,
    SIGNING,
    VERIFYING,
    ContextSet,
    ContextSetError,
    RelatedResourceError,
    check_related_resource,
    digests_of,
)
from schemas.contexts.published import PUBLISHED, PublishedContext
from schemas.jsonld import JsonLdError, to_quads
from tests.unit.schemas.plain_jsonld import FILES, RefusedError, Twin

VC2 = "https://www.w3.org/ns/credentials/v2"
OB303 = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
OURS = "https://summit.example/context"
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
each_file = pytest.mark.parametrize(("known", "file"), FILES, ids=[file for _, file in FILES])
URLS = list(BUNDLED.members)


@each_file
def test_each_table_defines_what_the_published_file_defines(
    known: PublishedContext, file: str, shared: Path
) -> None:
    twin = Twin()
    ours: Any = known.build()

    assert twin.defined(ours) == twin.defined(json.loads((shared / "vectors" / file).read_bytes())["@context"])


@each_file
def test_each_digest_is_that_of_the_published_bytes(known: PublishedContext, file: str, shared: Path) -> None:
    data = (shared / "vectors" / file).read_bytes()

    for digest in known.digests:
        name, _, value = digest.partition("-")
        assert hashlib.new(name, data).digest() == base64.b64decode(value), name
    assert [digest[:6] for digest in known.digests] == ["sha256", "sha384", "sha512"]


def test_every_context_that_is_known_is_compared_with_a_file() -> None:
    assert [known for known, _ in FILES] == list(PUBLISHED)


@pytest.mark.parametrize("first", URLS)
def test_two_contexts_go_together_exactly_where_the_published_files_do(first: str, shared: Path) -> None:
    twin = Twin(shared / "vectors")
    for second in URLS:
        document: Any = {"@context": [first, second], "@id": "urn:a", "urn:p": "text"}
        try:
            expected: bool = bool(twin.statements(document))
        except RefusedError:
            expected = False
        try:
            found = bool(to_quads(document))
        except JsonLdError:
            found = False
        assert found == expected, second


def test_signing_knows_only_what_both_revisions_define() -> None:
    signing, verifying = SIGNING.get(OB303), VERIFYING.get(OB303)

    assert isinstance(signing, dict) and isinstance(verifying, dict)
    assert verifying.keys() - signing.keys() == {"endorsementJwt", "jti"}
    assert all(verifying[name] == signing[name] for name in signing)
    assert SIGNING.members.keys() == VERIFYING.members.keys()


def test_sets_are_equal_when_they_hold_the_same_files() -> None:
    again = ContextSet.of(*VERIFYING.members.values(), name="again")

    assert again == VERIFYING == BUNDLED and hash(again) == hash(VERIFYING) and again.digest == VERIFYING.digest
    assert SIGNING != VERIFYING and SIGNING.digest != VERIFYING.digest
    assert BUNDLED.get("https://elsewhere.example/context") is None


def file_of(url: str) -> str:
    return next(file for known, file in FILES if known.url == url)


def multibase(data: bytes, name: str) -> list[str]:
    """A digest as a multihash in both spellings that are used; base58 the slow way, digit by digit."""
    codes = {"sha256": b"\x12\x20", "sha384": b"\x20\x30", "sha512": b"\x13\x40"}
    multihash = codes[name] + hashlib.new(name, data).digest()
    number, digits = int.from_bytes(multihash), ""
    while number:
        digits, number = BASE58[number % 58] + digits, number // 58
    return [f"u{base64.urlsafe_b64encode(multihash).decode().rstrip('=')}", f"z{digits}"]


@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
def test_a_digest_of_the_published_bytes_fits(name: str, shared: Path) -> None:
    data = (shared / "vectors" / file_of(VC2)).read_bytes()
    sri = f"{name}-{base64.b64encode(hashlib.new(name, data).digest()).decode()}"
    in_base64url, in_base58 = multibase(data, name)

    check_related_resource({"id": VC2, "digestSRI": sri})
    check_related_resource({"id": VC2, "digestSRI": sri.replace("+", "-").replace("/", "_").rstrip("=")})
    check_related_resource({"id": VC2, "digestMultibase": in_base64url})
    check_related_resource({"id": VC2, "digestMultibase": in_base58, "digestSRI": [f"{sri} {sri}"]})


def test_either_revision_of_a_file_that_was_changed_in_place_fits(shared: Path) -> None:
    for known, file in FILES:
        if known.url == OB303:
            digest = hashlib.sha384((shared / "vectors" / file).read_bytes()).digest()
            check_related_resource({"id": OB303, "digestSRI": f"sha384-{base64.b64encode(digest).decode()}"})
    assert len(digests_of(OB303)) == 6


def test_the_digest_of_a_copy_that_was_only_indented_anew_does_not_fit(shared: Path) -> None:
    copy = (shared / "vectors" / "ob30-contexts-validator" / "2018-credentials-v1.jsonld").read_bytes()
    digest = f"sha256-{base64.b64encode(hashlib.sha256(copy).digest()).decode()}"

    with pytest.raises(RelatedResourceError, match="not that of the published file"):
        check_related_resource({"id": "https://www.w3.org/2018/credentials/v1", "digestSRI": digest})


@pytest.mark.parametrize(
    "digests",
    [
        {},
        {"digestSRI": "sha384-AAAA"},
        {"digestSRI": digests_of(OB303)[0]},
        {"digestSRI": f"{digests_of(VC2)[0]} sha256-AAAA"},
        {"digestSRI": "md5-CY9rzUYh03PK3k6DJie09g=="},
        {"digestSRI": digests_of(VC2)[0].replace("sha256", "sha384")},
        {"digestSRI": digests_of(VC2)[0], "digestMultibase": "uEiA"},
        {"digestSRI": 5},
        {"digestSRI": []},
        {"digestMultibase": [None]},
    ],
)
def test_a_known_context_with_no_digest_or_another_is_an_error(digests: dict[str, Any]) -> None:
    with pytest.raises(RelatedResourceError):
        check_related_resource({"id": VC2, **digests})


@pytest.mark.parametrize("entry", [{}, {"id": None}, {"id": OURS}, {"id": OURS, "digestSRI": 5}])
def test_what_is_no_known_context_says_nothing(entry: dict[str, Any]) -> None:
    check_related_resource(entry)


CONTEXT = json.dumps({"@context": {"shoeSize": "https://summit.example/vocabulary#shoeSize"}}).encode()
PIN = hashlib.sha256(CONTEXT).hexdigest()


def test_an_operator_adds_a_context_and_its_terms_are_defined() -> None:
    more = BUNDLED.extended({OURS: (CONTEXT, PIN.upper())}, name="with ours")
    document: Any = {"@context": OURS, "shoeSize": 43}

    assert to_quads(document, contexts=more)[0][1] == "<https://summit.example/vocabulary#shoeSize>"
    assert more.name == "with ours" and more != BUNDLED
    assert more.members[OURS].digests[0] == f"sha256-{base64.b64encode(bytes.fromhex(PIN)).decode()}"
    with pytest.raises(JsonLdError, match="not known here"):
        to_quads(document)


def test_a_directory_is_read_by_its_index() -> None:
    index = json.dumps({OURS: {"file": "ours.jsonld", "sha256": PIN}}).encode()

    more = BUNDLED.with_directory(index, read={"ours.jsonld": CONTEXT}.__getitem__, name="directory")

    assert more == BUNDLED.extended({OURS: (CONTEXT, PIN)}, name="same")


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ({OURS: (CONTEXT + b" ", PIN)}, "not the file that was pinned"),
        ({VC2: (CONTEXT, PIN)}, "cannot be replaced"),
        ({"context": (CONTEXT, PIN)}, "http or https URL"),
        ({"file:///etc/passwd": (CONTEXT, PIN)}, "http or https URL"),
        ({OURS: (b"{}", hashlib.sha256(b"{}").hexdigest())}, "no member @context"),
        ({OURS: (b"{", hashlib.sha256(b"{").hexdigest())}, "cannot be read"),
        ({f"{OURS}/{number}": (CONTEXT, PIN) for number in range(101)}, "at most 100"),
    ],
)
def test_what_cannot_be_added_is_an_error(added: dict[str, tuple[bytes, str]], message: str) -> None:
    with pytest.raises(ContextSetError, match=message):
        BUNDLED.extended(added, name="wrong")


def test_a_set_without_a_context_does_not_let_an_operator_take_its_url() -> None:
    with pytest.raises(ContextSetError, match="cannot be replaced"):
        ContextSet.of(name="empty").extended({VC2: (CONTEXT, PIN)}, name="wrong")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"file": "../ours", "sha256": PIN}, "plain file name"),
        ({"file": ".ours", "sha256": PIN}, "plain file name"),
        ({"file": "a/b", "sha256": PIN}, "plain file name"),
        ({"file": 5, "sha256": PIN}, "plain file name"),
        ({"file": "ours", "sha256": PIN[:-1]}, "64 hex digits"),
        ({"file": "ours", "sha256": PIN, "more": 1}, "file and sha256 only"),
        ({"file": "ours"}, "file and sha256 only"),
        ("ours", "file and sha256 only"),
    ],
)
def test_a_malformed_index_is_an_error_and_no_file_is_read(entry: Any, message: str) -> None:
    def read(name: str) -> bytes:
        raise AssertionError(name)

    with pytest.raises(ContextSetError, match=message):
        BUNDLED.with_directory(json.dumps({OURS: entry}).encode(), read=read, name="wrong")


@pytest.mark.parametrize("index", [b"", b"[]", b'{"a": 1, "a": 2}', b"\xff"])
def test_an_index_that_is_no_json_object_is_an_error(index: bytes) -> None:
    with pytest.raises(ContextSetError, match=r"contexts\.json"):
        BUNDLED.with_directory(index, read=lambda name: b"", name="wrong")


def test_all_errors_of_contexts_are_one_family() -> None:
    assert issubclass(ContextSetError, contexts.ContextsError)
    assert issubclass(RelatedResourceError, contexts.ContextsError)
