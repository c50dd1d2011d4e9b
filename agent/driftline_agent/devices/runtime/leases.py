"""Which devices this agent may speak for: what it asks of the collector, and what follows from the reply.

Pure, besides what the caller stores. Source: collector.proto (LeaseDevices).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from ipaddress import ip_address
from uuid import UUID

from driftline.v1 import collector_pb2 as wire
from driftline_agent.devices.runtime.poll import Place
from driftline_agent.devices.settings.config import DevicesConfig, TargetEntry

_PROTOCOL = "snmp"
#: Bounds of the time between two polls that a collector may ask for, s.
_LEAST_INTERVAL_S, _MOST_INTERVAL_S = 30, 86_400
#: After so many calls that only say "as before", the offers are said again.
_SAME_CALLS = 20


@dataclass(frozen=True, slots=True)
class Found:
    """What answers at an address of a target prefix."""

    address: str
    #: Name of the credential that it answered to.
    credential: str
    entry: TargetEntry


@dataclass(frozen=True, slots=True)
class Held:
    """A device that this agent speaks for."""

    source_id: str
    generation: int
    place: Place
    interval_s: int


@dataclass(frozen=True, slots=True)
class Change:
    """What a reply changes."""

    #: New ones, and those of another generation, place or interval.
    taken: tuple[Held, ...] = ()
    #: Sources of devices that it must not speak for any more.
    lost: tuple[str, ...] = ()
    #: Sources of devices to read now.
    read_now: tuple[str, ...] = ()


@dataclass(slots=True)
class _Health:
    reason: str = ""
    since_ms: int = 0
    answered_ms: int = 0


def offers(config: DevicesConfig, found: Iterable[Found]) -> list[wire.OfferedDevice]:
    """Return what the file names, and what answers in the prefixes that it names, sorted by address."""
    out: dict[tuple[str, int, str], wire.OfferedDevice] = {}
    for entry in config.targets:
        if entry.single:
            address = str(entry.network.network_address)
            _offer(out, address, entry, _usable(config, entry.credentials, address))
    for one in found:
        _offer(out, one.address, one.entry, (one.credential,))
    return [out[name] for name in sorted(out)]


def _offer(
    out: dict[tuple[str, int, str], wire.OfferedDevice], address: str, entry: TargetEntry, names: tuple[str, ...]
) -> None:
    if names:
        target = wire.DeviceTarget(protocol=_PROTOCOL, address=address, port=entry.port, context=entry.context)
        one = wire.OfferedDevice(target=target, credential=names[0], interval_s=entry.interval_s)
        out.setdefault((address, entry.port, entry.context), one)


def credentials(config: DevicesConfig) -> list[wire.OfferedCredential]:
    """Return names of credentials, and where each may be used."""
    return [
        wire.OfferedCredential(name=name, protocol=one.protocol, prefixes=[str(prefix) for prefix in one.prefixes])
        for name, one in sorted(config.credentials.items())
    ]


def held(config: DevicesConfig, lease: wire.DeviceLease) -> Held | None:
    """Return how a leased device is read by this agent's own file; None where the file does not allow it."""
    target = lease.target
    try:
        address, source_id = str(ip_address(target.address)), str(UUID(lease.source_id))
    except ValueError:
        return None
    if target.protocol != _PROTOCOL or not 0 < target.port < 65_536 or source_id != lease.source_id:
        return None
    entry = _entry(config, address, target.port, target.context)
    if entry is not None:
        names, interval_s = _usable(config, entry.credentials, address), entry.interval_s
    elif config.takes_more:
        names, interval_s = _usable(config, (lease.credential,), address), lease.interval_s or 300
        interval_s = min(max(interval_s, _LEAST_INTERVAL_S), _MOST_INTERVAL_S)
    else:
        names = ()
    if not names:
        return None
    place = Place(address, target.port, target.context, names)
    return Held(source_id, lease.generation, place, interval_s)


def place_of(config: DevicesConfig, address: str, port: int | None, context: str | None) -> Place:
    """Return how the file would have an address read; without credentials where it says nothing of it.

    :param port: None where any is meant.
    """
    for entry in sorted(config.targets, key=lambda entry: -entry.network.prefixlen):
        fits = port in (None, entry.port) and context in (None, entry.context)
        if fits and ip_address(address) in entry.network:
            return Place(address, entry.port, entry.context, _usable(config, entry.credentials, address))
    return Place(address, port or 161, context or "")


def _entry(config: DevicesConfig, address: str, port: int, context: str) -> TargetEntry | None:
    """Return the narrowest entry of the file that a device belongs to."""
    place = ip_address(address)
    fitting = [
        entry for entry in config.targets if (entry.port, entry.context) == (port, context) and place in entry.network
    ]
    return max(fitting, key=lambda entry: entry.network.prefixlen, default=None)


def _usable(config: DevicesConfig, names: Iterable[str], address: str) -> tuple[str, ...]:
    return tuple(
        name for name in names if name in config.credentials and config.credentials[name].may_be_used_at(address)
    )


