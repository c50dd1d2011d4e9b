"""The commit thread: groups, isolates, refuses when full, and stops cleanly."""

import threading
from collections.abc import Callable, Sequence

import pytest

from driftline_cmdb.errors import CmdbError, Invalid, Unavailable
from driftline_cmdb.reports import Committed, Report
from driftline_collector.committer import Committer
from driftline_collector.errors import Exhausted
from driftline_collector.metrics import Metrics


def report(number: int) -> Report:
    return Report(number, "epoch123", 1, b"", bytes(16), 1, 1, "0.1.0")


class Ingest:
    """Commits to a list; can be held up, can fail, knows a report that is bad."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = threading.Event()
        self.go.set()
        self.taken = threading.Event()
        self.fail: Callable[[Sequence[Report]], None] = lambda reports: None

    def commit(self, reports: Sequence[Report]) -> list[Committed | CmdbError]:
        self.taken.set()
        assert self.go.wait(20)
        self.fail(reports)
        self.batches.append([report.source_id for report in reports])
        return [
            Invalid("sections: bad") if report.source_id == 13 else Committed(b"%d" % report.source_id, (), 1)
            for report in reports
        ]


@pytest.fixture
def ingest() -> Ingest:
    return Ingest()


def committer_of(ingest: Ingest, batch: int = 10, waiting: int = 100) -> Committer:
    committer = Committer(ingest, Metrics(), batch, waiting)
    committer.start()
    return committer


def test_what_waits_is_committed_together(ingest: Ingest) -> None:
    committer = committer_of(ingest, batch=4)
    ingest.go.clear()
    futures = [committer.submit(report(1))]
    assert ingest.taken.wait(10)
    futures += [committer.submit(report(number)) for number in range(2, 8)]
    ingest.go.set()
    assert [future.result(10).continuation for future in futures] == [b"%d" % n for n in range(1, 8)]
    assert ingest.batches == [[1], [2, 3, 4, 5], [6, 7]]
    committer.stop(1)


def test_a_refused_report_harms_no_other(ingest: Ingest) -> None:
    committer = committer_of(ingest)
    ingest.go.clear()
    first = committer.submit(report(1))
    assert ingest.taken.wait(10)
    bad, good = committer.submit(report(13)), committer.submit(report(14))
    ingest.go.set()
    assert first.result(10) and good.result(10)
    with pytest.raises(Invalid, match="bad"):
        bad.result(10)
    committer.stop(1)


def test_a_report_that_breaks_the_transaction_harms_no_other(ingest: Ingest) -> None:
    def fail(reports: Sequence[Report]) -> None:
        if any(report.source_id == 99 for report in reports):
            raise RuntimeError("nobody foresaw this")

    committer = committer_of(ingest)
    ingest.fail = fail
    ingest.go.clear()
    first = committer.submit(report(1))
    assert ingest.taken.wait(10)
    bad, good = committer.submit(report(99)), committer.submit(report(2))
    ingest.go.set()
    assert first.result(10) and good.result(10)
    with pytest.raises(RuntimeError):
        bad.result(10)
    assert ingest.batches == [[1], [2]]
    assert committer.alive
    committer.stop(1)


def test_a_database_that_is_away_fails_all_and_is_asked_once(ingest: Ingest) -> None:
    asked: list[int] = []

    def fail(reports: Sequence[Report]) -> None:
        asked.append(len(reports))
        raise Unavailable("the database did not answer")

    committer = committer_of(ingest)
    ingest.fail = fail
    with pytest.raises(Unavailable):
        committer.submit(report(1)).result(10)
    assert asked == [1]
    ingest.fail = lambda reports: None
    assert committer.submit(report(2)).result(10)
    committer.stop(1)


def test_a_full_queue_refuses(ingest: Ingest) -> None:
    committer = committer_of(ingest, waiting=2)
    ingest.go.clear()
    futures = [committer.submit(report(1))]
    assert ingest.taken.wait(10)
    futures += [committer.submit(report(2)), committer.submit(report(3))]
    assert committer.load == 1
    with pytest.raises(Exhausted, match="come back in"):
        committer.submit(report(4))
    ingest.go.set()
    assert all(future.result(10) for future in futures)
    committer.stop(1)


def test_a_cancelled_report_is_never_committed(ingest: Ingest) -> None:
    committer = committer_of(ingest)
    ingest.go.clear()
    first = committer.submit(report(1))
    assert ingest.taken.wait(10)
    second = committer.submit(report(2))
    assert second.cancel()
    assert not first.cancel()
    ingest.go.set()
    assert first.result(10)
    committer.stop(1)
    assert ingest.batches == [[1]]


def test_stopping_commits_what_is_queued_and_takes_no_more(ingest: Ingest) -> None:
    committer = committer_of(ingest, batch=1)
    futures = [committer.submit(report(number)) for number in range(20)]
    committer.stop(20)
    done = [future for future in futures if future.exception() is None]
    assert len(done) == 19  # 13 is refused, all others are committed
    assert ingest.batches == [[number] for number in range(20)]
    assert not committer.alive
    with pytest.raises(Unavailable, match="stopping"):
        committer.submit(report(21))


def test_stopping_answers_what_it_cannot_commit_in_time(ingest: Ingest) -> None:
    committer = committer_of(ingest)
    ingest.go.clear()
    running = committer.submit(report(1))
    assert ingest.taken.wait(10)
    waiting = committer.submit(report(2))
    committer.stop(0.05)
    with pytest.raises(Unavailable, match="stopping"):
        waiting.result(10)
    ingest.go.set()
    assert running.result(10).continuation == b"1"
