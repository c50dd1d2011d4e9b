"""What REST and pages show of devices, of the agents that may speak for them, and of what was seen on networks."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, or_, select

from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.devices import Device, DeviceCaller, DeviceOffer, DeviceSpeaker, Sighting
from driftline_cmdb.tables.sources import Source
from driftline_server.evidence import CiRef
from driftline_server.lists import Window, contains, part
from driftline_server.times import moment, moment_or_none

#: Of a device: read, its agent cannot read it, no agent speaks for it, never read yet, taken off the list.
STATES = ("read", "problem", "no agent", "new", "removed")
_AGENT = aliased(Source)


class DeviceRow(BaseModel):
    """One way to reach a device."""

    #: Identity of its source.
    uid: str
    #: What it calls itself; its address before its first report.
    name: str
    #: None where it speaks for no CI.
    ci: CiRef | None
    #: One of STATES.
    state: str
    site: str
    protocol: str
    address: str
    port: int
    #: contextName of SNMPv3.
    context: str
    #: Name by which agents know its credential; what it is made of is known to them only.
    credential: str
    #: Seconds between two readings.
    interval_s: int
    #: Host name of the agent that speaks for it; None where none does.
    agent: str | None
    #: Counts who spoke for it, one after the other.
    generation: int
    #: When it answered last, as far as is known.
    answered: datetime | None
    #: Why its agent cannot read it, and since when; empty where it can.
    problem: str
    problem_since: datetime | None
    #: Who put it on the list; None where agents' own files name it.
    handed_out_by: str | None


class OfferRow(BaseModel):
    """An agent's own file names the device."""

    agent: str
    credential: str
    interval_s: int


class DeviceDetail(DeviceRow):
    """A device with who offers it."""

    agent_uid: str | None
    agent_version: str
    enrolled: datetime
    #: Its last report.
    seen: datetime | None
    handed_out: datetime | None
    removed: datetime | None
    offers: list[OfferRow]


class SpeakerRow(BaseModel):
    """An agent that may speak for the devices of a site."""

    uid: str
    agent: str
    site: str
    #: Who let it, why, since when.
    actor: str
    reason: str
    since: datetime
    #: How many devices it speaks for there.
    devices: int
    #: When it asked for leases last; None where it never did.
    called: datetime | None
    #: Takes devices that are handed out, too.
    takes_more: bool


class SightingRow(BaseModel):
    """Something on a site's network."""

    site: str
    address: str
    #: None where no agent is on its link.
    mac: str | None
    #: icmp, tcp/22, snmp.
    answers: list[str]
    #: Name of the credential that it answered SNMP with, and what it said.
    credential: str
    system_name: str
    object_id: str
    description: str
    engine_id: str
    #: The agent that saw it last.
    agent: str
    first_seen: datetime
    last_seen: datetime


def _devices() -> Any:
    return (
        select(Device, Source, Ci, _AGENT)
        .join(Source, col(Source.id) == col(Device.source_id))
        .outerjoin(Binding, (col(Binding.source_id) == col(Source.id)) & col(Binding.until_ms).is_(None))
        .outerjoin(Ci, col(Ci.id) == col(Binding.ci_id))
        .outerjoin(_AGENT, col(_AGENT.id) == col(Source.lease_agent_id))
    )


def list_devices(
    session: Session, window: Window, q: str | None = None, site: str | None = None, state: str | None = None
) -> tuple[list[DeviceRow], int]:
    """Return a part of the devices, and how many there are.

    :param q: text in the name, the CI's or the agent's, or the start of the address.
    :param state: one of STATES; None: all but the removed ones.
    """
    statement = _devices()
    if q:
        named = (contains(column, q) for column in (Source.hostname, Ci.name, _AGENT.hostname))
        statement = statement.where(or_(*named, col(Device.address).startswith(q, autoescape=True)))
    if site:
        statement = statement.where(Device.site == site)
    removed, held = col(Device.removed_ms).is_not(None), col(Source.lease_agent_id).is_not(None)
    problem, seen = Device.problem != "", col(Source.seen_ms).is_not(None)
    conditions = {
        "removed": removed,
        "no agent": ~removed & ~held,
        "problem": ~removed & held & problem,
        "new": ~removed & held & ~problem & ~seen,
        "read": ~removed & held & ~problem & seen,
    }
    statement = statement.where(conditions.get(state or "", ~removed))
    sorts = {
        "name": Source.hostname,
        "ci": Ci.name,
        "site": Device.site,
        "address": Device.address,
        "agent": _AGENT.hostname,
        "answered": func.coalesce(Device.answered_ms, Source.seen_ms),
    }
    found, total = part(session, statement, window, sorts, "name", col(Device.id))
    return [DeviceRow(**_row(*one)) for one in found], total


