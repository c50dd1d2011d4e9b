"""Verification of the record: every kind of damage is found by its check, counted, and a finding until it is mended."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import make_url, text
from sqlmodel import Session, col, func, select
from tests.cmdb.test_audit import KEY
from tests.support.timeline import Timeline, clock

from driftline.v1.collector_pb2 import Dropped, HostClaims
from driftline_cmdb import audit, findings, record, relations
from driftline_cmdb.audit import heads, sealing, signing
from driftline_cmdb.database import Database
from driftline_cmdb.errors import CmdbError, Conflict, Invalid, NotFound, Refused
from driftline_cmdb.identity import shared
from driftline_cmdb.identity.claims import store
from driftline_cmdb.integrity import asking, attesting, running
from driftline_cmdb.integrity.checks import all_checks
from driftline_cmdb.integrity.look import Batch, Check, Deficiency, Look
from driftline_cmdb.integrity.results import MOST_FINDINGS, CheckResult, IdSet
from driftline_cmdb.reports import Committed, Report
from driftline_cmdb.tables.audit import AuditEntry
from driftline_cmdb.tables.cis import Binding, Ci, Finding
from driftline_cmdb.tables.identity import IdentityDecision
from driftline_cmdb.tables.integrity import Attestation, FindingDecision, IntegrityRun
from driftline_cmdb.tables.sources import Source

NOW = clock("12:00")
DAY = 86_400_000

FLEET = {
    "steps": [
        {"at": "8:00", "report": {"host": "web1", "packages": {"bash": "5.2", "sl": "5"}, "sysctls": {"vm.x": 60}}},
        {"at": "8:00", "report": {"host": "web2", "packages": {"bash": "5.2", "sl": "5"}}},
        {"at": "8:01", "capture": {"host": "web1", "name": "golden", "by": "alice"}},
        {"at": "8:02", "approve": {"name": "golden", "by": "bob"}},
        {"at": "9:00", "report": {"host": "web1", "packages": {"bash": "5.3", "sl": "5"}}},
    ]
}  # fmt: skip


def fill(database: Database) -> Timeline:
    timeline = Timeline(database)
    timeline.run(FLEET)
    while sealing.seal(database):
        pass
    heads.publish(database, signing.public(KEY), NOW)
    sealing.seal(database)
    assert not isinstance(heads.sign(database, KEY, None, NOW), heads.Broken)
    return timeline


def verify(database: Database, now: int = NOW) -> tuple[IntegrityRun, dict[str, CheckResult]]:
    """Ask for a run, take it and carry it out; return what is on record of it."""
    with database.write() as session:
        asking.ask(session, "alice", now)
    while sealing.seal(database):
        pass
    run_id = asking.take(database, now, DAY)
    assert run_id is not None
    running.run(database, run_id, lambda: now)
    with database.read() as session:
        row = session.get_one(IntegrityRun, run_id)
        return row, {one["name"]: CheckResult.of(one) for one in row.checks}


def damage(database: Database, sql: str) -> None:
    """Change the database behind the program's back, foreign keys or not."""
    if database.is_sqlite:
        with sqlite3.connect(str(make_url(database.url).database)) as connection:
            connection.execute(sql)
        connection.close()
        return
    with database.write() as session:
        session.connection().execute(text("SET LOCAL session_replication_role = replica"))
        session.connection().execute(text(sql))


def messages(database: Database) -> list[str]:
    with database.read() as session:
        query = select(Finding.message).where(Finding.kind == "integrity", col(Finding.closed_ms).is_(None))
        return list(session.exec(query))


def test_a_whole_record_is_accurate(database: Database) -> None:
    fill(database)
    row, results = verify(database)
    assert {name: result.deficient for name, result in results.items()} == dict.fromkeys(all_checks(), 0)
    assert all(result.applied and result.examined and not result.error for result in results.values()), results
    assert (row.state, row.cis, row.cis_accurate, row.elements, row.elements_accurate) == ("done", 2, 2, 6, 6)
    # of what is said of a CI that nobody announced and of one that somebody did, both are kept ready
    assert results["orphans"].notes == ("1 elements are held by no source and pinned by no baseline",)
    assert messages(database) == []


def test_what_only_people_know_of_needs_a_relation(database: Database) -> None:
    fill(database)
    with database.write() as session:
        shop = relations.create_ci(session, relations.NewCi("shop", "service", "installed"), "alice", NOW - 30 * DAY)
        uid = shop.uid
    _, results = verify(database)
    assert not results["stale"].error and results["stale"].deficient == 0
    assert messages(database) == [f"shop ({uid}) is in use, but has neither a source nor a relation"]
    with database.write() as session:
        web1, shop = record.find_ci(session, "web1"), record.find_ci(session, "shop")
        relations.relate(session, shop, "depends on", web1, relations.BY_A_PERSON, "alice", NOW)
    _, results = verify(database)
    assert {name: result.deficient for name, result in results.items()} == dict.fromkeys(all_checks(), 0)


