"""Who sends the mails that were entered: at once when woken, again with pauses while the server is down.

A mail goes out at least once: killed between the server's yes and our note of it, it goes again under the same
Message-ID. What has expired is deleted unsent, also in an office that has no mail server any more.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from issuer.ground.database import reading, writing
from issuer.ground.mail import Mail, store
from issuer.ground.mail.smtp import LaterError, RefusedError, ServerError, Talk
from issuer.ground.mail.store import Waiting, Way
from issuer.ground.settings import Settings

POLL_SECONDS = 3.0  # for what was entered by another process, and for pauses that are over
FIRST_PAUSE = timedelta(seconds=4)
LONGEST_PAUSE = timedelta(minutes=5)  # a link lasts a quarter of an hour
LEASE = timedelta(minutes=2)  # longer than a talk about one mail lasts: two workers do not send it both
MAILS_AT_A_TIME = 50

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Round:
    """What one run did: how many mails were sent, wait for another try, were refused for good, had expired."""

    sent: int = 0
    waiting: int = 0
    refused: int = 0
    expired: int = 0


def pause_after(attempts: int) -> timedelta:
    """How long a mail waits after its try number `attempts` failed: 4 s, 8 s, 16 s … up to 5 minutes."""
    return min(FIRST_PAUSE * (1 << min(max(attempts - 1, 0), 10)), LONGEST_PAUSE)


class MailOutbox:
    """The mails of one office, sent by whoever calls."""

    def __init__(self, settings: Settings, *, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._settings, self._engine, self._clock = settings, engine, clock

    def send_due(self) -> Round:
        """Forget what has expired, and try each mail whose pause is over.

        Raises:
            DatabaseError: what happened could not be written down; a mail may go twice.
        """
        expired = self._forget_expired()
        access = self._settings.mail
        if access is None:
            return Round(expired=expired)
        with reading(self._engine) as connection:
            due = store.due(connection, now=self._clock(), limit=MAILS_AT_A_TIME)
        mine = [mail for mail in due if self._begins(mail)]
        if not mine:
            return Round(expired=expired)
        sent = refused = 0
        left = list(mine)
        try:
            with Talk(access, ca_file=self._settings.ca_file) as talk:
                for mail in mine:
                    taken = self._hand_over(talk, mail)
                    left.remove(mail)
                    sent, refused = sent + (taken is True), refused + (taken is False)
        except ServerError as error:
            _log.warning("Mails wait (%d): %s", len(left), error)
            for mail in left:
                self._postpone(mail)
        return Round(sent, len(mine) - sent - refused, refused, expired)

    def _hand_over(self, talk: Talk, waiting: Waiting) -> bool | None:
        """True: the server has it; False: it never will; None: another time."""
        mail = Mail(waiting.recipient, waiting.subject, waiting.text)
        try:
            talk.hand_over(mail, reference=waiting.reference, now=self._clock())
        except LaterError as error:
            _log.warning("A mail waits: %s", error)
            self._postpone(waiting)
            return None
        except RefusedError as error:
            _log.warning("A mail was given up: %s", error)
            self._end(waiting, "refused")
            return False
        self._end(waiting, "sent")
        return True

    def _forget_expired(self) -> int:
        with reading(self._engine) as connection:
            if not store.any_expired(connection, now=self._clock()):
                return 0
        with writing(self._engine) as connection:
            return store.delete_expired(connection, now=self._clock())

    def _begins(self, mail: Waiting) -> bool:
        with writing(self._engine) as connection:
            lease = self._clock() + LEASE
            return store.begin_try(connection, mail.id, seen_attempts=mail.attempts, next_try_at=lease)

    def _postpone(self, mail: Waiting) -> None:
        with writing(self._engine) as connection:
            later = self._clock() + pause_after(mail.attempts + 1)
            store.postpone(connection, mail.id, next_try_at=later)

    def _end(self, mail: Waiting, way: Way) -> None:
        with writing(self._engine) as connection:
            store.remove(connection, mail.id, way=way, now=self._clock())


class Postman(threading.Thread):
    """The server's worker: it sends what is due when woken, and every few seconds, until `stop` is called."""

    def __init__(self, outbox: Callable[[], MailOutbox], *, every: float = POLL_SECONDS) -> None:
        super().__init__(daemon=True, name="mail")
        self._outbox, self._every = outbox, every
        self._awake, self._stopped = threading.Event(), False

    def run(self) -> None:
        """Nothing that goes wrong ends it: the mails are on the disk, and the next round tries again."""
        while not self._stopped:
            try:
                while self._outbox().send_due().sent and not self._stopped:
                    pass  # there may be more
            except Exception as error:
                _log.warning("Mails could not be sent (%s): %s", type(error).__name__, error)
            self._awake.wait(self._every)
            self._awake.clear()

    def wake(self) -> None:
        """Somebody entered a mail and has committed it: look now."""
        self._awake.set()

    def stop(self) -> None:
        """End after the round that is going on."""
        self._stopped = True
        self._awake.set()
