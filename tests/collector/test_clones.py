"""Two holders of one identity over real TLS: noticed in time, never mixed, told apart by a decision."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from hashlib import blake2b, sha256
from uuid import uuid4

import grpc
import pytest
from sqlmodel import col, func, select
from tests.collector.conftest import Start
from tests.collector.harness import Agent, MovedClock, agent_of, key_pem, new_key, now_ms, packages, refused

from driftline.v1 import collector_pb2 as pb
from driftline.v1.collector_pb2_grpc import CollectorStub, EnrolmentStub
from driftline.v1.utilization_pb2 import UtilizationBatch
from driftline_agent.identity import keys
from driftline_cmdb import record, sources
from driftline_cmdb.identity import bindings, dividing, holders
from driftline_cmdb.tables.cis import Ci, Finding
from driftline_cmdb.tables.identity import IdentityClaim, SharedEvidence
from driftline_cmdb.tables.sources import Certificate, Source
from driftline_cmdb.tables.utilization import UtilizationFragment
from driftline_collector.collector import Collector

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
DENIED = grpc.StatusCode.PERMISSION_DENIED
DISCONTINUED = grpc.StatusCode.FAILED_PRECONDITION


@pytest.fixture
def record_url(database_url: str) -> str:
    """SQLite and PostgreSQL."""
    return database_url


@dataclass
class StillClock(MovedClock):
    """Stands still but for what the test moves: how busy this machine is does not count."""

    start_ms: int = field(default_factory=now_ms)

    def __call__(self) -> int:
        return self.start_ms + self.ahead_ms


@pytest.fixture
def clock() -> MovedClock:
    return StillClock()


def copied(agent: Agent, host: str | None = None, *, new_epoch: bool = True) -> Agent:
    """Return an agent from a copy of another one's state folder."""
    out = copy(agent)
    out.host = host or agent.host
    if new_epoch:
        begin_anew(out)
    return out


def begin_anew(agent: Agent) -> None:
    agent.epoch, agent.sequence, agent.continuation = uuid4().hex, 0, b""


def findings(collector: Collector, *, closed: bool = False) -> list[Finding]:
    with collector.database.read() as session:
        query = select(Finding).where(col(Finding.kind).in_(("clone", "roll-back"))).order_by(col(Finding.id))
        return [one for one in session.exec(query) if closed or one.closed_ms is None]


def source_of(collector: Collector, uid: str) -> Source:
    with collector.database.read() as session:
        return sources.find(session, uid)


def versions(collector: Collector, name: str) -> set[object]:
    with collector.database.read() as session:
        ci = record.find_ci(session, name)
        return {one.value for one in record.facts_of(session, ci, ["software.packages[*].version"])}


def batch(agent: Agent, minute: int, value: int) -> pb.SubmitUtilizationRequest:
    said = UtilizationBatch()
    said.series.add(
        metric="system.cpu.utilization", unit="1", decimals=4, minutes=[minute],
        min=[value], mean=[value], max=[value], last=[value],
    )  # fmt: skip
    return pb.SubmitUtilizationRequest(stamp=agent.stamp(), batch=said)


def own_request(agent: Agent, *, epoch: str | None = None) -> pb.RenewRequest:
    """A request for an identity of its own, made by the agent's own code; the agent has the new key afterwards."""
    key = new_key()
    claims = agent.claims.SerializeToString()
    request = pb.RenewRequest(epoch=epoch or agent.epoch, continuation=agent.continuation, claims=claims)
    return signed(agent, request, key_pem(key))


def signed(agent: Agent, request: pb.RenewRequest, key: bytes) -> pb.RenewRequest:
    said = b"".join(sha256(one).digest() for one in (request.epoch.encode(), request.continuation, request.claims))
    made = keys.own(key_pem(agent.key), agent.chain, key, said)
    request.certificate, request.csr, request.signature = made["certificate"], made["csr"], made["signature"]
    return request


def get_own(agent: Agent) -> None:
    """Do what an agent does that was told to get an identity of its own."""
    key = new_key()
    claims = agent.claims.SerializeToString()
    request = pb.RenewRequest(epoch=agent.epoch, continuation=agent.continuation, claims=claims)
    with agent.enrol_channel() as channel:
        reply = EnrolmentStub(channel).Renew(signed(agent, request, key_pem(key)), timeout=10)
    agent.key, agent.chain, agent.uid = key, reply.certificate_chain, reply.source_id
    begin_anew(agent)