def test_an_empty_record(database: Database) -> None:
    row, results = verify(database)
    assert row.state == "done" and row.cis == row.elements == 0
    assert {name for name, result in results.items() if not result.applied} == {"digests", "duplicates", "stale"}


WEB1 = "(SELECT id FROM ci WHERE name = 'web1')"
#: Not what people and driftline put on record of it, which is a source too.
SOURCE1 = "(SELECT id FROM source WHERE hostname = 'web1' AND kind = 'agent')"
BASH = "(SELECT element_id FROM holding WHERE until_revision IS NULL AND source_id = (SELECT id FROM source WHERE \
hostname = 'web2' AND kind = 'agent') AND path_id = (SELECT id FROM path WHERE text LIKE '%bash%'))"
ONE_OPEN = f"(SELECT max(id) FROM holding WHERE until_revision IS NULL AND source_id = {SOURCE1})"

#: What is done to the database; which check finds it, with which words; how many; inaccurate CIs and elements.
DAMAGE = """
UPDATE element SET content = digest WHERE id = {bash} | digests | does not hash to its digest | 1 1 1
UPDATE holding SET element_id = 99999 WHERE id = {open} | references | an element that is not there | 1 1 0
UPDATE holding SET path_id = 99999 WHERE id = {open} | references | a path that is not there | 1 1 0
UPDATE holding SET section_id = 99999 WHERE id = {open} | references | a section that is not there | 1 1 0
UPDATE holding SET source_id = 99999 WHERE id = {open} | references | a source that is not there | 1 0 0
UPDATE holding SET since_revision = 99999 WHERE id = {open} | references | a first revision that is not | 1 1 0
UPDATE holding SET until_revision = 99999 WHERE until_revision > 0 | references | a last revision that is not | 1 1 0
UPDATE holding SET since_revision = until_revision WHERE until_revision > 0 | consistency | end before | 1 1 0
UPDATE rfcdelta SET ci_id = 99999 WHERE ci_id = {web1} | references | 1 rows of rfcdelta name a ci | 1 0 0
DELETE FROM baselineversion | references | rows of baselineelement name | 5 0 0
UPDATE auditentry SET actor = 'mallory' WHERE position = 2 | chain | position 2 of the audit trail | 1 0 0
DELETE FROM auditentry WHERE position = 2 | chain | lacks positions 2 to 2 | 2 0 0
UPDATE audithead SET at_ms = 5 | chain | is not signed with key | 1 0 0
UPDATE audithead SET position = 99 | chain | is not signed with key | 1 0 0
UPDATE binding SET until_ms = 5 | orphans | neither a source nor a | 6 2 0
UPDATE ci SET name = 'WEB1' | duplicates | 2 CIs have the name web1 | 2 2 0
UPDATE ci SET last_seen_ms = {week} WHERE name = 'web1' | stale | was not seen for 8 days | 1 1 0
UPDATE source SET skew_ms = 400000 WHERE hostname = 'web1' | stale | the clock of web1 | 1 1 0
UPDATE section SET stale_since_ms = {week} WHERE name = 'sysctls' | stale | sysctls of web1 | 1 1 0
UPDATE ci SET status = 'retired' WHERE name = 'web1' | consistency | is open, but web1 is retired | 1 0 0
UPDATE rfc SET state = 'closed' | consistency | but has no time of its end | 1 0 0
UPDATE rfcdelta SET state = 'authorised' | consistency | nobody approved that | 1 1 0
""".format(web1=WEB1, bash=BASH, open=ONE_OPEN, week=NOW - 8 * DAY).strip()


def test_damage_is_found_counted_and_closed_when_it_is_mended(database: Database) -> None:
    fill(database)
    before = snapshot(database)
    for line in DAMAGE.splitlines():
        sql, check, words, numbers = (part.strip() for part in line.split("|"))
        count, cis, elements = map(int, numbers.split())
        damage(database, sql)
        row, results = verify(database)
        assert results[check].deficient == count, f"{sql}: {results[check]}"
        found = messages(database)
        assert any(words in message for message in found), f"{sql}: {found}"
        others = [one for one in results.values() if one.deficient and one.name != check]
        assert len(found) == results[check].findings + sum(one.findings for one in others), "what is mended is closed"
        assert row.cis is not None and row.cis_accurate is not None, sql
        assert row.elements is not None and row.elements_accurate is not None, sql
        assert (row.cis - row.cis_accurate, row.elements - row.elements_accurate) == (cis, elements), sql
        restore(database, before)
    _, results = verify(database)
    assert [one for one in results.values() if one.deficient] == [] and messages(database) == []


