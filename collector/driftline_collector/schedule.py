"""When agents check in: seldom enough for the load, and spread, so that a fleet coming back does not stampede.

Each source has a slot in the interval, by a hash of its identity. Whenever it calls, it is told to come at its slot's
next time that is at least half an interval away; so two intervals after an outage the fleet is spread again.
"""

from hashlib import blake2b

from driftline.v1.collector_pb2 import Instructions
from driftline_cmdb.continuity import QUICK_S
from driftline_collector.settings import Settings

#: Size of fleet at which the interval reaches its upper bound.
FULL_FLEET = 100_000
#: Bounds of the time between two calls for leases of devices, s.
LEASE_S = (15, 60)


def interval_s(fleet: int, load: float, lower_s: int, upper_s: int) -> int:
    """Return the time between check-ins, s: grows with the fleet, doubles where reports queue.

    :param fleet: live sources.
    :param load: how full the commit queue is, 0 to 1.
    """
    wanted = max(lower_s, fleet * upper_s // FULL_FLEET)
    return min(upper_s, wanted * 2 if load > 0.5 else wanted)


def check_in_after_s(uid: str, now_ms: int, interval: int) -> int:
    """Return the seconds until a source's next slot: between half and one and a half intervals, at least 1."""
    length = interval * 1000
    slot = int.from_bytes(blake2b(uid.encode(), digest_size=8).digest(), "big") % length
    earliest = now_ms + length // 2
    at = earliest + (slot - earliest) % length
    return max(1, round((at - now_ms) / 1000))


class Schedule:
    """Makes the instructions of every reply."""

    def __init__(self, settings: Settings) -> None:
        """Begin with an empty fleet."""
        self._settings = settings
        #: Live sources, kept up to date by the worker.
        self.fleet = 0

    def interval_s(self, load: float) -> int:
        """Return the time between check-ins, s.

        :param load: how full the commit queue is, 0 to 1.
        """
        return interval_s(self.fleet, load, self._settings.check_in_min_s, self._settings.check_in_max_s)

    def lease_s(self, load: float) -> int:
        """Return the time between two calls for leases of devices, s.

        :param load: how full the commit queue is, 0 to 1.
        """
        least, most = LEASE_S
        return min(most, max(least, self.interval_s(load)))

    def instructions(self, uid: str, now_ms: int, load: float, *, soon: bool = False) -> Instructions:
        """Return what a source is asked to do next.

        :param load: how full the commit queue is, 0 to 1.
        :param soon: it is not clear who it is: it comes back as soon as one that must wait.
        """
        settings = self._settings
        after_s = check_in_after_s(uid, now_ms, self.interval_s(load))
        return Instructions(
            check_in_after_s=min(after_s, QUICK_S) if soon else after_s,
            server_time_ms=now_ms,
            inventory_interval_s=settings.inventory_interval_s,
        )
