"""More hands for many signatures: processes that open the same keys by themselves, for a run that is worth it.

No private key goes from one process to another; each opens the key store of the data folder as `open_bureau` does.
A process that dies is done without: whoever waits for its signatures makes them.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from issuer.badges.bureau import Bureau, open_wardrobe
from issuer.badges.garments import Dressed, Wardrobe
from issuer.badges.model import BadgeError
from issuer.ground import processes
from issuer.ground import settings as ground_settings

WORTH_IT = 3_000  # signatures: a second of signing; opening a key store takes as long

Signatures: TypeAlias = Callable[[], list[Dressed]]  # waits for them

_log = logging.getLogger(__name__)
_own: Wardrobe | None = None  # of a process of the pool


@dataclass
class Pool:
    """Who signs. `hands`: how many chunks are signed at a time."""

    bureau: Bureau
    created: datetime
    executor: ProcessPoolExecutor | None = None
    hands: int = 0

    def dress(self, claims: Sequence[str]) -> Signatures:
        """Have these signed; what comes out gives the signatures in their order."""
        if self.executor is None:
            return lambda: self._by_itself(claims)
        try:
            future = self.executor.submit(_dress, list(claims), self.created)
        except BrokenProcessPool:
            return lambda: self._by_itself(claims)
        return lambda: self._result(future, claims)

    def _result(self, future: "Future[list[Dressed]]", claims: Sequence[str]) -> list[Dressed]:
        try:
            return future.result()
        except BrokenProcessPool:
            _log.warning("A process that signed has died; %d signatures are made without it.", len(claims))
            return self._by_itself(claims)

    def _by_itself(self, claims: Sequence[str]) -> list[Dressed]:
        return [self.bureau.wardrobe.dress(one, created=self.created) for one in claims]


@contextmanager
def signing_pool(
    bureau: Bureau, *, amount: int, created: datetime, processors: int | None = None
) -> Iterator[Pool]:
    """Hands for so many signatures: more processes where that is worth it, and this one alone otherwise."""
    hands = processes.hands(processors)
    if bureau.data is None or amount < WORTH_IT or hands < 2:
        yield Pool(bureau, created)
        return
    kids = (bureau.signer.kid, bureau.document_signer.kid)
    executor = processes.executor(hands, _open, bureau.data, kids)
    try:
        yield Pool(bureau, created, executor, hands)
    finally:
        executor.shutdown(cancel_futures=True)


def _open(data: Path, kids: tuple[str, str]) -> None:
    """Open the keys in a new process: the very ones that sign in the other, under the names that they have there.

    Raises:
        BadgeError: a key was rotated meanwhile.
    """
    global _own
    _own = open_wardrobe(ground_settings.load(data))
    for signer, kid in zip((_own.signer, _own.document_signer), kids, strict=True):
        if signer.kid.partition("#")[2] != kid.partition("#")[2]:
            raise BadgeError("A key was rotated while badges were signed: run it again.")
        signer.kid = kid  # the issuer's name may be another one for this run (`serve --public-url`)


def _dress(claims: Sequence[str], created: datetime) -> list[Dressed]:
    assert _own is not None
    return [_own.dress(one, created=created) for one in claims]
