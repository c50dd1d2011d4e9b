"""Which source a report for a device is of: remembered, because every report of thousands of devices names one."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from sqlmodel import col, select

from driftline_cmdb.database import Database
from driftline_cmdb.errors import Fenced
from driftline_cmdb.tables.devices import Device
from driftline_cmdb.tables.sources import Source

#: Seconds for which a device's interval is remembered; its identity never changes.
FRESH_S = 30.0
#: Devices remembered.
_DEVICES = 50_000


@dataclass(frozen=True, slots=True)
class Known:
    """A device."""

    source_id: int
    uid: str
    #: Seconds between two readings.
    interval_s: int


class Devices:
    """Finds devices by their identity. For many threads."""

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing remembered."""
        self._database, self._monotonic = database, monotonic
        self._known: OrderedDict[str, tuple[float, Known]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, uid: str) -> Known:
        """Return the device with an identity.

        :raises Fenced: where there is none.
        :raises Unavailable: where the database does not answer.
        """
        now = self._monotonic()
        with self._lock:
            if (known := self._known.get(uid)) is not None and now - known[0] < FRESH_S:
                return known[1]
        query = select(Device.source_id, Device.interval_s).join(Source, col(Source.id) == col(Device.source_id))
        with self._database.read() as session:
            row = session.exec(query.where(Source.uid == uid)).first()
        if row is None:
            raise Fenced(f"stamp.device: there is no device {uid}; ask for leases with LeaseDevices")
        found = Known(row[0], uid, row[1])
        with self._lock:
            self._known[uid] = (now, found)
            self._known.move_to_end(uid)
            if len(self._known) > _DEVICES:
                self._known.popitem(last=False)
        return found
