"""What devices there are: those that agents' own files name, and those that an operator hands out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from uuid import uuid4

from sqlalchemy import or_
from sqlmodel import Session, col, select

from driftline.v1.collector_pb2 import DeviceTarget
from driftline_cmdb import audit
from driftline_cmdb.devices import allowing, fencing
from driftline_cmdb.errors import Ambiguous, Conflict, Invalid, NotFound, Refused
from driftline_cmdb.identity import aliases, authority, bindings
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.devices import Device, DeviceOffer
from driftline_cmdb.tables.sources import DEVICE, Source

#: Devices of one site that are on the list.
MOST = 20_000
#: Seconds between two readings.
INTERVALS = range(10, 86_401)
_PROTOCOL = re.compile(r"[a-z][a-z0-9]{0,15}", re.ASCII)
#: Characters of a credential's name and of a context (SNMP-FRAMEWORK-MIB: contextName takes 32 octets).
_NAME = 80


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One way to reach a device."""

    protocol: str
    address: str
    port: int
    context: str = ""

    def __str__(self) -> str:
        return f"{self.address} ({self.protocol} port {self.port}{f', context {self.context}' if self.context else ''})"


def target_of(said: DeviceTarget | Target) -> Target:
    """Return a target in its normal form, so that one device is one, however its address is written.

    :raises Invalid: where it is none.
    """
    if not _PROTOCOL.fullmatch(said.protocol):
        raise Invalid(f'protocol: "{said.protocol[:_NAME]}" is none: snmp')
    try:
        address = ip_address(said.address)
    except ValueError:
        raise Invalid(f'address: "{said.address[:_NAME]}" is no IP address') from None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    if not 0 < said.port < 65_536:
        raise Invalid(f"port: {said.port} is not in 1 to 65535")
    if len(said.context) > _NAME:
        raise Invalid(f"context: is longer than {_NAME} characters")
    return Target(said.protocol, str(mapped or address), said.port, said.context)


def check_interval(interval_s: int) -> int:
    """Return an interval, s.

    :raises Invalid: where it is out of :data:`INTERVALS`.
    """
    if interval_s not in INTERVALS:
        raise Invalid(f"interval_s: {interval_s} is not in {INTERVALS.start} to {INTERVALS.stop - 1}")
    return interval_s


@dataclass(frozen=True, slots=True)
class Reading:
    """How often a device is read, and by which credential's name."""

    interval_s: int
    credential: str


def ensure(session: Session, site: str, wanted: Mapping[Target, Reading], now_ms: int) -> dict[Target, int]:
    """Return the ids of a site's devices, made where they are not on record; the site is locked.

    Those for which there is no room are left out.
    """
    query = select(Device.id, Device.protocol, Device.address, Device.port, Device.context)  # type: ignore[call-overload]  # sqlmodel's select is typed for up to four columns
    known: dict[Target, int] = {
        Target(*rest): device_id for device_id, *rest in session.exec(query.where(Device.site == site))
    }
    new = sorted(target for target in wanted if target not in known)[: max(0, MOST - len(known))]
    sources = [Source(uid=str(uuid4()), kind=DEVICE, hostname=one.address, enrolled_ms=now_ms) for one in new]
    session.add_all(sources)
    session.flush()
    rows = [
        Device(
            source_id=source.id,
            site=site,
            protocol=target.protocol,
            address=target.address,
            port=target.port,
            context=target.context,
            interval_s=wanted[target].interval_s,
            credential=wanted[target].credential,
            created_ms=now_ms,
        )
        for target, source in zip(new, sources, strict=True)
    ]
    session.add_all(rows)
    session.flush()
    known.update(zip(new, (row.id for row in rows), strict=True))
    return {target: known[target] for target in wanted if target in known}


def hand_out(
    session: Session, site: str, target: Target, reading: Reading, ci: Ci | None, actor: str, now_ms: int
) -> Device:
    """Put a device on the list of a site, for any agent there that has the credential and may use it at its address.

    :param ci: that it is; None lets identification decide.
    :raises Invalid: where the target, the interval or the name of the credential is none.
    :raises Conflict: where it is on the list already, or speaks for another CI.
    :raises Refused: where the site has too many devices.
    """
    site, target = allowing.check_site(site), target_of(target)
    check_interval(reading.interval_s)
    if not reading.credential.strip() or len(reading.credential) > _NAME:
        raise Invalid(f"credential: give the name that agents have it by, of at most {_NAME} characters")
    allowing.make_site(session, site)
    found = ensure(session, site, {target: reading}, now_ms)
    if not found:
        raise Refused(f"site {site} has {MOST} devices: no more; remove some")
    device = session.get_one(Device, found[target], with_for_update=True)
    if device.handed_out_ms is not None and device.removed_ms is None:
        raise Conflict(f"{target} is on the list of site {site} already, put there by {device.handed_out_by}")
    device.handed_out_by, device.handed_out_ms, device.removed_ms = actor, now_ms, None
    device.interval_s, device.credential = reading.interval_s, reading.credential.strip()
    session.add(device)
    if ci is not None:
        _bind(session, device, aliases.survivor(session, ci), actor, now_ms)
    session.flush()
    detail = {"site": site, "target": str(target), "credential": device.credential, "ci": ci.uid if ci else None}
    audit.record(session, actor, "device.added", f"device {target}", detail, now_ms)
    return device


