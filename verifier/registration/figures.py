"""The office in numbers, for `/metrics`: discounts and vouchers by state, mails that wait. No people."""

import shutil
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Engine

from verifier.ground import mail
from verifier.ground.database import MIGRATION_HEAD, reading
from verifier.ground.settings import Settings
from verifier.ground.watch import Figure
from verifier.registration import store
from verifier.registration.shops import store as shop_store


def all_figures(engine: Engine | None, settings: Settings, *, now: datetime) -> Iterator[Figure]:
    """Every number of now. `engine`: None while the office has only verified, and has no database."""
    yield Figure("badgewright_info", "This program.", 1, {"office": "verifier", "tables": MIGRATION_HEAD})
    if settings.data.is_dir():
        yield Figure(
            "badgewright_disk_free_bytes", "Room on the data's disk.", shutil.disk_usage(settings.data).free
        )
    if engine is None:
        return
    with reading(engine) as connection:
        for state, count in store.counts_by_state(connection).items():
            yield Figure("badgewright_redemptions", "Discounts, by state.", count, {"state": state})
        for state, count in shop_store.counts_by_state(connection).items():
            yield Figure("badgewright_vouchers", "Vouchers, by their state at the shop.", count, {"state": state})
        yield Figure("badgewright_mails_waiting", "Mails that wait.", mail.count(connection))
        oldest = mail.oldest(connection)
    waits = 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())
    yield Figure("badgewright_oldest_mail_seconds", "How long the oldest mail has waited.", waits)
