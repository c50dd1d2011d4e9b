"""Joining, renewing, and all that must not lead to a certificate."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from sqlmodel import col, select
from tests.collector.conftest import Start
from tests.collector.harness import (
    HOUR_MS,
    Agent,
    MovedClock,
    agent_of,
    csr_of,
    expired,
    join_token,
    new_key,
    now_ms,
    packages,
    refused,
)

from driftline.v1 import collector_pb2 as pb
from driftline.v1.collector_pb2_grpc import EnrolmentStub
from driftline_cmdb import sources
from driftline_cmdb.tables.audit import AuditEntry
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.sources import Certificate, JoinToken, Source
from driftline_collector.collector import Collector

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
INVALID = grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture
def record_url(database_url: str) -> str:
    """SQLite and PostgreSQL."""
    return database_url


def counts(collector: Collector) -> tuple[int, int, int]:
    """How many sources, certificates and uses of tokens there are."""
    with collector.database.read() as session:
        return (
            len(session.exec(select(Source)).all()),
            len(session.exec(select(Certificate)).all()),
            sum(session.exec(select(JoinToken.uses_left)).all()),
        )


def test_a_join_token_gives_a_client_certificate_and_an_identity(collector: Collector) -> None:
    agent = agent_of(collector, enrolled=False)
    reply = agent.enrol(join_token(collector.database, collector.authority.fingerprint))
    leaf, intermediate = x509.load_pem_x509_certificates(reply.certificate_chain)
    root = x509.load_pem_x509_certificate(reply.root_certificate)
    leaf.verify_directly_issued_by(intermediate)
    intermediate.verify_directly_issued_by(root)
    assert root.fingerprint(hashes.SHA256()).hex() == collector.authority.fingerprint
    name = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    assert name == reply.source_id == agent.uid
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert leaf.not_valid_before_utc < datetime.now(UTC) - timedelta(minutes=4)
    assert timedelta(hours=23) < leaf.not_valid_after_utc - datetime.now(UTC) <= timedelta(hours=24)
    assert reply.report_address == f":{collector.ports.report}"
    assert counts(collector) == (1, 1, 0)
    with collector.database.read() as session:
        source = sources.find(session, agent.uid)
        assert source.hostname == "web1"
        assert source.claims["hostname"] == "web1"
        actions = session.exec(select(AuditEntry.action).order_by(col(AuditEntry.id))).all()
    assert list(actions) == ["audit_key.added", "token.created", "source.enrolled"]


def test_the_csr_names_nobody(collector: Collector, agent: Agent) -> None:
    thief = agent_of(collector, "web2", enrolled=False)
    token = join_token(collector.database, collector.authority.fingerprint)
    thief.enrol(token, csr_of(thief.key, name=agent.uid))
    assert thief.uid != agent.uid
    assert counts(collector)[0] == 2


def test_a_token_that_names_a_ci_binds_to_it(collector: Collector) -> None:
    with collector.database.write() as session:
        ci = Ci(uid="0d7f", name="web1", first_seen_ms=1, last_seen_ms=1)
        session.add(ci)
        session.flush()
        ci_id = ci.id
    agent = agent_of(collector, enrolled=False)
    agent.enrol(join_token(collector.database, collector.authority.fingerprint, ci_id=ci_id))
    with collector.database.read() as session:
        binding = session.exec(select(Binding)).one()
        assert (binding.ci_id, binding.until_ms) == (ci_id, None)
        assert "join token" in binding.reason


def test_a_lost_reply_takes_no_second_use(collector: Collector) -> None:
    token = join_token(collector.database, collector.authority.fingerprint)
    agent = agent_of(collector, enrolled=False)
    first = agent.enrol(token)
    again = agent.enrol(token)
    assert first.source_id == again.source_id
    assert counts(collector) == (1, 2, 0)


def test_a_used_up_token_is_refused(collector: Collector) -> None:
    token = join_token(collector.database, collector.authority.fingerprint, uses=2)
    agent_of(collector, "a", enrolled=False).enrol(token)
    agent_of(collector, "b", enrolled=False).enrol(token)
    before = counts(collector)
    with refused(UNAUTHENTICATED, "join_token", "used up"):
        agent_of(collector, "c", enrolled=False).enrol(token)
    assert counts(collector) == before


def test_an_expired_token_is_refused(collector: Collector, clock: MovedClock) -> None:
    token = join_token(collector.database, collector.authority.fingerprint)
    clock.ahead_ms = 2 * HOUR_MS
    with refused(UNAUTHENTICATED, "join_token", "expired"):
        agent_of(collector, enrolled=False).enrol(token)
    assert counts(collector) == (0, 0, 1)


def test_unknown_wrong_and_foreign_tokens_are_refused(collector: Collector) -> None:
    token = join_token(collector.database, collector.authority.fingerprint)
    kind, name, secret, fingerprint = token.split(".")
    agent = agent_of(collector, enrolled=False)
    for wrong, word in (
        (f"{kind}.ffffffffffff.{secret}.{fingerprint}", "unknown"),
        (f"{kind}.{name}.{secret[:-1]}.{fingerprint}", "unknown"),
        (f"{kind}.{name}.{secret}.{'0' * 64}", "another"),
        ("", "not a join token"),
        ("dl1.a.b", "not a join token"),
        (token + "\N{SNOWMAN}", "not a join token"),
    ):
        with refused(UNAUTHENTICATED, "join_token", word):
            agent.enrol(wrong)
    assert counts(collector) == (0, 0, 1)


def test_a_request_that_is_none_takes_no_use(collector: Collector) -> None:
    token = join_token(collector.database, collector.authority.fingerprint)
    agent = agent_of(collector, enrolled=False)
    good = csr_of(agent.key)
    other_curve = ec.generate_private_key(ec.SECP384R1())
    other_kind = rsa.generate_private_key(65537, 2048)
    for csr, word in (
        (b"", "csr"),
        (good[:-20], "csr"),
        (good[:-1] + bytes([good[-1] ^ 1]), "signature"),
        (csr_of(other_curve), "P-256"),
        (csr_of(other_kind), "P-256"),
    ):
        with refused(INVALID, word), agent.enrol_channel() as channel:
            EnrolmentStub(channel).Enroll(pb.EnrollRequest(join_token=token, csr=csr), timeout=10)
    assert counts(collector) == (0, 0, 1)


def test_a_large_message_is_refused_at_the_enrol_port(collector: Collector) -> None:
    agent = agent_of(collector, enrolled=False)
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "larger than max"):
        agent.enrol("x" * 20_000)


def test_a_flood_is_told_when_to_come_back(start: Start) -> None:
    collector = start(enrol_burst_peer=3, enrol_rate_peer=0.01)
    agent = agent_of(collector, enrolled=False)
    for _ in range(3):
        with refused(UNAUTHENTICATED):
            agent.enrol("nonsense")
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "come back in", "s"):
        agent.enrol("nonsense")


def test_renewing_gives_the_same_identity_a_new_key(collector: Collector, agent: Agent) -> None:
    before, uid = agent.certificate.serial_number, agent.uid
    reply = agent.renew()
    assert reply.source_id == uid
    assert agent.certificate.serial_number != before
    agent.submit(packages(("openssl", "3.0.13")))


def test_an_expired_certificate_heals_at_the_enrol_port(collector: Collector, agent: Agent) -> None:
    expired(collector, agent, timedelta(days=7))
    with refused(grpc.StatusCode.UNAVAILABLE):  # the handshake fails; all that a client sees is a closed socket
        agent.submit(packages(("openssl", "3.0.13")))
    agent.renew()
    agent.submit(packages(("openssl", "3.0.13")))


def test_a_certificate_that_ended_long_ago_is_refused(collector: Collector, agent: Agent) -> None:
    expired(collector, agent, timedelta(days=31))
    with refused(UNAUTHENTICATED, "30 days", "join token"):
        agent.renew()


def test_renewal_is_refused_without_the_old_key(collector: Collector, agent: Agent) -> None:
    request, _ = agent.renew_request(old_key=new_key())
    with refused(UNAUTHENTICATED, "signature"), agent.enrol_channel() as channel:
        EnrolmentStub(channel).Renew(request, timeout=10)


def test_renewal_is_refused_for_another_request_than_was_signed(collector: Collector, agent: Agent) -> None:
    request, _ = agent.renew_request()
    request.csr = csr_of(new_key())
    with refused(UNAUTHENTICATED, "signature"), agent.enrol_channel() as channel:
        EnrolmentStub(channel).Renew(request, timeout=10)


def test_a_forged_certificate_with_the_name_of_another_is_refused(collector: Collector, agent: Agent) -> None:
    forged = forge(agent)
    with refused(UNAUTHENTICATED, "not issued by this collector"):
        forged.renew()
    with refused(grpc.StatusCode.UNAVAILABLE):  # fails in the handshake
        forged.submit(packages(("evil", "1")))
    with collector.database.read() as session:
        assert sources.find(session, agent.uid).sequence == 0


def forge(agent: Agent) -> Agent:
    """An agent with a certificate like another's (names, serial), signed by a key of its own."""
    real, intermediate = x509.load_pem_x509_certificates(agent.chain)
    key, issuer_key = new_key(), new_key()
    builder = x509.CertificateBuilder(
        subject_name=real.subject,
        issuer_name=intermediate.subject,
        public_key=key.public_key(),
        serial_number=real.serial_number,
        not_valid_before=real.not_valid_before_utc,
        not_valid_after=real.not_valid_after_utc,
        extensions=list(real.extensions),
    )
    chain = builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return replace(agent, key=key, chain=chain + agent.chain)


def test_a_revoked_source_gets_nothing_more(collector: Collector, agent: Agent) -> None:
    agent.submit(packages(("openssl", "3.0.13")))
    with collector.database.write() as session:
        assert sources.revoke_certificates(session, sources.find(session, "web1"), "alice", "stolen", now_ms()) == 1
    with refused(UNAUTHENTICATED, "revoked"):
        agent.renew()


def test_a_renewal_is_not_for_the_quarantined(collector: Collector, agent: Agent) -> None:
    with collector.database.write() as session:
        sources.quarantine(session, sources.find(session, agent.uid), "driftline", "two of it", now_ms())
    with refused(grpc.StatusCode.PERMISSION_DENIED, "quarantined", "two of it"):
        agent.renew()
    with collector.database.write() as session:
        sources.release(session, sources.find(session, agent.uid), "alice", "the clone is gone", now_ms())
    agent.renew()


def test_damaged_requests_are_invalid_not_internal(collector: Collector, agent: Agent) -> None:
    with agent.enrol_channel() as channel, refused(INVALID, "truncated"):
        channel.unary_unary("/driftline.v1.Enrolment/Enroll")(b"\x0a\xff\x01", timeout=10)