Rows = dict[str, list[tuple[object, ...]]]
TABLES = (
    "element", "holding", "rfcdelta", "baselineversion", "audithead", "binding", "ci", "source", "section", "rfc",
    "auditentry",
)  # fmt: skip


def snapshot(database: Database) -> Rows:
    """Return what some tables hold, as INSERTs can put it back."""
    with database.read() as session:
        return {
            table: [tuple(row) for row in session.connection().exec_driver_sql(f"SELECT * FROM {table}").all()]
            for table in TABLES
        }


def restore(database: Database, rows: Rows) -> None:
    """Put the tables back as they were; decisions made since then stay."""
    from driftline_cmdb.tables import metadata

    with database.write() as session:
        connection = session.connection()
        if database.is_sqlite:
            connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        else:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        for table, kept in rows.items():
            made = metadata.tables[table]
            width = len(made.columns)
            names = [column.name for column in made.columns]
            mark = "?" if database.is_sqlite else "%s"
            key = ["id"]
            for values in kept:
                sets = ", ".join(f'"{name}" = {mark}' for name in names)
                by = dict(zip(names, values, strict=True))
                plain = [as_written(value) for value in values]
                done = connection.exec_driver_sql(
                    f'UPDATE "{table}" SET {sets} WHERE id = {mark}', (*plain, by[key[0]])
                )
                if done.rowcount == 0:
                    marks = ", ".join([mark] * width)
                    listed = ", ".join(f'"{name}"' for name in names)
                    connection.exec_driver_sql(f'INSERT INTO "{table}" ({listed}) VALUES ({marks})', tuple(plain))


def as_written(value: object) -> object:
    """Return a value as the driver takes it: PostgreSQL's reads JSON as lists and mappings."""
    import json

    return json.dumps(value) if isinstance(value, list | dict) else value


def check_of(*found: Deficiency, examined: int = 1) -> dict[str, Check]:
    def examine(_look: Look) -> Iterator[Batch]:
        yield Batch(examined, found)

    return {"fake": Check("fake", "everything is well", lambda _session: True, examine)}


def run_fake(database: Database, checks: dict[str, Check], now: int = NOW) -> CheckResult:
    with database.write() as session:
        asking.ask(session, "alice", now)
    run_id = asking.take(database, now, DAY)
    assert run_id is not None
    return running.run(database, run_id, lambda: now, checks=checks)[0]


def test_findings_are_bounded_and_the_count_is_not(database: Database) -> None:
    many = [Deficiency(f"{number:04}", f"number {number}") for number in range(250)]
    result = run_fake(database, check_of(*many))
    assert (result.deficient, result.findings) == (250, MOST_FINDINGS)
    assert len(messages(database)) == MOST_FINDINGS
    result = run_fake(database, check_of(*many[50:]), NOW + 1)
    assert (result.deficient, result.findings) == (200, MOST_FINDINGS)
    assert "number 49" not in messages(database) and "number 149" in messages(database)
    changed = run_fake(database, check_of(replace(many[60], message="number 60, again")), NOW + 2)
    assert changed.findings == 1 and messages(database) == ["number 60, again"]


def test_a_check_that_fails_closes_nothing_and_gives_no_accuracy(database: Database) -> None:
    run_fake(database, check_of(Deficiency("one", "one is wrong")))

    def examine(_look: Look) -> Iterator[Batch]:
        yield Batch(3)
        raise RuntimeError("the disk is away")

    broken = {"fake": Check("fake", "everything is well", lambda _session: True, examine)}
    result = run_fake(database, broken, NOW + 1)
    assert result.error == "RuntimeError: the disk is away" and result.examined == 3
    assert messages(database) == ["one is wrong"]
    with database.read() as session:
        row = session.exec(select(IntegrityRun).order_by(col(IntegrityRun.id).desc())).first()
        assert row is not None and row.state == "failed" and row.cis is None and row.error == f"fake: {result.error}"


def test_a_run_that_is_stopped_can_be_asked_for_again(database: Database) -> None:
    fill(database)
    with database.write() as session:
        asking.ask(session, "alice", NOW)
    run_id = asking.take(database, NOW, DAY)
    assert run_id is not None

    def stop() -> None:
        raise running.Stopped

    with pytest.raises(running.Stopped):
        running.run(database, run_id, lambda: NOW, rest=stop)
    asking.give_up(database, run_id, NOW, "stopped")
    assert verify(database)[0].state == "done"


