"""One thread that commits all reports that wait in one transaction: many receipts, one fsync.

There is no artificial delay: while one transaction runs, the next reports gather.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from driftline_cmdb import reports
from driftline_cmdb.database import Database
from driftline_cmdb.errors import CmdbError, Unavailable
from driftline_cmdb.reports import Committed, Report
from driftline_collector.errors import Exhausted
from driftline_collector.metrics import Metrics

log = logging.getLogger(__name__)

Commit = Callable[[Database, Sequence[Report]], list[Committed | CmdbError]]
_Waiting = tuple[Report, Future[Committed]]

_STOPPING = "the collector is stopping; try again"


class Committer:
    """Takes reports from many threads; commits them in the order they came."""

    def __init__(
        self,
        database: Database,
        metrics: Metrics,
        batch: int,
        waiting: int,
        committed: Callable[[], None] = lambda: None,
        commit: Commit = reports.commit,
    ) -> None:
        """Prepare the thread; :meth:`start` starts it.

        :param batch: reports that one transaction takes at most.
        :param waiting: reports that may wait; more are refused.
        :param committed: called after each transaction, by the thread: it must be quick.
        """
        self._database, self._metrics, self._batch = database, metrics, batch
        self._committed, self._commit = committed, commit
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(maxsize=waiting)
        self._capacity = waiting
        self._lock = threading.Lock()
        self._closed = False
        self._abandoned = False
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)

    def start(self) -> None:
        """Start to commit."""
        self._thread.start()

    def submit(self, report: Report) -> Future[Committed]:
        """Queue a report; the future holds its receipt once it is durable, or why it is not.

        A future that is cancelled before its report was taken means: never committed.

        :raises Exhausted: where too many wait.
        :raises Unavailable: where the collector is stopping.
        """
        future: Future[Committed] = Future()
        with self._lock:
            if self._closed:
                raise Unavailable(_STOPPING)
            try:
                self._queue.put_nowait((report, future))
            except queue.Full:
                raise Exhausted(f"{self._capacity} reports wait to be committed; come back in 10 s") from None
        self._metrics.queue_length.set(self._queue.qsize())
        return future

    @property
    def load(self) -> float:
        """How full the queue is, 0 to 1."""
        return self._queue.qsize() / self._capacity

    @property
    def alive(self) -> bool:
        """True while it commits."""
        return self._thread.is_alive()

    def stop(self, within_s: float) -> None:
        """Commit what is queued, for so long; answer the rest with Unavailable.

        A transaction that runs at the end of that time ends as it ends; its reports get its result.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
        end = time.monotonic() + within_s
        while not self._queue.empty() and self._thread.is_alive() and time.monotonic() < end:
            time.sleep(0.005)
        self._abandoned = True
        self._refuse_waiting()
        self._queue.put(None)
        self._thread.join(max(0.1, end - time.monotonic()))

    def _refuse_waiting(self) -> None:
        while True:
            try:
                entry = self._queue.get_nowait()
            except queue.Empty:
                return
            if entry is not None and entry[1].set_running_or_notify_cancel():
                entry[1].set_exception(Unavailable(_STOPPING))

    def _run(self) -> None:
        while (batch := self._take()) is not None:
            if batch:
                self._commit_batch(batch)

    def _take(self) -> list[_Waiting] | None:
        """Wait for a report and take all that wait with it; None at the end."""
        batch: list[_Waiting] = []
        entry = self._queue.get()
        while True:
            if entry is None:
                if not batch:
                    return None
                self._queue.put(None)
                break
            if entry[1].set_running_or_notify_cancel():
                batch.append(entry)
            if len(batch) >= self._batch:
                break
            try:
                entry = self._queue.get_nowait()
            except queue.Empty:
                break
        self._metrics.queue_length.set(self._queue.qsize())
        return batch

    def _commit_batch(self, batch: list[_Waiting]) -> None:
        start = time.perf_counter()
        results: Sequence[Committed | Exception]
        try:
            results = self._commit(self._database, [report for report, _ in batch])
            if len(results) != len(batch):
                raise RuntimeError(f"{len(batch)} reports gave {len(results)} results")
        except Unavailable as error:
            log.warning("commit failed", extra={"reports": len(batch), "error": str(error)})
            results = [error] * len(batch)
        except Exception as error:
            # Boundary of one transaction: it rolled back as a whole, and each caller is told; the thread must live on.
            log.exception("commit failed", extra={"reports": len(batch)})
            results = [error] * len(batch)
        else:
            self._metrics.commits.inc()
            self._metrics.batch_size.observe(len(batch))
        self._metrics.commit_seconds.observe(time.perf_counter() - start)
        for (_, future), result in zip(batch, results, strict=True):
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
        self._committed()
