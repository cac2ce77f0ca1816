"""What a signature costs bare, and what stands around it adds: for one badge, a status list, a picture."""

import random
from collections.abc import Iterator

from issuer.badges import picture, status
from issuer.badges.picture import Picture
from keys import jws
from schemas import baking, claims, status_list, strict_json
from tests.bench.measuring import Row, microseconds, row
from tests.unit.verifier.simulator import NOW, IssuerSimulator, read
from verifier.verification import checks

REVOKED = 1_000  # of 131,072: more than any programme should ever withdraw


def rows() -> Iterator[Row]:
    """Signing and verifying, P-256, a badge of the usual size; then a whole status list and a picture."""
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

    checked = microseconds(lambda: signer.public.check(parsed.signature, parsed.signing_input))
    yield row("verify, the bare signature", checked, "CPU microseconds")
    verified = microseconds(lambda: jws.verify(token, key=signer.public))
    yield row("verify a compact JWS", verified, "CPU microseconds", baseline=checked)
    badge, trust = read(token), issuer.trust()
    told = microseconds(lambda: checks.verify(badge, trust=trust, now=NOW))
    yield row("verify a badge, every clause", told, "CPU microseconds", baseline=checked)

    yield from _list_rows(issuer)
    yield from _picture_rows(token)


def _list_rows(issuer: IssuerSimulator) -> Iterator[Row]:
    chance = random.Random(7)  # the same places each time
    revoked = chance.sample(range(status.ENTRIES), REVOKED)
    bits = status_list.from_indexes(revoked, entries=status.ENTRIES)
    encoded = microseconds(lambda: status_list.encode(bits))
    yield row(f"status list, {status.ENTRIES} entries encoded", encoded, "CPU microseconds")

    def publish() -> str:
        made = status.list_claims(url=issuer.list_url, did=issuer.did, revoked=revoked, now=NOW)
        return jws.sign(made, signer=issuer.status_signer)

    published = microseconds(publish)
    yield row(f"status list, {status.ENTRIES} entries published", published, "CPU microseconds", baseline=encoded)


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
