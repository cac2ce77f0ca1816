"""Any form in, the same signed badge out; and one clear sentence for everything else."""

import io
import json
import struct
import zlib

import pytest
from PIL import Image

from schemas import badge_qr, baking, base64url, strict_json
from tests.unit.verifier.simulator import IssuerSimulator
from tests.unit.verifier.verification.pictures import encoded, of_code, photographed
from verifier.verification.errors import ReadingError
from verifier.verification.reading import ReadBadge, read

ISSUER = IssuerSimulator()
TOKEN = ISSUER.token()
PACKED = ISSUER.packed(TOKEN)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="8" height="8"/></svg>'
SECURED = strict_json.dumps(ISSUER.secured())
ENVELOPE = json.dumps(
    {
        "@context": "https://www.w3.org/ns/credentials/v2",
        "type": "EnvelopedVerifiableCredential",
        "id": f"data:application/vc+jwt,{TOKEN}",
    }
)


def old_token(header: dict[str, str]) -> bytes:
    """A signed assertion as Open Badges 2.0 has them: who signed it stands in the payload."""
    assertion = {
        "@context": "https://w3id.org/openbadges/v2",
        "type": "Assertion",
        "recipient": {"type": "email", "hashed": False, "identity": "a@people.example"},
        "badge": "https://badges.example.org/badge.json",
        "verification": {"type": "signed", "creator": "https://badges.example.org/key.json"},
    }
    parts = (json.dumps(header).encode(), json.dumps(assertion).encode(), b"signature")
    return ".".join(map(base64url.encode, parts)).encode()


def png() -> bytes:
    return encoded(Image.new("RGB", (16, 16), "white"), kind="PNG")


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (TOKEN.encode(), "jwt"),
        (f"\n  {TOKEN}\r\n".encode(), "jwt"),
        (b"\xef\xbb\xbf" + TOKEN.encode(), "jwt"),
        (ENVELOPE.encode(), "json"),
        (baking.bake_png(png(), TOKEN), "png"),
        (baking.bake_png(png(), ENVELOPE), "png"),
        (baking.bake_svg(SVG, TOKEN), "svg"),
        (baking.bake_svg(SVG, ENVELOPE), "svg"),
    ],
)
def test_every_file_form_gives_the_same_token(data: bytes, form: str) -> None:
    assert read(data) == ReadBadge(form, token=TOKEN)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (SECURED.encode(), "json"),
        (f"\n {SECURED}\r\n".encode(), "json"),
        (baking.bake_png(png(), SECURED), "png"),
        (baking.bake_svg(SVG, SECURED), "svg"),
    ],
)
def test_a_badge_with_its_proof_inside_is_read_from_every_file_form(data: bytes, form: str) -> None:
    badge = read(data)

    assert badge == ReadBadge(form, document=SECURED)  # type: ignore[arg-type]
    assert read(badge.text.encode()) == ReadBadge("json", document=SECURED)


def test_a_badge_has_one_garment() -> None:
    with pytest.raises(ValueError, match="either"):
        ReadBadge("json", token=TOKEN, document=SECURED)
    with pytest.raises(ValueError, match="either"):
        ReadBadge("json")


@pytest.mark.parametrize(
    "text",
    [
        badge_qr.to_desk_text(PACKED),
        badge_qr.to_desk_text(PACKED) + "\n",
        badge_qr.to_url_text(PACKED, host="badges.example.org"),
        badge_qr.to_url_text(PACKED, host="anybody.example:8443"),
    ],
)
def test_the_text_of_a_code_gives_the_packed_badge(text: str) -> None:
    badge = read(text.encode())

    assert badge == ReadBadge("qr_text", packed=PACKED)
    assert read(badge.text.encode()) == badge


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("form", ["desk", "url"])
def test_a_photograph_of_a_code_gives_the_packed_badge(kind: str, form: str) -> None:
    text = (
        badge_qr.to_desk_text(PACKED)
        if form == "desk"
        else badge_qr.to_url_text(PACKED, host="badges.example.org")
    )

    assert read(photographed(text, kind=kind)) == ReadBadge("qr_photo", packed=PACKED)


def test_a_transparent_picture_of_a_code_is_read_on_white() -> None:
    code = of_code(badge_qr.to_desk_text(PACKED))
    clear = Image.merge("LA", (code, code.point(lambda value: 255 - value)))

    assert read(encoded(clear, kind="PNG")).packed == PACKED


