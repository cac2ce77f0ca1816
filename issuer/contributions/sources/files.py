"""A CSV file of record as a source: at an address that somebody keeps up to date, or on this machine."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from issuer.contributions.intake import IntakeError
from issuer.contributions.sources import face
from issuer.contributions.sources.csv_records import read_csv
from issuer.contributions.sources.face import BaseUrl, Cursor, Page, Refusal, Source, SourceError
from issuer.contributions.sources.governance import read_local
from issuer.ground.outbound import Answer, Outbound
from issuer.ground.rows import TableError


class CsvOfRecord(Source):
    """One table. `as`: the source under whose name a policy takes its rows."""

    KIND = "csv"
    kind: Literal["csv"]
    url: BaseUrl | None = None
    file: str | None = None
    recorded: Annotated[str, Field(alias="as", pattern=r"^[a-z][a-z0-9_-]{0,39}$")] = "csv_of_record"

    @model_validator(mode="after")
    def _one_place(self) -> "CsvOfRecord":
        if (self.url is None) == (self.file is None):
            raise ValueError("either 'url' or 'file' was expected")
        return self

    @property
    def recorded_as(self) -> str:
        return self.recorded

    def pages(self, ask: Outbound, cursor: Cursor, *, now: datetime) -> Iterator[Page]:
        """The whole table, unless its ETag says that it is the same and all of it was good.

        A last line without an end may be half of one. It is taken once two readings show the same table.
        """
        answer: Answer | None = None
        if self.file is not None:
            data = read_local(self.file)
        else:
            answer = ask.ask(self.url or "", etag=face.etag_of_today(cursor, now))
            if answer.unchanged:
                yield Page(cursor=cursor, unchanged=True)
                return
            data = answer.body
        digest = hashlib.sha256(data).hexdigest()[:16]
        ended, line, rest = data.rpartition(b"\n")
        held_back = self.url is not None and bool(rest.strip()) and bool(line) and cursor.get("unended") != digest
        try:
            good, report = read_csv(ended + line if held_back else data, source=self.recorded, now=now)
        except (TableError, IntakeError) as error:
            raise SourceError(f"{self.url or self.file}: {error}") from error
        refused = tuple(
            Refusal(f"line {p.line}", f"{p.field}: {p.sentence}" if p.field else p.sentence)
            for p in report.refused
        )
        if held_back:
            sentence = "it has no end, so it may be half of one; it is taken once the table comes again like this."
            refused += (Refusal("the last line", sentence),)
        behind = face.behind(answer, now, whole=not refused)
        yield Page(tuple(good), refused, {**behind, "unended": digest} if rest.strip() else behind)
