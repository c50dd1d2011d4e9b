"""The devices that this agent speaks for: one thread with one loop that polls, hears, looks around and reports.

Source: design section 4; docs/devices.md.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from driftline_agent import files, heap
from driftline_agent.devices.runtime import outbox as outboxes
from driftline_agent.devices.runtime import schedule
from driftline_agent.devices.runtime.device import Device, Surroundings
from driftline_agent.devices.runtime.hearing import Hearing
from driftline_agent.devices.runtime.hearsay import Hearsay, Neighbours
from driftline_agent.devices.runtime.keyring import Keyring
from driftline_agent.devices.runtime.leases import Change, Held, Leases
from driftline_agent.devices.runtime.looking import Looking
from driftline_agent.devices.runtime.outbox import Outbox
from driftline_agent.devices.runtime.post import Delivered, Post
from driftline_agent.devices.settings import config as configs
from driftline_agent.devices.settings.config import DevicesConfig
from driftline_agent.devices.settings.secrets import Secrets
from driftline_agent.devices.topic import all_topics
from driftline_agent.errors import AgentError, HeldError
from driftline_agent.inventory import milliseconds
from driftline_agent.transport import Connection

log = logging.getLogger(__name__)

#: How often the file is looked at, s.
FILE_S = 5.0
#: How often what freed memory is given back, s.
_TRIM_S = 60.0
#: A collector that cannot be reached is asked for leases again after so long, s; and one that refuses.
_RETRY_S, _MOST_RETRY_S = 5.0, 120.0
_LEASES = "leases"


class Devices:
    """Runs until :meth:`stop`. `limitations` may be read by any thread.

    :param path: the agent's own file of devices.
    :param folder: for what is remembered of them.
    :param key: seals secret values, 32 bytes.
    :param connect: opens a connection to the collector.
    """

    def __init__(self, path: Path, folder: Path, key: bytes, connect: Callable[[], Connection]) -> None:
        self._path, self._folder, self._key, self._connect = path, folder, key, connect
        self._thread = threading.Thread(target=self._main, name="devices", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._file = ""
        self._running: _Running | None = None

    def start(self) -> None:
        """Start; a file that cannot be used is waited for."""
        self._thread.start()

    def stop(self, seconds: float = 2.0) -> None:
        """Stop; what was polled and not stored is stored."""
        loop, task = self._loop, self._task
        if loop is not None and task is not None:
            try:
                loop.call_soon_threadsafe(task.cancel)
            except RuntimeError:
                return  # it has ended already
            self._thread.join(seconds)

    def limitations(self) -> list[str]:
        """Say in words what is not as it should be."""
        running = self._running
        return [words for words in (self._file, running.hearing.limitation if running else "") if words]

    def _main(self) -> None:
        try:
            asyncio.run(self._run())
        except asyncio.CancelledError:
            pass
        except Exception:  # the boundary of the thread
            log.exception("devices are not read any more")
            self._file = "devices are not read any more because of an error in the agent; see its log"

    async def _run(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        seen: object = None
        while True:
            now = _signature(self._path)
            if now != seen:
                seen = now
                await self._load()
            await asyncio.sleep(FILE_S)

    async def _load(self) -> None:
        try:
            config = await asyncio.to_thread(configs.load, self._path)
            configs.take_profiles(config)
        except (AgentError, OSError) as error:
            kept = "; what it said before stays" if self._running else ""
            self._file = f"{error}{kept}"[:500]
            log.error("file of devices cannot be used", extra={"reason": str(error)})
            return
        self._file = ""
        if self._running is None:
            files.private_folder(self._folder)
            self._running = _Running(config, self._folder, self._key, self._connect)
            await self._running.begin()
        else:
            log.info("file of devices read anew")
            await self._running.configure(config)


def _signature(path: Path) -> object:
    try:
        found = path.stat()
    except OSError as error:
        return error.errno
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode


@dataclass(slots=True)
class _Polled:
    """A device with what polls it."""

    device: Device
    task: asyncio.Task[None]


class _Running:
    """What runs once there is a file that can be used."""

    def __init__(self, config: DevicesConfig, folder: Path, key: bytes, connect: Callable[[], Connection]) -> None:
        self._config, self._folder, self._connect = config, folder, connect
        self._leases = Leases(config)
        self._polled: dict[str, _Polled] = {}
        self._by_address: dict[str, list[Device]] = {}
        self._post = Post(connect, self._delivered, lambda: self._config.site)
        self._secrets = Secrets(config)
        self._around = Surroundings(
            Keyring(self._secrets),
            config.limits,
            asyncio.Semaphore(config.limits.concurrent),
            asyncio.Semaphore(config.limits.concurrent),
            all_topics(),
            key,
            self._post.put,
            self._told,
            self._heard_of,
        )
        self._hearsay = Hearsay(config.discovery)
        self.hearing = self._new_hearing()
        self._looking = self._new_looking()
        self._ask = asyncio.Event()
        self._cleared = False
        self._lasting: list[asyncio.Task[None]] = []
        self._configured: list[asyncio.Task[None]] = []

    def _new_hearing(self) -> Hearing:
        return Hearing(
            self._around.keyring,
            self._at,
            lambda: [one.device for one in self._polled.values()],
        )

    def _new_looking(self) -> Looking:
        return Looking(self._config, self._secrets, self._post.sighted, self._answering, self._hearsay.swept)

    async def begin(self) -> None:
        """Take up what was held before a restart, and start everything."""
        data = files.read_private(self._folder / _LEASES)
        if data:
            await self._follow(self._leases.recall(data))
        self._lasting = [
            self._lasts("post", self._post.run()),
            self._lasts("leases", self._hold_leases()),
            self._lasts("heap", self._trim()),
        ]
        self._start_configured()

    def _lasts(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(_log_end)
        return task

    def _start_configured(self) -> None:
        if self._config.traps is not None:
            self._configured.append(self._lasts("traps", self.hearing.run(self._config, self._config.traps)))
        self._configured.append(self._lasts("answering", self._looking.at_targets()))
        if self._config.discovery is not None:
            self._configured.append(self._lasts("discovery", self._looking.discover(self._config.discovery)))

    async def configure(self, config: DevicesConfig) -> None:
        """Go on with another file."""
        for task in self._configured:
            task.cancel()
        await asyncio.gather(*self._configured, return_exceptions=True)
        self._configured.clear()
        self._config, self._secrets = config, Secrets(config)
        self._hearsay.follow(config.discovery)
        around = self._around
        around.keyring, around.limits = Keyring(self._secrets), config.limits
        around.slots = asyncio.Semaphore(config.limits.concurrent)
        around.doubtful = asyncio.Semaphore(config.limits.concurrent)
        self.hearing, self._looking = self._new_hearing(), self._new_looking()
        await self._follow(self._leases.configure(config))
        self._start_configured()
        self._ask.set()

    # leases

    async def _hold_leases(self) -> None:
        retry_s = _RETRY_S
        while True:
            self._ask.clear()
            wait_s = retry_s
            try:
                wait_s = await self._ask_for_leases()
                retry_s = _RETRY_S
            except HeldError as error:
                wait_s = float(error.after_s)
            except (AgentError, OSError) as error:
                log.warning("no leases, will try again", extra={"reason": str(error)})
                self._leases.forget_what_was_said()
                retry_s = min(retry_s * 2, _MOST_RETRY_S)
            try:
                async with asyncio.timeout(wait_s):
                    await self._ask.wait()
                await asyncio.sleep(1.0)  # what asks for it may ask for more
            except TimeoutError:
                pass

    async def _ask_for_leases(self) -> float:
        request = self._leases.request()

        def exchange() -> Any:
            with self._connect() as connection:
                return connection.lease_devices(request)

        reply = await self._post.work(exchange)
        first, self._cleared = not self._cleared, True
        refused = self._leases.refused
        change = self._leases.take(request, reply)
        for address, reason in self._leases.refused.items():
            if refused.get(address) != reason:
                log.info("device not leased", extra={"address": address, "reason": reason})
        if change.taken or change.lost:
            remembered = self._leases.remembered()
            await self._post.work(lambda: files.write_private(self._folder / _LEASES, remembered))
        await self._follow(change)
        if first:
            await self._post.work(lambda: outboxes.clear(self._folder, self._polled.keys()))
        return float(self._leases.call_after_s)

    async def _follow(self, change: Change) -> None:
        """Speak for the devices that leases are held for, and for no others."""
        for source_id in change.lost:
            await self._drop(source_id)
        fresh = [held for held in change.taken if held.source_id not in self._polled]
        started = time.monotonic()
        offsets = schedule.offsets(len(fresh), min((held.interval_s for held in fresh), default=1))
        for held, offset_s in zip(fresh, offsets, strict=True):
            await self._speak_for(held, started + offset_s)
        for held in change.taken:
            device = self._polled[held.source_id].device
            if device.held != held:
                device.moved(held)
                await self._post.work(lambda o=device.outbox, g=held.generation: o.hold(g))  # type: ignore[misc]  # bound now
                if device.outbox.waits:
                    self._post.waits(device.outbox)
        self._index()
        for source_id in change.read_now:
            self._polled[source_id].device.read_now()
        if change.taken or change.lost:
            log.info("speaks for devices", extra={"devices": str(len(self._polled))})

    async def _speak_for(self, held: Held, first_at: float) -> None:
        outbox = await self._post.work(lambda: self._outbox(held))
        device = Device(held, outbox, self._around)
        self._polled[held.source_id] = _Polled(device, self._lasts(f"device {held.source_id}", device.run(first_at)))
        if outbox.waits:
            self._post.waits(outbox)

    def _outbox(self, held: Held) -> Outbox:
        return Outbox(self._folder / held.source_id, held.source_id, held.generation, self._around.topics)

    async def _drop(self, source_id: str) -> None:
        gone = self._polled.pop(source_id)
        gone.task.cancel()
        await asyncio.gather(gone.task, return_exceptions=True)
        self._post.forget(gone.device.outbox)
        await self._post.work(gone.device.outbox.forget)

    def _index(self) -> None:
        self._by_address = {}
        for one in self._polled.values():
            self._by_address.setdefault(one.device.held.place.address, []).append(one.device)

    def _at(self, address: str) -> Sequence[Device]:
        """Return the devices that are read at an address, else those that have it."""
        if found := self._by_address.get(address):
            return found
        return [one.device for one in self._polled.values() if address in one.device.addresses]

    # what the others tell

    def _heard_of(self, found: Neighbours) -> None:
        sightings = self._hearsay.sightings(found, lambda address: bool(self._at(address)), milliseconds())
        if sightings:
            self._post.sighted(sightings)

    def _told(self, device: Device, reason: str, answered: bool) -> None:
        source_id = device.held.source_id
        self.hearing.learnt(device)
        if reason and self._leases.problems().get(source_id) != reason:
            log.warning("device not read", extra={"device": device.held.place.address, "reason": reason})
        if answered:
            self._leases.answered(source_id, milliseconds(), reason)
        else:
            self._leases.failed(source_id, milliseconds(), reason)

    def _delivered(self, done: Delivered) -> None:
        for source_id, names in done.wanted.items():
            if source_id in self._polled:
                self._polled[source_id].device.want(names)
        if done.refused:
            self._leases.forget_what_was_said()
            self._ask.set()

    def _answering(self, found: Sequence[Any]) -> None:
        self._leases.found(found)
        self._ask.set()

    async def _trim(self) -> None:
        while True:
            await asyncio.sleep(_TRIM_S)
            heap.trim()


def _log_end(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("a task ended", extra={"task": task.get_name()}, exc_info=task.exception())