def forked(collector: Collector, clock: MovedClock) -> tuple[Agent, Agent]:
    """Return an agent and its clone, quarantined."""
    first = agent_of(collector)
    first.submit(packages(("openssl", "1")))
    clone = copied(first, "web1-copy")
    clock.ahead_ms += 5_000
    with refused(UNAVAILABLE, "another epoch"):
        clone.submit(packages(("openssl", "clone")))
    clock.ahead_ms += 15_000
    with refused(DENIED, "held by two"):
        first.submit(packages(("openssl", "2")))
    return first, clone


def test_a_newcomer_waits_and_nothing_of_it_is_taken(collector: Collector, clock: MovedClock) -> None:
    first, clone = forked(collector, clock)
    with refused(DENIED, "quarantined"):
        clone.submit(packages(("openssl", "clone")))
    assert versions(collector, "web1") == {"1"}
    (found,) = findings(collector)
    assert found.kind == "clone"
    assert found.detail["noticed_after_ms"] == 15_000
    one, two = found.detail["holders"]
    assert (one["epoch"], one["hostname"], one["addresses"]) == (first.epoch, "web1", ["127.0.0.1"])
    assert (two["epoch"], two["hostname"], two["reports"]) == (clone.epoch, "web1-copy", 0)


def test_the_newcomer_is_told_when_to_come_back(collector: Collector, agent: Agent) -> None:
    agent.submit(packages(("openssl", "1")))
    clone = copied(agent)
    with clone.report_channel() as channel:
        call = CollectorStub(channel).Submit.future(clone.submit_request(), timeout=10)
        assert call.code() is UNAVAILABLE
        assert dict(call.trailing_metadata())["driftline-come-back-s"] == "10"


@pytest.mark.parametrize("interval", [5, 15, 60])
def test_a_fork_is_noticed_within_one_check_in(start: Start, clock: MovedClock, interval: int) -> None:
    """Both check in as they are told, by one clock; no check-in is moved to suit the test."""
    collector = start(check_in_min_s=interval, check_in_max_s=interval)
    first = agent_of(collector)
    first.submit(packages(("openssl", "1")))
    slot = int.from_bytes(blake2b(first.uid.encode(), digest_size=8).digest(), "big") % (interval * 1000)
    clock.ahead_ms += (slot - clock()) % (interval * 1000)  # who calls in its slot is told the whole interval
    due = told = first.submit(packages(("openssl", "1"))).instructions.check_in_after_s
    assert told == interval
    clone = copied(first)
    begins = clock.ahead_ms
    with refused(UNAVAILABLE, "another epoch"):
        clone.submit()
    while True:
        step = min(10, due)
        clock.ahead_ms, due = clock.ahead_ms + step * 1000, due - step
        if not due:
            break
        with refused(UNAVAILABLE, "another epoch"):
            clone.submit()
    with refused(DENIED, "held by two"):
        first.submit()
    assert clock.ahead_ms - begins <= 60_000
    assert findings(collector)[0].detail["noticed_after_ms"] == interval * 1000


def test_a_roll_back_is_taken_after_a_while(collector: Collector, agent: Agent, clock: MovedClock) -> None:
    agent.submit(packages(("openssl", "1")))
    snapshot = copied(agent, new_epoch=False)
    agent.submit(packages(("openssl", "2")))
    with refused(DISCONTINUED, "rolled back or copied"):
        snapshot.submit(packages(("openssl", "1")))
    previous = snapshot.epoch
    begin_anew(snapshot)
    for _ in range(5):
        with refused(UNAVAILABLE, "another epoch"):
            snapshot.submit(packages(("openssl", "1")))
        clock.ahead_ms += 10_000
    assert versions(collector, "web1") == {"2"}
    clock.ahead_ms += 11_000
    snapshot.submit(packages(("openssl", "1")))
    assert versions(collector, "web1") == {"1"}
    (found,) = findings(collector)
    assert (found.kind, found.detail["told"]) == ("roll-back", True)
    source = source_of(collector, agent.uid)
    assert source.quarantined_ms is None and source.past_epochs == [previous]
    with collector.database.read() as session:
        assert session.exec(select(func.count()).select_from(Ci)).one() == 1
        assert [one.state for one in holders.of_source(session, source)] == ["ended", "running"]
    snapshot.submit(packages(("openssl", "3")))


def test_the_same_snapshot_restored_twice_is_no_clone(collector: Collector, agent: Agent, clock: MovedClock) -> None:
    agent.submit(packages(("openssl", "1")))
    snapshot = copied(agent, new_epoch=False)
    agent.submit(packages(("openssl", "2")))
    for _ in range(2):
        restored = copied(snapshot, new_epoch=False)
        with refused(DISCONTINUED, "new epoch"):
            restored.submit(packages(("openssl", "1")))
        begin_anew(restored)
        with refused(UNAVAILABLE, "another epoch"):
            restored.submit(packages(("openssl", "1")))
        clock.ahead_ms += 61_000
        restored.submit(packages(("openssl", "1")))
    assert [one.kind for one in findings(collector)] == ["roll-back"]


