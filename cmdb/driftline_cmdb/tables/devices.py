"""Devices that agents speak for: where they are, who may read them, who does, and what was seen beside them."""

from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import document, partial_index, row_id, time_ms, time_ms_or_none


class Device(SQLModel, table=True):
    """One way to reach a device at a site. Its source is the same whichever agent reads it; that holds the lease."""

    __table_args__ = (UniqueConstraint("site", "protocol", "address", "port", "context"),)

    id: int = row_id()
    source_id: int = Field(foreign_key="source.id", unique=True)
    site: str
    #: snmp.
    protocol: str
    #: An IP address as `ipaddress` writes it.
    address: str
    port: int
    #: contextName of SNMPv3; empty for the default one.
    context: str = ""
    #: Seconds between two readings, and name of the credential, as who handed it out or its holder says.
    interval_s: int
    credential: str
    created_ms: int = time_ms()
    #: Who put it on record, for any agent of the site that has its credential; None where agents' own files name it.
    handed_out_by: str | None = None
    handed_out_ms: int | None = time_ms_or_none()
    #: An operator took it off the list.
    removed_ms: int | None = time_ms_or_none()
    #: Since when its agent cannot read it, and why, by the agent's word; empty where it can.
    problem: str = ""
    problem_since_ms: int | None = time_ms_or_none()
    #: When it answered last, by the agent's word.
    answered_ms: int | None = time_ms_or_none()
    #: Somebody asked for a reading at once.
    read_asked_ms: int | None = time_ms_or_none()


class DeviceOffer(SQLModel, table=True):
    """An agent's own file names a device."""

    device_id: int = Field(foreign_key="device.id", primary_key=True)
    agent_id: int = Field(foreign_key="source.id", primary_key=True, index=True)
    credential: str
    interval_s: int


class DeviceCaller(SQLModel, table=True):
    """An agent that asks for leases, as it called last."""

    agent_id: int = Field(foreign_key="source.id", primary_key=True)
    site: str = Field(index=True)
    #: Takes devices that are handed out.
    takes_more: bool
    #: [name, protocol, [prefixes]] of its credentials.
    credentials: list[list[Any]] = document(list)
    called_ms: int = time_ms()
    #: Its leases end then, unless it calls before.
    until_ms: int = time_ms()


class DeviceSite(SQLModel, table=True):
    """A site with devices; who gives or takes leases there locks its row."""

    name: str = Field(primary_key=True)


class DeviceSpeaker(SQLModel, table=True):
    """An operator lets an agent speak for the devices of a site."""

    __table_args__ = (partial_index("devicespeaker_open", "agent_id", "site", where="until_ms IS NULL", unique=True),)

    id: int = row_id()
    agent_id: int = Field(foreign_key="source.id")
    site: str
    actor: str
    reason: str
    since_ms: int = time_ms()
    until_ms: int | None = time_ms_or_none()
    until_actor: str | None = None
    until_reason: str | None = None


class Sighting(SQLModel, table=True):
    """Something on a site's network, as agents saw it: for people to decide about."""

    __table_args__ = (UniqueConstraint("site", "address", "mac"), Index("sighting_last", "site", "last_ms"))

    id: int = row_id()
    site: str
    address: str
    #: Empty where no agent is on its link.
    mac: str
    #: icmp, tcp/22, snmp ...
    answers: list[str] = document(list)
    #: Name of the credential that it answered SNMP with, and what it said.
    credential: str = ""
    system_name: str = ""
    object_id: str = ""
    description: str = ""
    engine_id: str = ""
    #: The agent that saw it last.
    agent_id: int = Field(foreign_key="source.id")
    first_ms: int = time_ms()
    last_ms: int = time_ms()
