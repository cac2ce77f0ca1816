"""What waits for a person of the team, whichever room it comes from.

A room keeps its own matters in its own tables and offers them; the inbox shows all of them in one list. Each says
what it costs to look at, and what happens if nobody does: two hours a week must be enough for a community.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

MatterKind = Literal["claim", "flag", "dispute", "alarm", "approval"]


@dataclass(frozen=True)
class Matter:
    """One thing to decide. `title` and `default` are sentences for the team, without names or addresses.

    `key`: its own within its kind. `minutes`: what a decision takes, by our estimate. `default`: what happens
    when nobody decides, on `due` where it has a day. `page`: the path where it is decided.
    """

    kind: MatterKind
    key: str
    title: str
    since: datetime
    minutes: int
    default: str
    page: str
    due: datetime | None = None
