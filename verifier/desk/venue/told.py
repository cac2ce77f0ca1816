"""An event's desks in words: the report for a terminal, one line for each thing that a person may want to know."""

from collections.abc import Iterator

from verifier.desk.venue import conflicts
from verifier.desk.venue.logbook import Report
from verifier.registration.aftercare.model import Case


def lines(report: Report) -> Iterator[str]:
    """The report, line by line."""
    holder = "nobody, since two statements claim it" if report.is_forked else report.holder
    yield f"Epoch {report.epoch}: {holder} decides."
    if report.waiting_for:
        yield f"  waiting for {', '.join(map(report.name_of, report.waiting_for))}"
    rings = report.rings
    yield f"Given: {rings['online']} online before, {rings['hub']} by a hub, {rings['offline']} when cut off."
    yield f"Worst case of what is given when cut off: {report.worst_case}."
    for conflict in report.tally.conflicts:
        yield f"{conflicts.told(conflict, names=report.names)}{_decided(report.case_of(conflict))}"
    for desk, more in report.provisional_over_cap.items():
        yield f"{report.name_of(desk)} gave {more} more than its cap when it was cut off."
    for span in report.tally.spans:
        for begin, end in span.gaps:
            yield f"{report.name_of(span.desk)}: entries {begin} to {end} are missing."
        for seq in span.forks:
            yield f"{report.name_of(span.desk)}: there are two entries {seq}: its device was copied, or forged."
        for seq in span.broken:
            yield f"{report.name_of(span.desk)}: entry {seq} does not follow the one before it."
    if not report.wants_a_person:
        yield "Nothing wants a person."


def _decided(case: Case | None) -> str:
    if case is None:
        return ""
    return f" [case {case.number}]" if case.closed_at is None else f" [case {case.number}, closed: {case.why}]"
