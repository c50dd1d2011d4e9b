"""The narrow interface to a device: one session for one target, three questions, typed answers.

A transport implements :meth:`Session.ask`, one request and its answer, and nothing else. What SNMPv1 lacks (exceptions
as values) is made up for here, once, by RFC 3584 section 4.4: a name that the device refuses becomes the exception that
SNMPv2 would have sent.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from driftline_agent.devices.snmp.credentials import Community, Credential, Privacy, User
from driftline_agent.devices.snmp.errors import MalformedAnswer, UnsupportedRequest, of_status
from driftline_agent.devices.snmp.values import Kind, Oid, Var

_NO_SUCH_NAME = 2


class Operation(IntEnum):
    """Requests, by their tag (RFC 3416 section 3)."""

    GET = 0xA0
    GET_NEXT = 0xA1
    GET_BULK = 0xA5


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask, and as whom."""

    address: str
    credential: Credential
    port: int = 161
    #: contextName of SNMPv3; a device has one for each VLAN, VRF or virtual router.
    context: str = ""
    #: snmpEngineID of the device where it is known; it is asked for otherwise.
    engine_id: bytes | None = None

    def __str__(self) -> str:
        shown = f"[{self.address}]" if ":" in self.address else self.address
        return shown if self.port == 161 else f"{shown}:{self.port}"

    @property
    def version(self) -> int:
        """The protocol's version: 1, 2 or 3."""
        return self.credential.version if isinstance(self.credential, Community) else 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What came: error-status and error-index of RFC 3416, and the variables."""

    status: int
    index: int
    variables: list[Var]


class Session(ABC):
    """Talks to one target; questions may be asked at the same time. Close it."""

    #: Seconds to wait for an answer where the call says nothing else. Nothing is sent twice: retries are the caller's.
    timeout_s = 2.0

    def __init__(self, target: Target) -> None:
        self.target = target

    @property
    @abstractmethod
    def engine_id(self) -> bytes | None:
        """snmpEngineID of the device, as far as it is known; only SNMPv3 tells it."""

    @abstractmethod
    async def ask(
        self, operation: Operation, oids: Sequence[Oid], first: int, second: int, timeout_s: float | None
    ) -> Answer:
        """Send one request and return its answer.

        :param first: non-repeaters of GETBULK, else 0.
        :param second: max-repetitions of GETBULK, else 0.
        :raises SnmpError: where there is no answer, or one that cannot be trusted or read.
        """

    @abstractmethod
    async def close(self) -> None:
        """Let go of the socket; whoever waits for an answer gets an error."""

    @property
    def bulk(self) -> bool:
        """Whether the protocol has GETBULK."""
        return self.target.version > 1

    async def get(self, oids: Sequence[Oid], timeout_s: float | None = None) -> list[Var]:
        """Return one variable for each OID, in their order; one that the device has not says so by its kind.

        :raises TooBig: where the answer does not fit.
        :raises SnmpError: see :meth:`ask`.
        """
        return await self._each(Operation.GET, oids, Kind.NO_SUCH_OBJECT, timeout_s)

    async def get_next(self, oids: Sequence[Oid], timeout_s: float | None = None) -> list[Var]:
        """Return what follows each OID, in their order; kind END_OF_MIB_VIEW where nothing does.

        :raises TooBig: where the answer does not fit.
        :raises SnmpError: see :meth:`ask`.
        """
        return await self._each(Operation.GET_NEXT, oids, Kind.END_OF_MIB_VIEW, timeout_s)

    async def get_bulk(
        self, oids: Sequence[Oid], non_repeaters: int, max_repetitions: int, timeout_s: float | None = None
    ) -> list[Var]:
        """Return what follows: once for the first `non_repeaters`, then row by row for the others.

        A device may send less than was asked for, but not nothing (RFC 3416 section 4.2.3).

        :raises UnsupportedRequest: with SNMPv1.
        :raises SnmpError: see :meth:`ask`.
        """
        if not self.bulk:
            raise UnsupportedRequest(f"{self.target}: SNMPv1 has no GETBULK")
        answer = await self.ask(Operation.GET_BULK, oids, non_repeaters, max_repetitions, timeout_s)
        if answer.status:
            raise of_status(str(self.target), answer.status, answer.index)
        repeaters = len(oids) - non_repeaters
        if len(answer.variables) > non_repeaters + repeaters * max_repetitions:
            raise MalformedAnswer(f"{self.target}: {len(answer.variables)} variables are more than were asked for")
        if not answer.variables and oids and (non_repeaters or max_repetitions):
            raise MalformedAnswer(f"{self.target}: an answer without variables")
        return answer.variables

    async def _each(
        self, operation: Operation, oids: Sequence[Oid], missing: Kind, timeout_s: float | None
    ) -> list[Var]:
        out: list[Var | None] = [None] * len(oids)
        open_ = list(range(len(oids)))
        while open_:
            answer = await self.ask(operation, [oids[at] for at in open_], 0, 0, timeout_s)
            if self.target.version == 1 and answer.status == _NO_SUCH_NAME and 0 < answer.index <= len(open_):
                at = open_.pop(answer.index - 1)
                out[at] = Var(oids[at], missing, None)
                continue
            if answer.status:
                raise of_status(str(self.target), answer.status, answer.index)
            if len(answer.variables) != len(open_):
                raise MalformedAnswer(
                    f"{self.target}: {len(answer.variables)} variables answer a question for {len(open_)}"
                )
            for at, variable in zip(open_, answer.variables, strict=True):
                out[at] = variable
            break
        return [variable for variable in out if variable is not None]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which transport, and why."""

    name: str
    why: str


def choose(target: Target) -> Choice:
    """Return the transport for a target."""
    credential = target.credential
    if isinstance(credential, User) and credential.privacy is Privacy.TRIPLE_DES:
        return Choice("pysnmp", "3DES is no protocol of the native transport")
    return Choice("native", "an order of magnitude less CPU than pysnmp")


async def connect(target: Target, name: str | None = None) -> Session:
    """Open a session over the chosen or the named transport; imports that transport alone.

    :raises DeviceUnreachable: where the network says at once that there is no way.
    """
    if (name or choose(target).name) == "pysnmp":
        from driftline_agent.devices.snmp import pysnmp_transport

        return await pysnmp_transport.connect(target)
    from driftline_agent.devices.snmp import native

    return await native.connect(target)
