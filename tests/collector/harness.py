"""An agent as the tests need one: real keys, real TLS, real calls."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from google.protobuf.message import Message

from driftline.facts import digest_of
from driftline.v1 import collector_pb2 as pb
from driftline.v1.collector_pb2_grpc import CollectorStub, EnrolmentStub
from driftline.v1.facts_pb2 import Facts
from driftline_cmdb import sources
from driftline_cmdb.database import Database
from driftline_cmdb.sources import TokenText
from driftline_collector.authority.requests import RENEW_CONTEXT
from driftline_collector.collector import Collector

Reply = TypeVar("Reply")

TARGET = (("grpc.ssl_target_name_override", "collector.driftline"),)
HOUR_MS = 3_600_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class MovedClock:
    """The real time, moved."""

    ahead_ms: int = 0

    def __call__(self) -> int:
        return now_ms() + self.ahead_ms


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def csr_of(key: ec.EllipticCurvePrivateKey | ec.EllipticCurvePrivateKey, name: str = "whoever") -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.DER)


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def section(name: str, facts: Facts, observed_ms: int | None = None) -> pb.Section:
    content = facts.SerializeToString(deterministic=True)
    return pb.Section(
        name=name,
        outcome=pb.READ,
        content=content,
        digest=digest_of(content),
        observed_at_ms=observed_ms or now_ms() - 50,
        revision=1,
    )


def packages(*versions: tuple[str, str]) -> pb.Section:
    facts = Facts()
    for name, version in versions:
        facts.software.packages.add(manager="dpkg", name=name, architecture="amd64", version=version)
    return section("dpkg", facts)


@dataclass
class Agent:
    """One agent: its identity and where its reports stand."""

    host: str
    root_pem: bytes
    enrol_port: int
    report_port: int
    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    chain: bytes = b""
    uid: str = ""
    epoch: str = field(default_factory=lambda: uuid4().hex)
    sequence: int = 0
    continuation: bytes = b""

    def enrol(self, token: str, csr: bytes | None = None) -> pb.EnrollReply:
        with self.enrol_channel() as channel:
            request = pb.EnrollRequest(join_token=token, csr=csr or csr_of(self.key), claims=self.claims)
            reply = EnrolmentStub(channel).Enroll(request, timeout=10)
        self.chain, self.uid = reply.certificate_chain, reply.source_id
        return reply

    def renew_request(
        self, old_key: ec.EllipticCurvePrivateKey | None = None
    ) -> tuple[pb.RenewRequest, ec.EllipticCurvePrivateKey]:
        key = new_key()
        csr, der = csr_of(key), self.certificate.public_bytes(serialization.Encoding.DER)
        signature = (old_key or self.key).sign(RENEW_CONTEXT + der + csr, ec.ECDSA(hashes.SHA256()))
        return pb.RenewRequest(certificate=der, csr=csr, signature=signature), key

    def renew(self) -> pb.EnrollReply:
        request, key = self.renew_request()
        with self.enrol_channel() as channel:
            reply = EnrolmentStub(channel).Renew(request, timeout=10)
        self.key, self.chain = key, reply.certificate_chain
        return reply

    @property
    def certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificates(self.chain)[0]

    @property
    def claims(self) -> pb.HostClaims:
        return pb.HostClaims(hostname=self.host, machine_id=uuid4().hex)

    @contextmanager
    def enrol_channel(self) -> Iterator[grpc.Channel]:
        credentials = grpc.ssl_channel_credentials(self.root_pem)
        with grpc.secure_channel(f"127.0.0.1:{self.enrol_port}", credentials, TARGET) as channel:
            yield channel

    @contextmanager
    def report_channel(self) -> Iterator[grpc.Channel]:
        credentials = grpc.ssl_channel_credentials(self.root_pem, key_pem(self.key), self.chain)
        options = (*TARGET, ("grpc.max_send_message_length", 64 << 20))
        with grpc.secure_channel(f"127.0.0.1:{self.report_port}", credentials, options) as channel:
            yield channel

    def stamp(self) -> pb.Stamp:
        """The stamp of the next report."""
        return pb.Stamp(
            epoch=self.epoch,
            sequence=self.sequence + 1,
            continuation=self.continuation,
            sent_at_ms=now_ms(),
            agent_version="0.1.0",
        )

    def received(self, receipt: pb.Receipt) -> None:
        assert receipt.epoch == self.epoch
        assert receipt.sequence == self.sequence + 1
        assert receipt.continuation
        self.sequence, self.continuation = receipt.sequence, receipt.continuation

    def submit_request(self, *sections: pb.Section) -> pb.SubmitRequest:
        return pb.SubmitRequest(stamp=self.stamp(), sections=sections, claims=self.claims)

    def submit(self, *sections: pb.Section) -> pb.SubmitReply:
        with self.report_channel() as channel:
            reply = CollectorStub(channel).Submit(self.submit_request(*sections), timeout=20)
        self.received(reply.receipt)
        return reply

    def send(self, method: str, request: Message, timeout: float = 20) -> Message:
        """Call a method of the report port once, with a connection of its own; nothing is remembered."""
        with self.report_channel() as channel:
            reply: Message = getattr(CollectorStub(channel), method)(request, timeout=timeout)
            return reply


def join_token(
    database: Database, fingerprint: str, uses: int = 1, life_ms: int = HOUR_MS, ci_id: int | None = None
) -> str:
    with database.write() as session:
        now = now_ms()
        row, secret = sources.create_join_token(session, "tests", uses, now + life_ms, now, ci_id)
        return str(TokenText(row.id, secret, fingerprint))


def agent_of(collector: Collector, host: str = "web1", *, enrolled: bool = True) -> Agent:
    agent = Agent(host, collector.authority.root_pem, collector.ports.enrol, collector.ports.report)
    if enrolled:
        agent.enrol(join_token(collector.database, collector.authority.fingerprint))
    return agent


def expired(collector: Collector, agent: Agent, ended_ago: timedelta) -> None:
    """Give an agent, instead of its certificate, one that ended some time ago, on record like any other."""
    life = timedelta(hours=24)
    began = now_ms() - int((ended_ago + life).total_seconds() * 1000)
    clock = MovedClock(began - now_ms())
    collector.authority._clock, kept = clock, collector.authority._clock
    issued = collector.authority.issue(agent.uid, agent.key.public_key(), life)
    collector.authority._clock = kept
    with collector.database.write() as session:
        source = sources.find(session, agent.uid)
        sources.record_certificate(session, source.id, issued.serial, issued.not_before_ms, issued.not_after_ms, began)
    agent.chain = issued.chain


@contextmanager
def refused(status: grpc.StatusCode, *words: str) -> Iterator[None]:
    """The block's call must end with a status whose message has these words."""
    try:
        yield
    except grpc.RpcError as error:
        assert error.code() is status, f"{error.code()}: {error.details()}"
        for word in words:
            assert word in (error.details() or ""), error.details()
        assert "Traceback" not in (error.details() or "")
    else:
        raise AssertionError(f"the call was not refused with {status}")


def wait_for(path: Path, seconds: float = 30) -> bytes:
    """Wait until a file is there."""
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.05)
    return path.read_bytes()
