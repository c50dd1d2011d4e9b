"""The fence: a report for a device counts only in the name of the lease that is in force, inside its transaction."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col, select

from driftline_cmdb.errors import Fenced
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.devices import Device, DeviceCaller, DeviceSite
from driftline_cmdb.tables.sources import DEVICE, Source


def check(source: Any, spoken_by: int | None, generation: int) -> None:
    """Check that who speaks for a source may: a device's holder with the lease in force, or an agent for itself.

    :param source: its row, locked.
    :param spoken_by: the agent that speaks for it, by its source's id; None where it speaks for itself.
    :raises Fenced: where it may not.
    """
    if source.kind != DEVICE:
        if spoken_by is not None:
            raise Fenced(f"stamp.device: {source.uid} is no device; an agent speaks for devices only")
        return
    if spoken_by is None or source.lease_agent_id != spoken_by:
        whose = "nobody holds it" if source.lease_agent_id is None else "another agent holds it"
        raise Fenced(
            f"stamp.lease: you do not hold the lease of device {source.hostname or source.uid}: {whose}; drop it, and "
            "ask for leases with LeaseDevices"
        )
    if source.lease_generation != generation:
        raise Fenced(
            f"stamp.lease: generation {generation} of device {source.hostname or source.uid} is over, it is "
            f"{source.lease_generation} now; take that from LeaseDevices, and begin a new epoch"
        )


def lock(session: Session, source_ids: list[int]) -> None:
    """Lock the rows of some sources, in the order in which reports lock them."""
    for chunk in chunks(sorted(source_ids)):
        rows = select(Source.id).where(col(Source.id).in_(chunk)).order_by(col(Source.id))
        session.exec(rows.with_for_update(key_share=True)).all()


def drop(session: Session, agent_id: int, now_ms: int, site: str | None = None) -> int:
    """Take all leases from an agent at once, so that others may have them; return how many.

    First come the locks: the sites, then the agent and its devices in the order of reports. So a decision calls this
    before it writes what reports write too: the agent's row, CIs.

    :param site: of the devices of this site only.
    """
    with session.no_autoflush:
        lock_sites(session, [site] if site is not None else _sites(session, agent_id))
        held = select(Source.id).where(Source.lease_agent_id == agent_id)
        if site is not None:
            held = held.join(Device, col(Device.source_id) == col(Source.id)).where(Device.site == site)
        ids = sorted(session.exec(held))
        if ids:
            lock(session, [agent_id, *ids])
    for chunk in chunks(ids):
        taken = update(Source).where(col(Source.id).in_(chunk), col(Source.lease_agent_id) == agent_id)
        session.execute(taken.values(lease_agent_id=None))
    called = update(DeviceCaller).where(col(DeviceCaller.agent_id) == agent_id, col(DeviceCaller.until_ms) > now_ms)
    if site is not None:
        called = called.where(col(DeviceCaller.site) == site)
    session.execute(called.values(until_ms=now_ms))
    return len(ids)


def lock_sites(session: Session, sites: Iterable[str]) -> None:
    """Lock sites until the transaction ends: who gives and takes leases there does so one after the other."""
    rows = select(DeviceSite).where(col(DeviceSite.name).in_(sorted(set(sites)))).order_by(col(DeviceSite.name))
    session.exec(rows.with_for_update()).all()


def _sites(session: Session, agent_id: int) -> list[str]:
    """Return the sites where an agent has leases, or may ask for some."""
    held = select(Device.site).join(Source, col(Source.id) == col(Device.source_id))
    called = select(DeviceCaller.site).where(DeviceCaller.agent_id == agent_id)
    return [*session.exec(held.where(Source.lease_agent_id == agent_id).distinct()), *session.exec(called)]