def _bind(session: Session, device: Device, ci: Ci, actor: str, now_ms: int) -> None:
    """Have a device speak for a CI, as a join token that names one has an agent speak for it."""
    before = bindings.of_source(session, device.source_id)
    if before is not None and before.ci_id == ci.id:
        return
    if before is not None:
        other = session.get_one(Ci, before.ci_id)
        raise Conflict(
            f"{device.address} speaks for CI {other.name} ({other.uid}); split it off there first: driftline ci split"
        )
    bindings.bind(session, device.source_id, ci.id, f"{actor} put the device on the list as this CI", now_ms)
    authority.settle(session, ci.id, now_ms)


def remove(session: Session, device: Device, actor: str, reason: str, now_ms: int) -> None:
    """Take a device off the list; its lease ends at once. What is known of it stays.

    :raises Conflict: where it is off the list.
    :raises Refused: where agents' own files name it: it would be back with their next call.
    :raises Invalid: without a reason.
    """
    if not reason.strip():
        raise Invalid("reason: is empty; say why")
    fencing.lock_sites(session, [device.site])
    if device.removed_ms is not None:
        raise Conflict(f"{device.address} of site {device.site} is off the list already")
    query = select(Source.hostname).join(DeviceOffer, col(DeviceOffer.agent_id) == col(Source.id))
    offered = sorted(session.exec(query.where(DeviceOffer.device_id == device.id)))
    if offered and device.handed_out_ms is None:
        raise Refused(
            f"{device.address} stands in the file of agent {', '.join(offered)}: take it out there, or forbid the agent"
        )
    device.removed_ms, device.handed_out_by, device.handed_out_ms = now_ms, None, None
    if offered:  # it stays, as one of their files
        device.removed_ms = None
    session.add(device)
    if not offered:
        fencing.lock(session, [device.source_id])
        source = session.get_one(Source, device.source_id, populate_existing=True)
        source.lease_agent_id = None
        session.add(source)
    session.flush()
    detail = {"site": device.site, "reason": reason.strip()}
    audit.record(session, actor, "device.removed", f"device {_target(device)}", detail, now_ms)


def ask_read(session: Session, device: Device, actor: str, now_ms: int) -> None:
    """Have a device's agent read it with its next call.

    :raises Conflict: where no agent holds it.
    """
    if session.get_one(Source, device.source_id).lease_agent_id is None:
        raise Conflict(f"no agent speaks for {device.address} of site {device.site} now: nobody can read it")
    device.read_asked_ms = now_ms
    session.add(device)
    audit.record(session, actor, "device.read", f"device {_target(device)}", {"site": device.site}, now_ms)


def find(session: Session, name: str, site: str | None = None) -> Device:
    """Return a device by its address, its source's identity, its own name or that of its CI; those on the list first.

    :raises NotFound: where there is none.
    :raises Ambiguous: where there are several.
    """
    names = (col(Source.uid), col(Source.hostname), col(Ci.name))
    query = (
        select(Device)
        .join(Source, col(Source.id) == col(Device.source_id))
        .outerjoin(Binding, (col(Binding.source_id) == col(Source.id)) & col(Binding.until_ms).is_(None))
        .outerjoin(Ci, col(Ci.id) == col(Binding.ci_id))
        .where(or_(*(one == name for one in names), col(Device.address) == _address(name)))
        .order_by(col(Device.id))
    )
    if site is not None:
        query = query.where(Device.site == site)
    rows = session.exec(query).all()
    rows = [row for row in rows if row.removed_ms is None] or list(rows)
    if not rows:
        raise NotFound(f'no device is "{name}"; driftline device list shows them all')
    if len(rows) > 1:
        uids = {row.id: session.get_one(Source, row.source_id).uid for row in rows[:5]}
        said = "; ".join(f"{_target(row)} at {row.site}: {uids[row.id]}" for row in rows[:5])
        raise Ambiguous(f'"{name}" is one of {said}; name one by its identity')
    return rows[0]


def _address(name: str) -> str:
    try:
        return str(ip_address(name))
    except ValueError:
        return name


def _target(device: Device) -> Target:
    return Target(device.protocol, device.address, device.port, device.context)
