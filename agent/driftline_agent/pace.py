"""How often the same topic may be read again: some times at once, then every few seconds, the dearer the rarer."""

from dataclasses import dataclass, field

#: Readings in a row without a wait, and the seconds after which there is one more.
BURST, REFILL_S = 12.0, 2.0
#: A reading waits so many times the processor time that the last one took: one percent of a core at most.
COST = 100.0


@dataclass(slots=True)
class _Bucket:
    left: float = BURST
    at: float = 0.0
    refill_s: float = REFILL_S


@dataclass(slots=True)
class Pace:
    """Token buckets, one a topic."""

    _buckets: dict[str, _Bucket] = field(default_factory=dict)

    def wait(self, name: str, now: float) -> float:
        """Return the seconds until a topic may be read.

        :param now: of a clock that does not jump, s.
        """
        bucket = self._buckets.setdefault(name, _Bucket(at=now))
        bucket.left = min(BURST, bucket.left + (now - bucket.at) / bucket.refill_s)
        bucket.at = now
        return max(0.0, (1.0 - bucket.left) * bucket.refill_s)

    def took(self, name: str, cost_s: float, now: float) -> None:
        """Note a reading.

        :param cost_s: processor time that it took, s.
        """
        self.wait(name, now)
        bucket = self._buckets[name]
        bucket.left -= 1.0
        bucket.refill_s = max(REFILL_S, COST * cost_s)
