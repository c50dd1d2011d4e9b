"""A collector for tests: a real gRPC server with real TLS on both ports, in this process, without a database."""

import datetime as dt
import hashlib
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from driftline.facts import digest_of
from driftline.v1 import collector_pb2 as wire
from driftline.v1 import collector_pb2_grpc as services

Key = ec.EllipticCurvePrivateKey


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _certificate(
    subject: str, public: Any, issuer: str, by: Key, start: int, end: int, **more: Any
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(seconds=start))
        .not_valid_after(now + dt.timedelta(seconds=end))
        .add_extension(x509.BasicConstraints(ca=more.get("ca", False), path_length=None), critical=True)
    )
    if "names" in more:
        names = [x509.DNSName(name) for name in more["names"]]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(by, hashes.SHA256())


class Authority:
    """A root and what it issues."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.root = _certificate("root", self.key.public_key(), "root", self.key, -3600, 86400, ca=True)
        self.pem = self.root.public_bytes(serialization.Encoding.PEM)
        self.fingerprint = hashlib.sha256(self.root.public_bytes(serialization.Encoding.DER)).hexdigest()

    def server(self) -> tuple[bytes, bytes]:
        """Return key and chain of a server; the chain ends with the root, so that an agent can find it."""
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = _certificate(
            "collector", key.public_key(), "root", self.key, -60, 3600, names=["collector.driftline", "localhost"]
        )
        return _pem(key), leaf.public_bytes(serialization.Encoding.PEM) + self.pem

    def client(self, csr: bytes, source: str, life: tuple[int, int]) -> bytes:
        """Return a client's certificate, PEM, valid between two offsets from now in seconds."""
        request = x509.load_der_x509_csr(csr)
        assert request.is_signature_valid
        leaf = _certificate(source, request.public_key(), "root", self.key, *life)
        return leaf.public_bytes(serialization.Encoding.PEM)


@dataclass
class Account:
    """What the collector knows of one epoch of one source."""

    sequence: int = 0
    digest: bytes = b""
    continuation: bytes = b""


@dataclass
class FakeDevice:
    """What the collector knows of one device."""

    source_id: str
    target: wire.DeviceTarget
    generation: int = 1
    applied: dict[str, wire.Section] = field(default_factory=dict)
    batches: list[wire.SubmitUtilizationRequest] = field(default_factory=list)
    #: What its reports said of its identity, the last of them.
    claims: wire.HostClaims = field(default_factory=wire.HostClaims)
    problem: str | None = None


