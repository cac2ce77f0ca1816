"""What each reader must do with any bytes: read them, or refuse them by the errors that it documents.

Each target takes bytes and lets only those errors out that nobody foresaw.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress

from keys import data_integrity, did, jws, multikey
from keys.cbor import CborError, CborReader
from keys.errors import KeyFormatError, ProofError, SignatureError
from keys.selective_disclosure import parse_derived
from schemas import badge_qr, baking, jsonld, nquads, rdfc, status_list, strict_json, timestamps, vcdm
from tests.unit.verifier.simulator import DocumentsInMemory
from verifier.verification import reading
from verifier.verification.errors import ReadingError
from verifier.verification.service import Verification

Target = Callable[[bytes], None]


def read_badge(data: bytes) -> None:
    with suppress(ReadingError):
        found = reading.read(data)
        assert found.text


def read_json(data: bytes) -> None:
    with suppress(strict_json.StrictJsonError):
        value = strict_json.loads(data)
        assert strict_json.loads(strict_json.dumps(value)) == value


def parse_token(data: bytes) -> None:
    with suppress(SignatureError):
        text = data.decode("utf-8", "replace")
        assert jws.parse(text).signing_input == text.rpartition(".")[0].encode()


def read_cbor(data: bytes) -> None:
    reader = CborReader(data)
    with suppress(CborError):
        for _ in range(reader.array(at_most=100)):
            reader.byte_string(size=data[0])
            reader.integer()
            reader.map(at_most=10)
        reader.end()


def parse_derived_proof(data: bytes) -> None:
    with suppress(ProofError):
        parse_derived(data.decode("utf-8", "replace"))


def read_statements(data: bytes) -> None:
    """What is read has one canonical text, which is read as the same and is canonical itself."""
    with suppress(nquads.NQuadsError, rdfc.CanonicalisationError):
        text = rdfc.canonicalise(nquads.read(data.decode("utf-8", "replace"))).text
        assert rdfc.canonicalise(nquads.read(text)).text == text


def read_linked_data(data: bytes) -> None:
    """Whatever statements a document makes, N-Quads can write them: none hides in a term of another."""
    with suppress(strict_json.StrictJsonError, jsonld.JsonLdError):
        quads = jsonld.to_quads(strict_json.loads_object(data))
        text = "".join(rdfc.written(quads, labels={}))
        assert set(nquads.read(text)) == set(quads)


def take_from_png(data: bytes) -> None:
    with suppress(baking.BakingError):
        baking.extract_png(data)


def take_from_svg(data: bytes) -> None:
    with suppress(baking.BakingError):
        baking.extract_svg(data)


def read_code(data: bytes) -> None:
    with suppress(badge_qr.BadgeQrError):
        badge_qr.unpack(badge_qr.read_text(data.decode("utf-8", "replace")), dictionaries={})


def read_list(data: bytes) -> None:
    with suppress(status_list.StatusListError):
        bits = status_list.decode(data.decode("utf-8", "replace"))
        status_list.is_set(bits, 7)


def read_did_document(data: bytes) -> None:
    with suppress(KeyFormatError):
        did.parse_document(data, expected_id="did:web:badges.example.org")


def read_key(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    with suppress(KeyFormatError):
        assert multikey.encode(multikey.decode(text)) == text
    with suppress(KeyFormatError):
        did.implied_document(f"did:jwk:{text}")
    with suppress(KeyFormatError):
        did.url_of_did_web(f"did:web:{text}")


def read_moment(data: bytes) -> None:
    with suppress(timestamps.TimestampError):
        moment = timestamps.parse(data.decode("utf-8", "replace"))
        assert moment.tzinfo is not None


def read_proofs(data: bytes) -> None:
    with suppress(strict_json.StrictJsonError, ProofError):
        data_integrity.read_proofs(strict_json.loads_object(data))


def check_data_model(data: bytes) -> None:
    for check in (vcdm.check_credential, vcdm.check_presentation):
        with suppress(strict_json.StrictJsonError, vcdm.DataModelError):
            check(strict_json.loads(data))


def recompute_case(data: bytes) -> None:
    """Whatever a case file claims, there is a verdict or a refusal, and nobody is asked."""
    nobody = DocumentsInMemory()
    with suppress(ReadingError):
        Verification(nobody).recompute(data)
    assert nobody.asked == []


TARGETS: Mapping[str, Target] = {
    "reading": read_badge,
    "strict_json": read_json,
    "jws": parse_token,
    "cbor": read_cbor,
    "selective_disclosure": parse_derived_proof,
    "nquads": read_statements,
    "jsonld": read_linked_data,
    "baking": take_from_png,
    "svg": take_from_svg,
    "badge_qr": read_code,
    "status_list": read_list,
    "did": read_did_document,
    "multikey": read_key,
    "timestamps": read_moment,
    "proofs": read_proofs,
    "data_model": check_data_model,
    "case_file": recompute_case,
}
