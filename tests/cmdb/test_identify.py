"""Identification: which CI a source speaks for, what a person is asked, what is learnt."""

import os
from dataclasses import dataclass, field

import pytest
from sqlalchemy import event
from sqlmodel import Session, col, func, select

from driftline.v1.collector_pb2 import HostClaims
from driftline_baseline.identity import serial_key
from driftline_cmdb import findings, sources
from driftline_cmdb.database import Database
from driftline_cmdb.errors import Conflict, Invalid, NotFound, Refused
from driftline_cmdb.identity import aliases, bindings, matching, reviews, shared, why
from driftline_cmdb.reports import Committed, Ingest, Report
from driftline_cmdb.tables.audit import AuditEntry
from driftline_cmdb.tables.cis import Binding, Ci, Finding
from driftline_cmdb.tables.elements import Due
from driftline_cmdb.tables.identity import IdentityClaim, IdentityReview, SharedEvidence
from driftline_cmdb.tables.sources import Source

NOW = 1_790_000_000_000
UUID = "4c4c4544-0042-3510-8052-b4c04f564433"
OTHER_UUID = "4c4c4544-0051-4d10-8044-c7c04f333433"


@dataclass
class Fleet:
    """Agents that report by the real ingest."""

    database: Database
    sequences: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    now: int = NOW

    def enrol(self, name: str) -> int:
        with self.database.write() as session:
            source = Source(uid=name, hostname=name, enrolled_ms=self.now)
            session.add(source)
            session.flush()
            return source.id

    def report(self, source: int, claims: HostClaims | None = None) -> int | None:
        """Send one report; return the CI that it is for."""
        self.now += 60_000
        sequence, continuation = self.sequences.get(source, (0, b""))
        report = Report(
            source_id=source,
            epoch="epoch",
            sequence=sequence + 1,
            continuation=continuation,
            digest=os.urandom(16),
            received_ms=self.now,
            sent_ms=self.now,
            agent_version="1",
            claims=claims,
            sections=(),
        )
        (result,) = Ingest(self.database).commit([report])
        assert isinstance(result, Committed), result
        self.sequences[source] = (sequence + 1, result.continuation)
        return result.ci_id

    def bound(self, uid: str, claims: HostClaims) -> tuple[int, int]:
        source, ci_id = self.join(uid, claims)
        assert ci_id is not None
        return source, ci_id

    def join(self, uid: str, claims: HostClaims) -> tuple[int, int | None]:
        source = self.enrol(uid)
        return source, self.report(source, claims)

    def open_findings(self) -> list[str]:
        with self.database.read() as session:
            query = select(Finding.kind).where(col(Finding.closed_ms).is_(None)).order_by(col(Finding.id))
            return list(session.exec(query))

    def review(self, source: int) -> IdentityReview | None:
        with self.database.read() as session:
            return reviews.of_source(session, source)


@pytest.fixture
def fleet(database: Database) -> Fleet:
    return Fleet(database)


def server(number: int = 1, **said: object) -> HostClaims:
    claims: dict[str, object] = {
        "hostname": f"web{number}",
        "machine_id": f"5f1c3a6c2c6b4b6f9a0f6a3f0f5e{number:04x}",
        "system_uuid": f"4c4c4544-0042-3510-8052-b4c04f56{number:04x}",
        "system_serial_number": f"7X3K{number:04d}",
        "macs": [f"24:6e:96:0a:00:{number:02x}"],
        "disk_serial_numbers": [f"S3Z8NB{number:04d}"],
    }
    return HostClaims(**(claims | said))  # type: ignore[arg-type]  # fields by name


def keys_on_record(session: Session, source: int) -> set[tuple[str, str, int | None]]:
    rows = session.exec(select(IdentityClaim).where(IdentityClaim.source_id == source))
    return {(row.kind, row.key, row.ci_id) for row in rows}


def test_machines_that_have_nothing_in_common_are_as_many_cis_and_nobody_is_asked(fleet: Fleet) -> None:
    found = [fleet.join(f"agent{number}", server(number))[1] for number in range(1, 8)]
    assert len(set(found)) == 7 and None not in found
    assert fleet.open_findings() == []


