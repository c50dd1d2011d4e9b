"""Gets reports to the collector: stamps what waits in the spool, sends it in order, keeps what has no receipt.

Source: design section 4 (continuation, idempotency), collector.proto (Stamp).
"""

import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from driftline.v1.collector_pb2 import (
    AnnounceRequest,
    Evidence,
    FileText,
    HostClaims,
    Instructions,
    Manifest,
    Receipt,
    Section,
    SectionDigest,
    Stamp,
    SubmitRequest,
    SubmitUtilizationRequest,
    Transaction,
)
from driftline.v1.utilization_pb2 import UtilizationBatch
from driftline_agent import __version__, machine
from driftline_agent import state as states
from driftline_agent.errors import DiscontinuedError, RejectedError
from driftline_agent.spool import SECTIONS, Entry, Spool
from driftline_agent.state import State
from driftline_agent.transport import Connection

log = logging.getLogger(__name__)

#: Serialized sections that go into one request; the wire's limit is 4 MiB.
MAX_REQUEST = (3 << 20) + (1 << 18)


class Reporter:
    """One source's side of the report port. Not safe for several threads: the agent holds its lock around it.

    :param device: the source where that is a device, for which `state.lease` is held; empty for the agent's own host.
    """

    def __init__(
        self, folder: Path, state: State, spool: Spool, claims: Callable[[], HostClaims], device: str = ""
    ) -> None:
        self._folder, self._claims, self._device = folder, claims, device
        self.state = state
        self.spool = spool
        if not state.epoch:
            state.new_epoch()
            self.save()
        #: Of the last reply; empty before the first.
        self.instructions = Instructions()
        #: Topics that the collector asked for and that were not read for it yet; ``*`` is all.
        self.asked: set[str] = set()
        #: What the agent does worse than it should, in words: kernel limits and the like.
        self.limitations: list[str] = []
        self._announced = False

    def save(self) -> None:
        """Store the state."""
        states.save(self._folder, self.state)

    def manifest(self) -> Manifest:
        """Return what the sections were, as last read."""
        known = self.state.sections
        return Manifest(
            sections=[
                SectionDigest(name=name, digest=b"" if known[name].unreadable else bytes.fromhex(known[name].digest))
                for name in sorted(known)
            ],
            observed_at_ms=min((section.attempted_at_ms for section in known.values()), default=0),
            limitations=self.limitations,
        )

    def put_sections(
        self,
        sections: Iterable[Section],
        transactions: Iterable[Transaction] = (),
        evidence: Iterable[Evidence] = (),
        texts: Iterable[FileText] = (),
    ) -> None:
        """Put sections and evidence into the spool, as many requests as their size asks for.

        :param texts: of files that the sections say to be new, :data:`texts.MAX_SUBMITTED` bytes at most.

        :raises OSError: where the disk does not take it.
        """
        request = SubmitRequest(transactions=transactions, evidence=evidence)
        size, filled = request.ByteSize(), bool(request.transactions or request.evidence)
        for section in sections:
            if filled and size + section.ByteSize() > MAX_REQUEST:
                self.spool.put(SECTIONS, request.SerializeToString())
                request, size = SubmitRequest(), 0
            request.sections.append(section)
            size += section.ByteSize()
            filled = True
        if filled:
            request.texts.extend(texts)
            self.spool.put(SECTIONS, request.SerializeToString())

    def put_utilization(self, batch: UtilizationBatch) -> None:
        """Put a batch into the spool; an empty one only where nothing else waits: it then is the sign of life."""
        if batch.series or not self.spool.entries():
            self.spool.put("utilization", SubmitUtilizationRequest(batch=batch).SerializeToString())

    def report(self, connection: Connection) -> set[str]:
        """Send all that waits, in order. Return the names of the sections that the collector lacks.

        :raises driftline_agent.errors.TransportError: where a report got no receipt; it and what follows stay.
        """
        wanted: set[str] = set()
        for attempt in range(2):
            try:
                if not self._announced:
                    wanted |= self._announce(connection)
                for entry in self.spool.entries():
                    lacking, sent = self._send(connection, entry)
                    wanted = (wanted | lacking) - sent
                break
            except DiscontinuedError as error:
                if attempt:
                    raise
                self.begin_anew("discontinued", str(error))
        return wanted

    def begin_anew(self, reason: str, words: str) -> None:
        """Begin a new epoch, and show the manifest before the next report.

        :param reason: as the collector is told.
        :param words: for the log.
        """
        log.warning("new epoch", extra={"reason": words})
        self.state.new_epoch(reason)
        self.save()
        self._announced = False

    def _announce(self, connection: Connection) -> set[str]:
        stamp = self._stamp(self.state.sequence)
        reply = connection.announce(AnnounceRequest(stamp=stamp, manifest=self.manifest(), claims=self._claims()))
        self._announced = True
        self._instruct(reply.instructions)
        return set(reply.wanted)

    def _stamp(self, sequence: int) -> Stamp:
        return Stamp(
            epoch=self.state.epoch,
            sequence=sequence,
            continuation=bytes.fromhex(self.state.continuation),
            sent_at_ms=time.time_ns() // 1_000_000,
            agent_version=__version__,
            previous_epoch=self.state.previous_epoch,
            machine=machine.digest(self.state.machine),
            begun_for=self.state.begun_for,
            device=self._device,
            lease=self.state.lease,
        )

    def _send(self, connection: Connection, entry: Entry) -> tuple[set[str], set[str]]:
        """Send one entry. Return what the collector lacks, and the names of the sections that it now has."""
        kind = SubmitRequest if entry.kind == SECTIONS else SubmitUtilizationRequest
        request = kind.FromString(self.spool.read(entry))
        if request.stamp.epoch == self.state.epoch and request.stamp.sequence <= self.state.sequence:
            self.spool.remove(entry)  # the receipt came, and the end of the process right after it
            return set(), set()
        if request.stamp.epoch != self.state.epoch or request.stamp.sequence != self.state.sequence + 1:
            request.stamp.CopyFrom(self._stamp(self.state.sequence + 1))
            if self.spool.dropped.ByteSize():
                request.dropped.CopyFrom(self.spool.dropped)
            if isinstance(request, SubmitUtilizationRequest):
                request.manifest.CopyFrom(self.manifest())
            else:
                request.claims.CopyFrom(self._claims())
            entry = self.spool.stamp(entry, request.stamp.sequence, request.SerializeToString())
        wanted: set[str] = set()
        try:
            if isinstance(request, SubmitRequest):
                reply = connection.submit(request)
                receipt, instructions = reply.receipt, reply.instructions
            else:
                answer = connection.submit_utilization(request)
                receipt, instructions = answer.receipt, answer.instructions
                wanted = set(answer.wanted)
        except RejectedError as error:
            # It would be rejected forever and keep all behind it back.
            log.error("report rejected and dropped", extra={"entry": entry.name, "reason": str(error)})
            self.spool.drop(entry)
            return set(), set()
        self._received(entry, receipt)
        self.spool.reported(request.dropped)
        self._instruct(instructions)
        sent = {section.name for section in request.sections} if isinstance(request, SubmitRequest) else set()
        return wanted, sent

    def _instruct(self, instructions: Instructions) -> None:
        self.instructions = instructions
        self.asked |= set(instructions.collect_now)

    def _received(self, entry: Entry, receipt: Receipt) -> None:
        self.state.sequence += 1
        self.state.continuation = receipt.continuation.hex()
        self.state.receipt_at_ms = time.time_ns() // 1_000_000
        self.save()
        self.spool.remove(entry)
