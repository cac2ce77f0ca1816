"""What a signature costs bare, and what stands around it adds: the claims of a badge, and its picture."""

from collections.abc import Iterator

from issuer.badges import picture
from issuer.badges.picture import Picture
from keys import jws
from schemas import baking, claims, strict_json
from tests.bench.measuring import Row, microseconds, row
from tests.unit.verifier.simulator import IssuerSimulator


def rows() -> Iterator[Row]:
    """Signing with P-256, a badge of the usual size; then a picture."""
    issuer = IssuerSimulator()
    signer, token = issuer.signer, issuer.token()
    parsed, document = jws.parse(token), issuer.document()
    payload = parsed.payload

    signed = microseconds(lambda: signer.sign(parsed.signing_input))
    yield row("sign, the bare signature", signed, "CPU microseconds")
    issued = microseconds(lambda: jws.sign(payload, signer=signer))
    yield row("issue a prepared credential", issued, "CPU microseconds", baseline=signed)
    dressed = microseconds(lambda: jws.sign(strict_json.dumps(claims.claims_of(document)).encode(), signer=signer))
    yield row("issue, from the document on", dressed, "CPU microseconds", baseline=signed)

    yield from _picture_rows(token)


def _picture_rows(token: str) -> Iterator[Row]:
    drawing = picture.draw(Picture(tier="sustained", kind="organiser", period="2026"))
    png = picture.to_png(drawing)
    drawn = microseconds(lambda: picture.to_png(drawing))
    yield row("draw a badge as PNG", drawn, "CPU microseconds")
    baked = microseconds(lambda: baking.bake_png(png, token))
    yield row("bake a badge into its PNG", baked, "CPU microseconds", baseline=drawn)
    held = baking.bake_png(png, token)
    taken = microseconds(lambda: baking.extract_png(held))
    yield row("take a badge out of its PNG", taken, "CPU microseconds", baseline=baked)
