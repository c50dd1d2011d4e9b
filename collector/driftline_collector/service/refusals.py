"""Calls that are refused for their certificate or quarantine, put on record: they tell why a CI is silent.

At most once a minute for a source, and nothing at all for a call that is accepted.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from driftline_cmdb import leaving
from driftline_cmdb.database import Database
from driftline_cmdb.errors import Refused, Unauthenticated, Unavailable
from driftline_collector.clock import Clock

log = logging.getLogger(__name__)

#: Sources remembered; the one that was not refused for longest is forgotten first.
_SOURCES = 4096


class Refusals:
    """Notes refusals. For many threads."""

    def __init__(self, database: Database, clock: Clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing noted."""
        self._database, self._clock, self._monotonic = database, clock, monotonic
        self._noted: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def noted(self, uid: str) -> Iterator[None]:
        """Note where the block refuses a source, and refuse it.

        :param uid: the identity in a certificate of ours whose key the caller has proved to hold.
        """
        try:
            yield
        except (Refused, Unauthenticated) as error:
            self._note(uid, str(error))
            raise

    def _note(self, uid: str, reason: str) -> None:
        now = self._monotonic()
        with self._lock:
            last = self._noted.get(uid)
            if last is not None and now - last < leaving.REFUSED_EVERY_MS / 1000:
                return
            self._noted[uid] = now
            self._noted.move_to_end(uid)
            if len(self._noted) > _SOURCES:
                self._noted.popitem(last=False)
        try:
            leaving.note_refusal(self._database, uid, reason, self._clock())
        except Unavailable as error:  # the caller is to hear why it is refused, not that nobody could note it
            log.warning("refusal not noted", extra={"source": uid, "error": str(error)})