def show(session: Session, device: Device) -> DeviceDetail:
    """Return one device with who offers it."""
    found, source, ci, agent = session.exec(_devices().where(Device.id == device.id)).one()
    query = (
        select(Source.hostname, DeviceOffer.credential, DeviceOffer.interval_s)
        .join(DeviceOffer, col(DeviceOffer.agent_id) == col(Source.id))
        .where(DeviceOffer.device_id == device.id)
        .order_by(col(Source.hostname), col(Source.id))
    )
    offers = [OfferRow(agent=name, credential=credential, interval_s=s) for name, credential, s in session.exec(query)]
    return DeviceDetail(
        **_row(found, source, ci, agent),
        agent_uid=agent.uid if agent is not None else None,
        agent_version=source.agent_version,
        enrolled=moment(source.enrolled_ms),
        seen=moment_or_none(source.seen_ms),
        handed_out=moment_or_none(device.handed_out_ms),
        removed=moment_or_none(device.removed_ms),
        offers=offers,
    )


def _row(device: Device, source: Source, ci: Ci | None, agent: Source | None) -> dict[str, Any]:
    answered = max(device.answered_ms or 0, source.seen_ms or 0) or None
    return {
        "uid": source.uid,
        "name": source.hostname,
        "ci": CiRef(uid=ci.uid, name=ci.name) if ci is not None else None,
        "state": _state(device, source),
        **{name: getattr(device, name) for name in ("site", "protocol", "address", "port", "context", "credential")},
        "interval_s": device.interval_s,
        "agent": (agent.hostname or agent.uid) if agent is not None else None,
        "generation": source.lease_generation,
        "answered": moment_or_none(answered),
        "problem": device.problem,
        "problem_since": moment_or_none(device.problem_since_ms),
        "handed_out_by": device.handed_out_by,
    }


def _state(device: Device, source: Source) -> str:
    if device.removed_ms is not None:
        return "removed"
    if source.lease_agent_id is None:
        return "no agent"
    if device.problem:
        return "problem"
    return "read" if source.seen_ms is not None else "new"


def list_speakers(session: Session, window: Window, site: str | None = None) -> tuple[list[SpeakerRow], int]:
    """Return who may speak for the devices of which site."""
    held = aliased(Source)
    devices = (
        select(func.count())
        .select_from(held)
        .join(Device, col(Device.source_id) == col(held.id))
        .where(col(held.lease_agent_id) == col(DeviceSpeaker.agent_id), Device.site == DeviceSpeaker.site)
        .correlate(DeviceSpeaker)
        .scalar_subquery()
    )
    called = (col(DeviceCaller.agent_id) == col(DeviceSpeaker.agent_id)) & (DeviceCaller.site == DeviceSpeaker.site)
    statement = (
        select(DeviceSpeaker, Source, DeviceCaller, devices)
        .join(Source, col(Source.id) == col(DeviceSpeaker.agent_id))
        .outerjoin(DeviceCaller, called)
        .where(col(DeviceSpeaker.until_ms).is_(None))
    )
    if site:
        statement = statement.where(DeviceSpeaker.site == site)
    sorts = {"site": DeviceSpeaker.site, "agent": Source.hostname, "since": DeviceSpeaker.since_ms, "devices": devices}
    found, total = part(session, statement, window, sorts, "site", col(DeviceSpeaker.id))
    return [
        SpeakerRow(
            uid=source.uid,
            agent=source.hostname,
            site=row.site,
            actor=row.actor,
            reason=row.reason,
            since=moment(row.since_ms),
            devices=count,
            called=moment_or_none(caller.called_ms if caller is not None else None),
            takes_more=caller is not None and caller.takes_more,
        )
        for row, source, caller, count in found
    ], total


def list_sightings(
    session: Session, window: Window, site: str | None = None, q: str | None = None
) -> tuple[list[SightingRow], int]:
    """Return what was seen on networks.

    :param q: text in the name or the description, or the start of the address or hardware address.
    """
    statement = select(Sighting, Source).join(Source, col(Source.id) == col(Sighting.agent_id))
    if site:
        statement = statement.where(Sighting.site == site)
    if q:
        starts = (col(one).startswith(q, autoescape=True) for one in (Sighting.address, Sighting.mac))
        statement = statement.where(or_(contains(Sighting.system_name, q), contains(Sighting.description, q), *starts))
    sorts = {
        "last_seen": Sighting.last_ms,
        "first_seen": Sighting.first_ms,
        "site": Sighting.site,
        "address": Sighting.address,
        "system_name": Sighting.system_name,
    }
    found, total = part(session, statement, window, sorts, "-last_seen", col(Sighting.id))
    names = ("site", "address", "answers", "credential", "system_name", "object_id", "description", "engine_id")
    return [
        SightingRow(
            **{name: getattr(row, name) for name in names},
            mac=row.mac or None,
            agent=agent.hostname,
            first_seen=moment(row.first_ms),
            last_seen=moment(row.last_ms),
        )
        for row, agent in found
    ], total