def test_a_machine_installed_anew_waits_with_one_alert(fleet: Fleet) -> None:
    _, ci = fleet.bound("first", server())
    second, waiting = fleet.join("second", server(machine_id="77a7c1d2e3f40516273849506172839a", hostname="db1"))
    assert waiting is None
    review = fleet.review(second)
    assert review is not None
    assert (review.kind, review.ci_id, review.own_ci_id, review.others) == ("claim", ci, None, [])
    assert review.score == sum(piece["weight"] for piece in review.pieces) >= 40
    assert {piece["kind"] for piece in review.pieces} >= {"system_uuid", "system_serial", "machine_id"}
    assert fleet.report(second, server(machine_id="77a7c1d2e3f40516273849506172839a", hostname="db1")) is None
    assert fleet.report(second) is None  # a report without claims
    assert fleet.open_findings() == ["identity"]
    with fleet.database.read() as session:
        assert session.exec(select(func.count()).select_from(Ci)).one() == 1
        assert {row[2] for row in keys_on_record(session, second)} == {None}


def test_its_finding_closes_with_the_review_and_not_by_hand(fleet: Fleet) -> None:
    fleet.join("first", server())
    second, _ = fleet.join("second", server())
    with fleet.database.write() as session, pytest.raises(Refused, match="acknowledge"):
        (finding,) = session.exec(select(Finding)).all()
        findings.close(session, finding.id, "jane", "seen", NOW)
    with fleet.database.write() as session:
        review = reviews.of_source(session, second)
        assert review is not None
        reviews.close(session, review, NOW)
    assert fleet.open_findings() == []


def test_a_source_whose_reports_waited_gets_a_ci_since_then_once_nothing_matches(fleet: Fleet) -> None:
    fleet.join("first", server())
    second, _ = fleet.join("second", server())
    since = fleet.now
    ci_id = fleet.report(second, server(2))
    assert ci_id is not None
    assert fleet.open_findings() == []
    with fleet.database.read() as session:
        (binding,) = bindings.of_ci(session, ci_id)
        assert binding.since_ms == since
        assert "no match any more" in binding.reason
        assert session.get(Due, ci_id) is not None
        ci = session.get_one(Ci, ci_id)
        assert (ci.name, ci.announced) == ("web2", False)
        (record,) = (b for b in bindings.of_ci(session, ci_id, agents_only=False) if b.id != binding.id)
        assert record.rank == -1  # it has its record, as any newcomer


def test_a_likelier_ci_takes_the_question_over(fleet: Fleet) -> None:
    _, one = fleet.bound("first", server(1))
    _, two = fleet.bound("second", server(2))
    third, _ = fleet.join("third", server(1))
    assert fleet.report(third, server(2)) is None
    review = fleet.review(third)
    assert review is not None and review.ci_id == two != one
    assert fleet.open_findings() == ["identity"]


def test_two_cis_that_match_are_both_named(fleet: Fleet) -> None:
    _, one = fleet.bound("first", server(1))
    _, two = fleet.bound("second", server(2))
    mixed = server(1, disk_serial_numbers=["S3Z8NB0001", "S3Z8NB0002"], macs=[])
    mixed.MergeFrom(HostClaims(entity_serial_numbers=["7X3K0002"]))
    third, _ = fleet.join("third", mixed)
    review = fleet.review(third)
    assert review is not None and review.ci_id == one
    with fleet.database.read() as session:
        expected = matching.candidates(session, mixed)
        assert [candidate.ci_id for candidate in expected] == [one, two]
        assert review.score == expected[0].match.score
        assert matching.candidates(session, mixed, except_ci=[one])[0].ci_id == two


def test_only_the_name_is_the_same(fleet: Fleet) -> None:
    _, one = fleet.bound("first", server(1))
    second, two = fleet.bound("second", server(2, hostname="web1"))
    assert two not in (None, one)
    review = fleet.review(second)
    assert review is not None
    assert (review.kind, review.ci_id, review.own_ci_id) == ("same name", one, two)
    assert fleet.open_findings() == ["identity"]


def test_a_bound_source_stays_with_its_ci_whatever_it_claims(fleet: Fleet) -> None:
    first, one = fleet.bound("first", server(1))
    fleet.join("second", server(2))
    assert fleet.report(first, server(2, hostname="web1")) == one
    review = fleet.review(first)
    assert review is not None
    assert (review.kind, review.own_ci_id) == ("moved", one)
    assert fleet.open_findings() == ["identity"]
    with fleet.database.read() as session:
        assert {row[2] for row in keys_on_record(session, first)} == {one}


def test_what_was_decided_to_be_two_is_not_asked_again_at_every_change(fleet: Fleet) -> None:
    """A cloned virtual machine that a person called a clone keeps its UUID and its machine id for ever."""
    fleet.join("first", server(1))
    second, _ = fleet.join("second", server(1))
    with fleet.database.write() as session:  # as the decision "clone" does
        review = reviews.of_source(session, second)
        assert review is not None
        reviews.close(session, review, NOW)
        ci = Ci(uid="clone", name="web1-clone")
        session.add(ci)
        session.flush()
        bindings.bind(session, second, ci.id, "a clone", NOW)
    assert fleet.report(second, server(1, macs=["3c:fd:fe:00:00:01"])) is not None
    assert fleet.open_findings() == []


