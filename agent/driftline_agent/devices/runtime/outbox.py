"""What a device has to report: its folder with memory and spool, and its own numbering. Used by one thread.

Source: design section 4; collector.proto (Stamp.device, Stamp.lease).
"""

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from driftline.v1.collector_pb2 import HostClaims, Section
from driftline.v1.utilization_pb2 import UtilizationBatch
from driftline_agent import files, memory
from driftline_agent import state as states
from driftline_agent.reporter import Reporter
from driftline_agent.spool import SECTIONS, Spool
from driftline_agent.state import Known
from driftline_agent.transport import Connection

#: What a device's reports may take on the disk while no collector is there: half a day of a large switch.
SPOOL_BYTES = 4 << 20
_CLAIMS = "claims"


@dataclass(frozen=True, slots=True)
class Finished:
    """What of a poll is to be reported."""

    sections: Sequence[Section] = ()
    batch: UtilizationBatch | None = None
    #: A serialized HostClaims; None where it is as before.
    claims: bytes | None = None
    #: Names of sections that go out though they did not change.
    always: Collection[str] = field(default_factory=frozenset)


class Outbox:
    """The reports of one device.

    :param folder: of this device; made where it is not there.
    :param topics: names of the topics that there are: of others nothing is said any more.
    """

    def __init__(self, folder: Path, source_id: str, generation: int, topics: Collection[str]) -> None:
        self.source_id = source_id
        self._folder = files.private_folder(folder)
        state = states.load(folder)
        state.sections = {name: known for name, known in state.sections.items() if name in topics}
        self._claims = HostClaims.FromString(files.read_private(folder / _CLAIMS) or b"")
        self._spool = Spool(folder / "spool", SPOOL_BYTES)
        fresh = not state.epoch
        self._reporter = Reporter(folder, state, self._spool, lambda: self._claims, source_id)
        if fresh:
            state.lease = generation
            self._reporter.save()
        self.hold(generation)
        #: When each section was read last before this process began, ms since 1970; only of those that could be read.
        self.read_at_ms = {name: one.attempted_at_ms for name, one in state.sections.items() if not one.unreadable}

    def hold(self, generation: int) -> None:
        """Go on under a lease. Another generation is another epoch.

        Where the generation is the next one, no other agent spoke for the device meanwhile, and what waits is good;
        otherwise what waits is older than what another one reported.
        """
        state = self._reporter.state
        if state.lease == generation:
            return
        if generation != state.lease + 1:
            for entry in self._spool.entries():
                if entry.kind == SECTIONS:
                    self._spool.drop(entry)
            state.sections.clear()
        state.lease = generation
        self._reporter.begin_anew("lease", f"generation {generation} of the lease")

    @property
    def waits(self) -> bool:
        """Whether something is to be sent."""
        return bool(self._spool.entries())

    @property
    def asked(self) -> set[str]:
        """Topics that the collector asks for, each time once; ``*`` is all."""
        asked, self._reporter.asked = self._reporter.asked, set()
        return asked

    def put(self, finished: Finished) -> None:
        """Store what a poll brought, as far as it is news.

        :raises OSError: where the disk does not take it; then it counts as not read.
        """
        if finished.claims is not None and finished.claims != self._claims.SerializeToString(deterministic=True):
            files.write_private(self._folder / _CLAIMS, finished.claims)
            self._claims = HostClaims.FromString(finished.claims)
        state = self._reporter.state
        before = {name: replace(known) for name, known in state.sections.items()}
        news = [
            section
            for section in finished.sections
            if memory.remember(state.sections.setdefault(section.name, Known()), section)
            or section.name in finished.always
        ]
        try:
            self._reporter.put_sections(news)
            if finished.batch is not None:
                self._reporter.put_utilization(finished.batch)
            self._reporter.save()
        except OSError:
            state.sections.clear()
            state.sections.update(before)
            raise

    def report(self, connection: Connection) -> set[str]:
        """Send all that waits; return the names of the sections that the collector lacks.

        :raises driftline_agent.errors.TransportError: where a report got no receipt.
        """
        return self._reporter.report(connection)

    def forget(self) -> None:
        """Remove all that is kept of the device: another agent speaks for it."""
        shutil.rmtree(self._folder, ignore_errors=True)


def clear(folder: Path, held: Collection[str]) -> None:
    """Remove what is kept of devices that this agent speaks for no more.

    :param folder: that has a folder of each device.
    """
    for path in folder.iterdir():
        if path.is_dir() and path.name not in held:
            shutil.rmtree(path, ignore_errors=True)
