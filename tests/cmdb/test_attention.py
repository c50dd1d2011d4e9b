"""Messages on their way, escalation, verdicts and precision, on both engines; no test waits for a clock."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlmodel import Session, col, select
from tests.support.timeline import Timeline, clock

from driftline_cmdb import findings
from driftline_cmdb.attention import delivering, dispatch, documents, events, handling, judging, maintenance, reminders
from driftline_cmdb.continuity import open_finding
from driftline_cmdb.database import Database
from driftline_cmdb.errors import Conflict, Invalid, NotFound
from driftline_cmdb.rfcs.lifecycle import decide
from driftline_cmdb.tables.attention import AttentionEvent, Delivery, DeliveryItem
from driftline_cmdb.tables.audit import AuditEntry
from driftline_cmdb.tables.cis import Finding
from driftline_cmdb.tables.integrity import FindingDecision
from driftline_cmdb.tables.people import Person
from driftline_cmdb.tables.rfcs import Rfc

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOW = clock("12:00")
ESCALATING = """
routes:
  - match: {severity: critical}
    page: first
    escalate_after: 15m
    escalate_to: [second, third]
  - digest: {channel: digest, every: 1h}
"""


def finding(database: Database, key: str, severity: str, now: int) -> Finding:
    with database.write() as session:
        row = Finding(kind="a test", key=key, message=f"{key} is odd", opened_ms=now)
        session.add(row)
        session.flush()
        events.emit_finding(session, row, now, severity)
        return row


def routed(database: Database, document: str, now: int = NOW) -> None:
    with database.write() as session:
        documents.put(session, document, "alice", "a test", now)


def messages(database: Database) -> list[tuple[str, str, str]]:
    with database.read() as session:
        rows = session.exec(select(Delivery).order_by(col(Delivery.id)))
        return [(row.channel, row.kind, row.state) for row in rows]


def test_an_event_is_there_only_where_its_cause_is(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as session:
        assert open_finding(session, "a test", "k", None, "m", {}, NOW)
        raise RuntimeError
    with database.read() as session:
        assert session.exec(select(AttentionEvent)).all() == []
    with database.write() as session:
        assert open_finding(session, "clone", "k", None, "m", {}, NOW)
        assert not open_finding(session, "clone", "k", None, "m", {}, NOW)
    with database.read() as session:
        event = session.exec(select(AttentionEvent)).one()
        assert (event.kind, event.severity, event.title) == ("finding.opened", "critical", "m")


def test_a_digest_gathers_until_it_is_due_and_the_next_one_begins_then(database: Database) -> None:
    for number in range(3):
        finding(database, f"a{number}", "info", NOW)
    assert dispatch.route_due(database, NOW) == 3
    assert messages(database) == [("digest", "digest", "waiting")]
    assert delivering.take(database, "digest", NOW + HOUR - 1) is None
    taken = delivering.take(database, "digest", NOW + HOUR)
    assert taken is not None
    assert taken.message["data"]["title"] == "digest: 3 events on 3 subjects"
    assert [event["title"] for event in taken.message["data"]["events"]] == ["a0 is odd", "a1 is odd", "a2 is odd"]
    finding(database, "late", "info", NOW + HOUR - 1)  # routed by a clock that is behind
    dispatch.route_due(database, NOW + HOUR - 1)
    assert len(messages(database)) == 2
    with database.read() as session:
        second = session.exec(select(Delivery).order_by(col(Delivery.id).desc())).first()
        assert second is not None and second.due_ms == NOW + 2 * HOUR


def test_a_retry_has_the_same_id_and_words_and_comes_later_and_later(database: Database) -> None:
    row = finding(database, "k", "critical", NOW)
    dispatch.route_due(database, NOW)
    now, seen, waits = NOW, [], []
    for _ in range(4):
        taken = delivering.take(database, "page", now)
        assert taken is not None
        seen.append((taken.uid, taken.message))
        delivering.failed(database, taken, "refused", now, lambda: 0.5)
        with database.write() as session:
            session.get_one(Finding, row.id).message = f"changed at {now}"
            after = session.exec(select(Delivery)).one()
        waits.append(after.next_try_ms - now)
        assert delivering.take(database, "page", after.next_try_ms - 1) is None
        now = after.next_try_ms
    assert [one == seen[0] for one in seen] == [True] * 4
    assert waits == [5_000, 10_000, 20_000, 40_000]
    assert delivering.wait_ms(50, 1.0) <= 1.25 * delivering.LONGEST_WAIT_MS
    assert delivering.wait_ms(1, 0.0) != delivering.wait_ms(1, 1.0)


def test_what_is_given_up_is_a_finding_until_the_channel_works_again(database: Database) -> None:
    finding(database, "k", "critical", NOW)
    dispatch.route_due(database, NOW)
    now, tries = NOW, 0
    while (taken := delivering.take(database, "page", now)) is not None:
        delivering.failed(database, taken, "no route to host", now, lambda: 0.5)
        tries += 1
        with database.read() as session:
            now = session.exec(select(Delivery).where(Delivery.channel == "page")).one().next_try_ms
    assert messages(database) == [("page", "page", "failed")]
    assert tries > 70 and NOW + 2.9 * DAY < now < NOW + 3.2 * DAY
    with database.read() as session:
        failure = session.exec(select(Finding).where(Finding.kind == "notification failed")).one()
        assert failure.message == "notification failed: page took no message: no route to host"
    finding(database, "k2", "critical", now)
    dispatch.route_due(database, now)
    again = delivering.take(database, "page", now)
    assert again is not None
    delivering.sent(database, again, now)
    with database.read() as session:
        assert session.get_one(Finding, failure.id).closed_ms == now


def test_a_sender_that_died_is_replaced_when_its_lease_ends(database: Database) -> None:
    finding(database, "k", "critical", NOW)
    dispatch.route_due(database, NOW)
    dead = delivering.take(database, "page", NOW)
    assert dead is not None
    assert delivering.take(database, "page", NOW + delivering.LEASE_MS - 1) is None
    other = delivering.take(database, "page", NOW + delivering.LEASE_MS)
    assert other is not None and other.uid == dead.uid
    delivering.failed(database, dead, "the dead one speaks", NOW + delivering.LEASE_MS, lambda: 0.5)
    with database.read() as session:
        assert session.exec(select(Delivery)).one().last_error == ""
    delivering.sent(database, other, NOW + delivering.LEASE_MS)
    assert messages(database) == [("page", "page", "sent")]


def test_two_senders_take_each_message_once(database: Database) -> None:
    for number in range(30):
        finding(database, f"k{number}", "critical", NOW)
    taken: list[str] = []
    lock, start = threading.Lock(), threading.Barrier(4)

    def work() -> None:
        other = Database(database.url)
        start.wait()
        dispatch.route_due(other, NOW)
        while (one := delivering.take(other, "page", NOW)) is not None:
            with lock:
                taken.append(one.uid)
            delivering.sent(other, one, NOW)
        other.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    dispatch.route_due(database, NOW)
    while (one := delivering.take(database, "page", NOW)) is not None:  # routed after the last look of all
        taken.append(one.uid)
        delivering.sent(database, one, NOW)
    assert len(taken) == len(set(taken)) == 30
    with database.read() as session:
        assert len(session.exec(select(DeliveryItem)).all()) == 30


@contextmanager
def taken_up(database: Database, thread: str) -> Iterator[tuple[Session, Finding]]:
    with database.write() as session:
        yield session, session.get_one(Finding, int(thread.partition(":")[2]))


def test_a_page_that_nobody_acknowledges_goes_on_to_the_next(database: Database) -> None:
    routed(database, ESCALATING)
    row = finding(database, "k", "critical", NOW)
    dispatch.route_due(database, NOW)
    dispatch.escalate_due(database, NOW + 15 * MINUTE - 1)
    assert messages(database) == [("first", "page", "waiting")]
    dispatch.escalate_due(database, NOW + 15 * MINUTE)
    dispatch.escalate_due(database, NOW + 15 * MINUTE)
    assert messages(database) == [("first", "page", "waiting"), ("second", "escalation", "waiting")]
    taken = delivering.take(database, "second", NOW + 15 * MINUTE)
    assert taken is not None and taken.message["data"]["title"] == "not acknowledged: k is odd"
    with taken_up(database, f"finding:{row.id}") as (session, subject):
        findings.acknowledge(session, subject.id, "bob", "on it", NOW + 20 * MINUTE)
        with pytest.raises(Conflict, match="was acknowledged by bob already"):
            findings.acknowledge(session, subject.id, "carol", "me too", NOW + 21 * MINUTE)
    dispatch.escalate_due(database, NOW + 45 * MINUTE)
    assert len(messages(database)) == 2


def test_a_snooze_puts_the_escalation_off(database: Database) -> None:
    routed(database, ESCALATING)
    row = finding(database, "k", "critical", NOW)
    dispatch.route_due(database, NOW)
    with taken_up(database, f"finding:{row.id}") as (session, subject):
        handling.snooze(session, subject, NOW + 2 * HOUR, "after the meeting", "bob", NOW)
    dispatch.escalate_due(database, NOW + 15 * MINUTE)
    assert len(messages(database)) == 1
    dispatch.escalate_due(database, NOW + 2 * HOUR + 15 * MINUTE)
    assert messages(database)[1:] == [("second", "escalation", "waiting")]


def test_a_finding_that_was_put_off_is_up_for_somebody_to_take_again(database: Database) -> None:
    row = finding(database, "k", "critical", NOW)
    with taken_up(database, f"finding:{row.id}") as (session, subject):
        findings.acknowledge(session, subject.id, "bob", "on it", NOW)
        handling.snooze(session, subject, NOW + HOUR, "after the meeting", "bob", NOW)
        assert handling.is_taken(session, f"finding:{row.id}")
    reminders.remind(database, NOW + HOUR)
    with taken_up(database, f"finding:{row.id}") as (session, subject):
        assert not handling.is_taken(session, f"finding:{row.id}")
        findings.acknowledge(session, subject.id, "carol", "my turn", NOW + HOUR)
        actors = session.exec(select(FindingDecision.actor).order_by(col(FindingDecision.id))).all()
        assert actors == ["bob", "carol"]


def test_what_the_life_cycle_does_is_told(database: Database) -> None:
    line = Timeline(database)
    plan = {"host": "web1", "path": "software.packages[dpkg/a/amd64].version", "is": "2", "by": "alice"}
    line.run(
        {
            "steps": [
                {"at": "10:00", "report": {"host": "web1", "packages": {"a": "1"}}},
                {"at": "10:01", "plan": {**plan, "start": "10:10", "end": "11:00"}},
                {"at": "10:02", "authorise": {"rfc": 1, "by": "bob"}},
                {"at": "10:03", "plan": plan},
                {"at": "10:04", "reject": {"rfc": 2, "by": "bob", "why": "not now"}},
                {"at": "10:05", "declare": {"by": "alice", "title": "the shop is down"}},
                {"at": "10:30", "report": {"host": "web1", "packages": {"a": "1"}}},
                {"at": "11:01", "wait": {}},
                {"at": "+1 11:00", "wait": {}},
            ]
        }
    )
    dispatch.route_due(database, clock("+1 11:00"))
    with database.read() as session:
        told = [(one.kind, one.title[:5], one.state) for one in session.exec(select(AttentionEvent))]
    assert sorted(told) == [
        ("rfc.approval_late", "RFC 3", "routed"),
        ("rfc.approval_refused", "RFC 2", "routed"),
        ("rfc.verification_failed", "RFC 1", "routed"),
        ("rfc.waiting", "RFC 1", "dropped"),
        ("rfc.waiting", "RFC 2", "dropped"),
        ("rfc.waiting", "RFC 3", "routed"),
    ]


def test_assigning_names_a_person_who_is_there(database: Database) -> None:
    row = finding(database, "k", "warning", NOW)
    with database.write() as session:
        session.add(Person(name="carol", password_hash="", roles=["operator"], created_ms=1))
    with taken_up(database, f"finding:{row.id}") as (session, subject):
        with pytest.raises(NotFound, match='no active person "dave" to assign finding'):
            handling.assign(session, subject, "dave", "bob", NOW)
        assert handling.assign(session, subject, "carol", "bob", NOW).assigned_to == "carol"
        assert handling.assign(session, subject, None, "bob", NOW).assigned_to is None
    with database.read() as session:
        actions = session.exec(select(AuditEntry.action).where(AuditEntry.subject == f"finding {row.id}")).all()
        assert actions == ["finding.assigned", "finding.assigned"]


def test_the_routing_has_versions_and_the_audit_trail_has_them(database: Database) -> None:
    with database.write() as session:
        assert documents.in_force(session).number == 0
        made, unknown = documents.put(session, ESCALATING, "alice", "on call", NOW, after=0)
        assert (made.number, unknown) == (1, ["digest", "first", "second", "third"])
        documents.announce(session, "a", {"first": "log", "old": "log"}, NOW)
        documents.announce(session, "a", {"first": "log", "second": "email"}, NOW)
        assert sorted(documents.sent_to(session, NOW)) == ["first", "second"]
        assert documents.sent_to(session, NOW + DAY) == {}
    with database.write() as session, pytest.raises(Conflict, match="routing v1 came since you read v0"):
        documents.put(session, ESCALATING, "bob", "", NOW, after=0)
    with database.write() as session, pytest.raises(Invalid, match=r"routing.yaml:1:1: routing: has no routes"):
        documents.put(session, "zone: UTC", "bob", "", NOW)
    with database.read() as session:
        assert documents.version(session, None).author == "alice"
        with pytest.raises(NotFound, match="no version 7"):
            documents.version(session, 7)
        assert session.exec(select(AuditEntry.action)).all() == ["routing.changed"]


def test_windows_that_make_no_sense_are_refused(database: Database) -> None:
    def add(**changes: object) -> None:
        given = {"name": "n", "selector": {"ci": ["a"]}, "start_ms": NOW, "end_ms": NOW + HOUR, "reason": "r"}
        with database.write() as session:
            maintenance.add(session, **{**given, **changes}, actor="alice", now_ms=NOW)  # type: ignore[arg-type]

    for changes, words in (
        ({"reason": " "}, "needs a name and a reason"),
        ({"end_ms": NOW - 1, "start_ms": NOW - 2}, "is over"),
        ({"end_ms": NOW + 8 * DAY}, "at most 7 days"),
        ({"selector": {}}, "selects nothing"),
        ({"selector": {"color": ["red"]}}, '"color" is not known here'),
    ):
        with pytest.raises(Invalid, match=words):
            add(**changes)
    add()


def test_precision_counts_what_people_said_with_both_numbers(database: Database) -> None:
    with database.write() as session:
        for number, state in enumerate(("closed", "backed out", "closed", "backed out", "closed", "submitted"), 1):
            rfc = Rfc(
                number=number, title="t", requester="driftline", origin="driftline", created_ms=NOW - number * 8 * DAY
            )
            rfc.ordered = "revert" if state == "backed out" else None
            session.add(rfc)
            session.flush()
            decide(session, rfc, "driftline", "raise", "submitted", NOW)
            if state != "submitted":
                decide(session, rfc, "driftline", "close" if state == "closed" else "back out", state, NOW)
        session.add(Rfc(number=7, title="t", requester="alice", created_ms=NOW))
    with database.write() as session:
        judging.give(session, 1, "late paperwork", "bob", "", NOW)
        judging.give(session, 2, "false", "bob", "", NOW)
        judging.give(session, 2, "unauthorised", "carol", "it was mallory", NOW)
        judging.give(session, 5, "false", "bob", "a bug", NOW)
        with pytest.raises(Conflict, match="was planned by alice"):
            judging.give(session, 7, "false", "bob", "", NOW)
    with database.read() as session:
        month, quarter = judging.precision(session, 30, NOW), judging.precision(session, 90, NOW)
        assert (month.raised, month.judged, month.right, month.proposed, month.without) == (3, 2, 2, 1, 0)
        assert (quarter.raised, quarter.judged, quarter.right, quarter.proposed, quarter.without) == (6, 3, 2, 2, 1)
        assert (quarter.unauthorised, quarter.late_paperwork, quarter.false) == (1, 1, 1)
        assert month.precision == 1.0 and quarter.precision == pytest.approx(2 / 3)
        assert judging.precision(session, 1, NOW).precision is None
        said = session.exec(select(AuditEntry).where(AuditEntry.action == "rfc.verdict", AuditEntry.actor == "carol"))
        assert said.one().detail["before"] == "false"


def test_latency_is_from_the_observation_to_the_rfc(database: Database) -> None:
    line = Timeline(database)
    report = {"host": "web1", "packages": {"a": "1"}}
    line.run(
        {
            "steps": [
                {"at": "10:00", "report": report},
                {"at": "10:01", "capture": {"host": "web1", "name": "web", "by": "alice"}},
                {"at": "10:02", "approve": {"name": "web", "by": "bob"}},
                {"at": "10:10", "report": {**report, "packages": {"a": "1", "b": "1"}}},
                {"at": "11:00", "report": {**report, "packages": {"a": "1", "b": "1", "c": "1"}, "read_at": "10:50"}},
            ]
        }
    )
    with database.read() as session:
        found = judging.latency(session, 30, NOW)
        assert (found.rfcs, found.median_ms, found.p95_ms) == (2, 0, 10 * MINUTE)
        assert judging.latency(session, 30, NOW + 99 * DAY).median_ms is None


def test_an_end_suggests_a_verdict(database: Database) -> None:
    line = Timeline(database)
    base = {"a": "1"}
    line.run(
        {
            "steps": [
                {"at": "10:00", "report": {"host": "web1", "packages": base}},
                {"at": "10:01", "capture": {"host": "web1", "name": "web", "by": "alice"}},
                {"at": "10:02", "approve": {"name": "web", "by": "bob"}},
                {"at": "10:10", "report": {"host": "web1", "packages": {**base, "late": "1"}}},
                {"at": "10:11", "authorise": {"rfc": 1, "by": "bob"}},
                {"at": "10:20", "report": {"host": "web1", "packages": {**base, "late": "1", "bad": "1"}}},
                {"at": "10:21", "revert": {"rfc": 2, "by": "bob"}},
                {"at": "10:30", "report": {"host": "web1", "packages": {**base, "late": "1", "gone": "1"}}},
                {"at": "10:40", "report": {"host": "web1", "packages": {**base, "late": "1"}}},
            ]
        }
    )
    with database.read() as session:
        rows = {rfc.number: rfc for rfc in session.exec(select(Rfc))}
        found = {number: session.get_one(judging.RfcVerdict, rfc.id).proposed for number, rfc in rows.items()}
        assert found == {1: "late paperwork", 2: "unauthorised", 3: None}


def test_what_was_done_long_ago_is_forgotten(database: Database) -> None:
    finding(database, "old", "critical", NOW)
    dispatch.route_due(database, NOW)
    taken = delivering.take(database, "page", NOW)
    assert taken is not None
    delivering.sent(database, taken, NOW)
    later = NOW + delivering.KEEP_MS + DAY
    finding(database, "new", "critical", later)
    dispatch.route_due(database, later)
    assert delivering.forget(database, later) == 2
    with database.read() as session:
        assert session.exec(select(AttentionEvent.title)).all() == ["new is odd"]
        assert session.exec(select(Delivery.state)).all() == ["waiting"]