def test_one_run_at_a_time(database: Database) -> None:
    with database.write() as session:
        first, second = asking.ask(session, "alice", NOW), asking.ask(session, "bob", NOW)
        assert first.id == second.id and second.asked_by == "alice"
        assert session.exec(select(AuditEntry.action)).all() == ["integrity.asked"]
    assert asking.take(database, NOW, DAY) == first.id
    assert asking.take(database, NOW, DAY) is None
    with database.write() as session:
        assert asking.ask(session, "bob", NOW).id == first.id, "it runs"


def test_the_schedule_and_a_collector_that_died(database: Database) -> None:
    def waiting(now: int) -> bool:
        with database.read() as session:
            return asking.waiting(session, now, DAY)

    assert not waiting(NOW) and asking.take(database, NOW, DAY) is None, "an empty record"
    fill(database)
    begun = clock("8:00")
    assert not waiting(begun + DAY - 1)
    assert waiting(begun + DAY)
    run_id = asking.take(database, begun + DAY, DAY)
    assert run_id is not None and not waiting(begun + DAY + 1)
    died = begun + DAY + asking.DEAD_MS + 1
    assert waiting(died)
    assert asking.take(database, died, DAY) is None, "it is failed; the next is due after the interval"
    with database.read() as session:
        row = session.get_one(IntegrityRun, run_id)
        assert (row.state, row.asked_by, row.error) == ("failed", "schedule", "the collector that ran it stopped")
    assert asking.take(database, begun + 2 * DAY, DAY) == run_id + 1


def test_a_set_of_ids() -> None:
    ids = IdSet()
    for number in (5, 5, 0, 100_000):
        ids.add(number)
    assert len(ids) == 3 and 5 in ids and 0 in ids and 100_000 in ids and 6 not in ids and 10**9 not in ids


def claim(database: Database, web1: HostClaims, web2: HostClaims) -> tuple[int, int]:
    """Have both hosts claim something, as if each had been bound before it did; return their CIs."""
    with database.write() as session:
        found = []
        for host, claims in (("web1", web1), ("web2", web2)):
            source = session.exec(select(Source).where(Source.hostname == host, Source.kind == "agent")).one()
            found.append(record.find_ci(session, host).id)
            store(session, source, claims, found[-1], NOW)
    return found[0], found[1]


def test_two_cis_that_are_one_machine_by_what_they_claim(database: Database) -> None:
    fill(database)
    one, two = claim(database, HostClaims(machine_id="Abc"), HostClaims(machine_id="abc"))
    assert verify(database)[1]["duplicates"].deficient == 2
    (message,) = messages(database)
    assert "are one machine by what their sources claim, score 40 (40 is a match): driftline ci why" in message
    with database.write() as session:
        session.add(IdentityDecision(at_ms=NOW, actor="jane", action="clone", reason="r", ci_id=two, other_ci_id=one))
    assert verify(database)[1]["duplicates"].deficient == 0


@pytest.mark.parametrize(
    "claims",
    [
        HostClaims(system_serial_number="To Be Filled By O.E.M."),
        HostClaims(system_serial_number="7X3KQ2", virtualization="kvm"),
        HostClaims(chassis_serial_number="7X3KQ2"),
    ],
)
def test_what_tells_no_machine_from_another_makes_no_duplicates(database: Database, claims: HostClaims) -> None:
    fill(database)
    claim(database, claims, claims)
    assert verify(database)[1]["duplicates"].deficient == 0


def test_shared_evidence_makes_no_duplicates(database: Database) -> None:
    fill(database)
    claim(database, HostClaims(machine_id="abc"), HostClaims(machine_id="abc"))
    with database.write() as session:
        shared.add_shared(session, "machine:abc", "jane", "an image", NOW)
    assert verify(database)[1]["duplicates"].deficient == 0


def test_several_sources_of_one_ci_are_no_duplicates(database: Database) -> None:
    fill(database)
    claim(database, HostClaims(machine_id="m"), HostClaims())
    with database.write() as session:
        ci = record.find_ci(session, "web1")
        source = Source(uid="device", hostname="web1", enrolled_ms=NOW, epoch="e", seen_ms=NOW)
        session.add(source)
        session.flush()
        session.add(Binding(source_id=source.id, ci_id=ci.id, since_ms=NOW))
        store(session, source, HostClaims(machine_id="m"), ci.id, NOW)
    assert verify(database)[1]["duplicates"].deficient == 0