def test_a_restart_is_never_delayed(agent: Agent) -> None:
    agent.submit(packages(("openssl", "1")))
    copied(agent, new_epoch=False).submit(packages(("openssl", "2")))


def test_a_long_quiet_source_may_begin_anew(collector: Collector, agent: Agent, clock: MovedClock) -> None:
    agent.submit(packages(("openssl", "1")))
    clock.ahead_ms += 3_600_000
    begin_anew(agent)
    agent.submit(packages(("openssl", "2")))
    assert findings(collector) == []


def test_split_gives_each_an_identity_and_a_ci(collector: Collector, clock: MovedClock) -> None:
    first, clone = forked(collector, clock)
    old = first.uid
    with collector.database.write() as session:
        ci = record.find_ci(session, "web1")
        dividing.split(session, sources.find(session, old), "web1", "alice", "cloned by hand", now_ms())
    assert findings(collector) == []
    for one in (first, clone):
        with refused(DENIED, "split", "enrol port"):
            one.submit()
        get_own(one)
    assert len({old, first.uid, clone.uid}) == 3
    clone.submit(packages(("openssl", "clone")))
    first.submit(packages(("openssl", "2")))
    assert versions(collector, "web1") == {"2"}
    assert versions(collector, "web1-copy") == {"clone"}
    with collector.database.read() as session:
        (binding,) = bindings.of_ci(session, ci.id)
        assert binding.source_id == sources.find(session, first.uid).id
        assert binding.decision_id is not None and "alice" in binding.reason
        assert bindings.of_source(session, sources.find(session, old).id) is None
    with collector.database.write() as session:
        assert dividing.revoke_spent(session, now_ms()) == 1
        assert dividing.revoke_spent(session, now_ms()) == 0
    with collector.database.read() as session:
        query = select(Certificate.revoked_ms).join(Source, col(Source.id) == col(Certificate.source_id))
        assert all(session.exec(query.where(Source.uid == old)))
    first.submit(packages(("openssl", "3")))


