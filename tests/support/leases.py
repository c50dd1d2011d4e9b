"""Agents that ask for leases of devices and report for them, without a wire."""

import os
from dataclasses import dataclass, field
from ipaddress import ip_network

from sqlmodel import select

from driftline.v1 import collector_pb2 as pb
from driftline_cmdb.database import Database
from driftline_cmdb.devices import allowing, leasing
from driftline_cmdb.errors import CmdbError, Held
from driftline_cmdb.reports import Committed, Ingest, Report
from driftline_cmdb.tables.sources import Source

SITE = "fra1"
CALL_S = 15


def target(address: str, port: int = 161) -> pb.DeviceTarget:
    return pb.DeviceTarget(protocol="snmp", address=address, port=port)


@dataclass
class Site:
    """Agents of one site, and their clock."""

    database: Database
    now: int = 1_790_000_000_000
    agents: dict[str, int] = field(default_factory=dict)
    #: Where the reports of each device stand, by who sends them: epoch, sequence, continuation.
    stands: dict[tuple[str, str], tuple[str, int, bytes]] = field(default_factory=dict)

    def agent(self, name: str, *, site: str | None = SITE) -> int:
        """Let an agent join, and speak for a site."""
        with self.database.write() as session:
            source = Source(uid=f"uid-of-{name}", hostname=name, enrolled_ms=self.now)
            session.add(source)
            session.flush()
            self.agents[name] = source.id
            if site is not None:
                allowing.allow(session, source, site, "alice", "it is there", self.now)
            return source.id

    def source(self, uid: str) -> Source:
        with self.database.read() as session:
            return session.exec(select(Source).where(Source.uid == uid)).one()

    def request(
        self,
        *offered: str,
        site: str = SITE,
        credentials: dict[str, str] | None = None,
        takes_more: bool = False,
        released: tuple[str, ...] = (),
        known: bytes = b"",
        problems: tuple[pb.DeviceProblem, ...] = (),
        interval_s: int = 300,
    ) -> pb.LeaseDevicesRequest:
        request = pb.LeaseDevicesRequest(site=site, takes_more=takes_more, released=released, known=known)
        request.problems.extend(problems)
        for address in offered:
            request.devices.add(target=target(address), credential="core", interval_s=interval_s)
        for name, prefix in (credentials or {}).items():
            ip_network(prefix)
            request.credentials.add(name=name, protocol="snmp", prefixes=[prefix])
        return request

    def lease(self, name: str, request: pb.LeaseDevicesRequest) -> pb.LeaseDevicesReply:
        with self.database.write() as session:
            return leasing.lease(session, self.agents[name], request, self.now, CALL_S)

    def ask(self, name: str, *offered: str, **more: object) -> dict[str, pb.DeviceLease]:
        """Ask for leases; return them by address."""
        reply = self.lease(name, self.request(*offered, **more))  # type: ignore[arg-type]  # as request takes them
        return {one.target.address: one for one in reply.leases}

    def report(
        self, name: str, lease: pb.DeviceLease, claims: pb.HostClaims | None = None, *, epoch: str | None = None
    ) -> Committed | CmdbError:
        """Report for a device; a lease that is new begins a new epoch."""
        key = (name, lease.source_id)
        fresh = epoch or f"epoch-{name}-{lease.generation}"
        known = self.stands.get(key, (fresh, 0, b""))
        stood, sequence, continuation = known if epoch is None and known[0] == fresh else (fresh, 0, b"")
        report = Report(
            source_id=self.source(lease.source_id).id,
            epoch=stood,
            sequence=sequence + 1,
            continuation=continuation,
            digest=os.urandom(16),
            received_ms=self.now,
            sent_ms=self.now,
            agent_version="1",
            claims=claims,
            spoken_by=self.agents[name],
            lease=lease.generation,
            check_in_s=lease.interval_s,
        )
        (result,) = Ingest(self.database).commit([report])
        if isinstance(result, Committed):
            self.stands[key] = (stood, sequence + 1, result.continuation)
        return result

    def fork(self, name: str) -> Report:
        """Have two hold an agent's identity; return the report that shows it."""
        ingest = Ingest(self.database)
        claims = pb.HostClaims(hostname=name, machine_id="1" * 32)
        (first,) = ingest.commit([self._of_host(name, "one", 1, b"", claims)])
        assert isinstance(first, Committed), first
        self.wait(1)
        (held,) = ingest.commit([self._of_host(name, "two", 1, b"", None)])
        assert isinstance(held, Held), held
        self.wait(1)
        return self._of_host(name, "one", 2, first.continuation, None)

    def _of_host(
        self, name: str, epoch: str, sequence: int, continuation: bytes, claims: pb.HostClaims | None
    ) -> Report:
        stood = (self.agents[name], epoch, sequence, continuation, os.urandom(16))
        return Report(*stood, self.now, self.now, "1", claims)

    def wait(self, seconds: float) -> None:
        self.now += int(seconds * 1000)
