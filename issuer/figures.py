"""The office in numbers, for `/metrics`: what waits, what was issued, when something was last done. No people."""

import shutil
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Engine

from issuer.badges import service as badges
from issuer.ground import mail, news, stamps
from issuer.ground.database import MIGRATION_HEAD, reading
from issuer.ground.settings import Settings
from issuer.ground.watch import Figure
from keys.custody import read_keyset
from keys.keyset import ISSUER_USES


def all_figures(engine: Engine, settings: Settings, *, now: datetime) -> Iterator[Figure]:
    """Every number of now."""
    yield Figure("badgewright_info", "This program.", 1, {"office": "issuer", "tables": MIGRATION_HEAD})
    counted = badges.figures(engine)
    for state, count in counted.by_state.items():
        yield Figure("badgewright_badges", "Badges, by state.", count, {"state": state})
    yield Figure("badgewright_awards_waiting", "Awards without a badge.", counted.awards_waiting)
    yield Figure("badgewright_unsigned", "Badges prepared and not signed yet.", counted.unsigned)
    with reading(engine) as connection:
        yield Figure("badgewright_news_waiting", "Happenings that nobody has handled yet.", news.count(connection))
        yield Figure("badgewright_mails_waiting", "Mails that wait.", mail.count(connection))
        oldest = mail.oldest(connection)
    waits = 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())
    yield Figure("badgewright_oldest_mail_seconds", "How long the oldest mail has waited.", waits)
    for kind in stamps.KINDS:
        done = stamps.last(settings.data, kind)
        moment = 0.0 if done is None else done.timestamp()
        yield Figure("badgewright_last_done_seconds", "When it was last done, 0: never.", moment, {"what": kind})
    keyset = read_keyset(settings.keys)
    for use in ISSUER_USES:
        since = max((r.since for r in keyset.records if r.use == use and r.state == "active"), default=None)
        moment = 0.0 if since is None else since.timestamp()
        yield Figure("badgewright_key_since_seconds", "Since when the signing key is there.", moment, {"use": use})
    yield Figure("badgewright_disk_free_bytes", "Room on the data's disk.", shutil.disk_usage(settings.data).free)
