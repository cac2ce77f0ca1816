"""The office's own reader of sources: a thread of `serve` that runs each source when it is due.

Nobody has to set up a timer; without a server, `badge-issuer collect sources` does the same once.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import Engine

from issuer.contributions import collecting
from issuer.contributions.configuration import ConfigurationError
from issuer.contributions.sources.face import Source
from issuer.ground.outbound import Outbound

POLL_SECONDS = 30.0  # how late a source is read after it is due, at most

_log = logging.getLogger(__name__)


class StoppedError(Exception):
    """The server ends; the run gives its place to the next one."""


class Collector(threading.Thread):
    """Runs what is due, one source after another, until `stop` is called."""

    def __init__(
        self,
        engine: Engine,
        sources: Callable[[], Mapping[str, Source]],
        *,
        clock: Callable[[], datetime],
        outbound: Callable[[Source], Outbound] | None = None,
        every: float = POLL_SECONDS,
    ) -> None:
        super().__init__(daemon=True, name="collector")
        self._engine, self._sources, self._clock, self._outbound = engine, sources, clock, outbound
        self._every = every
        self._stopped = threading.Event()
        self._complaint = ""

    def run(self) -> None:
        """Nothing that goes wrong ends it: each source keeps its place, and the next round tries again."""
        while not self._stopped.is_set():
            try:
                self.round()
            except StoppedError:
                return
            except Exception as error:
                _log.warning("Sources could not be read (%s): %s", type(error).__name__, error)
            self._stopped.wait(self._every)

    def round(self) -> list[collecting.Run]:
        """Run each source that is due once; what is wrong in `sources.yaml` is logged once, until it changes."""
        try:
            sources, complaint = self._sources(), ""
        except ConfigurationError as error:
            sources, complaint = {}, str(error)
        if complaint and complaint != self._complaint:
            _log.warning("No source is read: %s", complaint)
        self._complaint = complaint
        return [
            collecting.run(self._engine, source, clock=self._clock, outbound=self._outbound, show=self._go_on)
            for source in sources.values()
            if collecting.is_due(self._engine, source, now=self._clock())
        ]

    def stop(self) -> None:
        """End after the page that is going on."""
        self._stopped.set()

    def _go_on(self, _: int) -> None:
        if self._stopped.is_set():
            raise StoppedError("The server ends.")
