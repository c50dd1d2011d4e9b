"""Fills a database as a small fleet would: real reports through the real ingest, real baselines, drift and RFCs.

By hand, to look at the pages: python -m tests.server.seed sqlite:////tmp/seeded.db
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import select
from tests.support.timeline import Timeline

from driftline import facts
from driftline.v1 import collector_pb2
from driftline.v1.facts_pb2 import Facts
from driftline.v1.utilization_pb2 import UtilizationBatch
from driftline_cmdb import record, relations, sources, utilization
from driftline_cmdb.attention import dispatch, documents, handling, judging, maintenance
from driftline_cmdb.audit import heads, sealing, signing
from driftline_cmdb.baselines import approval, capturing
from driftline_cmdb.database import Database, migrate
from driftline_cmdb.devices import allowing, leasing, sightings, targets
from driftline_cmdb.drift import accepting
from driftline_cmdb.drift.assess import assess_due
from driftline_cmdb.drift.silence import find_silence
from driftline_cmdb.identity import bindings, deciding
from driftline_cmdb.integrity import asking, attesting, running
from driftline_cmdb.proposals import deciding as proposing
from driftline_cmdb.proposals import periodic
from driftline_cmdb.releases import editing, rollout, testing, waivers
from driftline_cmdb.rfcs import decisions, discussion, freezes, planning, reading, templates
from driftline_cmdb.standing import origins, replay, rules
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.identity import IdentityReview, SharedEvidence
from driftline_cmdb.tables.rfcs import Rfc
from driftline_server.access import people
from driftline_server.times import now_ms

#: Everyone's password here.
PASSWORD = "correct horse battery"
PEOPLE = {
    "admin": ["approver", "admin"],
    "approver": ["approver"],
    "operator": ["operator"],
    "viewer": ["viewer"],
    "chief": ["admin"],
}
MINUTE = 60_000


@dataclass
class Seeded:
    """What was put in."""

    tokens: dict[str, str]


def machine(name: str, number: int) -> dict[str, Facts]:
    """Return the facts of a small server, by section."""
    system, hardware, software, network = Facts(), Facts(), Facts(), Facts()
    release = system.os.release
    release.id, release.name, release.version = "debian", "Debian GNU/Linux", "12.5"
    release.description, release.codename = "Debian GNU/Linux 12 (bookworm)", "bookworm"
    kernel = system.os.kernel
    kernel.name, kernel.release, kernel.architecture = "Linux", "6.1.0-18-amd64", "x86_64"
    host = system.os.host
    host.name, host.fqdn, host.machine_id = name, f"{name}.example.net", f"{number:032x}"
    host.time_zone, host.virtualization, host.booted_at = "Europe/Berlin", "kvm", 1_790_000_000
    for key, value in (("net.ipv4.ip_forward", "0"), ("kernel.sysrq", "0"), ("vm.swappiness", "60")):
        system.os.sysctls.add(name=key, value=value)
    hardware.hardware.system.manufacturer, hardware.hardware.system.product = "QEMU", "Standard PC (Q35 + ICH9, 2009)"
    hardware.hardware.processors.model = "AMD EPYC 7543 32-Core Processor"
    hardware.hardware.processors.cores, hardware.hardware.processors.threads = 2, 4
    hardware.hardware.memory.installed, hardware.hardware.memory.usable = 8 << 30, 8_200_000_000
    for package in range(150):
        software.software.packages.add(
            manager="dpkg", name=f"lib{package:03}", architecture="amd64", version=f"1.{package}-1", installed_at=1
        )
    software.software.packages.add(
        manager="dpkg", name="openssl", architecture="amd64", version="3.0.11-1~deb12u2", vendor="Debian OpenSSL Team"
    )
    eth0 = network.network.interfaces.add(name="eth0", type="ethernet", mac=f"52:54:00:00:00:{number:02x}", mtu=1500)
    eth0.enabled, eth0.link, eth0.driver = True, "up", "virtio_net"
    eth0.addresses.add(address=f"192.0.2.{number}/24", scope="global")
    network.network.listening.add(protocol="tcp", address="0.0.0.0", port=22, process="sshd")
    found = {"os": system, "hardware": hardware, "packages": software, "network": network}
    if name == "db1":
        found["sockets"] = Facts()
        found["sockets"].network.listening.add(
            protocol="tcp", address="0.0.0.0", port=5432, unit="postgresql@15-main.service"
        )
    elif name == "old1":
        found["peers"] = Facts()
        found["peers"].network.peers.add(
            direction="out", protocol="tcp", address="192.0.2.3", port=5432, unit="shop.service"
        )
    return found


class Fleet(Timeline):
    """A timeline that reports whole machines."""

    def send(
        self,
        name: str,
        now: int,
        sections: dict[str, Facts],
        log: list[collector_pb2.Transaction],
        there: Sequence[collector_pb2.Evidence] = (),
    ) -> None:
        """Report some sections of a host."""
        host = self.host(name, now)
        out = []
        for section, content in sections.items():
            data = content.SerializeToString(deterministic=True)
            part = collector_pb2.Section(
                name=section,
                outcome=collector_pb2.READ,
                content=data,
                digest=facts.digest_of(data),
                observed_at_ms=now,
            )
            if section in host.digests:
                part.previous_digest = host.digests[section]
                part.previous_observed_at_ms = now - 20_000
            host.digests[section] = part.digest
            out.append(part)
        self._commit(name, now, 0, out, log, None, None, there)
        while assess_due(self.database, now):
            pass


def install(command: str, now: int, name: str, before: str, after: str) -> collector_pb2.Transaction:
    """Return an apt transaction."""
    out = collector_pb2.Transaction(
        manager="apt",
        command_line=command,
        requested_by="jane (1000)",
        started_at_ms=now - 9000,
        ended_at_ms=now - 6000,
    )
    action = "upgrade" if before else "install"
    out.changes.add(action=action, name=name, architecture="amd64", version_before=before, version_after=after)
    return out


def series(end_ms: int, minutes: int) -> UtilizationBatch:
    """Return some hours of a host that does something."""
    batch = UtilizationBatch()
    last = end_ms // MINUTE
    for metric, instance, unit, level in (
        ("system.cpu.utilization", "", "1", 0.3),
        ("system.memory.utilization", "", "1", 0.6),
        ("system.cpu.load_average.1m", "", "{thread}", 1.2),
        ("system.filesystem.utilization", "/", "1", 0.7),
        ("system.filesystem.utilization", "/var", "1", 0.4),
        ("system.disk.io", "vda/read", "By/s", 2e6),
        ("system.disk.io", "vda/write", "By/s", 9e5),
        ("system.network.io", "eth0/receive", "By/s", 3e5),
        ("system.network.io", "eth0/transmit", "By/s", 1e5),
    ):
        one = batch.series.add(metric=metric, instance=instance, unit=unit, decimals=4)
        before = [0] * 5
        for index in range(minutes):
            wave = level * (1 + 0.3 * math.sin(index / 17 + len(instance)))
            mean = round(wave * 10_000)
            values = [last - minutes + index, round(mean * 0.7), mean, round(mean * 1.25), mean]
            for field, value, old in zip(
                (one.minutes, one.min, one.mean, one.max, one.last), values, before, strict=True
            ):
                field.append(value - old)
            before = values
    return batch


def seed(database: Database) -> Seeded:
    """Fill an empty, migrated database."""
    fleet, now = Fleet(database), now_ms()
    day = now - 24 * 60 * MINUTE
    tokens = {}
    with database.write() as session:
        for name, roles in PEOPLE.items():
            person = people.add(session, name, PASSWORD, roles, "a test", day)
            tokens[name] = people.create_token(session, person, "test", None, day)[1]
    machines = {name: machine(name, number) for number, name in enumerate(("web1", "web2", "db1", "old1"), 1)}
    for name, sections in machines.items():
        fleet.send(name, day - 60 * MINUTE if name == "old1" else day, sections, [])
    with database.write() as session:
        for name in ("web1", "web2"):
            ci = record.find_ci(session, name)
            ci.owner, ci.responsible, ci.environment, ci.location = "Web team", "Jane Doe", "production", "fra1"
            ci.criticality, ci.services, ci.labels = "high", ["shop"], {"role": "web", "tier": "1"}
            session.add(ci)
        web1, web2, db1 = (record.find_ci(session, name) for name in ("web1", "web2", "db1"))
        for web in (web1, web2):
            relations.relate(session, web, "depends on", db1, relations.BY_A_PERSON, "operator", day)
        capturing.capture(session, web1, "golden", "operator", day + MINUTE)
        capturing.capture(session, web2, "web2", "operator", day + MINUTE)
        capturing.capture(session, db1, "db", "operator", day + 2 * MINUTE)
    with database.write() as session:
        approval.approve(session, "golden", "approver", day + 3 * MINUTE)
        approval.approve(session, "web2", "approver", day + 3 * MINUTE)
        approval.approve(session, "db", "approver", day + 3 * MINUTE)
    while assess_due(database, day + 4 * MINUTE):
        pass
    _change(fleet, machines, "web1", now - 50 * MINUTE, "sl", "", "5.02-1+b1", "apt-get install -y sl")
    _change(fleet, machines, "web2", now - 40 * MINUTE, "sl", "", "5.02-1+b1", "apt-get install -y sl")
    _change(
        fleet, machines, "web1", now - 30 * MINUTE, "openssl", "3.0.11-1~deb12u2", "3.0.13-1~deb12u1", "apt-get upgrade"
    )
    machines["db1"]["os"].os.sysctls[0].value = "1"
    there = collector_pb2.Evidence(kind="sudo", who="jane", what="/usr/sbin/sysctl -w net.ipv4.ip_forward=1")
    there.started_at_ms = there.ended_at_ms = now - 20 * MINUTE - 5000
    there.source = "journal"
    fleet.send("db1", now - 20 * MINUTE, {"os": machines["db1"]["os"]}, [], [there])
    machines["db1"]["os"].os.sysctls[1].value = "438"
    fleet.send("db1", now - 10 * MINUTE, {"os": machines["db1"]["os"]}, [])
    _permit(database, now)
    with database.write() as session:
        view = reading.view(session, min(session.exec(select(Rfc.number))) + 1)
        decisions.authorise(session, view.rfc.number, "approver", view.scope, "the security update was asked for", now)
    with database.write() as session:
        found = session.exec(select(Drift).where(Drift.path == "os.sysctls[kernel.sysrq].value")).one()
        accepting.accept(session, found.id, "approver", "a test until the weekend", now + 99 * MINUTE, now)
        for name in ("web1", "web2", "db1"):
            source_id = record.sources_of(session, record.find_ci(session, name).id)[0]
            utilization.append(session, source_id, series(now, 200), now)
    find_silence(database, now, 900_000)
    _plan(database, now)
    _release(database, now)
    with database.write() as session:
        documents.announce(session, "here:8080", {"page": "log", "digest": "log"}, now)
        maintenance.add(session, "disks", {"ci": ["db*"]}, now, now + 99 * MINUTE, "new disks", "operator", now)
        handling.acknowledge(session, reading.find_rfc(session, 1), "operator", now)
        handling.assign(session, reading.find_rfc(session, 1), "operator", "approver", now)
        judging.give(session, 2, "late paperwork", "approver", "", now)
    dispatch.route_due(database, now)
    _decide(database, now)
    _propose(database, now)
    _read_devices(database, now)
    _verify(database, now)
    return Seeded(tokens)


def _read_devices(database: Database, now: int) -> None:
    """Let an agent speak for a device that does not answer; another one waits for an agent that has its credential."""
    request = collector_pb2.LeaseDevicesRequest(site="fra1", takes_more=True)
    where = collector_pb2.DeviceTarget(protocol="snmp", address="192.0.2.200", port=161)
    request.devices.add(target=where, credential="core", interval_s=300)
    seen = collector_pb2.Sighting(
        address="192.0.2.230", mac="52:54:00:00:02:30", answers=["icmp", "snmp"], system_name="ap9", seen_at_ms=now
    )
    with database.write() as session:
        web1 = sources.find(session, "web1")
        allowing.allow(session, web1, "fra1", "operator", "it reaches them", now)
        (lease,) = leasing.lease(session, web1.id, request, now, 60).leases
        request.problems.add(source_id=lease.source_id, reason="no answer", since_ms=now)
        leasing.lease(session, web1.id, request, now, 60)
        reading = targets.Reading(600, "edge")
        targets.hand_out(session, "fra1", targets.Target("snmp", "192.0.2.201", 161), reading, None, "operator", now)
        sightings.keep(session, web1.id, "fra1", [seen], now)


def _decide(database: Database, now: int) -> None:
    """Have a question of identity decided: two machines that had one name once are two."""
    with database.write() as session:
        web1, web2 = (record.find_ci(session, name) for name in ("web1", "web2"))
        (bound,) = bindings.of_ci(session, web2.id)
        piece = {"kind": "hostname", "value": "web1", "other_value": None, "weight": 5, "why": "the same name"}
        asked = {"source_id": bound.source_id, "ci_id": web1.id, "own_ci_id": web2.id, "score": 5, "pieces": [piece]}
        review = IdentityReview(kind="same name", opened_ms=now - 30 * MINUTE, **asked)
        learnt = {"kind": "system_uuid", "machines": 9, "learnt_ms": now, "by": "driftline"}
        session.add_all([review, SharedEvidence(key="uuid:03000200-0400-0500-0006-000700080009", **learnt)])
        session.flush()
        deciding.decide_review(session, review.id, "clone", "operator", "two machines, seen in the rack", now)


def _propose(database: Database, now: int) -> None:
    """Propose what is seen, and leave something out."""
    periodic.run(database, now)
    with database.write() as session:
        proposing.ignore(session, "", "tcp/9100", "operator", "monitoring is no dependency", now)


def _verify(database: Database, now: int) -> None:
    """Sign the audit trail, verify the record, and have someone attest a CI."""
    with database.write() as session:
        attesting.attest(session, record.find_ci(session, "web1"), "operator", "seen in rack 4", now)
        asking.ask(session, "operator", now)
    key = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
    heads.publish(database, signing.public(key), now)
    while sealing.seal(database):
        pass
    heads.sign(database, key, None, now)
    run = asking.take(database, now, 24 * 60 * MINUTE)
    if run is not None:
        running.run(database, run, lambda: now)


RULE = """\
name: security
reason: Debian's security updates come at any time
selector: {environment: production}
allow:
  - {path: "software.packages[dpkg/*/*].version", upgrade: true, origin: debian-security}
