"""One poll of one device: the first question, then every topic that is due, each failing alone."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from driftline_agent.devices import reading, system
from driftline_agent.devices.gaps import Absence
from driftline_agent.devices.profile import Profile
from driftline_agent.devices.profiles import find, settle
from driftline_agent.devices.readout import Readout, System
from driftline_agent.devices.runtime.failures import NoAnswerError, NoCredentialError, NotReadError
from driftline_agent.devices.runtime.keyring import Keyring
from driftline_agent.devices.settings.config import Limits
from driftline_agent.devices.snmp.errors import (
    DecryptionFailed,
    DeviceUnreachable,
    SnmpError,
    SnmpTimeout,
    UnknownUser,
    WrongDigest,
    WrongLevel,
)
from driftline_agent.devices.snmp.pace import Pace
from driftline_agent.devices.snmp.repetitions import Repetitions
from driftline_agent.devices.snmp.transport import Session, Target, connect
from driftline_agent.devices.snmp.walk import Patience, Walker
from driftline_agent.devices.topic import DeviceTopic, Measured
from driftline_agent.errors import AgentError

log = logging.getLogger(__name__)

_REFUSED = (UnknownUser, WrongDigest, WrongLevel, DecryptionFailed)
#: How long a device is believed to have no GETBULK, s: some lost packets look like that.
_NO_BULK_S = 3600.0
#: Of the polls of a device that does not answer, every so many has a second question: it may be slow.
_PATIENT = 6


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device is, and what may be tried there."""

    address: str
    port: int = 161
    context: str = ""
    #: Names of credentials in the order that they are tried in.
    credentials: tuple[str, ...] = ()


@dataclass(slots=True)
class Learned:
    """What polls of a device learnt for the next one."""

    repetitions: Repetitions = field(default_factory=Repetitions)
    #: Not before this time of the monotonic clock is GETBULK tried again, s.
    no_bulk_until_s: float = 0.0
    #: The credential that it answered to last.
    credential: str = ""
    #: How often in a row it did not answer: then it is asked once only, but now and then with patience.
    silences: int = 0
    #: Section to digest of its last content that was found within the limits.
    seen: dict[str, bytes] = field(default_factory=dict)
    #: What it has nothing of.
    absence: Absence = field(default_factory=Absence)
    #: What topics keep.
    kept: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a poll is for."""

    #: Topics whose facts are read.
    topics: Mapping[str, DeviceTopic]
    #: Topics that measure.
    measuring: Sequence[DeviceTopic] = ()


@dataclass(frozen=True, slots=True)
class Polled:
    """What came of a poll."""

    target: Target
    #: Name of the credential that it answered to.
    credential: str
    system: System
    profile: Profile
    #: snmpEngineID, as far as the protocol tells.
    engine_id: bytes | None
    results: Sequence[reading.TopicResult]
    measured: Measured
    #: The monotonic clock when the device said how long it is up, s.
    at_s: float
    #: Why not all was asked for; empty where it was.
    ended: str
    requests: int
    #: Seconds.
    duration: float


async def poll(place: Place, wanted: Wanted, keyring: Keyring, limits: Limits, learned: Learned, key: bytes) -> Polled:
    """Read a device once.

    :param key: seals secret values, 32 bytes.
    :raises NotReadError: where nothing can be said of it; the words name the reason for an operator.
    """
    started = time.perf_counter()
    session, name, found = await _first_answer(place, keyring, limits, learned)
    at_s = time.monotonic()
    try:
        pace = Pace(limits.requests, 1 / limits.requests_per_s, limits.variables, limits.poll_s)
        walker = Walker(session, pace, Patience(limits.timeout_s, limits.retries), learned.repetitions)
        walker.bulk = walker.bulk and at_s >= learned.no_bulk_until_s
        likely = find(found)
        likely.settings.apply(walker)
        gaps = await learned.absence.ask(session, walker, limits.timeout_s, at_s)
        readout = Readout(session.target, walker, found, likely, kept=learned.kept, gaps=gaps)
        profile = await settle(readout)
        profile.settings.apply(walker)
        results = await reading.read(readout, wanted.topics, key, learned.seen)
        measured = await reading.measure(readout, wanted.measuring)
        learned.absence.learn(gaps, readout.empty(), readout.filled())
        if session.bulk and profile.settings.bulk and not walker.bulk and at_s >= learned.no_bulk_until_s:
            learned.no_bulk_until_s = at_s + _NO_BULK_S
        return Polled(
            session.target,
            name,
            found,
            profile,
            session.engine_id,
            results,
            measured,
            at_s,
            readout.ended,
            pace.requests,
            time.perf_counter() - started,
        )
    finally:
        await session.close()


async def _first_answer(
    place: Place, keyring: Keyring, limits: Limits, learned: Learned
) -> tuple[Session, str, System]:
    """Ask who it is, with one credential after the other; the one that was good the last time is the first."""
    names = sorted(place.credentials, key=lambda name: name != learned.credential)
    retries = 0 if learned.silences % _PATIENT else min(limits.retries, 1)
    said: list[str] = []
    silent = bool(names)
    for name in names:
        try:
            target = Target(place.address, await keyring.credential(name), place.port, place.context)
        except (AgentError, OSError) as error:
            said.append(str(error))
            silent = False
            continue
        try:
            session = await connect(target)
        except SnmpError as error:
            said.append(str(error))
            silent = silent and isinstance(error, DeviceUnreachable)
            continue
        try:
            found = await system.read(session, limits.timeout_s, retries)
        except (SnmpError, asyncio.CancelledError) as error:
            await session.close()
            if not isinstance(error, SnmpError):
                raise
            answered = not isinstance(error, (SnmpTimeout, DeviceUnreachable))
            silent = silent and not answered
            retries = 0  # one silent device must not take the time of many
            if isinstance(error, _REFUSED):
                keyring.refused(name)
                said.append(f"the credential {name} is refused")
            elif answered:
                said.append(str(error))
        else:
            learned.credential, learned.silences = name, 0
            return session, name, found
    learned.silences = learned.silences + 1 if silent else 0
    if silent:
        raise NoAnswerError("no answer")
    if not said:
        raise NoCredentialError("none of its credentials may be used at its address")
    raise (NoCredentialError if len(said) == len(names) else NotReadError)("; ".join(said))
