"""Published documents make the statements that PyLD finds in them, and those that were published."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas import strict_json
from schemas.contexts import VERIFYING
from schemas.jsonld import JsonLdError, to_quads
from schemas.rdfc import HashName, canonicalise
from tests.unit.schemas.plain_jsonld import RefusedError, Twin, canonical, n_quads
from tests.unit.schemas.published_inputs import expectation

FOLDERS = ["vc-di-eddsa", "vc-di-ecdsa", "vcdm2-inputs", "w3c-vc-schemas"]
CITIZENSHIP = "https://w3id.org/citizenship/v4rc1"  # some inputs are in its terms; it is not known here

# The published names of these do not say that they fail; what each would lose is told by the test.
LOSSY_ALTHOUGH_OK = {"credential-proof-ok": "'created' is not defined"}  # a dummy proof, of an unknown type

# A presentation whose enveloped credential has no type: a graph that holds only an id, which RDF drops.
STRICTER = {"presentation-enveloped-vc-missing-type-fail": "says nothing, so it would be lost"}


def published(shared: Path, folder: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    for file in sorted((shared / "vectors" / folder).rglob("*.json")):
        document = json.loads(file.read_bytes())
        if isinstance(document, dict) and CITIZENSHIP not in document.get("@context", [CITIZENSHIP]):
            yield file, document


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_published_document_means_what_pyld_reads_in_it(folder: str, shared: Path) -> None:
    twin, read = Twin(shared / "vectors"), 0
    for file, document in published(shared, folder):
        try:
            expected = twin.statements(document)
        except RefusedError:
            with pytest.raises(JsonLdError):
                to_quads(document)
            assert expectation(file.stem) != "ok" or file.stem in LOSSY_ALTHOUGH_OK, file.name
        else:
            try:
                found = to_quads(document)
            except JsonLdError as error:
                assert STRICTER.get(file.stem, "?") in str(error), file.name
            else:
                assert canonical(n_quads(found)) == expected, file.name
                read += 1
    assert read >= {"vc-di-eddsa": 14, "vc-di-ecdsa": 8, "vcdm2-inputs": 70, "w3c-vc-schemas": 11}[folder]


@pytest.mark.parametrize("name", LOSSY_ALTHOUGH_OK)
def test_a_sound_credential_with_a_dummy_proof_is_lossy_only_in_that(name: str, shared: Path) -> None:
    document = json.loads((shared / "vectors" / "vcdm2-inputs" / f"{name}.json").read_bytes())

    with pytest.raises(JsonLdError, match=LOSSY_ALTHOUGH_OK[name]):
        to_quads(document)
    del document["proof"]
    assert to_quads(document)


@pytest.mark.parametrize(
    ("unsigned", "folder", "ending", "algorithm"),
    [
        ("vc-di-eddsa", "vc-di-eddsa/eddsa-rdfc-2022", "DataInt", "sha256"),
        ("vc-di-ecdsa", "vc-di-ecdsa/ecdsa-rdfc-2019-p256", "ECDSAP256", "sha256"),
        ("vc-di-ecdsa", "vc-di-ecdsa/ecdsa-rdfc-2019-p384", "ECDSAP384", "sha384"),
    ],
)
def test_the_published_canonical_forms_come_out(
    unsigned: str, folder: str, ending: str, algorithm: HashName, shared: Path
) -> None:
    vectors = shared / "vectors"
    document = strict_json.loads_object((vectors / unsigned / "unsigned.json").read_bytes())
    config = strict_json.loads_object((vectors / folder / f"proofConfig{ending}.json").read_bytes())

    for value, name in ((document, "canonDoc"), (config, "proofCanon")):
        text = canonicalise(to_quads(value, contexts=VERIFYING), algorithm=algorithm).text
        assert text.strip() == (vectors / folder / f"{name}{ending}.txt").read_text().strip(), name


def test_the_canonical_form_of_the_older_proof_type_comes_out(shared: Path) -> None:
    folder = shared / "vectors" / "vc-di-eddsa" / "Ed25519Signature2020"
    signed = strict_json.loads_object((folder / "signedEdSig.json").read_bytes())
    config = strict_json.loads_object((folder / "proofConfigEdSig.json").read_bytes())
    del signed["proof"]

    assert canonicalise(to_quads(signed)).text.strip() == (folder / "canonDocEdSig.txt").read_text().strip()
    assert canonicalise(to_quads(config)).text.strip() == (folder / "proofCanonEdSig.txt").read_text().strip()


def test_a_context_that_is_not_known_is_named_and_not_fetched(shared: Path) -> None:
    document = json.loads((shared / "vectors" / "vc-di-eddsa" / "employmentAuth.json").read_bytes())

    with pytest.raises(JsonLdError, match=f"The context '{CITIZENSHIP}' is not known here"):
        to_quads(document)
