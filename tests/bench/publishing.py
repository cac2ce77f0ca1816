"""What it costs to publish a status list, signing apart, and to put a badge into its picture."""

import random
import struct
import zlib
from collections.abc import Iterator

from issuer.badges import status
from schemas import baking, claims, status_list, strict_json
from tests.bench.measuring import Row, against, microseconds, row
from tests.unit.verifier.simulator import NOW, IssuerSimulator

SIZES = (131_072, 1_048_576)
PIXEL_BYTES = 110_000


def rows() -> Iterator[Row]:
    """Lists with one entry in a hundred set; then a PNG of 110 kB, beside one look at its checksum."""
    issuer, chance = IssuerSimulator(), random.Random(7)  # the same places each time
    for entries in SIZES:
        revoked = chance.sample(range(entries), entries // 100)
        made = _published(revoked, entries=entries, issuer=issuer)
        spent = microseconds(lambda: _published(revoked, entries=entries, issuer=issuer))  # noqa: B023
        yield row(f"publish a status list of {entries} entries, signing apart", spent, "CPU microseconds")
        yield row(f"a status list of {entries} entries", len(made), "bytes", baseline=entries / 8)
    token, png = issuer.token(), _picture(random.Random(7).randbytes(PIXEL_BYTES))
    assert baking.extract_png(baking.bake_png(png, token)) == token
    yield against("bake a PNG of 110 kB", lambda: baking.bake_png(png, token), lambda: zlib.crc32(png))
    baked = baking.bake_png(png, token)
    yield against(
        "take a badge out of a PNG of 110 kB", lambda: baking.extract_png(baked), lambda: zlib.crc32(png)
    )


def _published(revoked: list[int], *, entries: int, issuer: IssuerSimulator) -> bytes:
    """The claims of a list, ready to be signed."""
    made = status.list_document(url=issuer.list_url, did=issuer.did, purpose="revocation", indexes=(), now=NOW)
    subject = made["credentialSubject"]
    assert isinstance(subject, dict)
    subject["encodedList"] = status_list.encode(status_list.from_indexes(revoked, entries=entries))
    return strict_json.dumps(claims.claims_of(made)).encode()


def _picture(pixels: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", 400, 400, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
