"""The transport that polls: SNMPv1, v2c and v3 over a connected UDP socket, with the codec of this package.

The socket is connected, so the kernel drops what comes from another address or port. An answer is found by its
request-id; what answers nothing (late, twice, forged) is counted and dropped.
"""

import asyncio
import secrets
from collections.abc import Sequence
from typing import cast

from driftline_agent.devices.snmp import ber, messages, usm
from driftline_agent.devices.snmp.credentials import User
from driftline_agent.devices.snmp.errors import (
    DeviceUnreachable,
    MalformedAnswer,
    SnmpError,
    SnmpTimeout,
    UnsupportedRequest,
)
from driftline_agent.devices.snmp.transport import Answer, Operation, Session, Target
from driftline_agent.devices.snmp.usm_keys import PRIVACY
from driftline_agent.devices.snmp.values import Oid

_Waiting = asyncio.Future[Answer | usm.Report]


async def connect(target: Target) -> "NativeSession":
    """Open a session.

    :raises UnsupportedRequest: where the privacy protocol is not one of this transport.
    :raises DeviceUnreachable: where there is no route.
    """
    user = target.credential
    if isinstance(user, User) and user.privacy and user.privacy not in PRIVACY:
        raise UnsupportedRequest(f"{target}: {user.privacy} is no protocol of the native transport")
    session = NativeSession(target)
    try:
        await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: session, remote_addr=(target.address, target.port)
        )
    except OSError as error:
        raise DeviceUnreachable(f"{target}: {error.strerror or error}") from error
    return session


class NativeSession(Session, asyncio.DatagramProtocol):
    """One target over one socket."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        #: Messages that answered nothing, and messages that were no SNMP.
        self.strays = 0
        self.malformed = 0
        self._fault = ""
        self._waiting: dict[int, _Waiting] = {}
        self._socket: asyncio.DatagramTransport | None = None
        self._discovering = asyncio.Lock()
        user = target.credential
        self._security: usm.Security | None = None
        self._community = b""
        if isinstance(user, User):
            self._security = usm.Security(str(target), user, target.context, target.engine_id)
        else:
            self._community = user.community.encode()

    @property
    def engine_id(self) -> bytes | None:
        return (self._security.engine_id or None) if self._security else None

    async def ask(
        self, operation: Operation, oids: Sequence[Oid], first: int, second: int, timeout_s: float | None
    ) -> Answer:
        security = self._security
        if security is None:
            request_id = self._new_id()
            message = messages.community_message(
                self.target.version, self._community, operation, request_id, first, second, oids
            )
            answer = await self._exchange(request_id, message, timeout_s)
            assert isinstance(answer, Answer)  # noqa: S101  # only SNMPv3 has reports
            return answer
        await self._discover(security, timeout_s)
        oid: Oid = usm.NOT_IN_TIME_WINDOW
        for _ in range(2):  # once more after the device has told its time
            request_id = self._new_id()
            message = security.request(request_id, operation, first, second, oids)
            answer = await self._exchange(request_id, message, timeout_s)
            if isinstance(answer, Answer):
                return answer
            if (oid := answer.oid) != usm.NOT_IN_TIME_WINDOW:
                break
        raise usm.report_error(str(self.target), oid)

    async def _discover(self, security: usm.Security, timeout_s: float | None) -> None:
        if security.engine_id:
            return
        async with self._discovering:
            if security.engine_id:
                return
            request_id = self._new_id()
            report = await self._exchange(request_id, security.discovery(request_id), timeout_s)
            if not security.engine_id:
                raise usm.report_error(str(self.target), report.oid if isinstance(report, usm.Report) else ())

    def _new_id(self) -> int:
        # Not to be guessed, and never 0, which some devices answer with
        while not (number := secrets.randbits(31)) or number in self._waiting:
            pass
        return number

    async def _exchange(self, request_id: int, message: bytes, timeout_s: float | None) -> Answer | usm.Report:
        socket = self._socket
        if socket is None or socket.is_closing():
            raise DeviceUnreachable(f"{self.target}: the session is closed")
        waiting: _Waiting = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = waiting
        self._fault = ""
        wait_s = self.timeout_s if timeout_s is None else timeout_s
        timer = asyncio.get_running_loop().call_later(wait_s, self._give_up, waiting, wait_s)
        try:
            socket.sendto(message)
            return await waiting
        finally:
            timer.cancel()
            del self._waiting[request_id]

    def _give_up(self, waiting: _Waiting, wait_s: float) -> None:
        if waiting.done():
            return
        if self._fault:
            waiting.set_exception(MalformedAnswer(f"{self.target}: {self._fault}"))
        else:
            waiting.set_exception(SnmpTimeout(f"{self.target}: no answer within {wait_s:g} s"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._socket = cast(asyncio.DatagramTransport, transport)  # by the kind of endpoint; no subclass before 3.12

    def datagram_received(self, data: bytes, addr: object) -> None:
        security = self._security
        try:
            if security is None:
                request_id, answer = messages.read_community(data, self.target.version)
                waiting = self._waiting.get(request_id)
                if waiting is None or waiting.done():
                    self.strays += 1
                else:
                    waiting.set_result(answer)
                return
            request_id = usm.message_id_of(data)
            waiting = self._waiting.get(request_id)
            if waiting is None or waiting.done():
                self.strays += 1
                return
            try:
                waiting.set_result(security.read(data, request_id))
            except SnmpError as error:
                waiting.set_exception(error)
        except usm.Stray:
            self.strays += 1
        except ber.BerError as error:
            # It may be anyone's: the right answer may still come
            self.malformed += 1
            self._fault = f"what came is no answer: {error}"

    def error_received(self, exc: Exception) -> None:
        self._fail(DeviceUnreachable(f"{self.target}: {exc.strerror if isinstance(exc, OSError) else exc}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(DeviceUnreachable(f"{self.target}: the session is closed"))

    def _fail(self, error: SnmpError) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(error)

    async def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
