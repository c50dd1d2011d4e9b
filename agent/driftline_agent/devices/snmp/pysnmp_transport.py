"""The transport that can do everything pysnmp can, without MIB lookups, at some ten times the CPU.

The layer below pysnmp's `hlapi` is used: that one looks every question up in MIBs even with ``lookupMib=False``, and
where pysmi is installed it goes to fetch them from the network.

An engine for each session: pysnmp keeps users by name, and two devices may have users of one name and two passphrases.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from pysnmp.entity.rfc3413 import cmdgen  # type: ignore[import-untyped]  # pysnmp has no types
from pysnmp.error import PySnmpError  # type: ignore[import-untyped]  # nor here
from pysnmp.hlapi.v3arch import asyncio as hlapi  # type: ignore[import-untyped]  # nor here
from pysnmp.hlapi.v3arch.asyncio.lcd import CommandGeneratorLcdConfigurator  # type: ignore[import-untyped]  # nor here
from pysnmp.proto import errind, rfc1902, rfc1905  # type: ignore[import-untyped]  # nor here

from driftline_agent.devices.snmp import ber
from driftline_agent.devices.snmp.credentials import Auth, Privacy, User
from driftline_agent.devices.snmp.errors import (
    DecryptionFailed,
    DeviceUnreachable,
    MalformedAnswer,
    NotInTimeWindow,
    SecurityError,
    SnmpError,
    SnmpTimeout,
    UnknownContext,
    UnknownUser,
    WrongDigest,
    WrongLevel,
)
from driftline_agent.devices.snmp.transport import Answer, Operation, Session, Target
from driftline_agent.devices.snmp.values import Data, Kind, Oid, Var

AUTH = {
    Auth.MD5: hlapi.USM_AUTH_HMAC96_MD5,
    Auth.SHA1: hlapi.USM_AUTH_HMAC96_SHA,
    Auth.SHA224: hlapi.USM_AUTH_HMAC128_SHA224,
    Auth.SHA256: hlapi.USM_AUTH_HMAC192_SHA256,
    Auth.SHA384: hlapi.USM_AUTH_HMAC256_SHA384,
    Auth.SHA512: hlapi.USM_AUTH_HMAC384_SHA512,
}
PRIVACY = {
    Privacy.DES: hlapi.USM_PRIV_CBC56_DES,
    Privacy.TRIPLE_DES: hlapi.USM_PRIV_CBC168_3DES,
    Privacy.AES128: hlapi.USM_PRIV_CFB128_AES,
    Privacy.AES192: hlapi.USM_PRIV_CFB192_AES_BLUMENTHAL,
    Privacy.AES256: hlapi.USM_PRIV_CFB256_AES_BLUMENTHAL,
    Privacy.AES192C: hlapi.USM_PRIV_CFB192_AES,
    Privacy.AES256C: hlapi.USM_PRIV_CFB256_AES,
}
#: The first that fits counts: subclasses of one another stand in order.
_ERRORS: tuple[tuple[type[Exception], type[SnmpError]], ...] = (
    (errind.RequestTimedOut, SnmpTimeout),
    (errind.UnknownUserName, UnknownUser),
    (errind.UnknownSecurityName, UnknownUser),
    (errind.WrongDigest, WrongDigest),
    (errind.AuthenticationFailure, WrongDigest),
    (errind.AuthenticationError, WrongDigest),
    (errind.UnsupportedSecurityLevel, WrongLevel),
    (errind.NotInTimeWindow, NotInTimeWindow),
    (errind.DecryptionError, DecryptionFailed),
    (errind.NoSuchContext, UnknownContext),
    (errind.UnknownEngineID, SecurityError),
    (errind.EngineIDMismatch, SecurityError),
)
_CONTEXT_REPORTS = ("snmpUnknownContexts", "snmpUnavailableContexts")
_GENERATORS: dict[Operation, Any] = {
    Operation.GET: cmdgen.GetCommandGenerator,
    Operation.GET_NEXT: cmdgen.NextCommandGeneratorSingleRun,
    Operation.GET_BULK: cmdgen.BulkCommandGeneratorSingleRun,
}
#: By tag: the classes of some values are pyasn1's own.
_KINDS: dict[Any, Kind] = {
    made.tagSet: kind
    for made, kind in (
        (rfc1902.Counter32, Kind.COUNTER32),
        (rfc1902.Counter64, Kind.COUNTER64),
        (rfc1902.TimeTicks, Kind.TIME_TICKS),
        (rfc1902.Gauge32, Kind.GAUGE32),
        (rfc1902.IpAddress, Kind.IP_ADDRESS),
        (rfc1902.Opaque, Kind.OPAQUE),
        (rfc1905.NoSuchObject, Kind.NO_SUCH_OBJECT),
        (rfc1905.NoSuchInstance, Kind.NO_SUCH_INSTANCE),
        (rfc1905.EndOfMibView, Kind.END_OF_MIB_VIEW),
        (rfc1902.Integer32, Kind.INTEGER),
        (rfc1902.OctetString, Kind.OCTETS),
        (rfc1902.ObjectIdentifier, Kind.OID),
        (rfc1902.Null, Kind.NULL),
    )
}


def variable(name: Any, value: Any) -> Var:
    """Return a variable of pysnmp's as ours."""
    kind = _KINDS.get(value.tagSet, Kind.UNKNOWN)
    data: Data = None
    if kind in (Kind.OCTETS, Kind.UNKNOWN):
        data = value.asOctets() if hasattr(value, "asOctets") else str(value).encode()
    elif kind is Kind.OPAQUE:
        kind, data = ber.opaque(value.asOctets())
    elif kind is Kind.IP_ADDRESS:
        data = "{}.{}.{}.{}".format(*value.asOctets())
    elif kind is Kind.OID:
        data = cast(Oid, tuple(value))
    elif kind not in (Kind.NULL, Kind.NO_SUCH_OBJECT, Kind.NO_SUCH_INSTANCE, Kind.END_OF_MIB_VIEW):
        data = int(value)
    return Var(tuple(name), kind, data)


