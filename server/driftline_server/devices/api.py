"""REST: devices that run no agent, who may speak for them, and what was seen on networks."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from driftline_cmdb import record
from driftline_cmdb import sources as cmdb_sources
from driftline_cmdb.devices import allowing, targets
from driftline_cmdb.devices.targets import Reading, Target
from driftline_server.access.guard import Db, Operator, Viewer
from driftline_server.devices import views
from driftline_server.lists import AWindow, Listing, Window, answer
from driftline_server.times import now_ms

router = APIRouter()

Site = Annotated[str | None, Query(description="Only of this site.")]


class NewDevice(BaseModel):
    """A device to hand out to an agent of its site."""

    site: str = Field(max_length=80)
    address: str = Field(max_length=100, description="An IP address.")
    credential: str = Field(
        max_length=80, description="Name of the credential, as the agents' own files call it; never what it is made of."
    )
    ci: str | None = Field(default=None, description="Name or uid of the CI that it is; else it is identified.")
    protocol: str = Field(default="snmp", max_length=16)
    port: int = Field(default=161, ge=1, le=65_535)
    context: str = Field(default="", max_length=80, description="contextName of SNMPv3.")
    interval_s: int = Field(default=300, description="Seconds between two readings, 10 to 86,400.")


class Speaker(BaseModel):
    """An agent and a site."""

    source: str = Field(max_length=256, description="uid or host name of the agent.")
    site: str = Field(max_length=80)
    reason: str = Field(min_length=1, max_length=400)


class Forbidden(BaseModel):
    """An agent that may no longer speak for the devices of a site."""

    source: str
    site: str
    #: Leases that it lost.
    leases: int


@router.get("/devices", response_model=Listing[views.DeviceRow], summary="List devices")
def list_devices(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    q: Annotated[str | None, Query(description="Text in a name, or the start of the address.")] = None,
    site: Site = None,
    state: Annotated[Literal["read", "problem", "no agent", "new", "removed"] | None, Query()] = None,
) -> Listing[views.DeviceRow] | Response:
    """List devices that agents speak for. Sorts by name, ci, site, address, agent, answered."""
    with db.read() as session:
        rows, total = views.list_devices(session, window, q, site, state)
    return answer(rows, total, window, "devices")


@router.post("/devices", response_model=views.DeviceDetail, status_code=201, summary="Add a device")
def add(caller: Operator, db: Db, wanted: NewDevice) -> views.DeviceDetail:
    """Hand a device out to an agent of its site that has the credential and may use it at this address."""
    target = Target(wanted.protocol, wanted.address, wanted.port, wanted.context)
    reading = Reading(wanted.interval_s, wanted.credential)
    with db.write() as session:
        ci = record.find_ci(session, wanted.ci) if wanted.ci else None
        device = targets.hand_out(session, wanted.site, target, reading, ci, caller.name, now_ms())
        return views.show(session, device)


@router.get("/devices/{device}", response_model=views.DeviceDetail, summary="Show a device")
def show_device(_caller: Viewer, db: Db, device: str, site: Site = None) -> views.DeviceDetail:
    """Show one device, by its address, its name, its CI's name or its uid, with the agents that offer it."""
    with db.read() as session:
        return views.show(session, targets.find(session, device, site))


@router.delete("/devices/{device}", response_model=views.DeviceDetail, summary="Remove a device")
def remove(
    caller: Operator,
    db: Db,
    device: str,
    reason: Annotated[str, Query(min_length=1, max_length=400, description="Why.")],
    site: Site = None,
) -> views.DeviceDetail:
    """Hand a device out no longer: its lease ends at once. What is known of it stays."""
    with db.write() as session:
        found = targets.find(session, device, site)
        targets.remove(session, found, caller.name, reason, now_ms())
        return views.show(session, found)


@router.post("/devices/{device}/read", response_model=views.DeviceDetail, summary="Read a device now")
def read_now(caller: Operator, db: Db, device: str, site: Site = None) -> views.DeviceDetail:
    """Have its agent read a device with its next call, within a minute."""
    with db.write() as session:
        found = targets.find(session, device, site)
        targets.ask_read(session, found, caller.name, now_ms())
        return views.show(session, found)


@router.get("/device-speakers", response_model=Listing[views.SpeakerRow], summary="List who speaks for devices")
def list_speakers(_caller: Viewer, db: Db, window: AWindow, site: Site = None) -> Listing[views.SpeakerRow] | Response:
    """List the agents that may speak for the devices of a site. Sorts by site, agent, since, devices."""
    with db.read() as session:
        rows, total = views.list_speakers(session, window, site)
    return answer(rows, total, window, "device-speakers")


@router.post("/device-speakers", response_model=views.SpeakerRow, status_code=201, summary="Let an agent speak")
def allow(caller: Operator, db: Db, wanted: Speaker) -> views.SpeakerRow:
    """Let an agent speak for the devices of a site."""
    with db.write() as session:
        agent = cmdb_sources.find(session, wanted.source)
        made = allowing.allow(session, agent, wanted.site, caller.name, wanted.reason, now_ms())
        rows, _ = views.list_speakers(session, Window(limit=10_000), made.site)
        return next(row for row in rows if row.uid == agent.uid)


@router.post("/device-speakers/forbid", response_model=Forbidden, summary="Forbid an agent to speak")
def forbid(caller: Operator, db: Db, wanted: Speaker) -> Forbidden:
    """Let an agent speak for the devices of a site no longer: it loses its leases there at once."""
    with db.write() as session:
        agent = cmdb_sources.find(session, wanted.source)
        lost = allowing.forbid(session, agent, wanted.site, caller.name, wanted.reason, now_ms())
        return Forbidden(source=agent.uid, site=wanted.site, leases=lost)


@router.get("/device-sightings", response_model=Listing[views.SightingRow], summary="List sightings")
def list_sightings(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    site: Site = None,
    q: Annotated[str | None, Query(description="Text in the name, or the start of an address.")] = None,
) -> Listing[views.SightingRow] | Response:
    """List what agents saw on their networks in the last 30 days.

    Sorts by last_seen, first_seen, site, address, system_name.
    """
    with db.read() as session:
        rows, total = views.list_sightings(session, window, site, q)
    return answer(rows, total, window, "device-sightings")