@dataclass
class FakeCollector(services.EnrolmentServicer, services.CollectorServicer):
    """Answers as collector.proto says; knobs make it fail."""

    authority: Authority = field(default_factory=Authority)
    secret: str = "s3cret"
    life: tuple[int, int] = (-60, 3600)
    #: Statuses with which the next calls of a method fail, before anything is done: ("Submit", UNAVAILABLE).
    failures: list[tuple[str, grpc.StatusCode]] = field(default_factory=list)
    #: Methods whose next call is committed and then gets no reply.
    lost_replies: list[str] = field(default_factory=list)
    instructions: wire.Instructions = field(default_factory=wire.Instructions)
    collect_once: list[str] = field(default_factory=list)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    accounts: dict[tuple[str, str], Account] = field(default_factory=dict)
    applied: dict[str, wire.Section] = field(default_factory=dict)
    transactions: list[wire.Transaction] = field(default_factory=list)
    texts: dict[str, wire.FileText] = field(default_factory=dict)
    batches: list[wire.SubmitUtilizationRequest] = field(default_factory=list)
    #: Last words; None stands for a collector that is older than they are.
    leaves: list[wire.LeaveRequest] | None = field(default_factory=list)
    source: str = field(default_factory=lambda: str(uuid.uuid4()))
    #: Devices by address and port. Whatever is offered becomes one, and is leased.
    devices: dict[tuple[str, int], FakeDevice] = field(default_factory=dict)
    #: Addresses that another agent holds.
    held_by_others: set[str] = field(default_factory=set)
    #: Handed out besides, as they are.
    handed: list[wire.DeviceLease] = field(default_factory=list)
    read_once: list[str] = field(default_factory=list)
    call_after_s: int = 1
    sightings: list[wire.Sighting] = field(default_factory=list)
    _offers: wire.LeaseDevicesRequest = field(default_factory=wire.LeaseDevicesRequest)

    def __post_init__(self) -> None:
        self.seen = threading.Condition()
        key, chain = self.authority.server()
        plain = grpc.ssl_server_credentials([(key, chain)])
        mutual = grpc.ssl_server_credentials([(key, chain)], self.authority.pem, require_client_auth=True)
        self._servers = [self._serve(plain), self._serve(mutual)]
        services.add_EnrolmentServicer_to_server(self, self._servers[0][0])
        services.add_CollectorServicer_to_server(self, self._servers[1][0])
        for server, _ in self._servers:
            server.start()

    @staticmethod
    def _serve(credentials: grpc.ServerCredentials) -> tuple[grpc.Server, int]:
        server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        return server, server.add_secure_port("127.0.0.1:0", credentials)

    @property
    def enrol_address(self) -> str:
        """Where to enrol."""
        return f"127.0.0.1:{self._servers[0][1]}"

    @property
    def report_port(self) -> int:
        """Port to report to."""
        return self._servers[1][1]

    @property
    def token(self) -> str:
        """A token that is good."""
        return f"dl1.7.{self.secret}.{self.authority.fingerprint}"

    def stop(self) -> None:
        """Stop both ports."""
        for server, _ in self._servers:
            server.stop(0).wait()

    def wait_for(self, what: Callable[[], bool], seconds: float = 20) -> None:
        """Wait until something holds that a call changes."""
        with self.seen:
            assert self.seen.wait_for(what, seconds), f"did not come; calls: {[name for name, _ in self.calls]}"

    def named(self, method: str) -> list[Any]:
        """Return the requests of a method."""
        return [request for name, request in self.calls if name == method]

    def _enter(self, method: str, request: Any, context: grpc.ServicerContext) -> None:
        with self.seen:
            self.calls.append((method, request))
            self.seen.notify_all()
            if self.failures and self.failures[0][0] == method:
                _, code = self.failures.pop(0)
                _abort(context, code, f"{method}: told to fail")

    def _leave(self, method: str, context: grpc.ServicerContext) -> None:
        with self.seen:
            self.seen.notify_all()
            if method in self.lost_replies:
                self.lost_replies.remove(method)
                _abort(context, grpc.StatusCode.UNAVAILABLE, "reply lost")

    def _reply(self, csr: bytes, life: tuple[int, int]) -> wire.EnrollReply:
        return wire.EnrollReply(
            certificate_chain=self.authority.client(csr, self.source, life),
            root_certificate=self.authority.pem,
            source_id=self.source,
            report_address=f":{self.report_port}",
        )

    def Enroll(self, request: wire.EnrollRequest, context: grpc.ServicerContext) -> wire.EnrollReply:  # noqa: N802
        self._enter("Enroll", request, context)
        if request.join_token != self.token:
            _abort(context, grpc.StatusCode.UNAUTHENTICATED, "join token is unknown, used up or expired")
        return self._reply(request.csr, self.life)

    def Renew(self, request: wire.RenewRequest, context: grpc.ServicerContext) -> wire.EnrollReply:  # noqa: N802
        self._enter("Renew", request, context)
        old = x509.load_der_x509_certificate(request.certificate)
        old.verify_directly_issued_by(self.authority.root)
        public = old.public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey)
        signed = b"driftline renew v1\0" + request.certificate + request.csr
        public.verify(request.signature, signed, ec.ECDSA(hashes.SHA256()))
        return self._reply(request.csr, (-60, 3600))

    def _caller(self, context: grpc.ServicerContext) -> str:
        names: Any = context.auth_context()["x509_common_name"]  # bytes, whatever the type stubs say
        return str(names[0].decode())

    def _account(self, request: Any, context: grpc.ServicerContext) -> tuple[Account, bool]:
        """Return the account and whether this is a repetition; fails where the report does not continue."""
        stamp = request.stamp
        account = self.accounts.setdefault((self._caller(context), stamp.epoch), Account())
        digest = digest_of(request.SerializeToString(deterministic=True))
        if stamp.sequence == account.sequence and digest == account.digest:
            return account, True
        if stamp.sequence != account.sequence + 1 or stamp.continuation != account.continuation:
            _abort(context, grpc.StatusCode.FAILED_PRECONDITION, f"sequence {stamp.sequence} does not continue")
        account.sequence, account.digest = stamp.sequence, digest
        account.continuation = hashlib.sha256(stamp.epoch.encode() + digest).digest()
        return account, False

    def _lacking(self, manifest: wire.Manifest, applied: dict[str, wire.Section]) -> list[str]:
        return [
            entry.name
            for entry in manifest.sections
            if entry.digest and (entry.name not in applied or applied[entry.name].digest != entry.digest)
        ]

    def device(self, source_id: str) -> FakeDevice | None:
        """Return a device by its source."""
        return next((one for one in self.devices.values() if one.source_id == source_id), None)

    def _spoken_for(self, stamp: wire.Stamp, context: grpc.ServicerContext) -> FakeDevice | None:
        """Return the device that a report is for; refuses where the lease is not good."""
        if not stamp.device:
            return None
        device = self.device(stamp.device)
        if device is None or device.generation != stamp.lease or device.target.address in self.held_by_others:
            context.set_trailing_metadata((("driftline-lease", "lost"),))
            _abort(context, grpc.StatusCode.PERMISSION_DENIED, f"stamp.lease: generation {stamp.lease} is over")
        return device

    def LeaseDevices(  # noqa: N802
        self, request: wire.LeaseDevicesRequest, context: grpc.ServicerContext
    ) -> wire.LeaseDevicesReply:
        self._enter("LeaseDevices", request, context)
        if not request.same_offers:
            self._offers = request
        reply = wire.LeaseDevicesReply(call_after_s=self.call_after_s, read_now=self.read_once)
        self.read_once = []
        for offer in self._offers.devices:
            place = (offer.target.address, offer.target.port)
            if offer.target.address in self.held_by_others:
                reply.refused.add(target=offer.target, reason="held by agent other")
                continue
            device = self.devices.setdefault(place, FakeDevice(str(uuid.uuid4()), offer.target))
            reply.leases.add(
                source_id=device.source_id,
                generation=device.generation,
                target=device.target,
                interval_s=offer.interval_s,
            )
        reply.leases.extend(one for one in self.handed if one.source_id not in request.released)
        self.handed = [one for one in self.handed if one.source_id not in request.released]
        for problem in request.problems:
            if (found := self.device(problem.source_id)) is not None:
                found.problem = problem.reason
        reply.fingerprint = digest_of(b"".join(one.SerializeToString(deterministic=True) for one in reply.leases))
        if reply.fingerprint == request.known:
            del reply.leases[:]
            reply.same = True
        self._leave("LeaseDevices", context)
        return reply

    def ReportSightings(  # noqa: N802
        self, request: wire.ReportSightingsRequest, context: grpc.ServicerContext
    ) -> wire.ReportSightingsReply:
        self._enter("ReportSightings", request, context)
        self.sightings += request.sightings
        self._leave("ReportSightings", context)
        return wire.ReportSightingsReply()

    def _instruct(self) -> wire.Instructions:
        out = wire.Instructions()
        out.CopyFrom(self.instructions)
        out.collect_now.extend(self.collect_once)
        self.collect_once.clear()
        return out

    def Announce(self, request: wire.AnnounceRequest, context: grpc.ServicerContext) -> wire.AnnounceReply:  # noqa: N802
        self._enter("Announce", request, context)
        device = self._spoken_for(request.stamp, context)
        applied = self.applied if device is None else device.applied
        self._leave("Announce", context)
        return wire.AnnounceReply(wanted=self._lacking(request.manifest, applied), instructions=self._instruct())

    def Submit(self, request: wire.SubmitRequest, context: grpc.ServicerContext) -> wire.SubmitReply:  # noqa: N802
        self._enter("Submit", request, context)
        device = self._spoken_for(request.stamp, context)
        applied = self.applied if device is None else device.applied
        account, again = self._account(request, context)
        if not again:
            for section in request.sections:
                assert section.outcome == wire.UNREADABLE or section.digest == digest_of(section.content)
                if section.outcome != wire.UNREADABLE:
                    applied[section.name] = section
            if device is not None:
                device.claims = request.claims
            self.transactions += request.transactions
            self.texts.update((text.digest, text) for text in request.texts)
        self._leave("Submit", context)
        receipt = wire.Receipt(epoch=request.stamp.epoch, sequence=account.sequence, continuation=account.continuation)
        return wire.SubmitReply(receipt=receipt, instructions=self._instruct())

    def OfferTexts(  # noqa: N802
        self, request: wire.OfferTextsRequest, context: grpc.ServicerContext
    ) -> wire.OfferTextsReply:
        self._enter("OfferTexts", request, context)
        self.texts.update((text.digest, text) for text in request.texts)
        self._leave("OfferTexts", context)
        return wire.OfferTextsReply(wanted=[digest for digest in request.offered if digest not in self.texts])

    def SubmitUtilization(  # noqa: N802
        self, request: wire.SubmitUtilizationRequest, context: grpc.ServicerContext
    ) -> wire.SubmitUtilizationReply:
        self._enter("SubmitUtilization", request, context)
        device = self._spoken_for(request.stamp, context)
        account, again = self._account(request, context)
        if not again:
            (self.batches if device is None else device.batches).append(request)
        self._leave("SubmitUtilization", context)
        receipt = wire.Receipt(epoch=request.stamp.epoch, sequence=account.sequence, continuation=account.continuation)
        return wire.SubmitUtilizationReply(
            receipt=receipt,
            wanted=self._lacking(request.manifest, self.applied if device is None else device.applied),
            instructions=self._instruct(),
        )

    def Leave(self, request: wire.LeaveRequest, context: grpc.ServicerContext) -> wire.LeaveReply:  # noqa: N802
        if self.leaves is None:
            _abort(context, grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
        with self.seen:
            self.leaves.append(request)
            self.seen.notify_all()
        return wire.LeaveReply()


def _abort(context: grpc.ServicerContext, code: grpc.StatusCode, details: str) -> NoReturn:
    context.abort(code, details)
    raise AssertionError("abort returned")
