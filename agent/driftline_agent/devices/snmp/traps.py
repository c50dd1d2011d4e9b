"""Hears traps and informs of SNMPv1, v2c and v3, by pysnmp.

A trap is a hint to read a device now, never a fact: its source can be forged unless `trusted`. What comes too fast is
dropped before anything of it is decoded, and counted.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pysnmp.carrier.asyncio.dgram import udp, udp6  # type: ignore[import-untyped]  # pysnmp has no types
from pysnmp.entity import config, engine  # type: ignore[import-untyped]  # nor here
from pysnmp.entity.rfc3413 import ntfrcv  # type: ignore[import-untyped]  # nor here
from pysnmp.proto import rfc1902  # type: ignore[import-untyped]  # nor here

from driftline_agent.devices.snmp.credentials import Community, Credential
from driftline_agent.devices.snmp.errors import DeviceUnreachable
from driftline_agent.devices.snmp.pysnmp_transport import AUTH, PRIVACY, variable
from driftline_agent.devices.snmp.values import Oid, Var

#: snmpTrapOID.0 of SNMPv2-MIB.
_TRAP_OID: Oid = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
#: usmSecurityModel, and securityLevel noAuthNoPriv (RFC 3411 section 5).
_USM, _NO_AUTH = 3, 1


@dataclass(frozen=True, slots=True)
class Trap:
    """A notification: of whom, what, and whether it is proven."""

    source: str
    port: int
    #: Of the protocol: 1, 2 or 3.
    version: int
    #: snmpEngineID of the sender, SNMPv3 only.
    engine_id: bytes | None
    #: snmpTrapOID; that of SNMPv1 by RFC 3584 section 3.1.
    trap: Oid
    variables: tuple[Var, ...]
    #: Signed by a known user of SNMPv3. A community is no proof.
    trusted: bool


class Rates:
    """Datagrams a second, of one source and of all, with bursts of as many; long silent sources are forgotten."""

    def __init__(self, each: float = 10.0, all_: float = 200.0, sources: int = 4096) -> None:
        self._each = each
        self._all = all_
        self._sources = sources
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._total = (all_, 0.0)

    def allows(self, source: str, now_s: float) -> bool:
        """Take note of a datagram; False where it is one too many."""
        left, since = self._buckets.pop(source, (self._each, now_s))
        left = min(self._each, left + (now_s - since) * self._each)
        total = min(self._all, self._total[0] + (now_s - self._total[1]) * self._all)
        allowed = left >= 1 and total >= 1
        self._buckets[source] = (left - allowed, now_s)
        self._total = (total - allowed, now_s)
        while len(self._buckets) > self._sources:
            self._buckets.popitem(last=False)
        return allowed


class Listener:
    """What a running listener heard: take traps with :meth:`next`; `dropped` counts what came too fast."""

    def __init__(self, receiver: Any, rates: Rates, queue_size: int) -> None:
        self._receiver = receiver
        self._own_id = bytes(receiver.snmpEngineID)
        self._known = 0
        self._signer = b""
        self.dropped = 0
        self._rates = rates
        self._queue: asyncio.Queue[Trap] = asyncio.Queue(queue_size)
        self._current: dict[str, Any] = {}

    async def next(self) -> Trap:
        """Return the next trap, waiting for it."""
        return await self._queue.get()

    def admits(self, source: str) -> bool:
        """Whether a datagram is to be decoded."""
        admitted = self._rates.allows(source, time.monotonic()) and not self._queue.full()
        self.dropped += not admitted
        return admitted

    def know(self, credential: Credential, engine_id: bytes | None = None) -> None:
        """Hear what is sent with a credential.

        :param engine_id: of the sender: a trap of SNMPv3 is signed with a key for the sender's engine (RFC 3414 section
            1.5.1), which a session with the device tells. Without one only informs of the user are heard.
        """
        self._known += 1
        if isinstance(credential, Community):
            config.add_v1_system(self._receiver, f"community-{self._known}", credential.community)
            return
        config.add_v3_user(
            self._receiver,
            credential.name,
            AUTH[credential.auth] if credential.auth else config.USM_AUTH_NONE,
            credential.auth_passphrase or None,
            PRIVACY[credential.privacy] if credential.privacy else config.USM_PRIV_NONE,
            credential.privacy_passphrase or None,
            **({"securityEngineId": rfc1902.OctetString(engine_id)} if engine_id else {}),
        )

    def _signed(self, _engine: Any, _point: str, variables: dict[str, Any], _context: Any) -> None:
        self._signer = bytes(variables["securityEngineId"])

    def _arrives(self, _engine: Any, _point: str, variables: dict[str, Any], _context: Any) -> None:
        self._current = dict(variables)

    def _receive(self, _engine: Any, _reference: Any, engine_id: Any, _name: Any, binds: Any, _context: Any) -> None:
        about = self._current
        variables = [variable(name, value) for name, value in binds]
        trap = next((var.data for var in variables if var.oid == _TRAP_OID), None)
        if not isinstance(trap, tuple):
            return
        source, port = about["transportAddress"][:2]
        v3 = int(about["securityModel"]) == _USM
        heard = Trap(
            str(source),
            int(port),
            int(about["messageProcessingModel"]) + (not v3),
            self._sender(bytes(engine_id)) if v3 else None,
            trap,
            tuple(variables),
            v3 and int(about["securityLevel"]) > _NO_AUTH,
        )
        try:
            self._queue.put_nowait(heard)
        except asyncio.QueueFull:
            self.dropped += 1

    def _sender(self, context_engine_id: bytes) -> bytes:
        """An inform is signed for the receiver's engine; then the context's is the sender's."""
        return context_engine_id if self._signer == self._own_id else self._signer


def _bounded(kind: Any, admits: Callable[[str], bool]) -> Any:
    class Bounded(kind):  # type: ignore[misc]  # pysnmp has no types
        def datagram_received(self, datagram: bytes, address: Any) -> None:
            if admits(address[0]):
                super().datagram_received(datagram, address)

    return Bounded()


@asynccontextmanager
async def listen(
    credentials: Sequence[tuple[Credential, bytes | None]],
    address: str = "0.0.0.0",  # noqa: S104  # devices are on any interface
    port: int = 162,
    rates: Rates | None = None,
    queue_size: int = 1000,
) -> AsyncIterator[Listener]:
    """Listen until the block ends; informs are acknowledged.

    :param credentials: what may send, each with the sender's snmpEngineID, or None; see :meth:`Listener.know`.
    :raises DeviceUnreachable: where the port cannot be had.
    """
    receiver = engine.SnmpEngine()
    heard = Listener(receiver, rates or Rates(), queue_size)
    six = ":" in address
    socket = _bounded(udp6.Udp6AsyncioTransport if six else udp.UdpAsyncioTransport, heard.admits)
    try:
        opened = socket.open_server_mode((address, port))
        await opened._lport
    except OSError as error:
        receiver.close_dispatcher()
        raise DeviceUnreachable(f"traps on {address} port {port}: {error.strerror or error}") from error
    config.add_transport(receiver, udp6.DOMAIN_NAME if six else udp.DOMAIN_NAME, socket)
    for credential, engine_id in credentials:
        heard.know(credential, engine_id)
    receiver.observer.register_observer(heard._signed, "rfc3414.processIncomingMsg")
    receiver.observer.register_observer(heard._arrives, "rfc3412.receiveMessage:request")
    ntfrcv.NotificationReceiver(receiver, heard._receive)
    receiver.transport_dispatcher.job_started(1)
    try:
        yield heard
    finally:
        receiver.transport_dispatcher.job_finished(1)
        receiver.close_dispatcher()