def test_other_hardware_altogether_is_a_finding_and_a_new_card_is_none(fleet: Fleet) -> None:
    source, ci = fleet.bound("first", server(1))
    assert fleet.report(source, server(1, macs=["3c:fd:fe:00:00:01"])) == ci
    assert fleet.open_findings() == []
    other = server(9, hostname="web1", machine_id=server(1).machine_id)
    assert fleet.report(source, other) == ci
    assert fleet.open_findings() == ["other hardware"]
    assert fleet.report(source, server(8, hostname="web1", machine_id=server(1).machine_id)) == ci
    assert fleet.open_findings() == ["other hardware"]


def test_a_renamed_host_stays_its_ci(fleet: Fleet) -> None:
    source, ci = fleet.bound("first", server(1))
    assert fleet.report(source, server(1, hostname="www")) == ci
    with fleet.database.read() as session:
        assert session.get_one(Ci, ci).name == "www"
    assert fleet.open_findings() == []


def test_claims_on_record_are_those_of_the_last_report(fleet: Fleet) -> None:
    source, _ = fleet.join("first", server(1))
    with fleet.database.read() as session:
        before = {row.key: row.id for row in session.exec(select(IdentityClaim))}
    fleet.report(source, server(1, macs=["3c:fd:fe:00:00:01"], system_serial_number="Default string"))
    with fleet.database.read() as session:
        after = {row.key: row.id for row in session.exec(select(IdentityClaim))}
        assert before.keys() - after.keys() == {"mac:24:6e:96:0a:00:01", "serial:7x3k0001"}
        assert after.keys() - before.keys() == {"mac:3c:fd:fe:00:00:01"}
        assert all(before[key] == after[key] for key in before.keys() & after.keys())  # only what changed was written


def test_a_join_token_that_names_a_ci_binds_without_a_question(fleet: Fleet) -> None:
    _, ci = fleet.bound("first", server(1))
    with fleet.database.write() as session:
        token, _ = sources.create_join_token(session, "jane", 1, NOW * 2, NOW, ci_id=ci)
        plain = {"hostname": "web1", "system_serial_number": "7X3K0001"}
        source = sources.enrol_source(session, "second", plain, token, "peer", NOW).id
        assert ("system_serial", "serial:7x3k0001", ci) in keys_on_record(session, source)
    assert fleet.report(source, HostClaims(**plain)) == ci
    assert fleet.open_findings() == []


def test_claims_of_a_source_that_was_ended_stay_its_cis(fleet: Fleet) -> None:
    source, ci = fleet.bound("first", server(1))
    with fleet.database.write() as session:
        binding = bindings.of_source(session, source)
        assert binding is not None
        bindings.end(session, binding, fleet.now)
    second, waiting = fleet.join("second", server(1))
    review = fleet.review(second)
    assert waiting is None and review is not None and review.ci_id == ci


def test_a_merged_ci_stands_for_nothing_of_its_own(fleet: Fleet) -> None:
    _, one = fleet.bound("first", server(1))
    _, two = fleet.bound("second", server(2))
    _, three = fleet.bound("third", server(3))
    with fleet.database.write() as session:
        for merged, into in ((one, two), (two, three)):
            session.get_one(Ci, merged).merged_into_id = into
        session.flush()
        assert aliases.aliases(session, three) == [three, two, one]
        (candidate,) = matching.candidates(session, server(1))
        assert candidate.ci_id == three
        assert candidate.match.score >= 100


def shared_serial(fleet: Fleet, machines: int) -> None:
    for number in range(1, machines + 1):
        fleet.join(f"agent{number}", server(number, system_serial_number="R00T-SERIAL"))


def test_a_key_that_more_than_a_handful_of_cis_claim_is_learnt_and_listed_once(fleet: Fleet) -> None:
    shared_serial(fleet, 5)
    assert fleet.open_findings() == []
    fleet.join("agent6", server(6, system_serial_number="R00T-SERIAL"))
    assert fleet.open_findings() == ["shared evidence"]
    for number in range(11, 18):
        fleet.join(f"agent{number}", server(number, fqdn="node.example.com"))
    assert fleet.open_findings() == ["shared evidence"] + ["identity"] * 4  # of the names, before that was learnt
    with fleet.database.read() as session:
        assert {row.key for row in shared.list_shared(session)} == {"serial:r00t-serial", "fqdn:node.example.com"}
        finding = session.exec(select(Finding).where(Finding.kind == "shared evidence")).one()
        assert list(finding.detail["evidence"]) == ["serial:r00t-serial", "fqdn:node.example.com"]
        assert "serial:r00t-serial (system_serial)" in finding.message
    twin = HostClaims(hostname="new", system_serial_number="R00T-SERIAL")
    assert fleet.join("twin", twin)[1] is not None


