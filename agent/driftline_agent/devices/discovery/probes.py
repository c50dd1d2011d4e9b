"""Asks one address whether somebody is there: ICMP echo, TCP, SNMP. None of it needs a privilege."""

import asyncio
import os
import socket
import struct
from dataclasses import dataclass
from ipaddress import ip_address

from driftline_agent.devices.mib import MibObject, Row, mib
from driftline_agent.devices.snmp import transport
from driftline_agent.devices.snmp.errors import SecurityError, SnmpError, StatusError
from driftline_agent.devices.snmp.oids import show
from driftline_agent.devices.snmp.transport import Session, Target
from driftline_agent.devices.snmp.values import Oid, Var

#: How long an answer is waited for, s.
ECHO_S, KNOCK_S, SNMP_S = 1.0, 1.0, 2.0
SYSTEM = mib("SNMPv2-MIB", "1.3.6.1.2.1.1", sysDescr=1, sysObjectID=2, sysName=5)
ENGINE = mib("SNMP-FRAMEWORK-MIB", "1.3.6.1.6.3.10.2.1", snmpEngineID=1)
#: ICMP echo, request and reply, by version of IP: RFC 792, RFC 4443 section 4.
_ECHO = {4: (8, 0), 6: (128, 129)}
_REFUSED = "the kernel allows this user no ICMP echo; to allow it: sysctl -w net.ipv4.ping_group_range='0 2147483647'"


class Echo:
    """ICMP echo of one version of IP by a datagram socket, which needs no privilege: icmp(7), ping_group_range."""

    def __init__(self, version: int) -> None:
        self._request, self._reply = _ECHO[version]
        self._waiting: dict[str, tuple[int, asyncio.Future[bool]]] = {}
        self._sequence = int.from_bytes(os.urandom(2))
        self._loop = asyncio.get_running_loop()
        #: Why there is none; empty where there is.
        self.refused = ""
        family, protocol = (
            (socket.AF_INET, socket.IPPROTO_ICMP) if version == 4 else (socket.AF_INET6, socket.IPPROTO_ICMPV6)
        )
        self._socket: socket.socket | None = None
        try:
            self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, protocol)
        except PermissionError:
            self.refused = _REFUSED
        except OSError as error:
            self.refused = f"no ICMP echo of IPv{version}: {(error.strerror or str(error)).lower()}"
        else:
            self._socket.setblocking(False)
            self._loop.add_reader(self._socket, self._read)

    async def answers(self, address: str) -> bool:
        """Tell whether an address answers."""
        if self._socket is None or address in self._waiting:
            return False
        self._sequence = (self._sequence + 1) & 0xFFFF
        # the kernel fills in checksum and identifier
        packet = struct.pack("!BBHHH", self._request, 0, 0, 0, self._sequence) + b"driftline"
        waiting: asyncio.Future[bool] = self._loop.create_future()
        self._waiting[address] = (self._sequence, waiting)
        try:
            self._socket.sendto(packet, (address, 0))
            return await asyncio.wait_for(waiting, ECHO_S)
        except (OSError, TimeoutError):
            return False
        finally:
            del self._waiting[address]

    def _read(self) -> None:
        while self._socket is not None:
            try:
                data, sender = self._socket.recvfrom(2048)
            except BlockingIOError:
                return
            except OSError:  # somebody on the way says that there is no way
                continue
            sequence, waiting = self._waiting.get(str(sender[0]), (None, None))
            if waiting is None or len(data) < 8 or data[0] != self._reply or waiting.done():
                continue
            if int.from_bytes(data[6:8]) == sequence:
                waiting.set_result(True)

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None


async def knock(address: str, port: int) -> bool:
    """Tell whether somebody accepts a TCP connection, which is closed at once.

    A refusal counts as silence: firewalls refuse for addresses where nobody is.
    """
    family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as knocking:
            knocking.setblocking(False)
            await asyncio.wait_for(asyncio.get_running_loop().sock_connect(knocking, (address, port)), KNOCK_S)
            return True
    except (OSError, TimeoutError):
        return False


@dataclass(frozen=True, slots=True)
class Introduction:
    """What a device says of itself over SNMP; empty where it does not."""

    name: str = ""
    object_id: str = ""
    description: str = ""
    engine_id: str = ""


async def introduce(target: Target) -> Introduction | None:
    """Ask a device who it is, once and without a retry; None where it does not answer.

    Source: SNMPv2-MIB sysName, sysObjectID, sysDescr; SNMP-FRAMEWORK-MIB snmpEngineID.

    :raises SecurityError: where it is there and refuses this credential, which only SNMPv3 says.
    """
    try:
        session = await transport.connect(target)
    except SnmpError:
        return None
    try:
        found = await _ask(session, *SYSTEM.values())
        if found is None:
            return None
        engine_id = session.engine_id
        if engine_id is None:
            engine = await _ask(session, *ENGINE.values())
            engine_id = engine.octets("snmpEngineID") if engine else None
        return introduction(found, engine_id)
    finally:
        await session.close()


async def _ask(session: Session, *objects: MibObject) -> Row | None:
    """Return some scalars; None where nobody answers. A device that stumbles over them answers nevertheless."""
    asked: dict[Oid, str] = {(*one.oid, 0): one.name for one in objects}
    try:
        variables: list[Var] = await session.get(list(asked), SNMP_S)
    except StatusError:
        return Row({})
    except SecurityError:
        raise
    except SnmpError:
        return None
    return Row({asked[variable.oid]: variable for variable in variables if variable.oid in asked and variable.exists})


def introduction(found: Row, engine_id: bytes | None) -> Introduction:
    """Return what a device says of itself, of what it answered."""
    object_id = found.oid("sysObjectID")
    return Introduction(
        name=(found.text("sysName") or "")[:255],
        object_id=show(object_id) if object_id else "",
        description=(found.text("sysDescr") or "")[:1024],
        engine_id=engine_id.hex() if engine_id and len(engine_id) <= 32 else "",
    )
