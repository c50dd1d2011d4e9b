"""Hears traps and informs, and has the devices that they are from read at once."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from driftline_agent.devices.runtime import news
from driftline_agent.devices.runtime.device import Device
from driftline_agent.devices.runtime.keyring import Keyring
from driftline_agent.devices.settings.config import DevicesConfig, TrapPort
from driftline_agent.devices.snmp.credentials import User
from driftline_agent.devices.snmp.errors import SnmpError
from driftline_agent.errors import AgentError

if TYPE_CHECKING:
    from driftline_agent.devices.snmp import traps

log = logging.getLogger(__name__)

#: How often, s, what may send traps is looked at anew, and a port that could not be had is tried again.
_LEARN_S = 30.0


class Hearing:
    """The trap port, while :meth:`run` runs.

    :param at: returns the devices at an address.
    :param devices: returns all devices: what their traps are signed with is known only once they were read.
    """

    def __init__(
        self, keyring: Keyring, at: Callable[[str], Sequence[Device]], devices: Callable[[], Iterable[Device]]
    ) -> None:
        self._keyring, self._at, self._devices = keyring, at, devices
        self._event = asyncio.Event()
        self._known: set[tuple[str, bytes | None]] = set()
        #: Why no traps are heard; empty where they are.
        self.limitation = ""

    async def run(self, config: DevicesConfig, port: TrapPort) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._listen(config, port)
            except SnmpError as error:
                self._cannot(str(error))
            except ImportError as error:
                self._cannot(f"traps: {error.name} is not installed; pip install 'driftline[devices]'")
            await asyncio.sleep(_LEARN_S)

    def _cannot(self, words: str) -> None:
        if words != self.limitation:
            log.error("no traps are heard", extra={"reason": words})
        self.limitation = words

    async def _listen(self, config: DevicesConfig, port: TrapPort) -> None:
        from driftline_agent.devices.snmp import traps

        self._known = set()
        async with traps.listen([], port.address, port.port) as listener:
            self.limitation = ""
            log.info("hears traps", extra={"address": port.address, "port": port.port})
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_learning(config, listener))
                while True:
                    self._heard(await listener.next())

    def learnt(self, device: Device) -> None:
        """Note that a device was polled: what its traps are signed with may be known now."""
        if device.engine_id and (device.credential, device.engine_id) not in self._known:
            self._event.set()

    async def _keep_learning(self, config: DevicesConfig, listener: "traps.Listener") -> None:
        while True:
            self._event.clear()
            await self._learn(config, listener)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LEARN_S):
                    await self._event.wait()

    async def _learn(self, config: DevicesConfig, listener: "traps.Listener") -> None:
        """Make known to the listener what devices send with."""
        known = self._known
        wanted: set[tuple[str, bytes | None]] = {(name, None) for name in config.credentials}
        wanted |= {(one.credential, one.engine_id) for one in self._devices() if one.credential and one.engine_id}
        for name, engine_id in sorted(wanted - known, key=lambda one: (one[0], one[1] or b"")):
            try:
                credential = await self._keyring.credential(name)
            except (AgentError, OSError) as error:
                log.warning("traps of a credential are not heard", extra={"credential": name, "reason": str(error)})
                continue
            known.add((name, engine_id))
            if engine_id is None or isinstance(credential, User):
                listener.know(credential, engine_id)

    def _heard(self, trap: "traps.Trap") -> None:
        kind = news.kind_of(trap.trap)
        if kind is None:
            return
        for device in self._senders(trap):
            device.news(kind)
            log.info("trap", extra={"kind": kind, "address": trap.source, "device": device.held.source_id})

    def _senders(self, trap: "traps.Trap") -> Sequence[Device]:
        """Return the devices that a trap is from: by its snmpEngineID, else by the addresses that it names."""
        engine_id = trap.engine_id
        if signed := [device for device in self._devices() if engine_id and device.engine_id == engine_id]:
            return signed
        return next((found for address in news.senders(trap) if (found := self._at(address))), [])
