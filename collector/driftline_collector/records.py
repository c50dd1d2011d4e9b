"""Jobs that keep the record trustworthy: sealing the audit trail, signing its head, verifying the record."""

import logging
import threading
import time

from driftline_cmdb.audit import heads, sealing
from driftline_cmdb.audit.heads import Broken
from driftline_cmdb.database import Database
from driftline_cmdb.integrity import asking, running
from driftline_cmdb.integrity.look import Limits
from driftline_collector.clock import Clock
from driftline_collector.settings import Settings
from driftline_collector.signing import Signer

log = logging.getLogger(__name__)

_HOUR_MS = 3_600_000
#: A run rests for so much of the time that it worked, at most so long at a time, s.
_REST_SHARE, _REST_MOST_S = 1.0, 0.5


class Records:
    """What the jobs do."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        """Read or make the key for heads.

        :raises AuthorityError: where the key is damaged.
        """
        self._settings, self._database, self._clock = settings, database, clock
        self._signer = Signer(settings.data)
        self._stopping = threading.Event()

    def start(self) -> None:
        """Put the public key on record, and say it."""
        heads.publish(self._database, self._signer.key, self._clock())
        log.info("audit heads are signed", extra={"key": str(self._signer.key)})

    def stop(self) -> None:
        """Have a run that goes on end at its next read."""
        self._stopping.set()

    def seal(self) -> None:
        """Chain the decisions since the last time."""
        sealing.seal(self._database)

    def sign(self) -> None:
        """Sign the trail's head where that is due."""
        head = self._signer.sign(self._database, self._clock())
        if isinstance(head, Broken):
            log.error(
                "audit trail is broken, nothing is signed", extra={"position": head.position, "why": head.message}
            )

    def verify(self) -> None:
        """Verify the record where someone asked for it or the schedule wants it."""
        interval_ms = self._settings.integrity_interval_h * _HOUR_MS
        with self._database.read() as session:
            if not asking.waiting(session, self._clock(), interval_ms):
                return
        run_id = asking.take(self._database, self._clock(), interval_ms)
        if run_id is None:
            return
        limits = Limits(unseen_ms=self._settings.integrity_unseen_days * 24 * _HOUR_MS)
        try:
            running.run(self._database, run_id, self._clock, limits, _Rest(self._stopping))
        except running.Stopped:
            asking.give_up(self._database, run_id, self._clock(), "the collector was stopped; ask again")
        except Exception as error:
            asking.give_up(self._database, run_id, self._clock(), f"{type(error).__name__}: {error}"[:500])
            raise


class _Rest:
    """Sleeps between a run's reads for as long as it worked, so that reports and assessments go before."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self._since = time.monotonic()

    def __call__(self) -> None:
        worked = time.monotonic() - self._since
        if self._stopping.wait(min(_REST_MOST_S, worked * _REST_SHARE)):
            raise running.Stopped
        self._since = time.monotonic()
