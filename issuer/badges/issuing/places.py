"""Places on status lists for new badges: random ones, so that a bit's neighbours say nothing about a badge.

A badge's place stands in what is signed, so it is chosen before the badge is stored. `Places` remembers what one
run has chosen and not stored yet; whether others took a place meanwhile is asked when it is stored (`drafting`).
"""

import os
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from issuer.badges import status, store
from issuer.badges.model import Purpose, StatusPlace


@dataclass
class Places:
    """The places that a run has chosen and not stored. `new`: lists that are not there yet, by their number."""

    chosen: set[StatusPlace] = field(default_factory=set)
    new: dict[int, Purpose] = field(default_factory=dict)

    def choose(self, connection: Connection, purpose: Purpose, count: int) -> list[StatusPlace]:
        """Random free places in the newest list for this purpose; in a new one once it is half full.

        Half full means that of two random places one is free, however many badges there are.
        """
        places: list[StatusPlace] = []
        while len(places) < count:
            number, used = self._newest(connection, purpose)
            wanted = min(count - len(places), status.FILL_AT_MOST - used)
            free: list[int] = []
            while len(free) < wanted:
                tried = _at_random(2 * (wanted - len(free)))
                taken = store.lists.taken_indexes(connection, number, tried) | set(free)
                taken |= {index for index in tried if StatusPlace(number, index) in self.chosen}
                free += [index for index in tried if index not in taken][: wanted - len(free)]
            some = [StatusPlace(number, index) for index in free]
            self.chosen.update(some)
            places += some
        return places

    def forget(self, places: Iterable[StatusPlace]) -> None:
        """These were stored, or will not be."""
        self.chosen.difference_update(places)

    def _newest(self, connection: Connection, purpose: Purpose) -> tuple[int, int]:
        """(number, how many places are used) of a list for this purpose that is less than half full."""
        number, used = store.lists.newest_status_list(connection, purpose) or (0, status.FILL_AT_MOST)
        planned = max((one for one, its in self.new.items() if its == purpose and one > number), default=None)
        if planned is not None:
            number, used = planned, 0
        used += sum(1 for place in self.chosen if place.list == number)
        if used < status.FILL_AT_MOST:
            return number, used
        new = max(store.lists.newest_number(connection), *self.new, 0) + 1
        self.new[new] = purpose
        return new, 0

    def make(self, connection: Connection, needed: Mapping[int, Purpose]) -> set[int]:
        """Make those of these lists that are not there yet. Those come out that somebody else made for another
        purpose meanwhile: nothing can stand in them.
        """
        lost = set[int]()
        for number, purpose in sorted(needed.items()):
            known = store.lists.purpose_of_status_list(connection, number)
            if known is None:
                store.lists.add_status_list(connection, number, purpose)
            elif known != purpose:
                self.new.pop(number, None)
                lost.add(number)
        return lost


def _at_random(count: int) -> list[int]:
    """Different places, about so many: all are equally likely, since a list has a power of two of them."""
    return list(dict.fromkeys(number % status.ENTRIES for number in array("I", os.urandom(4 * count))))
