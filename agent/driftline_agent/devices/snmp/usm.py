"""Messages of SNMPv3 with the user-based security model: RFC 3412 section 6, RFC 3414 sections 2 and 3."""

import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass

from driftline_agent.devices.snmp import ber, messages
from driftline_agent.devices.snmp.credentials import User
from driftline_agent.devices.snmp.errors import (
    DecryptionFailed,
    MalformedAnswer,
    NotInTimeWindow,
    SecurityError,
    SnmpError,
    UnknownContext,
    UnknownUser,
    WrongDigest,
    WrongLevel,
)
from driftline_agent.devices.snmp.transport import Answer
from driftline_agent.devices.snmp.usm_keys import Keys, keys_of
from driftline_agent.devices.snmp.values import Oid

_AUTH, _PRIVACY, _REPORTABLE = 1, 2, 4
#: The most that a UDP datagram holds (RFC 3412 section 6.3).
_MOST_BYTES = 65507
#: Seconds that clocks may differ (RFC 3414 section 2.2.3).
_WINDOW_S = 150
#: usmStats and SNMP-MPD-MIB/SNMP-TARGET-MIB counters that reports carry, and what they mean.
NOT_IN_TIME_WINDOW: Oid = (1, 3, 6, 1, 6, 3, 15, 1, 1, 2, 0)  # usmStatsNotInTimeWindows
UNKNOWN_ENGINE: Oid = (1, 3, 6, 1, 6, 3, 15, 1, 1, 4, 0)  # usmStatsUnknownEngineIDs
_REPORTS: dict[Oid, tuple[type[SnmpError], str]] = {
    (1, 3, 6, 1, 6, 3, 15, 1, 1, 1, 0): (WrongLevel, "usmStatsUnsupportedSecLevels: the user may not use this level"),
    (1, 3, 6, 1, 6, 3, 15, 1, 1, 3, 0): (UnknownUser, "usmStatsUnknownUserNames: the device does not know the user"),
    UNKNOWN_ENGINE: (SecurityError, "usmStatsUnknownEngineIDs: the device has another snmpEngineID than it had"),
    (1, 3, 6, 1, 6, 3, 15, 1, 1, 5, 0): (
        WrongDigest,
        "usmStatsWrongDigests: wrong authentication passphrase or protocol",
    ),
    (1, 3, 6, 1, 6, 3, 15, 1, 1, 6, 0): (
        DecryptionFailed,
        "usmStatsDecryptionErrors: wrong privacy passphrase or protocol",
    ),
    (1, 3, 6, 1, 6, 3, 12, 1, 4, 0): (UnknownContext, "snmpUnavailableContexts: the device has no such context now"),
    (1, 3, 6, 1, 6, 3, 12, 1, 5, 0): (UnknownContext, "snmpUnknownContexts: the device has no such context"),
}


class Stray(Exception):
    """A message that answers nothing that was asked; whoever waits goes on waiting."""


def report_error(who: str, oid: Oid) -> SnmpError:
    """Return the error that a report means."""
    if oid == NOT_IN_TIME_WINDOW:
        return NotInTimeWindow(f"{who}: usmStatsNotInTimeWindows: the device's clock runs away from its own answers")
    made, text = _REPORTS.get(oid, (MalformedAnswer, f"report {'.'.join(map(str, oid))}"))
    return made(f"{who}: {text}")


@dataclass(frozen=True, slots=True)
class Report:
    """A report instead of an answer: the counter that it names."""

    oid: Oid