@pytest.mark.parametrize("form", ["token", "document"])
def test_the_one_badge_in_a_wallets_presentation_is_read(form: str) -> None:
    envelope = {"type": "EnvelopedVerifiableCredential", "id": f"data:application/vc+jwt,{TOKEN}"}
    inner = envelope if form == "token" else ISSUER.secured()
    presentation = {"type": ["VerifiablePresentation"], "verifiableCredential": [inner], "holder": "did:example:a"}
    found = read(strict_json.dumps(presentation).encode())

    assert found.token == (TOKEN if form == "token" else None)
    assert found.document == (None if form == "token" else strict_json.dumps(inner))
    with pytest.raises(ReadingError, match="or several"):
        read(strict_json.dumps(presentation | {"verifiableCredential": [inner, inner]}).encode())
    with pytest.raises(ReadingError, match="holds no badge"):
        read(strict_json.dumps(presentation | {"verifiableCredential": [presentation]}).encode())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"   \n", "empty"),
        (b"hello", "no badge"),
        (b"\x00\x01\x02\xff", "no badge"),
        (b"https://badges.example.org/b/1", "address of a page"),
        (b"{", "cannot be read"),
        (b'{"a":1}', "no badge"),
        (b'{"type":["VerifiablePresentation"],"proof":{}}', "presentation"),
        (b'{"type":["Something"],"proof":{}}', "no badge"),
        (b'{"type":["VerifiableCredential"]}', "nobody signed it"),
        (b'{"@context":"https://w3id.org/openbadges/v2","type":"Assertion"}', "Open Badges 2.0"),
        (b'{"recipient":{},"badge":"https://a.example"}', "Open Badges 2.0"),
        (old_token({"alg": "RS256"}), "Open Badges 2.0"),
        (old_token({"alg": "RS256", "typ": "JWT", "kid": "key-1"}), "Open Badges 2.0"),
        (b'{"type":"EnvelopedVerifiableCredential","id":"data:text/plain,x"}', "envelope"),
        (b"OB1:" + b"%" * 3, "text of the code"),
        (b"https://a.example/v#12x", "text of the code"),
        (SVG, "no badge inside"),
        (b"<html><body>not found</body></html>", "SVG"),
        (encoded(Image.new("L", (64, 64), 255), kind="PNG"), "No code"),
        (encoded(Image.new("L", (64, 64), 255), kind="JPEG"), "No code"),
        (encoded(of_code("https://example.org/a-menu"), kind="PNG"), "not the code of a badge"),
        (b"\xff\xd8\xff\xe0 not a picture", "cannot be opened"),
        (b"\x89PNG\r\n\x1a\n not a picture", "cannot be read"),
        (b"a" * ((1 << 20) + 1), "larger than 1 MiB"),
    ],
)
def test_what_is_no_badge_is_one_sentence(data: bytes, said: str) -> None:
    with pytest.raises(ReadingError) as refused:
        read(data)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_token_with_a_short_header_and_any_other_payload_is_left_to_the_checks() -> None:
    for payload in (b"{}", b"[]", b"{", b"\xff", b'{"type": ["VerifiableCredential"]}'):
        token = ".".join([base64url.encode(b'{"alg":"none"}'), base64url.encode(payload), ""])
        assert read(token.encode()).token == token


def test_a_picture_of_huge_size_is_refused_before_it_is_decoded() -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))
    with pytest.raises(ReadingError, match="million pixels"):
        read(bomb + chunk(b"IEND", b""))


def test_a_file_that_is_too_large_is_refused() -> None:
    with pytest.raises(ReadingError, match="10 MiB"):
        read(b"\xff\xd8\xff" + bytes(10 << 20))
    with pytest.raises(ReadingError, match="10 MiB"):
        read(b"a" * ((10 << 20) + 1))


def test_a_large_photograph_is_still_read() -> None:
    code = of_code(badge_qr.to_desk_text(PACKED)).resize((2400, 2400))
    scene = Image.new("L", (4600, 3600), 200)
    scene.paste(code, (900, 500))
    stream = io.BytesIO()
    scene.save(stream, format="JPEG", quality=80)

    assert read(stream.getvalue()).packed == PACKED
