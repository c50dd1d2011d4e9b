"""The report port's methods."""

from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import replace
from hashlib import blake2b

import grpc
from sqlmodel import select

from driftline.v1 import collector_pb2 as pb
from driftline.v1.collector_pb2_grpc import CollectorServicer
from driftline_cmdb import leaving, reports, texts, utilization
from driftline_cmdb.database import Database
from driftline_cmdb.devices import fencing, leasing, sightings
from driftline_cmdb.errors import Unavailable
from driftline_cmdb.identity import holders, reporting
from driftline_cmdb.identity.reporting import Retired
from driftline_cmdb.reports import Committed, Report
from driftline_cmdb.tables.sources import Source
from driftline_collector.clock import Clock
from driftline_collector.committer import Committer
from driftline_collector.metrics import Metrics
from driftline_collector.schedule import Schedule
from driftline_collector.service import checks
from driftline_collector.service.devices import Devices, Known
from driftline_collector.service.identity import Caller, Identities
from driftline_collector.service.limits import Gate, address_of

#: Longest wait for a commit, s, where the caller set no deadline.
_COMMIT_S = 60.0


class Collecting(CollectorServicer):
    """Takes reports. The source is the certificate's."""

    def __init__(
        self,
        database: Database,
        identities: Identities,
        committer: Committer,
        schedule: Schedule,
        metrics: Metrics,
        gate: Gate,
        clock: Clock,
    ) -> None:
        """Prepare."""
        self._devices = Devices(database)
        self._database, self._identities, self._committer = database, identities, committer
        self._schedule, self._metrics, self._gate, self._clock = schedule, metrics, gate, clock

    def Announce(self, request: pb.AnnounceRequest, context: grpc.ServicerContext) -> pb.AnnounceReply:  # noqa: N802  # gRPC's name
        """Tell which sections of a manifest the collector lacks; changes nothing of the source.

        :raises CmdbError: see `driftline/v1/collector.proto` for which status means what.
        """
        caller = self._identities.caller(context.auth_context())
        with self._gate.inside(caller.source_id):
            checks.check_stamp(request.stamp, lowest=0)
            checks.check_manifest(request.manifest)
            checks.check_claims(request.claims)
            device = self._device(request.stamp)
            if device is not None:
                return self._announce_device(caller, device, request)
            self._check_not_retired(caller.source_id)
            with self._database.read() as session:
                wanted = reports.lacking(session, caller.source_id, request.manifest)
                epoch = session.exec(select(Source.epoch).where(Source.id == caller.source_id)).one()
            if epoch not in (None, request.stamp.epoch):
                peer = address_of(context.peer())
                with self._database.write() as session:
                    holders.note_announced(
                        session, caller.source_id, request.stamp, request.claims, peer, self._clock()
                    )
            return pb.AnnounceReply(wanted=wanted, instructions=self._instructions(caller.uid))

    def _announce_device(self, caller: Caller, device: Known, request: pb.AnnounceRequest) -> pb.AnnounceReply:
        self._check_not_retired(device.source_id)
        with self._database.read() as session:
            fencing.check(session.get_one(Source, device.source_id), caller.source_id, request.stamp.lease)
            wanted = reports.lacking(session, device.source_id, request.manifest)
        return pb.AnnounceReply(wanted=wanted, instructions=self._instructions(device.uid))

    def Submit(self, request: pb.SubmitRequest, context: grpc.ServicerContext) -> pb.SubmitReply:  # noqa: N802  # gRPC's name
        """Commit sections and evidence.

        :raises CmdbError: see `driftline/v1/collector.proto` for which status means what.
        """
        caller = self._identities.caller(context.auth_context())
        with self._gate.inside(caller.source_id):
            received = self._clock()
            checks.check_stamp(request.stamp)
            checks.check_claims(request.claims)
            checks.check_sections(request.sections)
            checks.check_transactions(request.transactions)
            checks.check_evidence(request.evidence)
            device = self._device(request.stamp)
            told = texts.prepare_texts(request.texts)
            sections = tuple(reports.prepare_section(section) for section in request.sections)
            report = replace(
                self._report(caller, device, request, received, context),
                claims=request.claims if request.HasField("claims") else None,
                sections=sections,
                transactions=tuple(request.transactions),
                evidence=tuple(request.evidence),
            )
            # Before the receipt, which stands for them too; where the report is refused, they are there already.
            if device is None:  # devices have no files
                texts.keep(self._database, caller.source_id, told, received)
            committed = self._commit(report, context)
        self._observe_detection(request, received)
        return pb.SubmitReply(
            receipt=_receipt(report, committed),
            instructions=self._instructions(device.uid if device is not None else caller.uid, committed.soon),
        )

    def OfferTexts(  # noqa: N802  # gRPC's name
        self, request: pb.OfferTextsRequest, context: grpc.ServicerContext
    ) -> pb.OfferTextsReply:
        """Keep texts of files, and tell which of those offered the collector lacks.

        :raises CmdbError: see `driftline/v1/collector.proto` for which status means what.
        """
        caller = self._identities.caller(context.auth_context())
        with self._gate.inside(caller.source_id):
            texts.check_digests(request.offered)
            self._check_not_retired(caller.source_id)
            texts.keep(self._database, caller.source_id, texts.prepare_texts(request.texts), self._clock())
            wanted: list[str] = []
            if request.offered:
                with self._database.read() as session:
                    wanted = texts.lacking(session, caller.source_id, request.offered, request.rules)
            return pb.OfferTextsReply(wanted=wanted)

    def SubmitUtilization(  # noqa: N802  # gRPC's name
        self, request: pb.SubmitUtilizationRequest, context: grpc.ServicerContext
    ) -> pb.SubmitUtilizationReply:
        """Commit utilization, and tell which sections of the manifest the collector lacks.

        :raises CmdbError: see `driftline/v1/collector.proto` for which status means what.
        """
        caller = self._identities.caller(context.auth_context())
        with self._gate.inside(caller.source_id):
            received = self._clock()
            checks.check_stamp(request.stamp)
            checks.check_batch(request.batch)
            if request.HasField("manifest"):
                checks.check_manifest(request.manifest)
            device = self._device(request.stamp)
            report = replace(
                self._report(caller, device, request, received, context),
                batch=utilization.check(request.batch, received) if request.HasField("batch") else None,
                manifest=request.manifest if request.HasField("manifest") else None,
            )
            committed = self._commit(report, context)
        return pb.SubmitUtilizationReply(
            receipt=_receipt(report, committed),
            wanted=committed.wanted,
            instructions=self._instructions(device.uid if device is not None else caller.uid, committed.soon),
        )

    def Leave(self, request: pb.LeaveRequest, context: grpc.ServicerContext) -> pb.LeaveReply:  # noqa: N802  # gRPC's name
        """Note that the agent stops, and why.

        :raises CmdbError: see `driftline/v1/collector.proto` for which status means what.
        """
        caller = self._identities.caller(context.auth_context())
        with self._gate.inside(caller.source_id):
            checks.check_leave(request)
            reason = pb.LeaveReason.Name(request.reason)
            leaving.note_leave(self._database, caller.source_id, reason, self._clock())
        return pb.LeaveReply()

    def LeaseDevices(  # noqa: N802  # gRPC's name
        self, request: pb.LeaseDevicesRequest, context: grpc.ServicerContext
    ) -> pb.LeaseDevicesReply:
        """Give, keep and take back leases of devices.

        :raises CmdbError: see `driftline/v1/collector.proto` for which status means what.
        """
        caller = self._identities.caller(context.auth_context())
        with self._gate.inside(caller.source_id):
            checks.check_lease(request)
            self._check_not_retired(caller.source_id)
            after_s = self._schedule.lease_s(self._committer.load)
            with self._database.write() as session:
                return leasing.lease(session, caller.source_id, request, self._clock(), after_s)

    def ReportSightings(  # noqa: N802  # gRPC's name
        self, request: pb.ReportSightingsRequest, context: grpc.ServicerContext
    ) -> pb.ReportSightingsReply:
        """Keep what was seen on the network of a site.

        :raises CmdbError: see `driftline/v1/collector.proto` for which status means what.
        """
        caller = self._identities.caller(context.auth_context())
        with self._gate.inside(caller.source_id):
            checks.check_sightings(request)
            self._check_not_retired(caller.source_id)
            with self._database.write() as session:
                sightings.keep(session, caller.source_id, request.site, request.sightings, self._clock())
        return pb.ReportSightingsReply()

    def _device(self, stamp: pb.Stamp) -> Known | None:
        """Return the device that a call is for; None where the agent speaks for its own host.

        :raises Fenced: where there is no such device.
        """
        return self._devices.find(stamp.device) if stamp.device else None

    def _check_not_retired(self, source_id: int) -> None:
        """Check that the source may call at all, where nothing of a report is applied that would tell."""
        try:
            with self._database.read() as session:
                reporting.check_source(session, source_id)
        except Retired as error:
            reporting.note(self._database, source_id, error, self._clock())
            raise

    def _report(
        self,
        caller: Caller,
        device: Known | None,
        request: pb.SubmitRequest | pb.SubmitUtilizationRequest,
        received: int,
        context: grpc.ServicerContext,
    ) -> Report:
        """Return what both kinds of report have."""
        stamp = request.stamp
        report = Report(
            source_id=caller.source_id,
            epoch=stamp.epoch,
            sequence=stamp.sequence,
            continuation=stamp.continuation,
            digest=digest_of(request),
            received_ms=received,
            sent_ms=stamp.sent_at_ms,
            agent_version=stamp.agent_version,
            claims=None,
            dropped=request.dropped if request.HasField("dropped") else None,
        )
        if device is not None:  # where it was sent from says nothing of the device
            return replace(
                report,
                source_id=device.source_id,
                check_in_s=device.interval_s,
                spoken_by=caller.source_id,
                lease=stamp.lease,
            )
        return replace(
            report,
            peer=address_of(context.peer()),
            check_in_s=self._schedule.interval_s(self._committer.load),
            machine=stamp.machine,
            previous_epoch=stamp.previous_epoch,
            begun_for=stamp.begun_for,
        )

    def _commit(self, report: Report, context: grpc.ServicerContext) -> Committed:
        remaining = context.time_remaining()
        future = self._committer.submit(report)
        try:
            committed = future.result(min(_COMMIT_S, remaining) if remaining is not None else _COMMIT_S)
        except (FutureTimeout, CancelledError) as error:
            future.cancel()
            raise Unavailable("the report was not committed in time; try again") from error
        self._metrics.reports.inc()
        self._metrics.sections.inc(len(report.sections))
        return committed

    def _instructions(self, uid: str, soon: bool = False) -> pb.Instructions:
        return self._schedule.instructions(uid, self._clock(), self._committer.load, soon=soon)

    def _observe_detection(self, request: pb.SubmitRequest, received: int) -> None:
        """Measure from each changed section's reading to its commit; a first reading detects nothing."""
        here = self._clock() - received
        for section in request.sections:
            if section.outcome == pb.READ and section.previous_digest not in (b"", section.digest):
                on_host = max(0, request.stamp.sent_at_ms - section.observed_at_ms)
                self._metrics.detection_seconds.observe((on_host + here) / 1000)


def _receipt(report: Report, committed: Committed) -> pb.Receipt:
    return pb.Receipt(epoch=report.epoch, sequence=report.sequence, continuation=committed.continuation)


def digest_of(request: pb.SubmitRequest | pb.SubmitUtilizationRequest) -> bytes:
    """Return the digest of a report, without the time it was sent: a retry has the same."""
    sent = request.stamp.sent_at_ms
    request.stamp.sent_at_ms = 0
    try:
        content = request.SerializeToString(deterministic=True)
    finally:
        request.stamp.sent_at_ms = sent
    kind = type(request).__name__.encode()
    return blake2b(kind + b"\0" + content, digest_size=16).digest()