def test_utilization_between_the_split_and_the_first_sections_waits(collector: Collector, clock: MovedClock) -> None:
    first, clone = forked(collector, clock)
    with collector.database.write() as session:
        ci = record.find_ci(session, "web1")
        dividing.split(session, sources.find(session, first.uid), clone.epoch, "alice", "the copy stays", now_ms())
    get_own(clone)
    clone.received(clone.send("SubmitUtilization", batch(clone, now_ms() // 60_000 - 1, 7)).receipt)
    with collector.database.read() as session:
        assert bindings.of_source(session, sources.find(session, clone.uid).id) is None
        assert len(bindings.of_ci(session, ci.id)) == 1
    assert versions(collector, "web1") == {"1"}
    clone.submit(packages(("openssl", "clone")))
    with collector.database.read() as session:
        (binding,) = bindings.of_ci(session, ci.id)
        assert binding.source_id == sources.find(session, clone.uid).id


def test_what_a_live_copy_said_first_does_not_stay_with_the_kept_one(collector: Collector, clock: MovedClock) -> None:
    first = agent_of(collector)
    first.submit(packages(("openssl", "1")))
    clock.ahead_ms += 5_000
    first.submit()
    parted = clock()
    live = copied(first, "web1-copy", new_epoch=False)
    clock.ahead_ms += 10_000
    live.received(live.send("SubmitUtilization", batch(live, now_ms() // 60_000 - 1, 9999)).receipt)
    live.submit(packages(("openssl", "copy")))
    clock.ahead_ms += 5_000
    with refused(DISCONTINUED, "received before with other content"):
        first.submit(packages(("openssl", "2")))
    begin_anew(first)
    with refused(UNAVAILABLE, "another epoch"):
        first.submit(packages(("openssl", "2")))
    with refused(DENIED, "held by two"):
        live.submit(packages(("openssl", "copy")))
    (found,) = findings(collector, closed=True)
    assert found.kind == "clone" and "error" in found.detail  # the roll-back's finding became it
    old = first.uid
    with collector.database.write() as session:
        ci = record.find_ci(session, "web1-copy")
        dividing.split(session, sources.find(session, old), first.epoch, "alice", "the original stays", now_ms())
    get_own(first)
    first.submit(packages(("openssl", "2")))
    with collector.database.read() as session:
        old_id = sources.find(session, old).id
        before, after = [
            one for one in bindings.spans_of(session, [ci.id])[ci.id] if one.until_ms or one.since_ms > parted
        ]
        assert before.source_id == old_id
        assert before.until_ms == parted
        assert after.source_id == sources.find(session, first.uid).id
        fragments = session.exec(select(UtilizationFragment)).all()
        assert [one.source_id for one in fragments] == [old_id]  # kept with the identity that speaks for nothing now
        speaking = record.sources_of(session, ci.id)
        assert old_id not in speaking
        values = {one.value for one in record.facts_of(session, ci, ["software.packages[*].version"])}
        assert values == {"2"}


def test_a_split_without_a_name_leaves_it_to_identification(collector: Collector, clock: MovedClock) -> None:
    first, clone = forked(collector, clock)
    with collector.database.write() as session:
        ci = record.find_ci(session, "web1")
        dividing.split(session, sources.find(session, first.uid), None, "alice", "who is who?", now_ms())
        assert bindings.of_ci(session, ci.id) == []
    for one in (first, clone):
        get_own(one)
        one.submit(packages(("openssl", one.host)))
    with collector.database.read() as session:
        assert all(one.ended_as is None for one in (sources.find(session, a.uid) for a in (first, clone)))


def test_the_same_key_gets_the_same_identity(collector: Collector, clock: MovedClock) -> None:
    first, _ = forked(collector, clock)
    with collector.database.write() as session:
        dividing.split(session, sources.find(session, first.uid), "web1", "alice", "why", now_ms())
    request = own_request(first)
    with first.enrol_channel() as channel:
        uids = {EnrolmentStub(channel).Renew(request, timeout=10).source_id for _ in range(3)}
        stranger = EnrolmentStub(channel).Renew(own_request(first), timeout=10).source_id
    assert len(uids) == 1 and stranger not in uids


def test_a_thief_who_is_behind_does_not_get_the_kept_identity(collector: Collector, clock: MovedClock) -> None:
    """A copied key and an old state name the running epoch, and lack its last receipt's token."""
    thief = agent_of(collector)
    thief.submit(packages(("openssl", "1")))
    first = copied(thief, new_epoch=False)
    first.submit(packages(("openssl", "2")))
    clone = copied(first, "web1-copy")
    with refused(UNAVAILABLE):
        clone.submit()
    with refused(DENIED, "held by two"):
        first.submit()
    with collector.database.write() as session:
        given = dividing.split(session, sources.find(session, first.uid), first.epoch, "alice", "why", now_ms())
        kept = next(one.source_id for one in given if one.own_as == "kept")
    get_own(thief)
    get_own(first)
    assert source_of(collector, first.uid).id == kept
    assert source_of(collector, thief.uid).id != kept


def test_strangers_are_bounded(start: Start, clock: MovedClock) -> None:
    collector = start(enrol_burst_peer=1000, enrol_burst_all=1000)
    first, _ = forked(collector, clock)
    with collector.database.write() as session:
        dividing.split(session, sources.find(session, first.uid), "web1", "alice", "why", now_ms())
    with first.enrol_channel() as channel:
        stub = EnrolmentStub(channel)
        for _ in range(dividing.MOST_STRANGERS):
            stub.Renew(own_request(first, epoch="unknown-epoch"), timeout=10)
        with refused(DENIED, "no more"):
            stub.Renew(own_request(first, epoch="unknown-epoch"), timeout=10)


@pytest.mark.parametrize(
    ("change", "status", "word"),
    [
        (lambda r: setattr(r, "epoch", "../../etc"), grpc.StatusCode.UNAUTHENTICATED, "signature"),
        (lambda r: setattr(r, "continuation", b"x"), grpc.StatusCode.UNAUTHENTICATED, "signature"),
        (lambda r: setattr(r, "claims", b""), grpc.StatusCode.UNAUTHENTICATED, "signature"),
        (lambda r: r.ClearField("epoch"), grpc.StatusCode.UNAUTHENTICATED, "signature"),
    ],
)
def test_what_is_said_is_signed(
    collector: Collector, agent: Agent, change: Callable[[pb.RenewRequest], None], status: grpc.StatusCode, word: str
) -> None:
    request = own_request(agent)
    change(request)
    with agent.enrol_channel() as channel, refused(status, word):
        EnrolmentStub(channel).Renew(request, timeout=10)


def test_an_identity_that_was_not_divided_gives_no_other(agent: Agent) -> None:
    with agent.enrol_channel() as channel, refused(DENIED, "not divided"):
        EnrolmentStub(channel).Renew(own_request(agent), timeout=10)


@pytest.mark.parametrize(
    ("epoch", "continuation", "claims", "word"),
    [
        ("../../etc/passwd", b"", b"", "epoch"),
        ("a" * 32, bytes(65), b"", "continuation"),
        ("a" * 32, b"", b"\x0a\xff", "claims"),
        ("a" * 32, b"", pb.HostClaims(hostname="x" * 300).SerializeToString(), "claims.hostname"),
    ],
)
def test_bounds_of_what_is_said(
    collector: Collector, clock: MovedClock, epoch: str, continuation: bytes, claims: bytes, word: str
) -> None:
    first, _ = forked(collector, clock)
    with collector.database.write() as session:
        dividing.split(session, sources.find(session, first.uid), "web1", "alice", "why", now_ms())
    request = pb.RenewRequest(epoch=epoch, continuation=continuation, claims=claims)
    with first.enrol_channel() as channel, refused(grpc.StatusCode.INVALID_ARGUMENT, word):
        EnrolmentStub(channel).Renew(signed(first, request, key_pem(new_key())), timeout=10)


def test_an_expected_image_gives_each_machine_an_identity_without_an_alert(collector: Collector, agent: Agent) -> None:
    agent.submit(packages(("openssl", "image")))
    with collector.database.write() as session:
        source = sources.find(session, agent.uid)
        claimed = {one.kind: one.key for one in session.exec(select(IdentityClaim))}
        dividing.expect(session, source, "alice", "the golden image", now_ms())
    instances = [copied(agent, f"node{number}", new_epoch=False) for number in range(3)]
    for one in instances:
        with refused(DENIED, "image"):
            one.submit()
        get_own(one)
        one.submit(packages(("openssl", one.host)))
    for one in instances:
        assert versions(collector, one.host) == {one.host}
    assert findings(collector, closed=True) == []
    with collector.database.read() as session:
        assert claimed.keys() == {"machine_id", "hostname"}
        assert [one.key for one in session.exec(select(SharedEvidence))] == [claimed["machine_id"]]
        assert bindings.of_source(session, sources.find(session, agent.uid).id) is None
    with agent.enrol_channel() as channel, refused(DENIED, "image"):
        EnrolmentStub(channel).Renew(agent.renew_request()[0], timeout=10)


def test_retired_is_gone(collector: Collector, clock: MovedClock) -> None:
    first, clone = forked(collector, clock)
    with collector.database.write() as session:
        dividing.retire(session, sources.find(session, first.uid), "alice", "both are scrap", now_ms())
    for one in (first, clone):
        with pytest.raises(grpc.RpcError, match=r"revoked|retired"):
            one.submit()
        with refused(grpc.StatusCode.UNAUTHENTICATED, "revoked"):
            one.renew()
    assert findings(collector) == []


def test_a_release_lets_the_one_that_is_left_go_on(collector: Collector, clock: MovedClock) -> None:
    first, clone = forked(collector, clock)
    with collector.database.write() as session:
        dividing.release(session, sources.find(session, first.uid), "alice", "it was one machine", now_ms())
    assert findings(collector) == []
    with pytest.raises(grpc.RpcError, match=r"quarantined|another epoch"):  # what was known is remembered for a second
        clone.submit()
    clock.ahead_ms += 61_000
    clone.submit(packages(("openssl", "clone")))
    assert versions(collector, "web1-copy") == {"clone"}


def test_an_old_agent_says_nothing_of_all_this(collector: Collector, agent: Agent, clock: MovedClock) -> None:
    """The harness's stamps are those of an agent before this: no previous epoch, no machine."""
    assert not agent.stamp().machine and not agent.stamp().previous_epoch
    agent.submit(packages(("openssl", "1")))
    begin_anew(agent)
    with refused(UNAVAILABLE):
        agent.submit(packages(("openssl", "1")))
    clock.ahead_ms += 61_000
    agent.submit(packages(("openssl", "1")))
    agent.renew()
    agent.submit(packages(("openssl", "2")))


def test_a_new_address_brings_the_next_check_in_forward(collector: Collector, agent: Agent) -> None:
    agent.submit(packages(("openssl", "1")))
    with collector.database.write() as session:
        source = sources.find(session, agent.uid)
        source.peers = [["192.0.2.1", 1]]
        session.add(source)
    collector.schedule.fleet = 100_000
    assert agent.submit().instructions.check_in_after_s == 10
    assert agent.submit().instructions.check_in_after_s > 10
    assert [one[0] for one in source_of(collector, agent.uid).peers] == ["192.0.2.1", "127.0.0.1"]
