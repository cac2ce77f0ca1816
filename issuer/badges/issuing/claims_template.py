"""One badge's claims after another, quickly: the badges of one achievement differ in a few texts only. Pure.

A template prepares one credential the plain way, with marks in the place of what differs, and then fills in the
values of others. It never guesses: what could need an escape or change the size much (a name, an address, former
references, a wallet) is not its affair, and `preparation.prepare` does that. Both give the same bytes; a test
holds them together.
"""

import logging
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from issuer.badges import preparation
from issuer.badges.preparation import Cover, Particulars, PreparedCredential
from schemas import badge_qr, timestamps
from schemas.badge_qr import Dictionary
from schemas.identity import SHA256_PREFIX

_log = logging.getLogger(__name__)
SLACK_BYTES = 64  # by so much the packed forms of two badges of one template never differ: their texts are as long

_ID: Final = "urn:uuid:11111111-1111-4111-8111-111111111111"
_REFERENCE: Final = "urn:uuid:22222222-2222-4222-8222-222222222222"
_CODE: Final = f"{SHA256_PREFIX}{'3' * 64}"
_SALT: Final = "4" * 32
_VALID_FROM: Final = datetime(1999, 5, 5, 5, 5, 5, tzinfo=UTC)
_AWARDED: Final = datetime(1999, 6, 6, 6, 6, 6, tzinfo=UTC)
_INDEX: Final = 7_777_777_700  # no list has so many places
_HARMLESS: Final = re.compile(r"[0-9A-Za-z:.$-]*")  # nothing that JSON would write in another way


def is_usual(particulars: Particulars) -> bool:
    """Whether a badge has nothing in it but what each has."""
    own = (particulars.name, particulars.address, particulars.subject)
    return not any(own) and not particulars.former_references and not particulars.evidence


class ClaimsTemplate:
    """Prepares badges that are like the one it was made of, but for their own ids, hashes, times and places."""

    def __init__(self, prepared: PreparedCredential, *, places: int) -> None:
        marks = {
            _ID: "id",
            _REFERENCE: "reference",
            _CODE: "code",
            _SALT: "salt",
            timestamps.show(_VALID_FROM): "valid_from",
            str(timestamps.to_numeric_date(_VALID_FROM)): "not_before",
            timestamps.show(_AWARDED): "awarded",
            **{str(_INDEX + place): f"index {place}" for place in range(places)},
        }
        parts = re.split("|".join(map(re.escape, marks)), prepared.claims.decode())
        found = re.findall("|".join(map(re.escape, marks)), prepared.claims.decode())
        self._parts, self._slots, self._places = parts, [marks[one] for one in found], places

    @classmethod
    def of(
        cls, cover: Cover, particulars: Particulars, *, dictionary: Dictionary, host: str
    ) -> "ClaimsTemplate | None":
        """The template for badges like this one; None if their code would be near the limit of its size, where
        each is to be looked at by itself.
        """
        marked = replace(
            particulars,
            credential_id=_ID,
            reference=_REFERENCE,
            holder_code=particulars.holder_code.model_copy(update={"identityHash": _CODE, "salt": _SALT}),
            valid_from=_VALID_FROM,
            awarded=_AWARDED,
            status=tuple(replace(one, index=_INDEX + place) for place, one in enumerate(particulars.status)),
        )
        prepared = preparation.prepare(cover, marked)
        usual = preparation.prepare(cover, particulars)
        size = badge_qr.packed_size(usual.claims, dictionary=dictionary) + SLACK_BYTES
        version = badge_qr.smallest_version(size, form="url", prefix_characters=len(f"https://{host}/v#"))
        if version is None or version > badge_qr.HARD_LIMIT_VERSION:
            return None
        if version > badge_qr.SOFT_LIMIT_VERSION:
            _log.info("%s and badges like it need a code of version %d", particulars.credential_id, version)
        return cls(prepared, places=len(particulars.status))

    def prepare(self, particulars: Particulars) -> PreparedCredential:
        """The claims of one badge that is usual, byte for byte what `preparation.prepare` makes of it."""
        code = particulars.holder_code
        assert is_usual(particulars) and len(particulars.status) == self._places
        values = {
            "id": particulars.credential_id,
            "reference": particulars.reference,
            "code": str(code.identityHash),
            "salt": str(code.salt),
            "valid_from": timestamps.show(particulars.valid_from),
            "not_before": str(timestamps.to_numeric_date(particulars.valid_from)),
            "awarded": timestamps.show(particulars.awarded),
            **{f"index {place}": str(one.index) for place, one in enumerate(particulars.status)},
        }
        assert _HARMLESS.fullmatch("".join(values.values()))
        pieces = [self._parts[0]]
        for slot, part in zip(self._slots, self._parts[1:], strict=True):
            pieces += (values[slot], part)
        return PreparedCredential(particulars.credential_id, "".join(pieces).encode())
