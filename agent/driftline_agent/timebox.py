"""Keeps a source that does not answer from holding up the rest: what may hang is done by a thread that can be left.

A thread that waits in the kernel (a dead NFS server, a FUSE program that does not answer) cannot be ended, only left
behind. It keeps the view of the host that it had; what topics keep from one reading to the next is begun anew, so that
it shares nothing with those who go on. What it waits for is not tried again while it still waits.
"""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, TypeVar

from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host

_T = TypeVar("_T")
#: Threads left behind at the same time; with so many nothing more is begun that may hang.
MAX_LEFT = 16


class _Worker(threading.Thread):
    """Does one piece of work after the other, with a view of the host of its own."""

    def __init__(self, host: Host) -> None:
        super().__init__(name="inventory", daemon=True)
        self.host = host.view()
        self.jobs: SimpleQueue[Callable[[Host], Any] | None] = SimpleQueue()
        self.answers: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        self.start()

    def run(self) -> None:
        while not self.host.retired and (work := self.jobs.get()) is not None:
            try:
                self.answers.put((work(self.host), None))
            except BaseException as error:  # whoever waits for the answer gets it
                self.answers.put((None, error))


class TimeBox:
    """Does work for one host in a thread, and leaves it behind where it takes too long. A context manager.

    One thread does all the work of one box, unless it has to be left: per piece that costs two changes of threads.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._worker: _Worker | None = None

    def __enter__(self) -> "TimeBox":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._worker is not None:
            self._worker.jobs.put(None)
            self._worker = None

    def run(self, name: str, seconds: float, work: Callable[[Host], _T]) -> _T:
        """Return what some work returns, or raise what it raises.

        :param name: what is not begun again while it hangs.
        :param work: gets the host that it has to read from.
        :raises UnreadableError: where it takes longer, or still hangs since another time.
        """
        left = self._host.left
        for other in [other for other, thread in left.items() if not thread.is_alive()]:
            del left[other]
        if name in left:
            raise UnreadableError(f"no answer within {seconds:g} s")
        if len(left) >= MAX_LEFT:
            raise UnreadableError(f"not read: {MAX_LEFT} others hang, among them {min(left)}")
        if self._worker is None:
            self._worker = _Worker(self._host)
        self._worker.jobs.put(work)
        try:
            answer, error = self._worker.answers.get(timeout=seconds)
        except Empty:
            self._worker.host.retired = True
            left[name], self._worker = self._worker, None
            self._host.kept = {}
            raise UnreadableError(f"no answer within {seconds:g} s") from None
        if error is not None:
            raise error
        result: _T = answer
        return result
