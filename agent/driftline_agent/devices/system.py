"""The first question to a device: the system group of SNMPv2-MIB (RFC 3418 section 2)."""

import time
from collections.abc import Callable

from driftline_agent.devices.mib import Row, mib
from driftline_agent.devices.readout import System
from driftline_agent.devices.snmp.errors import DeviceUnreachable, MalformedAnswer, SnmpError, SnmpTimeout, StatusError
from driftline_agent.devices.snmp.transport import Session
from driftline_agent.devices.snmp.values import Var

SYSTEM = mib("SNMPv2-MIB", "1.3.6.1.2.1.1", sysDescr=1, sysObjectID=2, sysUpTime=3, sysName=5)


def parse(row: Row, at_s: float) -> System:
    """Return what a device says of itself.

    :param at_s: when it said so, s since 1970.
    """
    return System(
        description=row.text("sysDescr") or "",
        object_id=row.oid("sysObjectID"),
        name=row.text("sysName") or "",
        uptime_ticks=row.integer("sysUpTime"),
        at_s=at_s,
    )


async def read(session: Session, timeout_s: float, retries: int, clock: Callable[[], float] = time.time) -> System:
    """Ask for it; what a device refuses together is asked one by one.

    :param retries: requests after the first one, each with twice the time.
    :raises SnmpError: where it does not answer.
    """
    objects = list(SYSTEM.values())
    for attempt in range(retries + 1):
        try:
            variables = await session.get([(*one.oid, 0) for one in objects], timeout_s * 2**attempt)
            break
        except (StatusError, MalformedAnswer):
            variables = await _one_by_one(session, timeout_s)
            break
        except (SnmpTimeout, DeviceUnreachable):
            if attempt == retries:
                raise
    by_oid = {variable.oid: variable for variable in variables}
    found = {one.name: by_oid[(*one.oid, 0)] for one in objects if (*one.oid, 0) in by_oid}
    return parse(Row({name: variable for name, variable in found.items() if variable.exists}), clock())


async def _one_by_one(session: Session, timeout_s: float) -> list[Var]:
    variables: list[Var] = []
    failed: SnmpError | None = None
    for one in SYSTEM.values():
        try:
            variables += await session.get([(*one.oid, 0)], timeout_s)
        except StatusError:
            continue  # it is alive, and has not this one
        except SnmpError as error:
            failed = error
    if failed is not None and not variables:
        raise failed
    return variables