def _take(_engine: Any, _handle: Any, indication: Any, status: Any, index: Any, found: Any, waiting: Any) -> None:
    if not waiting.done():
        waiting.set_result((indication, status, index, found))


def auth_data(target: Target) -> Any:
    """Return a target's credential as pysnmp has it."""
    credential = target.credential
    if not isinstance(credential, User):
        return hlapi.CommunityData("device", credential.community, mpModel=credential.version - 1)
    return hlapi.UsmUserData(
        credential.name,
        authKey=credential.auth_passphrase if credential.auth else None,
        privKey=credential.privacy_passphrase if credential.privacy else None,
        authProtocol=AUTH[credential.auth] if credential.auth else hlapi.USM_AUTH_NONE,
        privProtocol=PRIVACY[credential.privacy] if credential.privacy else hlapi.USM_PRIV_NONE,
    )


async def connect(target: Target) -> "PysnmpSession":
    """Open a session.

    :raises DeviceUnreachable: where the address is none.
    """
    return PysnmpSession(target)


class PysnmpSession(Session):
    """One target over an engine of its own."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._engine = hlapi.SnmpEngine()
        self._auth = auth_data(target)
        self._lcd = CommandGeneratorLcdConfigurator()
        self._closed = False

    @property
    def engine_id(self) -> bytes | None:
        return self.target.engine_id

    async def ask(
        self, operation: Operation, oids: Sequence[Oid], first: int, second: int, timeout_s: float | None
    ) -> Answer:
        if self._closed:
            raise DeviceUnreachable(f"{self.target}: the session is closed")
        wait_s = self.timeout_s if timeout_s is None else timeout_s
        kind = hlapi.Udp6TransportTarget if ":" in self.target.address else hlapi.UdpTransportTarget
        where = await kind.create((self.target.address, self.target.port), timeout=wait_s, retries=0)
        names = [(rfc1902.ObjectName(oid), rfc1902.Null("")) for oid in oids]
        answered: asyncio.Future[tuple[Any, Any, Any, Any]] = asyncio.get_running_loop().create_future()
        numbers = (first, second) if operation is Operation.GET_BULK else ()
        try:
            address, _ = self._lcd.configure(self._engine, self._auth, where, self.target.context)
            _GENERATORS[operation]().send_varbinds(
                self._engine, address, None, self.target.context, *numbers, names, _take, answered
            )
            indication, status, index, found = await answered
        except OSError as error:
            raise DeviceUnreachable(f"{self.target}: {error.strerror or error}") from error
        except PySnmpError as error:
            raise MalformedAnswer(f"{self.target}: {error}") from error
        if indication:
            raise self._error(indication, wait_s)
        return Answer(int(status), int(index), [variable(name, value) for name, value in found])

    def _error(self, indication: Any, wait_s: float) -> SnmpError:
        if isinstance(indication, errind.RequestTimedOut):
            return SnmpTimeout(f"{self.target}: no answer within {wait_s:g} s")
        text = str(indication)
        if any(name in text for name in _CONTEXT_REPORTS):
            return UnknownContext(f"{self.target}: {text}")
        for theirs, ours in _ERRORS:
            if isinstance(indication, theirs):
                return ours(f"{self.target}: {text}")
        return MalformedAnswer(f"{self.target}: {text}")

    async def close(self) -> None:
        self._closed = True
        self._engine.close_dispatcher()
