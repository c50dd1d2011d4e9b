"""Looks through the prefixes that an operator listed, and nothing else, for whoever is there.

Every address is asked once a pass, in random order, so that no network sees all probes at once; each probe counts
against one rate over all.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress

from driftline.v1.collector_pb2 import Sighting
from driftline_agent.devices.discovery import probes
from driftline_agent.devices.discovery.onlink import OnLink
from driftline_agent.devices.discovery.probes import Echo
from driftline_agent.devices.discovery.rate import Rate
from driftline_agent.devices.discovery.spread import addresses, each
from driftline_agent.devices.settings.config import CredentialEntry, DevicesConfig, Discovery, TargetEntry
from driftline_agent.devices.settings.secrets import SecretError, Secrets
from driftline_agent.devices.snmp.credentials import Credential
from driftline_agent.devices.snmp.errors import SecurityError
from driftline_agent.devices.snmp.transport import Target

log = logging.getLogger(__name__)

#: Sightings of one report, and how long one waits for others, s.
BATCH, WAIT_S = 500, 60.0
#: Who is on the link answers to ARP and NDP within this time, s.
_RESOLVED_S = 0.2

Report = Callable[[list[Sighting]], Awaitable[None]]


async def sweep(discovery: Discovery, config: DevicesConfig, secrets: Secrets, report: Report) -> None:
    """Look through the prefixes once, and report who answered, as it comes.

    What fails is logged; what `report` raises ends the pass.
    """
    look = _Look(discovery, await _usable(discovery, config, secrets))
    for reason in look.refused:
        log.info("a probe is not possible", extra={"reason": reason})
    batch: list[Sighting] = []
    sent = time.monotonic()
    try:
        async with aclosing(each(addresses(discovery.prefixes, discovery.excluded), look.at)) as seen:
            async for sighting in seen:
                if sighting is not None:
                    batch.append(sighting)
                if batch and (len(batch) >= BATCH or time.monotonic() - sent >= WAIT_S):
                    await report(batch)
                    batch, sent = [], time.monotonic()
        if batch:
            await report(batch)
    finally:
        look.close()


async def answering(
    entry: TargetEntry, config: DevicesConfig, secrets: Secrets, rate: float
) -> AsyncGenerator[tuple[str, str], None]:
    """Yield who answers SNMP in a target's prefix: address, and the first of its credentials that works there.

    Addresses that another entry of the file names more closely are left to that one. Silence may pass: whoever does not
    come this time need not be gone. Who does not take all closes it: ``contextlib.aclosing``.

    :param rate: probes a second.
    :raises SecretError: before anything is sent, where a credential cannot be had: nobody would answer to it.
    """
    known = {name: await asyncio.to_thread(secrets.credential, name) for name in entry.credentials}
    closer = tuple(
        other.network
        for other in config.targets
        if (other.port, other.context) == (entry.port, entry.context)
        and other.network.version == entry.network.version
        and other.network.prefixlen > entry.network.prefixlen
    )
    turns = Rate(rate)

    async def at(address: str) -> tuple[str, str] | None:
        for name in entry.credentials:
            if config.credentials[name].may_be_used_at(address):
                async with turns.turn():
                    target = Target(address, known[name], entry.port, entry.context)
                    with suppress(SecurityError):
                        if await probes.introduce(target) is not None:
                            return address, name
        return None

    async with aclosing(each(addresses([entry.network], (*entry.excluded, *closer)), at)) as seen:
        async for found in seen:
            if found is not None:
                yield found


class _Look:
    """One pass: what is asked at an address, and what came of it."""

    def __init__(self, discovery: Discovery, credentials: Sequence[tuple[CredentialEntry, Credential]]) -> None:
        self._discovery, self._credentials = discovery, credentials
        self._rate = Rate(discovery.rate)
        self._echoes = {version: Echo(version) for version in {prefix.version for prefix in discovery.prefixes}}
        self._links = OnLink()

    @property
    def refused(self) -> list[str]:
        """Which probes are not possible, and why."""
        return [echo.refused for echo in self._echoes.values() if echo.refused]

    async def at(self, address: str) -> Sighting | None:
        """Return what was seen at an address; None where nobody answered."""
        sent: list[float] = []
        asked = await asyncio.gather(
            self._echo(address, sent),
            self._snmp(address, sent),
            *(self._knock(address, port, sent) for port in self._discovery.ports),
        )
        found = Sighting(address=address)
        for part in asked:
            if part is not None:
                found.MergeFrom(part)
        # the kernel's table counts from when whoever is on the link has told the kernel where
        since = min([time.monotonic(), *(at + _RESOLVED_S for at in sent[:1])])
        found.mac = self._links.mac(address, since)
        if not found.answers:
            if not self._links.reachable(address, since):
                return None
            found.answers.append("ndp" if ":" in address else "arp")
        found.seen_at_ms = int(time.time() * 1000)
        return found

    @asynccontextmanager
    async def _turn(self, sent: list[float]) -> AsyncIterator[None]:
        async with self._rate.turn():
            sent.append(time.monotonic())
            yield

    async def _echo(self, address: str, sent: list[float]) -> Sighting | None:
        echo = self._echoes[6 if ":" in address else 4]
        if echo.refused:
            return None
        async with self._turn(sent):
            return Sighting(answers=["icmp"]) if await echo.answers(address) else None

    async def _knock(self, address: str, port: int, sent: list[float]) -> Sighting | None:
        async with self._turn(sent):
            return Sighting(answers=[f"tcp/{port}"]) if await probes.knock(address, port) else None

    async def _snmp(self, address: str, sent: list[float]) -> Sighting | None:
        refused = None
        for entry, credential in self._credentials:
            if not entry.may_be_used_at(address):
                continue
            try:
                async with self._turn(sent):
                    said = await probes.introduce(Target(address, credential, self._discovery.snmp_port))
            except SecurityError:
                refused = Sighting(answers=["snmp"])
                continue
            if said is not None:
                return Sighting(
                    answers=["snmp"],
                    credential=entry.name,
                    system_name=said.name,
                    object_id=said.object_id,
                    description=said.description,
                    engine_id=said.engine_id,
                )
        return refused

    def close(self) -> None:
        """Let go of the sockets."""
        for echo in self._echoes.values():
            echo.close()


async def _usable(
    discovery: Discovery, config: DevicesConfig, secrets: Secrets
) -> list[tuple[CredentialEntry, Credential]]:
    out: list[tuple[CredentialEntry, Credential]] = []
    for name in discovery.credentials:
        try:
            out.append((config.credentials[name], await asyncio.to_thread(secrets.credential, name)))
        except SecretError as error:
            log.warning("a credential is left out of discovery", extra={"credential": name, "reason": str(error)})
    return out