def test_people_say_what_is_shared_and_what_is_not(fleet: Fleet) -> None:
    shared_serial(fleet, 6)
    key = serial_key("R00T-SERIAL")
    assert key is not None
    with fleet.database.write() as session:
        with pytest.raises(Conflict, match="6 CIs claim"):
            shared.forget_shared(session, key, "jane", "repaired", NOW)
        row = session.exec(select(IdentityClaim).where(IdentityClaim.key == key).limit(1)).one()
        session.delete(row)
        session.flush()
        with pytest.raises(Invalid, match="reason"):
            shared.forget_shared(session, key, "jane", " ", NOW)
        shared.forget_shared(session, key, "jane", "repaired", NOW)
        with pytest.raises(NotFound):
            shared.forget_shared(session, key, "jane", "repaired", NOW)
        with pytest.raises(NotFound, match="no source claims"):
            shared.add_shared(session, "serial:nobody", "jane", "why", NOW)
        added = shared.add_shared(session, "mac:24:6e:96:0a:00:02", "jane", "a dock", NOW)
        assert (added.kind, added.machines, added.by, added.note) == ("mac", 1, "jane", "a dock")
        with pytest.raises(Conflict, match="already"):
            shared.add_shared(session, "mac:24:6e:96:0a:00:02", "jane", "a dock", NOW)
        actions = [row.action for row in session.exec(select(AuditEntry)) if row.action.startswith("evidence.")]
        assert actions == ["evidence.counts", "evidence.shared"]


def test_identification_does_not_read_more_in_a_larger_fleet(fleet: Fleet) -> None:
    """The statements are as many, and what is shared by all of them is not read."""

    def statements(number: int) -> tuple[list[str], int]:
        seen: list[str] = []
        source = fleet.enrol(f"probe{number}")
        with fleet.database.read() as session:
            engine = session.get_bind()
        listener = lambda *arguments: seen.append(arguments[2])  # noqa: E731
        event.listen(engine, "before_cursor_execute", listener)
        try:
            fleet.report(source, server(number, system_serial_number="R00T-SERIAL"))
        finally:
            event.remove(engine, "before_cursor_execute", listener)
        with fleet.database.read() as session:
            found = matching.look_up(
                session, matching.side_of(server(200, system_serial_number="R00T-SERIAL")).evidence
            )
        return seen, sum(map(len, found.holders.values()))

    shared_serial(fleet, 7)
    small = statements(100)
    for number in range(8, 30):
        fleet.join(f"agent{number}", server(number, system_serial_number="R00T-SERIAL"))
    large = statements(101)
    assert (len(small[0]), small[1]) == (len(large[0]), large[1])
    assert large[1] == 0


def test_why_tells_of_each_piece(fleet: Fleet) -> None:
    shared_serial(fleet, 6)
    source, ci_id = fleet.join(
        "seventh",
        server(7, system_serial_number="R00T-SERIAL", macs=["02:00:00:00:00:01"], machine_id=server(1).machine_id),
    )
    assert ci_id is not None
    with fleet.database.read() as session:
        (of_source,) = why.of_ci(session, session.get_one(Ci, ci_id))
        assert (of_source.source.id, of_source.binding.reason) == (source, "first report of a new source")
        pieces = {piece.kind: piece for piece in of_source.pieces}
        assert pieces["mac"].junk == "locally administered, so chosen by software"
        assert pieces["system_serial"].shared is not None and pieces["system_serial"].shared.machines == 6
        assert pieces["machine_id"].weight == 40
        (other,) = pieces["machine_id"].others
        assert other.ci.name == "web1"
        found = why.pair(session, session.get_one(Ci, ci_id), other.ci)
        assert found.score == other.score < 40
        assert {piece.kind: piece.weight for piece in found.pieces} == {
            "machine_id": 40, "system_serial": 0, "disk_serial": -10, "system_uuid": -30
        }  # fmt: skip


def test_a_binding_is_one_row_per_source_whatever_happens(fleet: Fleet) -> None:
    source, _ = fleet.join("first", server(1))
    for number in range(2, 5):
        fleet.report(source, server(number))
    with fleet.database.read() as session:
        assert len(session.exec(select(Binding).where(Binding.source_id == source)).all()) == 1
        assert session.exec(select(SharedEvidence)).all() == []