@dataclass(slots=True)
class Leases:
    """The agent's side of its leases."""

    config: DevicesConfig
    held: dict[str, Held] = field(default_factory=dict)
    #: Of what was offered, what others hold, and why: shown to whoever asks.
    refused: dict[str, str] = field(default_factory=dict)
    #: When to call again, s.
    call_after_s: int = 60
    _leases: dict[str, wire.DeviceLease] = field(default_factory=dict)
    _fingerprint: bytes = b""
    _found: tuple[Found, ...] = ()
    _released: set[str] = field(default_factory=set)
    _said: bytes = b""
    _same: int = 0
    _health: dict[str, _Health] = field(default_factory=dict)
    _unsaid: set[str] = field(default_factory=set)

    # health

    def answered(self, source_id: str, at_ms: int, reason: str = "") -> None:
        """Note that a device answered, and what is the matter with it all the same."""
        health = self._health.get(source_id)
        if health is None or health.reason != reason:
            self._unsaid.add(source_id)
            health = self._health[source_id] = _Health(reason, at_ms if reason else 0)
        health.answered_ms = at_ms

    def failed(self, source_id: str, at_ms: int, reason: str) -> None:
        """Note that nothing can be said of a device, and why."""
        health = self._health.setdefault(source_id, _Health())
        if health.reason != reason:
            self._unsaid.add(source_id)
            health.since_ms = health.since_ms if health.reason else at_ms
            health.reason = reason

    def problems(self) -> Mapping[str, str]:
        """Return what is the matter, by source."""
        return {source: one.reason for source, one in self._health.items() if one.reason}

    # the file and what answers

    def configure(self, config: DevicesConfig) -> Change:
        """Take another file; what it does not allow any more is given back."""
        self.config = config
        return self._apply(self._leases)

    def found(self, found: Iterable[Found]) -> None:
        """Take note of what answers in the target prefixes."""
        self._found = tuple(found)

    # the call

    def request(self) -> wire.LeaseDevicesRequest:
        """Return what to ask for now."""
        config = self.config
        request = wire.LeaseDevicesRequest(
            site=config.site,
            devices=offers(config, self._found),
            credentials=credentials(config),
            takes_more=config.takes_more,
            released=sorted(self._released),
            known=self._fingerprint,
        )
        for source_id in sorted(self._unsaid & self._health.keys()):
            one = self._health[source_id]
            request.problems.add(
                source_id=source_id, reason=one.reason[:500], since_ms=one.since_ms, answered_ms=one.answered_ms
            )
        if self._said == _digest(request) and self._same < _SAME_CALLS:
            del request.devices[:], request.credentials[:]
            request.same_offers = True
        return request

    def take(self, request: wire.LeaseDevicesRequest, reply: wire.LeaseDevicesReply) -> Change:
        """Follow the reply to a request."""
        if request.same_offers:
            self._same += 1
        else:
            self._said, self._same = _digest(request), 0
        self._released -= set(request.released)
        for problem in request.problems:
            said = self._health.get(problem.source_id)
            if said is None or said.reason[:500] == problem.reason:
                self._unsaid.discard(problem.source_id)
        self.call_after_s = min(max(reply.call_after_s or 60, 1), 3600)
        self.refused = {one.target.address: one.reason for one in reply.refused}
        if not reply.same:
            self._fingerprint = reply.fingerprint
        change = self._apply(self._leases if reply.same else {one.source_id: one for one in reply.leases})
        return Change(change.taken, change.lost, tuple(name for name in reply.read_now if name in self.held))

    def forget_what_was_said(self) -> None:
        """Say and ask for everything at the next call: what the collector knows may be something else."""
        self._said, self._fingerprint = b"", b""

    def remembered(self) -> bytes:
        """Return what to keep over a restart."""
        leases = [self._leases[name] for name in sorted(self._leases)]
        return wire.LeaseDevicesReply(leases=leases).SerializeToString()

    def recall(self, data: bytes) -> Change:
        """Take up what was held before a restart; the collector says soon whether it still is."""
        reply = wire.LeaseDevicesReply.FromString(data)
        return self._apply({one.source_id: one for one in reply.leases})

    def _apply(self, leases: dict[str, wire.DeviceLease]) -> Change:
        self._leases = leases
        before, now = self.held, dict[str, Held]()
        for source_id, lease in leases.items():
            one = held(self.config, lease)
            if one is None:
                self._released.add(source_id)
            else:
                now[source_id] = one
                self._released.discard(source_id)
        self.held = now
        lost = tuple(name for name in before if name not in now)
        for name in lost:
            self._health.pop(name, None)
            self._unsaid.discard(name)
        return Change(tuple(one for name, one in now.items() if before.get(name) != one), lost)


def _digest(request: wire.LeaseDevicesRequest) -> bytes:
    """Return a digest over offers and site."""
    offered = wire.LeaseDevicesRequest(
        site=request.site, devices=request.devices, credentials=request.credentials, takes_more=request.takes_more
    )
    return blake2b(offered.SerializeToString(deterministic=True), digest_size=16).digest()
