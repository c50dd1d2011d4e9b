"""One thread that commits all reports that wait in one transaction: many receipts, one fsync.

There is no artificial delay: while one transaction runs, the next reports gather.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Protocol

from driftline_cmdb.errors import CmdbError, Unavailable
from driftline_cmdb.reports import Committed, Report
from driftline_collector.errors import Exhausted
from driftline_collector.metrics import Metrics

log = logging.getLogger(__name__)

_Waiting = tuple[Report, Future[Committed]]

_STOPPING = "the collector is stopping; try again"


class Commits(Protocol):
    """Commits reports; :class:`driftline_cmdb.reports.Ingest` does."""

    def commit(self, reports: Sequence[Report]) -> list[Committed | CmdbError]:
        """Apply reports in one transaction; return, for each, its receipt or why it was refused.

        :raises Unavailable: where the database does not answer; nothing was committed.
        """


class Committer:
    """Takes reports from many threads; commits them in the order they came."""

    def __init__(
        self,
        ingest: Commits,
        metrics: Metrics,
        batch: int,
        waiting: int,
        committed: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare the thread; :meth:`start` starts it.

        :param batch: reports that one transaction takes at most.
        :param waiting: reports that may wait; more are refused.
        :param committed: called by the thread after each transaction that may have changed facts: it must be quick.
        """
        self._ingest, self._metrics, self._batch, self._committed = ingest, metrics, batch, committed
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(maxsize=waiting)
        self._capacity = waiting
        self._lock = threading.Lock()
        self._closed = False
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
        self._refuse_waiting()
        self._queue.put(None)
        if self._thread.is_alive():
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
        results = self._results([report for report, _ in batch])
        self._metrics.commit_seconds.observe(time.perf_counter() - start)
        self._metrics.batch_size.observe(len(batch))
        for (_, future), result in zip(batch, results, strict=True):
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
        if any(report.sections or report.transactions for report, _ in batch):
            self._committed()

    def _results(self, reports: list[Report]) -> Sequence[Committed | Exception]:
        try:
            results = self._ingest.commit(reports)
        except Unavailable as error:
            log.warning("commit failed", extra={"reports": len(reports), "error": str(error)})
            return [error] * len(reports)
        except Exception as error:
            # Boundary of one transaction: it rolled back as a whole. The thread must live on, and the others' reports
            # must not fail for one that nothing foresaw.
            if len(reports) > 1:
                return [result for report in reports for result in self._results([report])]
            fields = {"source": reports[0].source_id, "epoch": reports[0].epoch, "sequence": reports[0].sequence}
            log.exception("commit failed", extra=fields)
            return [error]
        self._metrics.commits.inc()
        return results