expires: 2090-01-01
"""


def _permit(database: Database, now: int) -> None:
    """Put a standing rule into force that would have permitted one change of the past."""
    with database.write() as session:
        published = origins.Entry("dpkg", "openssl", "amd64", "3.0.13-1~deb12u1")
        origins.load(session, "debian-security", [published], "operator", now)
        rules.draft(session, RULE, "operator", now)
        replay.replay(session, "security", 90, now)
        rules.approve(session, "security", "approver", now)


TEMPLATE = """\
title: OpenSSL {version} on {cis}
parameters: {version: '3\\.0\\.\\d+.*'}
reason: a security update
expect:
  - software.packages[dpkg/openssl/amd64].version at_least {version}
"""


def _plan(database: Database, now: int) -> None:
    """Plan a change into a freeze, with what belongs to it, and a standard change."""
    tomorrow = now + 24 * 60 * MINUTE
    with database.write() as session:
        db1 = record.find_ci(session, "db1")
        templates.write(session, "openssl", TEMPLATE, "operator", now)
        templates.approve(session, "openssl", "approver", now)
        freezes.add(session, "sale", "ci: db1", tomorrow, tomorrow + 99 * MINUTE, "the sale", "admin", now)
        plan = planning.Plan(
            title="OpenSSL on the database host",
            risk_level="high",
            planned_start_ms=tomorrow,
            planned_end_ms=tomorrow + 60 * MINUTE,
        )
        path = "software.packages[dpkg/openssl/amd64].version"
        rfc = planning.propose(session, plan, "operator", [planning.Planned(db1, path, "at_least", "3.0.13")], now)
        discussion.comment(session, rfc.number, "viewer", "does the shop need a restart?", now)
        discussion.link(session, rfc.number, "rfc", "2", "operator", now)
        discussion.link(session, rfc.number, "url", "https://example.net/advisory", "operator", now)


def _release(database: Database, now: int) -> None:
    """Take a release through test into production, and ask for a waiver."""
    path = "software.packages[dpkg/openssl/amd64]"
    begun = now - 20 * MINUTE  # the hosts of the test have reported since
    with database.write() as session:
        criteria = f"- path: {path}\n  present: true\n"
        editing.create(session, "openssl-3", "minor", "operator", begun, criteria=criteria, description="CVEs")
        plan = planning.Plan(title="OpenSSL on old1", back_out_plan="install 3.0.11 again")
        ci = record.find_ci(session, "old1")
        rfc = planning.propose(session, plan, "operator", [planning.Planned(ci, path, "present")], now)
        editing.add_rfc(session, "openssl-3", rfc.number, "operator", begun)
        editing.add_wave(session, "openssl-3", "test", "ci: db1", "operator", begun)
        editing.add_wave(session, "openssl-3", "production", "ci: [web1, web2]", "operator", begun)
        rollout.start_wave(session, "openssl-3", 1, "operator", "", begun)
        testing.check(session, "openssl-3", "operator", now)
        testing.accept(session, "openssl-3", "approver", "", now)
        rollout.start_wave(session, "openssl-3", 2, "operator", "", now)
        editing.create(session, "autumn", "major", "operator", now)
        waivers.request(session, ci, "until its disk is replaced", now + 99 * MINUTE, "operator", now)


def _change(
    fleet: Fleet,
    machines: dict[str, dict[str, Facts]],
    host: str,
    now: int,
    name: str,
    before: str,
    after: str,
    by: str,
) -> None:
    software = machines[host]["packages"].software
    if before:
        next(package for package in software.packages if package.name == name).version = after
    else:
        software.packages.add(manager="dpkg", name=name, architecture="amd64", version=after)
    fleet.send(host, now, {"packages": machines[host]["packages"]}, [install(by, now, name, before, after)])


if __name__ == "__main__":
    migrate(sys.argv[1])
    print("\n".join(f"{name} {token}" for name, token in seed(Database(sys.argv[1])).tokens.items()))  # noqa: T201  # a script
