"""The office's work shared by processes and machines: procrastinate, on the PostgreSQL of the office itself.

What is to be done stands in the office's own tables, and each job only looks there: a job that is lost is put in
again a second later, one that runs twice finds nothing left to do. So the queue may be emptied at any time, and
whoever is killed costs some seconds (ADR 0017). `jobs` says what is done; on a file of SQLite its thread does it.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from issuer.ground.database import address_of, writing
from issuer.jobs import Jobs, Worker

if TYPE_CHECKING:
    from procrastinate import App

SCHEMA = "badge_queue"  # of the queue's tables, apart from the office's
TICK_SECONDS = 1.0  # how often it is looked whether there is anything to do
IDLE_TICKS = 5  # notices of withdrawal run out, and people ask for claim links, without any news
ISSUES_AT_MOST = 16  # chunks in the queue at a time: more is for the next second
HEARTBEAT_SECONDS = 3.0
STALLED_SECONDS = 12.0  # without a heartbeat: its process was killed, or its machine is gone
STOP_SECONDS = 20.0  # what is begun is finished; longer than a chunk takes

_log = logging.getLogger(__name__)


def prepare(engine: Engine) -> None:
    """Make the queue's tables, and make them anew for another version of procrastinate: nothing is lost with them.

    Raises:
        DatabaseError: they cannot be made.
    """
    import procrastinate
    from procrastinate.schema import SchemaManager

    version = f"procrastinate {procrastinate.__version__}"
    with writing(engine) as connection:
        connection.execution_options(journal=False)  # there is nothing in it that is not made again
        known = f"SELECT obj_description(to_regnamespace('{SCHEMA}')::oid, 'pg_namespace')"
        if connection.exec_driver_sql(known).scalar() == version:
            return
        for statement in (
            f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE",
            f"CREATE SCHEMA {SCHEMA}",
            f"SET LOCAL search_path TO {SCHEMA}",
            SchemaManager.get_schema().replace("%", "%%"),
            f"COMMENT ON SCHEMA {SCHEMA} IS '{version}'",
        ):
            connection.exec_driver_sql(statement)


class QueueWorker(threading.Thread):
    """Takes jobs from the queue and puts in what is to be done, until `stop` is called. Any number of them may
    run, on any number of machines; each does one job at a time.
    """

    def __init__(self, jobs: Jobs) -> None:
        super().__init__(daemon=True, name="queue")
        self._jobs = jobs
        self._stopped = threading.Event()

    def run(self) -> None:
        """Nothing that goes wrong ends it: when the database is back, it goes on."""
        while not self._stopped.is_set():
            try:
                prepare(self._jobs.engine)
                asyncio.run(self._work())
            except Exception as error:
                _log.warning("The queue cannot be worked on (%s): %s", type(error).__name__, error)
                self._stopped.wait(TICK_SECONDS)

    def stop(self) -> None:
        """End after the job that is going on."""
        self._stopped.set()

    async def _work(self) -> None:
        app = queue_app(self._jobs)
        async with app.open_async():
            worker = asyncio.create_task(
                app.run_worker_async(
                    install_signal_handlers=False,
                    delete_jobs="always",
                    fetch_job_polling_interval=TICK_SECONDS,
                    update_heartbeat_interval=HEARTBEAT_SECONDS,
                    stalled_worker_timeout=STALLED_SECONDS,
                    shutdown_graceful_timeout=STOP_SECONDS,
                )
            )
            ticker = asyncio.create_task(self._tick(app))
            done, running = await asyncio.wait({worker, ticker}, return_when=asyncio.FIRST_COMPLETED)
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            for task in done:
                task.result()

    async def _tick(self, app: "App") -> None:
        """Each second: put in what there is to do, unless it waits in the queue already; give what a dead process
        had begun to another one.
        """
        ticks = 0
        while not self._stopped.is_set():
            waiting = await asyncio.to_thread(self._jobs.waiting)
            if waiting.news or ticks % IDLE_TICKS == 0:
                await _put_in(app, "news", number=0)
            for number in range(min(waiting.chunks, ISSUES_AT_MOST)):
                await _put_in(app, "issue", number=number)
            await _revive(app)
            ticks += 1
            await asyncio.to_thread(self._stopped.wait, TICK_SECONDS)


def queue_app(jobs: Jobs) -> "App":
    """What procrastinate needs to know: where the queue is, and what each job does."""
    from procrastinate import App, PsycopgConnector

    connector = PsycopgConnector(
        conninfo=address_of(jobs.engine),
        kwargs={"options": f"-c search_path={SCHEMA}", "application_name": "badge-issuer queue"},
        min_size=1,
        max_size=4,
        timeout=10.0,
    )
    app = App(connector=connector)
    for name in ("procrastinate", "psycopg.pool"):  # of a database that is away `run` tells in one line
        logging.getLogger(name).setLevel(logging.CRITICAL)
    works: dict[str, Callable[[], object]] = {"news": jobs.handle_news, "issue": jobs.issue_some}
    for name, work in works.items():
        app.task(name=name)(_quietly(work))
    return app


def _quietly(work: Callable[[], object]) -> Callable[..., Awaitable[None]]:
    """A job's work in a thread; what goes wrong is told in one line, and tried again with the next tick."""

    async def job(**_: object) -> None:
        try:
            await asyncio.to_thread(work)
        except Exception as error:
            _log.warning("A job was not done (%s): %s", type(error).__name__, error)

    return job


async def _put_in(app: "App", task: str, *, number: int) -> None:
    """Put a job in, unless the same one waits. News is handled by one process at a time; chunks by many."""
    from procrastinate.exceptions import AlreadyEnqueued

    name = f"{task} {number}"
    lock = name if task == "news" else None
    try:
        await app.configure_task(task, queueing_lock=name, lock=lock).defer_async()
    except AlreadyEnqueued:
        return


async def _revive(app: "App") -> None:
    """Let jobs be done again whose process is dead; one that was put in again meanwhile is dropped."""
    from procrastinate.exceptions import AlreadyEnqueued, UniqueViolation
    from procrastinate.jobs import Status

    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
        _log.warning("A job whose process died is done again: %s.", job.task_name)
        try:
            await app.job_manager.retry_job(job)
        except (AlreadyEnqueued, UniqueViolation):
            await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)


def worker_for(jobs: Jobs) -> Worker | QueueWorker:
    """Who does the office's work while it is open: on a PostgreSQL together with others, else one thread alone."""
    if jobs.engine.dialect.name == "postgresql":
        return QueueWorker(replace(jobs, alone=False))
    return Worker(jobs)
