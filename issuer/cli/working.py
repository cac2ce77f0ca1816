"""`jobs`, `worker` and `nightly`: what the office does by itself: without a server, beside it, and each night."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from issuer.cli.output import CommandError, DataOption, JsonOption, Office, answer, open_office, progress

if TYPE_CHECKING:
    from issuer.jobs import Done, Jobs
    from schemas.policy import QualificationPolicy


def register(app: typer.Typer) -> None:
    app.command()(jobs)
    app.command()(nightly)
    app.command()(worker)


def jobs(
    once: Annotated[bool, typer.Option("--once", help="Handle what has happened until now, and end.")] = False,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Decide anew, award and sign for those to whom something happened; 'serve' does it by itself."""
    if not once:
        raise CommandError("'serve' handles news by itself; without a server, run 'jobs --once'.")
    done = _jobs(open_office(data)).handle_news()
    _finish(json, done, f"{done.news} pieces of news about {done.persons} people")


def worker(data: DataOption = None, json: JsonOption = False) -> None:
    """Share the office's work and mail with other processes and machines, on a PostgreSQL, until it is stopped."""
    import signal
    import threading
    from datetime import UTC, datetime

    from issuer.ground.mail.postman import MailOutbox, Postman
    from issuer.jobs import Jobs
    from issuer.queue import QueueWorker
    from issuer.recognition import service as recognition

    office = open_office(data)
    if office.engine.dialect.name != "postgresql":
        raise CommandError(
            "This office is on a file of SQLite, where 'serve' does its work: workers need a PostgreSQL."
        )
    bureau, stopped = office.bureau(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())

    def now() -> datetime:
        return datetime.now(UTC)

    def policy() -> "QualificationPolicy":
        return recognition.policy_in_force(office.engine, office.settings.policy, now=now())

    queue = QueueWorker(Jobs(office.engine, lambda: bureau, policy, now, alone=False))
    postman = Postman(lambda: MailOutbox(office.settings, engine=office.engine, clock=now))
    for thread in (queue, postman):
        thread.start()
    answer(json, {"working": True}, "The worker works; it ends with the job that is going on (Ctrl-C).")
    sys.stdout.flush()
    stopped.wait()
    for thread in (queue, postman):
        thread.stop()
    for thread in (queue, postman):
        thread.join()


def nightly(data: DataOption = None, json: JsonOption = False) -> None:
    """Decide everybody, award, renew and sign: once a night, whether or not the server runs."""
    shows = {what: progress(what) for what in ("people", "signed")}
    done = _jobs(open_office(data)).nightly(lambda what, count: shows[what](count))
    _finish(json, done, f"{done.persons} people decided")


def _jobs(office: Office) -> "Jobs":
    from issuer.jobs import Jobs

    bureau = office.bureau()
    return Jobs(office.engine, lambda: bureau, lambda: office.policy, lambda: office.now)


def _finish(as_json: bool, done: "Done", what: str) -> None:
    value = {"news": done.news, "persons": done.persons, "awards": done.awards, "signed": done.signed}
    answer(as_json, value, f"{what}: {done.awards} new awards, {done.signed} badges signed.")
