"""Giving a receipt, and showing it again to whoever has its number.

A receipt says what was found and not what the badge says: the hash of what was sent, so that whoever has that file
can show that it is the one, the verdict with the state of each check, and on whose word. No name, no badge.
"""

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from schemas import timestamps
from schemas.strict_json import JsonObject
from verifier.ground.clock import system_clock
from verifier.ground.database import reading, writing
from verifier.receipts import store
from verifier.receipts.errors import NoRoomError, UnknownReceiptError
from verifier.verification.report import Report
from verifier.verification.service import Verification

KEPT_FOR = timedelta(days=90)
MOST_KEPT = 100_000  # of some 2 kB each
NUMBER_BYTES = 16  # whoever has the number may read the receipt, so it is not to be guessed


@dataclass(frozen=True)
class Receipt:
    """A receipt: its number, what it says, and until when it is kept."""

    number: str
    content: JsonObject
    kept_until: datetime

    def to_json(self) -> JsonObject:
        """As the API tells it."""
        return {"receipt": self.number, **self.content, "kept_until": timestamps.show(self.kept_until)}


class Receipts:
    """The receipts of one office. `engine`: opened when the first one is asked for."""

    def __init__(
        self,
        verification: Verification,
        *,
        engine: Callable[[], Engine],
        clock: Callable[[], datetime] = system_clock,
    ) -> None:
        self._verification, self._engine, self._clock = verification, engine, clock

    def give(self, data: bytes, *, follow_link: bool = False) -> Receipt:
        """Verify a badge in any form, and keep a receipt of the verdict. `follow_link`: as for verifying.

        Raises:
            ReadingError: there is no badge in `data`.
            NoRoomError: too many are kept already; nothing was kept.
            DatabaseError: nothing was kept.
        """
        report, now = self._verification.verify(data, follow_link=follow_link), self._clock()
        receipt = Receipt(secrets.token_hex(NUMBER_BYTES), _content(report, data), now + KEPT_FOR)
        with writing(self._engine()) as connection:
            store.forget(connection, until=now)
            if store.count(connection) >= MOST_KEPT:
                raise NoRoomError("This office keeps as many receipts as it can: none was kept. Try again later.")
            text = json.dumps(receipt.content, ensure_ascii=False)
            store.add(connection, receipt.number, content=text, kept_until=receipt.kept_until)
        return receipt

    def receipt(self, number: str) -> Receipt:
        """A receipt that was given.

        Raises:
            UnknownReceiptError: there is none of this number, or not any more.
        """
        found = None
        if number.isprintable():  # a PostgreSQL refuses to look for NUL
            with reading(self._engine()) as connection:
                found = store.receipt(connection, number, now=self._clock())
        if found is None:
            raise UnknownReceiptError(
                f"There is no receipt of this number here; one is kept for {KEPT_FOR.days} days."
            )
        return Receipt(number, json.loads(found[0]), found[1])


def _content(report: Report, data: bytes) -> JsonObject:
    told = report.to_json()
    same = ("verdict", "form", "issuer", "achievement", "trusted_by", "lists_not_asked", "as_of", "checked_at")
    return {name: told[name] for name in same} | {
        "sha256": hashlib.sha256(data).hexdigest(),
        "checks": [{"id": check.id, "state": check.state.value} for check in report.verdict.checks],
    }
