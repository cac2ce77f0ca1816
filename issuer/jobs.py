"""What the office does by itself: it handles news as they come, and looks at everybody at night.

An arriving record, a proved account, two merged persons or an answered claim re-decides only those whom it
touches, and a tier that is complete becomes an award and a signed badge. News is struck off after all of that, so
`kill -9` at any moment only means that some of it is done again, which changes nothing. The worker is a thread of
`serve`; without a server, `badge-issuer jobs --once` does the same. Several processes share this work by `queue`.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Engine

from issuer.badges import achievements, awarding, deciding, issuance, revocations
from issuer.badges.bureau import Bureau
from issuer.delivery import claiming
from issuer.ground import news
from issuer.ground.database import reading, writing
from issuer.recognition import service as recognition
from issuer.recognition.calendar import period_at
from schemas.policy import QualificationPolicy

POLL_SECONDS = 1.0  # a badge is there within five seconds of the record that completes its tier
NEWS_AT_A_TIME = 500

Progress = Callable[[str, int], None]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Done:
    """What one run did."""

    news: int = 0
    persons: int = 0
    awards: int = 0
    signed: int = 0

    def __add__(self, other: "Done") -> "Done":
        return Done(
            self.news + other.news,
            self.persons + other.persons,
            self.awards + other.awards,
            self.signed + other.signed,
        )


@dataclass(frozen=True)
class Waiting:
    """Whether there is news, and how many chunks of badges are to be issued."""

    news: bool
    chunks: int


@dataclass(frozen=True)
class Jobs:
    """The office's own work. `bureau` and `policy` are asked for each time, so that a change is noticed. `alone`:
    whoever handles news issues what it leads to; else that is shared out (`issue_some`).
    """

    engine: Engine
    bureau: Callable[[], Bureau]
    policy: Callable[[], QualificationPolicy]
    clock: Callable[[], datetime]
    alone: bool = True

    def handle_news(self) -> Done:
        """Everything that was told until now: those whom it touches are decided anew, awarded, and get badges;
        badges whose notice has run out are withdrawn, and new claim links go to those who asked.
        """
        total = Done()
        while told := self._waiting():
            touched = recognition.touched_by(self.engine, told)
            policy, now = self.policy(), self.clock()
            decided = recognition.decide_some(self.engine, policy, touched, as_of=now)
            awards = awarding.award_decisions(self.engine, decided, policy=policy, now=now)
            signed = issuance.issue(self.bureau(), now=self.clock()) if self.alone else 0
            moved = {item.subject for item in told if item.kind == "person"}  # merged or split, among others
            signed += issuance.settle(self.bureau(), moved, now=self.clock())
            with writing(self.engine) as connection:
                news.done(connection, [item.number for item in told])
            total += Done(len(told), len(touched), awards, signed)
        revocations.carry_out(self.bureau(), now=self.clock())
        claiming.answer_requests(self.bureau(), now=self.clock())
        return total

    def issue_some(self) -> int:
        """One chunk of the badges that wait; how many were signed."""
        return issuance.issue_some(self.bureau(), now=self.clock())

    def waiting(self) -> "Waiting":
        """What there is to do."""
        with reading(self.engine) as connection:
            told = bool(news.waiting(connection, limit=1))
        return Waiting(told, issuance.waiting_chunks(self.engine, now=self.clock()))

    def nightly(self, progress: Progress | None = None) -> Done:
        """Everybody decided anew, awarded and given badges; whatever was told before it began is done by that."""
        with reading(self.engine) as connection:
            before = news.newest(connection)
        policy, now = self.policy(), self.clock()
        revocations.carry_out(self.bureau(), now=now)
        claiming.answer_requests(self.bureau(), now=now)
        people, shown = (partial(progress, what) for what in ("people", "signed")) if progress else (None, None)
        counted = deciding.decide_and_award(self.engine, policy, data=self.bureau().data, now=now, progress=people)
        signed = issuance.issue(self.bureau(), now=self.clock(), progress=shown)
        period = period_at(now, policy.period)
        counted.tally.badges.update(achievements.holders(self.engine, period))
        recognition.publish_numbers(self.engine, counted.tally, policy=policy, now=now)
        recognition.note_rule_alarms(self.engine, counted.rules, now=now)
        with writing(self.engine) as connection:
            news.done_until(connection, before)
        return Done(0, counted.persons, counted.awards, signed)

    def _waiting(self) -> list[news.News]:
        with reading(self.engine) as connection:
            return news.waiting(connection, limit=NEWS_AT_A_TIME)


class Worker(threading.Thread):
    """The server's worker: handles news every second, until `stop` is called."""

    def __init__(self, jobs: Jobs, *, every: float = POLL_SECONDS) -> None:
        super().__init__(daemon=True, name="jobs")
        self._jobs, self._every = jobs, every
        self._stopped = threading.Event()

    def run(self) -> None:
        """Nothing that goes wrong ends it: the news is on the disk, and the next round tries again."""
        while not self._stopped.is_set():
            try:
                self._jobs.handle_news()
            except Exception as error:
                _log.warning("News could not be handled (%s): %s", type(error).__name__, error)
            self._stopped.wait(self._every)

    def stop(self) -> None:
        """End after the round that is going on."""
        self._stopped.set()