class Security:
    """One user at one engine: its keys, and the engine's clock as far as it is known."""

    def __init__(self, who: str, user: User, context: str, engine_id: bytes | None) -> None:
        self._who = who
        self._user = user
        self._context = context.encode()
        self.engine_id = engine_id or b""
        self._keys = keys_of(user, self.engine_id) if engine_id else Keys()
        self._boots = 0
        self._time = 0
        self._at = time.monotonic()
        #: Whether the clock comes from a signed message, or is what discovery said.
        self._synchronised = False

    def _now(self) -> int:
        return self._time + int(time.monotonic() - self._at) if self._boots or self._time else 0

    def discovery(self, message_id: int) -> bytes:
        """Return the question for the engine's id (RFC 3414 section 4)."""
        scoped = self._scoped(b"", 0xA0, message_id, 0, 0, [])
        security = ber.tlv(0x30, ber.tlv(4, b"") + ber.integer(0) * 2 + ber.tlv(4, b"") * 3)
        return self._message(message_id, _REPORTABLE, security, scoped)

    def request(self, message_id: int, tag: int, first: int, second: int, oids: Sequence[Oid]) -> bytes:
        """Return a request, signed and encrypted as the user demands; msgID and request-id are the same."""
        keys, boots, now = self._keys, self._boots, self._now()
        scoped = self._scoped(self.engine_id, tag, message_id, first, second, oids)
        flags, salt = _REPORTABLE, b""
        if keys.auth:
            flags |= _AUTH
        if keys.privacy:
            flags |= _PRIVACY
            encrypted, salt = keys.encrypt(scoped, boots, now)
            scoped = ber.tlv(4, encrypted)
        tail = ber.tlv(4, salt)
        security = ber.tlv(
            0x30,
            ber.tlv(4, self.engine_id)
            + ber.integer(boots)
            + ber.integer(now)
            + ber.tlv(4, self._user.name.encode())
            + ber.tlv(4, bytes(keys.digest_size))
            + tail,
        )
        whole = self._message(message_id, flags, security, scoped)
        if not keys.auth:
            return whole
        at = len(whole) - len(scoped) - len(tail) - keys.digest_size
        return whole[:at] + keys.digest(whole) + whole[at + keys.digest_size :]

    def _scoped(
        self, engine_id: bytes, tag: int, request_id: int, first: int, second: int, oids: Sequence[Oid]
    ) -> bytes:
        body = ber.pdu(tag, request_id, first, second, oids)
        return ber.tlv(0x30, ber.tlv(4, engine_id) + ber.tlv(4, self._context) + body)

    @staticmethod
    def _message(message_id: int, flags: int, security: bytes, scoped: bytes) -> bytes:
        head = ber.integer(message_id) + ber.integer(_MOST_BYTES) + ber.tlv(4, bytes((flags,))) + ber.integer(3)
        return ber.tlv(0x30, ber.integer(3) + ber.tlv(0x30, head) + ber.tlv(4, security) + scoped)

    def read(self, data: bytes, message_id: int) -> Answer | Report:
        """Return the answer in a message, which :func:`message_id_of` has found to be that of a request.

        Nothing of an answer is believed before its digest and its time are right (RFC 3414 section 3.2); reports come
        unauthenticated where the device cannot do better.

        :raises ber.BerError: where it is broken.
        :raises SecurityError: where it must not be believed.
        """
        at, end = ber.element(data, 0, len(data), 0x30)
        at = ber.number(data, at, end)[1]
        head, at = ber.element(data, at, end, 0x30)
        head = ber.number(data, ber.number(data, head, at)[1], at)[1]
        flags_at, flags_end = ber.element(data, head, at, 4)
        flags = data[flags_at] if flags_end - flags_at == 1 else 0
        outer, at = ber.element(data, at, end, 4)
        inner, inner_end = ber.element(data, outer, at, 0x30)
        begin, stop = ber.element(data, inner, inner_end, 4)
        engine_id = data[begin:stop]
        boots, stop = ber.number(data, stop, inner_end)
        now, stop = ber.number(data, stop, inner_end)
        begin, stop = ber.element(data, stop, inner_end, 4)
        name = data[begin:stop]
        digest_at, digest_end = ber.element(data, stop, inner_end, 4)
        begin, stop = ber.element(data, digest_end, inner_end, 4)
        salt = data[begin:stop]

        keys = self._keys
        trusted = False
        if flags & _AUTH and keys.auth and engine_id == self.engine_id:
            zeroed = data[:digest_at] + bytes(digest_end - digest_at) + data[digest_end:]
            if not hmac.compare_digest(keys.digest(zeroed), data[digest_at:digest_end]):
                raise WrongDigest(f"{self._who}: an answer whose digest is wrong: forged, or another passphrase")
            trusted = True
            self._check_time(boots, now)
        if flags & _PRIVACY:
            if not keys.privacy:
                raise MalformedAnswer(f"{self._who}: an encrypted answer to a plain question")
            if not trusted:
                raise WrongLevel(f"{self._who}: an encrypted answer without a digest")
            begin, stop = ber.element(data, at, end, 4)
            data, at = self._decrypted(data[begin:stop], salt, boots, now), 0
            end = len(data)
        return self._scoped_answer(data, at, end, message_id, trusted, flags, engine_id, boots, now, name)

    def _scoped_answer(
        self,
        data: bytes,
        at: int,
        end: int,
        message_id: int,
        trusted: bool,
        flags: int,
        engine_id: bytes,
        boots: int,
        now: int,
        name: bytes,
    ) -> Answer | Report:
        try:
            at, end = ber.element(data, at, end, 0x30)
            at = ber.element(data, at, end, 4)[1]
            begin, at = ber.element(data, at, end, 4)
            context = data[begin:at]
            if data[at : at + 1] == bytes((messages.REPORT,)):
                return self._report(
                    messages.read_pdu(data, at, end, messages.REPORT)[1], trusted, engine_id, boots, now
                )
            request_id, answer = messages.read_pdu(data, at, end, messages.RESPONSE)
        except ber.BerError as error:
            if flags & _PRIVACY:
                raise DecryptionFailed(f"{self._who}: an answer that is noise when decrypted") from error
            raise
        keys = self._keys
        if (keys.auth and not trusted) or (keys.privacy and not flags & _PRIVACY):
            raise WrongLevel(f"{self._who}: an answer with less security than was asked for")
        if request_id != message_id or context != self._context or name != self._user.name.encode():
            raise Stray
        if engine_id != self.engine_id:
            raise Stray
        return answer

    def _decrypted(self, content: bytes, salt: bytes, boots: int, now: int) -> bytes:
        try:
            return self._keys.decrypt(content, salt, boots, now)
        except ValueError as error:
            raise DecryptionFailed(f"{self._who}: an answer that cannot be decrypted") from error

    def _check_time(self, boots: int, now: int) -> None:
        """Follow the engine's clock forwards, refuse what is old (RFC 3414 section 3.2, 7b)."""
        if not self._synchronised or boots > self._boots or (boots == self._boots and now > self._now()):
            self._set_clock(boots, now)
            self._synchronised = True
        elif boots < self._boots or now < self._now() - _WINDOW_S:
            raise NotInTimeWindow(
                f"{self._who}: an answer from before, replayed or from a device whose clock went back"
            )

    def _set_clock(self, boots: int, now: int) -> None:
        self._boots, self._time, self._at = boots, now, time.monotonic()

    def _report(self, answer: Answer, trusted: bool, engine_id: bytes, boots: int, now: int) -> Report:
        oid = answer.variables[0].oid if answer.variables else ()
        if oid == UNKNOWN_ENGINE and engine_id and not self.engine_id:
            self.engine_id = engine_id
            self._keys = keys_of(self._user, engine_id)
            self._set_clock(boots, now)  # a hint; the first signed answer says what is true
        return Report(oid)


def message_id_of(data: bytes) -> int:
    """Return a message's msgID.

    :raises ber.BerError: where it is no SNMPv3.
    """
    at, end = ber.element(data, 0, len(data), 0x30)
    version, at = ber.number(data, at, end)
    if version != 3:
        raise ber.BerError(f"version {version} instead of 3")
    at, end = ber.element(data, at, end, 0x30)
    return ber.number(data, at, end)[0]
