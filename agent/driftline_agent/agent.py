"""The running agent: reads, samples, watches, and checks in; each by its own clock, one at a time on the spool.

Source: design section 4.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from apscheduler.executors.pool import ThreadPoolExecutor  # type: ignore[import-untyped]  # has no types
from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]  # has no types
from apscheduler.triggers.date import DateTrigger  # type: ignore[import-untyped]  # has no types
from apscheduler.triggers.interval import IntervalTrigger  # type: ignore[import-untyped]  # has no types

from driftline.v1.collector_pb2 import Section
from driftline_agent import claims, files, heap, inventory, leaving, machine, memory
from driftline_agent import state as states
from driftline_agent.config import Config
from driftline_agent.errors import AgentError, DividedError, HeldError, RefusedError
from driftline_agent.evidence import witnesses
from driftline_agent.evidence.collect import collect as collect_evidence
from driftline_agent.evidence.witnesses import Witnesses
from driftline_agent.host import Host
from driftline_agent.identity import enrolment
from driftline_agent.identity.store import Identity
from driftline_agent.inputs import Inputs
from driftline_agent.inventory import Result
from driftline_agent.reporter import Reporter
from driftline_agent.spool import Spool
from driftline_agent.state import Known, State
from driftline_agent.texts import Texts
from driftline_agent.topic import Topic
from driftline_agent.transport import Connection
from driftline_agent.utilization.sampler import Sampler
from driftline_agent.watch import Watcher

if TYPE_CHECKING:
    from driftline_agent.devices.runtime.service import Devices

log = logging.getLogger(__name__)

#: Topics whose change may have evidence in the package managers' logs.
_PACKAGES = frozenset({"dpkg", "rpm", "pacman"})
#: How often, in seconds, a source that is being changed is looked at again, and how long before it is given up on
#: until the next inventory.
BUSY_STEP, BUSY_LIMIT = 1.0, 900.0
_FIRST_RETRY, _LAST_RETRY = 2.0, 300.0
_FIRST_SAMPLE = 3.0
_DOUBTFUL = 5
_PATIENCE_S = 10.0
_MAX_LIMITATIONS = 20


class Agent:
    """One agent with its state folder. Its jobs run in threads; `stop` ends them.

    :param identity: as enrolled.
    """

    def __init__(self, config: Config, identity: Identity, host: Host | None = None) -> None:
        self._config, self._identity = config, identity
        self._host = host or Host(
            readable=config.readable_roots,
            watchlist=config.watchlist,
            choices=config.choices,
            settings=config.settings,
        )
        self._topics = inventory.settled(inventory.select(config.topics), self._host)
        folder = files.private_folder(config.state)
        self._key = states.sealing_key(folder)
        self._inputs = Inputs(folder, self._key)
        state = states.load(folder)
        spool = Spool(folder / "spool", config.spool_bytes)
        state = self._of_this_machine(folder, state, spool)
        state.sections = {name: known for name, known in state.sections.items() if name in self._topics}
        self.reporter = Reporter(folder, state, spool, lambda: claims.read_claims(self._host))
        self._texts = Texts(self._host, self._key, folder)
        self.sampler = Sampler(self._host)
        self._lock = threading.Lock()
        self._busy: dict[str, float] = {}
        self._quiet_until_ms: dict[str, int] = {}
        self._witnessed = Witnesses()
        self._failures = 0
        self._come_back_s = 0
        self._reporting = False
        self._stopping = threading.Event()
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(3)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._inventory_s = config.intervals.inventory_s
        self._watcher: Watcher | None = None
        self._devices: Devices | None = None

    def _of_this_machine(self, folder: Path, state: State, spool: Spool) -> State:
        """Return the state as it is for this machine: of another one's nothing but the identity is taken over."""
        now = machine.pieces(self._host, self._key, claims.read_claims(self._host))
        other = machine.differing(state.machine, now)
        if other:
            log.warning("other hardware: not the machine that this state is of", extra={"differs": ",".join(other)})
            spool.clear()
            fresh = State(epoch=state.epoch, machine=now)
            fresh.new_epoch("other hardware")
            state = fresh
        known = machine.merged(state.machine, now)
        if other or known != state.machine:
            state.machine = known
            if state.epoch:  # else the reporter begins the first one, and saves
                states.save(folder, state)
        return state

    # reading

    def read(self, names: Iterable[str] | None = None, always: bool = False) -> set[str]:
        """Read topics and put what changed into the spool, with its evidence; return the names that were read.

        :param names: all by default.
        :param always: also what did not change: the collector lacks it.
        """
        chosen = self._topics if names is None else {n: t for n, t in self._topics.items() if n in set(names)}
        with self._lock:
            return self._read(chosen, always)

    def _read(self, chosen: dict[str, Topic], always: bool) -> set[str]:
        done: set[str] = set()
        state = self.reporter.state
        if not always:
            chosen = self._without_held_back(chosen)
        before = {name: replace(state.sections[name]) for name in chosen if name in state.sections}
        position = dict(state.evidence)
        sections: list[Section] = []
        for result in inventory.take(self._host, self._key, chosen):
            if self._stopping.is_set():
                return done
            if self._postponed(result):
                continue
            done.add(result.name)
            held_until_ms = self._quiet_until_ms.pop(result.name, 0)
            if result.reading is not None and result.reading.unwatched:
                held_until_ms = 0
            if result.reading is not None:
                self._inputs.note(result.section, result.reading)
            changed = memory.remember(state.sections.setdefault(result.name, Known()), result.section, held_until_ms)
            if changed or always:
                sections.append(result.section)
            if result.section.reason and changed:
                log.warning("topic not read whole", extra={"topic": result.name, "reason": result.section.reason})
        transactions = []
        if _PACKAGES & chosen.keys() and not _PACKAGES & self._busy.keys():
            transactions = collect_evidence(self._host, state.evidence, inventory.milliseconds())
        texts = self._texts.fresh() if "files" in chosen and any(one.name == "files" for one in sections) else []
        try:
            self.reporter.put_sections(sections, transactions, texts=texts)
            self.reporter.save()
        except OSError:
            # A full disk: what was not stored must count as not read, or it would never be reported.
            self.reporter.state.sections.update(before)
            state.evidence = position
            raise
        self._witness(sections)
        if sections:
            log.info("changed", extra={"sections": ",".join(section.name for section in sections)})
        return done

    def _witness(self, sections: Iterable[Section]) -> None:
        """Have it looked up soon who was there when these sections changed; a first reading is no change."""
        begun = [section.previous_observed_at_ms for section in sections if section.previous_digest]
        if begun:
            self._witnessed.expect(min(begun))
            self._at("witnesses", self._witnessed.wait(time.monotonic()), self.witnesses)

    def witnesses(self) -> None:
        """Report who was there when something changed; and once more later, when what went on then has ended."""
        self._guard(self._report_witnesses)
        if self.reporter.spool.entries() and not self._failures:
            self.check_in(utilization=False)
        if self._witnessed.pending:
            self._at("witnesses", witnesses.FOLLOW_S, self.witnesses)

    def _report_witnesses(self) -> None:
        found = self._witnessed.take(self._host, inventory.milliseconds(), time.monotonic())
        with self._lock:
            transactions = (
                []
                if self._busy
                else collect_evidence(self._host, self.reporter.state.evidence, inventory.milliseconds())
            )
            self.reporter.put_sections((), transactions, found)
            self.reporter.save()

    def _without_held_back(self, chosen: dict[str, Topic]) -> dict[str, Topic]:
        """Return the topics that may be read now: while a package manager works, only those never read before."""
        known = {name for name in chosen if name in self.reporter.state.sections}
        if not any(topic.busy(self._host) for topic in self._topics.values()):
            for name in known:
                self._busy.pop(name, None)
            return chosen
        now = time.monotonic()
        for name in known:
            self._busy.setdefault(name, now)
        if not self._busy or now - min(self._busy.values()) > BUSY_LIMIT:
            return chosen
        self._at("busy", BUSY_STEP, self.read_busy)
        return {name: topic for name, topic in chosen.items() if name not in known}

    def _postponed(self, result: Result) -> bool:
        if not result.busy:
            self._busy.pop(result.name, None)
            return False
        since = self._busy.setdefault(result.name, time.monotonic())
        if time.monotonic() - since > BUSY_LIMIT:
            del self._busy[result.name]
            return False
        self._at("busy", BUSY_STEP, self.read_busy)
        return True

    def read_busy(self) -> None:
        """Look again at the sources that were being changed."""
        with self._lock:
            names = set(self._busy)
        if names:
            self.changed(names)

    def noticed(self, seen: Mapping[str, int]) -> set[str]:
        """Take up what the watcher saw; return the names of the topics that were read.

        :param seen: topics, each with the host time until which nothing was seen of it, ms: until then, what was read
            last still held.
        """
        blind = self._watcher.blind if self._watcher is not None else {}
        with self._lock:
            for name, since_ms in seen.items():
                if self._topics[name].watched_whole and name not in blind:
                    self._quiet_until_ms.setdefault(name, since_ms)
            # What waits for a lock may be read now: its release is what the watcher sees.
            names = seen.keys() | self._busy.keys()
        return self.changed(names)

    def changed(self, names: Iterable[str]) -> set[str]:
        """Read topics whose sources changed, and report at once where there is something to; return what was read."""
        done: set[str] = set()
        self._guard(lambda: done.update(self.read(names)))
        if self.reporter.spool.entries() and not self._failures:
            self.check_in(utilization=False)
        return done

    def unwatched(self) -> None:
        """Read what the watcher cannot see, because a limit of the kernel is in the way."""
        blind = self._watcher.blind if self._watcher is not None else {}
        if blind:
            self.changed(blind)

    # reporting

    def check_in(self, utilization: bool = True) -> None:
        """Report what waits and obey the instructions; never raises what a collector or a network can cause."""
        with self._lock:
            if self._stopping.is_set():
                return
            self._come_back_s = 0
            done = self._guard(lambda: self._check_in(utilization))
            self._failures = 0 if done else self._failures + 1
        instructions = self.reporter.instructions
        if self._come_back_s:
            wait = self._come_back_s * random.uniform(0.9, 1.1)  # noqa: S311  # no secret
        elif not done:
            wait = min(_LAST_RETRY, _FIRST_RETRY * 2 ** min(self._failures - 1, 10)) * random.uniform(0.5, 1.0)  # noqa: S311  # no secret
        elif instructions.check_in_after_s:
            wait = min(max(instructions.check_in_after_s, 1), 86400)
        else:
            wait = self._config.intervals.check_in_s * random.uniform(0.9, 1.1)  # noqa: S311  # no secret
        if utilization or not done:
            self._at("check-in", wait, self.check_in)
        if done:
            self._obey(instructions.inventory_interval_s)

    def _check_in(self, utilization: bool) -> None:
        self.reporter.limitations = self._limitations()
        if utilization:
            self.reporter.put_utilization(self.sampler.take())
        try:
            self._renew_if_due()
            self._exchange()
        except DividedError as error:
            self._get_own(str(error))
            self._exchange()

    def _get_own(self, words: str) -> None:
        """Get an identity of its own: others hold this one too."""
        state = self.reporter.state
        self._identity = enrolment.own(
            self._config.state,
            self._identity,
            state.epoch,
            bytes.fromhex(state.continuation),
            claims.read_claims(self._host),
        )
        self.reporter.begin_anew("own identity", words)

    def _connect(self) -> Connection:
        identity = self._identity
        address = self._config.report or identity.report_address
        return Connection(address, identity.root, identity.key, identity.chain)

    def _exchange(self) -> None:
        with self._connect() as connection:
            wanted = self.reporter.report(connection)
            asked, self.reporter.asked = self.reporter.asked, set()
            wanted = set(self._topics) if "*" in asked else (wanted | asked) & self._topics.keys()
            if wanted:
                self._read({name: self._topics[name] for name in sorted(wanted)}, always=True)
                self.reporter.report(connection)
            if self._texts.exchange(connection, self.reporter.state.epoch):
                heap.trim()
        if not self._reporting:
            self._reporting = True
            identity = self._identity
            address = self._config.report or identity.report_address
            log.info("reporting", extra={"collector": address, "source": identity.source_id})

    def _renew_if_due(self) -> None:
        identity = self._identity
        # A handshake that is refused says only "socket closed": by this host's clock the certificate may be good and by
        # the collector's over. So each fifth failure in a row tries the enrol port.
        doubtful = self._failures > 0 and self._failures % _DOUBTFUL == 0
        if identity.expired():
            self._identity = enrolment.renew(self._config.state, identity)
        elif identity.due() or doubtful:
            try:
                self._identity = enrolment.renew(self._config.state, identity)
            except DividedError:
                raise
            except AgentError as error:  # it may still be good; if not, the report fails too and says why
                log.warning("not renewed yet", extra={"reason": str(error)})

    def _limitations(self) -> list[str]:
        """Say in words what this agent does worse than it should, for the collector."""
        topics: dict[str, list[str]] = {}
        for name, reason in (self._watcher.blind if self._watcher is not None else {}).items():
            topics.setdefault(reason, []).append(name)
        every = self._config.intervals.unwatched_s
        unseen = [
            f"{reason}: {', '.join(sorted(names))} may change unseen between readings every {every} s"
            for reason, names in sorted(topics.items())
        ]
        of_devices = self._devices.limitations() if self._devices is not None else []
        return [words[:500] for words in [*of_devices, *unseen]][:_MAX_LIMITATIONS]

    def _obey(self, inventory_interval_s: int) -> None:
        wish = inventory_interval_s or self._config.intervals.inventory_s
        wish = min(max(wish, 60), 86400)
        if wish != self._inventory_s:
            self._inventory_s = wish
            self._every("inventory", wish, wish / 10, self.inventory)

    def _full(self) -> None:
        done: set[str] = set()
        self._guard(lambda: done.update(self.read()))
        heap.trim()

    def inventory(self) -> None:
        """Read everything, and report what changed."""
        self.changed(set(self._topics))
        heap.trim()

    def _guard(self, work: Callable[[], None]) -> bool:
        """Do one thing; what goes wrong is logged, and the agent goes on."""
        try:
            work()
        except HeldError as error:
            self._come_back_s = error.after_s
            log.warning("not taken yet", extra={"reason": str(error)})
        except RefusedError as error:
            log.error("refused", extra={"reason": str(error)})
        except (AgentError, OSError) as error:
            log.warning("failed, will try again", extra={"reason": str(error)})
        except Exception:  # the boundary of one job
            log.exception("failed unexpectedly")
        else:
            return True
        return False

    # clocks

    def _at(self, name: str, seconds: float, work: Callable[[], None]) -> None:
        if not self._stopping.is_set():
            trigger = DateTrigger(datetime.now(UTC) + timedelta(seconds=seconds))
            self._scheduler.add_job(work, trigger, id=name, replace_existing=True)

    def _every(self, name: str, seconds: float, jitter: float, work: Callable[[], None]) -> None:
        self._scheduler.add_job(work, IntervalTrigger(seconds=seconds, jitter=jitter), id=name, replace_existing=True)

    def start(self) -> None:
        """Start the clocks; what there is to read and to report at first is done by their threads."""
        self.sampler.sample()
        self._scheduler.start()
        self._at("check-in", 0, self._first)
        if self._config.devices is not None:
            from driftline_agent.devices.runtime.service import (
                Devices,  # asyncio, which an agent without devices needs not
            )

            folder = self._config.state / "devices"
            self._devices = Devices(self._config.devices, folder, self._key, self._connect)
            self._devices.start()

    def _first(self) -> None:
        # From before the inventory on, so that nothing that changes meanwhile is missed.
        if self._config.watch:
            self._watcher = Watcher(self._topics, self.noticed, self._host)
            self._watcher.start()
            self._watcher.ready.wait(_PATIENCE_S)
            unwatched_s = self._config.intervals.unwatched_s
            self._every("unwatched", unwatched_s, unwatched_s / 10, self.unwatched)
        self._full()
        self.check_in(utilization=False)
        self._every("inventory", self._inventory_s, self._inventory_s / 10, self.inventory)
        self._every("sample", self._config.intervals.sample_s, 0.5, self.sampler.sample)
        # Rates over less than some seconds would show nothing but this start.
        self._at("check-in", _FIRST_SAMPLE, self._first_utilization)

    def _first_utilization(self) -> None:
        self.sampler.sample()
        self.check_in()

    def leave(self) -> None:
        """Tell the collector that this agent stops, after `stop`; nothing where it has not reported."""
        if self._reporting:
            identity = self._identity
            address = self._config.report or identity.report_address
            connection = Connection(address, identity.root, identity.key, identity.chain, leaving.PATIENCE_S)
            leaving.tell(connection, leaving.why(self._host), inventory.milliseconds())

    def stop(self) -> None:
        """Stop soon; what was sampled and not sent goes into the spool.

        Threads are left where they are: whoever calls this ends the process, and nothing they do needs an orderly end.
        """
        self._stopping.set()
        if self._watcher is not None:
            self._watcher.stop()
        if self._devices is not None:
            self._devices.stop()
        if self._lock.acquire(timeout=1):
            try:
                batch = self.sampler.take()
                if batch.series:
                    self._guard(lambda: self.reporter.put_utilization(batch))
            finally:
                self._lock.release()