def test_a_decision_that_waits_unsealed(database: Database) -> None:
    fill(database)
    with database.write() as session:
        audit.record(session, "alice", "rfc.authorised", "RFC 1", {}, NOW - 2 * 3_600_000)
    run_id = asking.take(database, NOW + 2 * DAY, DAY)
    assert run_id is not None
    results = {one.name: one for one in running.run(database, run_id, lambda: NOW)}
    assert results["chain"].deficient == 1 and "not sealed after an hour" in messages(database)[0]


def send_dropped(timeline: Timeline, host: str, sequence: int, now: int, dropped: Dropped) -> Committed | CmdbError:
    known = timeline.hosts[host]
    report = Report(
        source_id=known.source_id,
        epoch=known.epoch,
        sequence=sequence,
        continuation=known.continuation,
        digest=f"dropped {sequence}".encode(),
        received_ms=now,
        sent_ms=now,
        agent_version="0",
        claims=HostClaims(hostname=host),
        dropped=dropped,
    )
    (result,) = timeline.ingest.commit([report])
    return result


def test_what_an_agent_dropped_is_a_finding_until_a_person_closes_it(database: Database) -> None:
    timeline = fill(database)
    host = timeline.hosts["web1"]
    for number, dropped in enumerate(
        [Dropped(), Dropped(reports=2), Dropped(reports=1, utilization_batches=5)], start=1
    ):
        for _ in range(2):  # the second is a retry: its receipt was lost
            result = send_dropped(timeline, "web1", host.sequence + number, NOW + number, dropped)
            assert isinstance(result, Committed)
        host.continuation = result.continuation
    with database.write() as session:
        (found,) = session.exec(select(Finding).where(Finding.kind == "dropped")).all()
        assert found.detail["reports"] == 3 and found.detail["utilization_batches"] == 5
        assert (found.detail["first_ms"], found.detail["last_ms"], found.opened_ms) == (NOW + 2, NOW + 3, NOW + 2)
        assert "web1 dropped 3 reports and 5 batches" in found.message
        assert found.ci_id == record.find_ci(session, "web1").id
        findings.close(session, found.id, "alice", "the network was cut", NOW + 9)
    send_dropped(timeline, "web1", host.sequence + 4, NOW + 10, Dropped(reports=1))
    with database.read() as session:
        counts = [row.detail["reports"] for row in session.exec(select(Finding).where(Finding.kind == "dropped"))]
        assert sorted(counts) == [1, 3]


def test_people_decide_about_findings(database: Database) -> None:
    with database.write() as session:
        session.add(Finding(kind="silent", key="silent:x", message="x is silent", opened_ms=NOW))
        session.add(Finding(kind="clone", key="clone:x", message="two of x", opened_ms=NOW))
    with database.write() as session:
        silent, clone = session.exec(select(Finding).order_by(col(Finding.id))).all()
        for bad, error in (
            (lambda: findings.close(session, silent.id, "alice", "seen", NOW), Refused),
            (lambda: findings.close(session, clone.id, "alice", " ", NOW), Invalid),
            (lambda: findings.close(session, 99, "alice", "seen", NOW), NotFound),
        ):
            with pytest.raises(error):
                bad()
        findings.acknowledge(session, silent.id, "alice", "it is being moved", NOW)
        with pytest.raises(Conflict, match="by alice already"):
            findings.acknowledge(session, silent.id, "bob", "me too", NOW)
        findings.close(session, clone.id, "alice", "the copy is gone", NOW)
        with pytest.raises(Conflict, match="is closed already"):
            findings.close(session, clone.id, "alice", "again", NOW)
        assert silent.closed_ms is None and clone.closed_ms == NOW
        decisions = [(row.action, row.reason) for row in session.exec(select(FindingDecision))]
        assert decisions == [("acknowledged", "it is being moved"), ("closed", "the copy is gone")]
        assert session.exec(select(AuditEntry.action)).all() == ["finding.acknowledged", "finding.closed"]


def attested(session: Session) -> int:
    return session.exec(select(func.count()).select_from(Attestation)).one()


def test_a_person_attests_a_ci(database: Database) -> None:
    fill(database)
    with database.write() as session:
        ci: Ci = record.find_ci(session, "web1")
        with pytest.raises(Invalid, match="say what you looked at"):
            attesting.attest(session, ci, "alice", "  ", NOW)
        row = attesting.attest(session, ci, "alice", "seen in rack 4", NOW)
        assert row.ci_version == ci.version and attested(session) == 1
        last = session.exec(select(AuditEntry).order_by(col(AuditEntry.id).desc())).first()
        assert last is not None and last.action == "ci.attested" and last.detail["note"] == "seen in rack 4"
