"""Limits on calls: token buckets for the enrol port, calls at a time for a source."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address
from urllib.parse import unquote

from driftline_collector.errors import Exhausted

#: Peers remembered; the one that was not seen for longest is forgotten first.
_PEERS = 10_000


class Bucket:
    """A token bucket; not for several threads at once."""

    __slots__ = ("_at", "_burst", "_level", "_rate")

    def __init__(self, rate: float, burst: int, now: float) -> None:
        """Begin full.

        :param rate: tokens a second.
        """
        self._rate, self._burst, self._level, self._at = rate, burst, float(burst), now

    def wait(self, now: float) -> float:
        """Return the seconds until there is a token; 0 where there is one."""
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        return max(0.0, (1 - self._level) / self._rate)

    def take(self) -> None:
        """Take a token."""
        self._level -= 1


class RateLimit:
    """Limits calls of one peer and of all together."""

    def __init__(
        self,
        rate_peer: float,
        burst_peer: int,
        rate_all: float,
        burst_all: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with all buckets full; rates are calls a second."""
        self._rate_peer, self._burst_peer = rate_peer, burst_peer
        self._monotonic = monotonic
        self._all = Bucket(rate_all, burst_all, monotonic())
        self._peers: OrderedDict[str, Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def admit(self, peer: str) -> None:
        """Let a call in.

        :param peer: as gRPC names it: ``ipv4:192.0.2.1:41414``.
        :raises Exhausted: where it came too soon; it costs the others nothing then.
        """
        key = network_of(peer)
        with self._lock:
            now = self._monotonic()
            bucket = self._peers.setdefault(key, Bucket(self._rate_peer, self._burst_peer, now))
            self._peers.move_to_end(key)
            if len(self._peers) > _PEERS:
                self._peers.popitem(last=False)
            wait = max(bucket.wait(now), self._all.wait(now))
            if wait <= 0:
                bucket.take()
                self._all.take()
                return
        raise Exhausted(f"too many calls; come back in {math.ceil(wait)} s")


def address_of(peer: str) -> str:
    """Return the address of a peer, without port: ``192.0.2.1``, ``2001:db8::1``; empty where it has none."""
    host = unquote(peer).partition(":")[2].rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        address = ip_address(host)
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def network_of(peer: str) -> str:
    """Return what a peer is counted by: its IPv4 address, or its IPv6 /64, which one host owns whole."""
    text = address_of(peer)
    if not text:
        return peer
    address = ip_address(text)
    return str(IPv6Address(int(address) >> 64 << 64)) if isinstance(address, IPv6Address) else text


class Gate:
    """Counts calls at a time by key."""

    def __init__(self, at_a_time: int) -> None:
        """Begin empty."""
        self._most = at_a_time
        self._inside: dict[Hashable, int] = {}
        self._lock = threading.Lock()

    @contextmanager
    def inside(self, key: Hashable) -> Iterator[None]:
        """Count a call while the block runs.

        :raises Exhausted: where too many are inside already.
        """
        with self._lock:
            count = self._inside.get(key, 0)
            if count >= self._most:
                raise Exhausted(f"{count} calls of this source run already; come back in 5 s")
            self._inside[key] = count + 1
        try:
            yield
        finally:
            with self._lock:
                if self._inside[key] == 1:
                    del self._inside[key]
                else:
                    self._inside[key] -= 1
