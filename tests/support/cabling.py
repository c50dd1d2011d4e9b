"""Switches and hosts that report their ports and what they see at them, for tests of links between CIs."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlmodel import Session, col, select

from driftline import facts
from driftline.v1 import collector_pb2
from driftline.v1.facts_pb2 import Facts
from driftline_cmdb.database import Database
from driftline_cmdb.drift.assess import assess_due
from driftline_cmdb.reports import Committed, Ingest, Report, prepare_section
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.rfcs import Rfc
from driftline_cmdb.tables.sources import DEVICE, Source
from driftline_cmdb.tables.topology import TopologyLink, TopologySight
from driftline_cmdb.topology import periodic

NOW = 1_790_000_000_000
SECOND, MINUTE = 1_000, 60_000


def mac(ci: str, port: int = 0) -> str:
    """Return the hardware address that a CI of a test has at a port; 0 is the chassis."""
    number = sum(byte << (8 * at) for at, byte in enumerate(ci.encode()[-4:]))
    return ":".join(f"{byte:02x}" for byte in bytes([0x00, *(number & 0xFFFFFFFF).to_bytes(4, "big"), port]))


@dataclass
class Cabling:
    """Some CIs, and cables between their ports, named ``sw1:3``."""

    database: Database
    now: int = NOW
    #: Cable -> it is there. What is not named here is not there.
    cables: set[tuple[str, str]] = field(default_factory=set)
    sources: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, bytes] = field(default_factory=dict)
    #: CIs that tell nothing of themselves by LLDP.
    mute: set[str] = field(default_factory=set)

    def add(self, name: str, ports: int, kind: str = "device") -> None:
        """Let a CI join."""
        with self.database.write() as session:
            source = Source(uid=f"source-{name}", kind=kind, hostname=name, enrolled_ms=self.now)
            if kind == DEVICE:
                source.lease_agent_id, source.lease_generation = self._reader(session), 1
            session.add(source)
            session.flush()
            self.sources[name], self.counts[name] = source.id, ports

    def _reader(self, session: Session) -> int:
        """Return the agent that reads all devices."""
        found = session.exec(select(Source).where(Source.uid == "source-reader")).first()
        if found is None:
            found = Source(uid="source-reader", hostname="reader", enrolled_ms=self.now)
            session.add(found)
            session.flush()
        return found.id

    def plug(self, one: str, two: str) -> None:
        """Put a cable between two ports."""
        self.cables.add((one, two))

    def pull(self, one: str, two: str) -> None:
        """Take it out."""
        self.cables.remove((one, two))

    def at(self, end: str) -> str | None:
        """Return the other end of the cable at a port."""
        return next((b if a == end else a for a, b in self.cables if end in (a, b)), None)

    def interfaces(self, name: str) -> Facts:
        """Return the ports of a CI, up where there is a cable."""
        said = Facts()
        for port in range(1, self.counts[name] + 1):
            one = said.network.interfaces.add(name=f"Gi1/0/{port}", type="ethernet", mac=mac(name, port), index=port)
            one.link = "up" if self.at(f"{name}:{port}") else "down"
        return said

    def neighbours(self, name: str) -> Facts:
        """Return what the ports of a CI hear by LLDP."""
        said = Facts()
        for port in range(1, self.counts[name] + 1):
            far, _, far_port = (self.at(f"{name}:{port}") or "").partition(":")
            if far and far not in self.mute:
                said.network.lldp_neighbours.add(
                    interface=f"Gi1/0/{port}",
                    chassis_id=mac(far),
                    port_id=f"Gi1/0/{far_port}",
                    protocol="LLDP",
                    system_name=far,
                )
        return said

    def forwarding(self, name: str) -> Facts:
        """Return whose hardware addresses are behind the ports of a CI."""
        said = Facts()
        for port in range(1, self.counts[name] + 1):
            far, _, far_port = (self.at(f"{name}:{port}") or "").partition(":")
            if far:
                entry = said.device.forwarding.add(mac=mac(far, int(far_port)), vlan=1, interface=f"Gi1/0/{port}")
                entry.status = "learned"
        return said

    def report(self, name: str, **sections: Facts) -> None:
        """Read a CI and report it; by default its ports and neighbours."""
        if not sections:
            sections = {"interfaces": self.interfaces(name), "neighbours": self.neighbours(name)}
        told = []
        for section, content in sorted(sections.items()):
            data = content.SerializeToString(deterministic=True)
            told.append(
                collector_pb2.Section(
                    name=section,
                    outcome=collector_pb2.READ,
                    content=data,
                    digest=facts.digest_of(data),
                    observed_at_ms=self.now,
                )
            )
        with self.database.read() as session:
            source = session.get_one(Source, self.sources[name])
            sequence = source.sequence + 1
        claims = collector_pb2.HostClaims(hostname=name, macs=[mac(name, 200)], lldp_chassis_id=mac(name))
        (result,) = Ingest(self.database).commit(
            [
                Report(
                    source_id=self.sources[name],
                    epoch="epoch",
                    sequence=sequence,
                    continuation=self.tokens.get(name, b""),
                    digest=os.urandom(16),
                    received_ms=self.now,
                    sent_ms=self.now,
                    agent_version="1",
                    lease=source.lease_generation,
                    spoken_by=source.lease_agent_id,
                    claims=claims,
                    sections=tuple(prepare_section(section) for section in told),
                )
            ]
        )
        assert isinstance(result, Committed), result
        self.tokens[name] = result.continuation

    def settle(self, after_ms: int = SECOND) -> int:
        """Let time pass and the collector work; return how many CIs were looked at."""
        self.now += after_ms
        looked = periodic.run(self.database, self.now)
        while assess_due(self.database, self.now):
            pass
        return looked

    def all_report(self, *names: str) -> None:
        """Read some CIs, or all."""
        for name in names or self.sources:
            self.report(name)
        self.settle()

    def links(self) -> list[str]:
        """Return the links on record: ``sw1 Gi1/0/1 - sw2 Gi1/0/2``."""
        with self.database.read() as session:
            names = dict(session.exec(select(Ci.id, Ci.name)).all())
            rows = session.exec(select(TopologyLink).where(col(TopologyLink.until_ms).is_(None)))
            return sorted(
                f"{names[row.front_ci_id]} {row.front_port} - {names[row.behind_ci_id]} {row.behind_port}"
                for row in rows
            )

    def unknown(self) -> list[str]:
        """Return the ends that are no CI: ``sw1 Gi1/0/1: name``."""
        with self.database.read() as session:
            names = dict(session.exec(select(Ci.id, Ci.name)).all())
            rows = session.exec(select(TopologySight).where(col(TopologySight.far_ci_id).is_(None)))
            return sorted(f"{names[row.ci_id]} {row.port}: {row.name or row.chassis_id}" for row in rows)

    def drifts(self, *states: str) -> list[tuple[str, str, str]]:
        """Return CI, path and kind of the drifts in some states; of those that are open by default."""
        with self.database.read() as session:
            names = dict(session.exec(select(Ci.id, Ci.name)).all())
            rows = session.exec(select(Drift).where(col(Drift.state).in_(states or ("open",))).order_by(col(Drift.id)))
            return [(names[row.ci_id], row.path, row.kind) for row in rows]

    def rfcs(self) -> list[tuple[int, str]]:
        """Return number and state of all RFCs."""
        with self.database.read() as session:
            return [(row.number, row.state) for row in session.exec(select(Rfc).order_by(col(Rfc.number)))]


def facts_of(name: str, entries: Sequence[Mapping[str, object]]) -> Facts:
    """Return facts with some entries of `network.lldp_neighbours` or `network.interfaces`."""
    said = Facts()
    for entry in entries:
        getattr(said.network, name).add(**entry)
    return said
