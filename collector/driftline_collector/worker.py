"""What runs beside the calls: links and assessment of CIs that are due, and jobs at intervals.

No failure of one stops any.
"""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.background import (  # type: ignore[import-untyped]  # apscheduler has no type information
    BackgroundScheduler,
)
from sqlmodel import select

from driftline_cmdb import sources, texts, utilization
from driftline_cmdb.database import Database
from driftline_cmdb.devices import sightings
from driftline_cmdb.drift import assess, long_silence, silence, silent_sources
from driftline_cmdb.errors import Unavailable
from driftline_cmdb.identity import dividing, reporting
from driftline_cmdb.proposals import periodic
from driftline_cmdb.tables.elements import Due
from driftline_cmdb.topology import periodic as topology
from driftline_collector.authority.authority import Authority
from driftline_collector.clock import Clock
from driftline_collector.control import Control
from driftline_collector.metrics import Metrics
from driftline_collector.records import Records
from driftline_collector.schedule import Schedule
from driftline_collector.settings import Settings

log = logging.getLogger(__name__)

#: A source that called within this time is live, ms.
_LIVE_MS = 15 * 60_000
#: A pause of the job that finds silence after which the machine must have slept, ms.
_SLEPT_MS = 3 * 60_000
#: Certificates are forgotten so long after the last day that they could be renewed at, ms.
_KEPT_MS = 30 * 86_400_000


class _Worker:
    """A thread that does what is due: when told that something was committed, and every second."""

    def __init__(self, name: str, job: str, metrics: Metrics, every_s: float) -> None:
        """Prepare the thread.

        :param job: name of its work in the metrics.
        """
        self._job, self._metrics, self._every_s = job, metrics, every_s
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start to work."""
        self._thread.start()

    def wake(self) -> None:
        """Look at once whether something is due."""
        self._wake.set()

    def stop(self, within_s: float) -> None:
        """Finish what is being done; what is left stays due."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(within_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(self._every_s)
            self._wake.clear()
            guarded(self._job, self._metrics, self._work)

    def _work(self) -> None:
        """Do all that is due."""
        raise NotImplementedError


class Linker(_Worker):
    """Keeps links between CIs: looks at those whose ports or neighbours a report has changed."""

    def __init__(
        self, database: Database, metrics: Metrics, clock: Clock, linked: Callable[[], None], every_s: float = 1.0
    ) -> None:
        """Prepare the thread.

        :param linked: called after it looked at some: their records may be due for assessment.
        """
        super().__init__("linker", "topology", metrics, every_s)
        self._database, self._clock, self._linked = database, clock, linked

    def _work(self) -> None:
        while not self._stopping.is_set() and topology.run(self._database, self._clock()):
            self._linked()


class Assessor(_Worker):
    """Assesses CIs that are due."""

    def __init__(self, database: Database, metrics: Metrics, clock: Clock, every_s: float = 1.0) -> None:
        """Prepare the thread."""
        super().__init__("assessor", "assess", metrics, every_s)
        self._database, self._clock = database, clock

    def _work(self) -> None:
        while not self._stopping.is_set() and self._is_due():
            count = assess.assess_due(self._database, self._clock())
            self._metrics.assessments.inc(count)

    def _is_due(self) -> bool:
        """Look without writing: SQLite has one write lock, and the committer needs it."""
        with self._database.read() as session:
            return session.exec(select(Due.ci_id).where(Due.since_ms <= self._clock()).limit(1)).first() is not None


class Jobs:
    """The jobs at intervals."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        authority: Authority,
        schedule: Schedule,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        """Prepare the jobs."""
        self._settings, self._database, self._authority = settings, database, authority
        self._schedule, self._metrics, self._clock = schedule, metrics, clock
        #: When this collector last looked for silent sources, and since when it listens without a break.
        self._looked_ms = self._listening_ms = clock()
        self._records = Records(settings, database, clock)
        self._control = Control(database, clock)
        self._scheduler = BackgroundScheduler(timezone=UTC)
        #: Names of the jobs that run now.
        self._at_work: set[str] = set()
        self._ended = threading.Condition()
        for name, job, seconds in (
            ("fleet", self._count_fleet, 10),
            ("silence", self._find_silence, 30),
            ("control", self._control.run, 10),
            ("seal", self._records.seal, 10),
            ("heads", self._records.sign, 60),
            ("integrity", self._records.verify, 5),
            ("compact", self._compact, 60),
            ("proposals", self._propose, 60),
            ("rotate", self._rotate, 3600),
            ("forget", self._forget, 3600),
            ("texts", self._forget_texts, 86_400),
        ):
            self._add(name, job, seconds)

    def start(self) -> None:
        """Start the jobs."""
        self._records.start()
        self._scheduler.start()

    def stop(self, within_s: float) -> None:
        """Start no more jobs; one that runs for longer is left, its transaction ends whole or not at all."""
        self._records.stop()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        with self._ended:
            self._ended.wait_for(lambda: not self._at_work, within_s)

    def _add(self, name: str, job: Callable[[], object], seconds: int) -> None:
        self._scheduler.add_job(
            self._run,
            "interval",
            (name, job),
            id=name,
            seconds=seconds,
            jitter=max(1, seconds // 10),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
            next_run_time=datetime.now(UTC) + timedelta(seconds=min(1.0, seconds / 10)),
        )

    def _run(self, name: str, job: Callable[[], object]) -> None:
        with self._ended:
            self._at_work.add(name)
        try:
            guarded(name, self._metrics, job)
        finally:
            with self._ended:
                self._at_work.discard(name)
                self._ended.notify_all()

    def _count_fleet(self) -> None:
        with self._database.read() as session:
            count = sources.count_seen_since(session, self._clock() - _LIVE_MS)
        self._schedule.fleet = count
        self._metrics.fleet.set(count)

    def _find_silence(self) -> None:
        """Look for silent sources, once this collector has listened for long enough to hear them.

        After a start, or after the machine slept, nobody was heard for a while because nobody listened.
        """
        now, after_ms = self._clock(), self._settings.silence_after_s * 1000
        if now - self._looked_ms > _SLEPT_MS:
            self._listening_ms = now
        self._looked_ms = now
        silence.find_silence(self._database, now, after_ms, self._listening_ms)
        silent_sources.find_silent_sources(self._database, now, after_ms, self._listening_ms)
        long_silence.ask(self._database, now)
        reporting.close_quiet(self._database, now)

    def _compact(self) -> None:
        failures = utilization.compact(self._database, self._clock()).failures
        if failures:
            self._metrics.job_failures.labels("compact").inc()
            log.error("some hours could not be sealed", extra={"hours": len(failures), "first": failures[0]})

    def _propose(self) -> None:
        periodic.run(self._database, self._clock())

    def _rotate(self) -> None:
        self._authority.rotate()

    def _forget(self) -> None:
        renewable = self._settings.renew_days * 86_400_000
        with self._database.write() as session:
            sources.forget_certificates(session, self._clock() - renewable - _KEPT_MS)
            dividing.revoke_spent(session, self._clock())
            sightings.forget(session, self._clock())

    def _forget_texts(self) -> None:
        texts.prune(self._database, self._clock())


def guarded(name: str, metrics: Metrics, job: Callable[[], object]) -> None:
    """Run a job; where it fails, log and count that."""
    try:
        job()
    except Unavailable as error:
        metrics.job_failures.labels(name).inc()
        log.warning("job failed", extra={"job": name, "error": str(error)})
    except Exception:
        # Boundary of one run of one job: the next run is due anyway.
        metrics.job_failures.labels(name).inc()
        log.exception("job failed", extra={"job": name})
