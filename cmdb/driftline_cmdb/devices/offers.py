"""What an agent said when it asked for leases: the devices of its own file, and where its credentials may be used."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

from sqlalchemy import delete, insert, update
from sqlmodel import Session, col, select

from driftline.v1.collector_pb2 import LeaseDevicesRequest, RefusedDevice
from driftline_cmdb.devices import targets
from driftline_cmdb.devices.targets import Reading
from driftline_cmdb.errors import Invalid, Rejected
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.devices import Device, DeviceCaller, DeviceOffer

_OFFER = table_of(DeviceOffer)


def keep(
    session: Session, agent_id: int, request: LeaseDevicesRequest, now_ms: int, until_ms: int
) -> list[RefusedDevice]:
    """Keep what an agent says; return what of it is not taken, and why. The site is locked.

    :param until_ms: when its leases end, unless it calls before.
    :raises Rejected: where it refers to a call that is not known.
    :raises Invalid: where an offer is none.
    """
    row = session.get(DeviceCaller, agent_id)
    if request.same_offers:
        if row is None or row.site != request.site:
            raise Rejected("same_offers: no offers of this agent are known for this site; send all of them")
        row.called_ms, row.until_ms, row.takes_more = now_ms, until_ms, request.takes_more
        session.add(row)
        session.flush()
        return []
    offered: dict[targets.Target, Reading] = {}
    for number, one in enumerate(request.devices):
        try:
            target = targets.target_of(one.target)
            reading = Reading(targets.check_interval(one.interval_s), one.credential)
        except Invalid as error:
            raise Invalid(f"devices[{number}].{error}") from error
        offered[target] = reading
    known = targets.ensure(session, request.site, offered, now_ms)
    refused = [
        RefusedDevice(target=one.target, reason=f"site {request.site} has {targets.MOST} devices: no more")
        for one in request.devices
        if targets.target_of(one.target) not in known
    ]
    _offers(session, agent_id, {known[target]: reading for target, reading in offered.items() if target in known})
    credentials = [[one.name, one.protocol, _prefixes(one.name, one.prefixes)] for one in request.credentials]
    if row is None:
        row = DeviceCaller(agent_id=agent_id, site="", takes_more=False, called_ms=now_ms, until_ms=until_ms)
    row.site, row.takes_more, row.credentials = request.site, request.takes_more, credentials
    row.called_ms, row.until_ms = now_ms, until_ms
    session.add(row)
    session.flush()
    return refused


def _offers(session: Session, agent_id: int, now: dict[int, Reading]) -> None:
    """Have an agent offer these devices and no others; only rows that differ are written."""
    query = select(DeviceOffer.device_id, DeviceOffer.credential, DeviceOffer.interval_s)
    before = {
        device_id: Reading(interval_s, credential)
        for device_id, credential, interval_s in session.exec(query.where(DeviceOffer.agent_id == agent_id))
    }
    other = sorted(device_id for device_id, reading in before.items() if now.get(device_id) != reading)
    for chunk in chunks(other):
        session.execute(delete(DeviceOffer).where(_OFFER.c.agent_id == agent_id, _OFFER.c.device_id.in_(chunk)))
    fresh = [
        {"device_id": device_id, "agent_id": agent_id, "credential": one.credential, "interval_s": one.interval_s}
        for device_id, one in sorted(now.items(), key=lambda item: item[0])
        if before.get(device_id) != one
    ]
    if fresh:
        session.execute(insert(_OFFER), fresh)
        for part in chunks(row["device_id"] for row in fresh):  # what was taken off the list is on it again
            back = update(Device).where(col(Device.id).in_(part), col(Device.removed_ms).is_not(None))
            session.execute(back.values(removed_ms=None))


def _prefixes(name: str, said: Iterable[str]) -> list[str]:
    found = []
    for prefix in said:
        try:
            found.append(str(ip_network(prefix)))
        except ValueError as error:
            raise Invalid(f'credentials[{name}].prefixes: "{prefix[:80]}" is no prefix: {error}') from error
    return found


def covers(credentials: Sequence[Any], name: str, protocol: str, address: str) -> bool:
    """Tell whether an agent has a credential of this name that it may use at an address.

    :param credentials: as `DeviceCaller` keeps them.
    """
    return any(
        known == name and of == protocol and any(_within(address, prefix) for prefix in prefixes)
        for known, of, prefixes in credentials
    )


@lru_cache(maxsize=65_536)
def _within(address: str, prefix: str) -> bool:
    return ip_address(address) in ip_network(prefix)
