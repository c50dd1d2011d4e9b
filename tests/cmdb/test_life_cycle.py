"""Retire, reinstate, dispose; who may report; why something is silent; what is silent for a month."""

from typing import Any

import pytest
from sqlmodel import Session, col, select
from tests.support.timeline import Timeline

from driftline import facts
from driftline.v1 import collector_pb2
from driftline.v1.facts_pb2 import Facts
from driftline_cmdb import leaving, record, relations, sources
from driftline_cmdb.baselines import coverage
from driftline_cmdb.baselines.selection import covering
from driftline_cmdb.cis.editing import edit_ci
from driftline_cmdb.database import Database
from driftline_cmdb.drift import long_silence, silent_sources
from driftline_cmdb.drift.assess import assess_due
from driftline_cmdb.drift.silence import find_silence
from driftline_cmdb.errors import Conflict, Invalid
from driftline_cmdb.identity import bindings, life, reporting, retiring
from driftline_cmdb.reports import Committed, Report
from driftline_cmdb.tables.audit import AuditEntry
from driftline_cmdb.tables.cis import Ci, Finding
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.elements import Due
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta
from driftline_cmdb.tables.sources import Source

MINUTE, DAY = 60_000, 86_400_000
T = 1_790_000_000_000 // DAY * DAY
AFTER = 15 * MINUTE
DOCUMENT = "name: x\nselector: {{{}}}\nexpect:\n- {{path: 'os.sysctls[vm.x].value', is: '1'}}\n"


class Fleet(Timeline):
    """Machines that report, are compared, retired and fall silent."""

    def see(self, now: int, *names: str, **sections: Any) -> None:
        for name in names:
            self.report({"host": name, **(sections or {"sysctls": {"vm.x": 1}})}, now)
        self.assess(now)

    def heard(self, now: int, *names: str) -> None:
        for name in names:
            self.confirm({"host": name}, now)

    def assess(self, now: int) -> None:
        while assess_due(self.database, now):
            pass

    def network(self, now: int, name: str, *neighbours: tuple[str, str, bool | None], own: str = "") -> None:
        """Report a host's own address (mac/address), and whom it sees: (address, mac, reachable)."""
        content = Facts()
        if own:
            mac, _, address = own.partition("/")
            eth0 = content.network.interfaces.add(name="eth0", mac=mac)
            eth0.addresses.add(address=f"{address}/24", scope="global")
        for address, mac, reachable in neighbours:
            one = content.network.neighbours.add(interface="eth0", address=address, mac=mac)
            if reachable is not None:
                one.reachable = reachable
        data = content.SerializeToString(deterministic=True)
        section = collector_pb2.Section(
            name="interfaces" if own else "neighbours",
            outcome=collector_pb2.READ,
            content=data,
            digest=facts.digest_of(data),
            observed_at_ms=now,
        )
        self.host(name, now).digests[section.name] = section.digest
        self._commit(name, now, 0, [section], [], None)

    def baseline(self, now: int) -> None:
        self.capture({"host": "web1", "name": "golden", "by": "alice"}, now)
        self.approve({"name": "golden", "by": "bob"}, now)
        self.assess(now)

    def refused(self, now: int, name: str) -> str:
        """Report, be refused, and return why."""
        with pytest.raises(reporting.Retired) as error:
            self.heard(now, name)
        self.hosts[name].sequence -= 1
        return str(error.value)

    def silence(self, now: int) -> dict[str, Finding]:
        find_silence(self.database, now, AFTER)
        return {finding.key: finding for finding in findings(self.database, "silent")}


def findings(database: Database, kind: str, *, closed: bool = False) -> list[Finding]:
    with database.read() as session:
        query = select(Finding).where(Finding.kind == kind).order_by(col(Finding.id))
        return [one for one in session.exec(query) if closed == (one.closed_ms is not None)]


def decide(database: Database, decision: str, name: str, now: int, **more: Any) -> None:
    with database.write() as session:
        ci = record.find_ci(session, name)
        getattr(retiring, decision)(session, ci, "carol", f"to {decision} it", now, **more)


def status(database: Database, name: str) -> tuple[str, str]:
    """Return the status that people see, and the one that they set."""
    with database.read() as session:
        ci = record.find_ci(session, name)
        return life.shown_status(session, ci), ci.status


@pytest.fixture
def fleet(database: Database) -> Fleet:
    return Fleet(database)


def drifts(session: Session) -> list[tuple[str, str]]:
    query = select(Ci.name, Drift.state).join(Drift, col(Drift.ci_id) == col(Ci.id)).order_by(col(Drift.id))
    return list(session.exec(query).all())


def test_retiring_closes_drifts_and_the_rfc_follows(fleet: Fleet) -> None:
    fleet.see(T, "web1", sysctls={"vm.x": 1})
    fleet.baseline(T + MINUTE)
    fleet.see(T + 2 * MINUTE, "web1", sysctls={"vm.x": 2})
    with fleet.database.read() as session:
        assert drifts(session) == [("web1", "open")]
    decide(fleet.database, "retire", "web1", T + 3 * MINUTE)
    with fleet.database.read() as session:
        assert drifts(session) == [("web1", "superseded")]
        (drift,) = session.exec(select(Drift)).all()
        assert drift.why == "web1 was retired by carol: to retire it"
        (rfc,) = session.exec(select(Rfc)).all()
        assert (rfc.state, rfc.outcome) == ("cancelled", f"superseded: {drift.why}")
        assert session.exec(select(RfcDelta.state)).all() == ["withdrawn"]
        ci = record.find_ci(session, "web1")
        assert covering(session, [ci])[ci.id] == []
        assert coverage.coverage(session).cis == 0
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "ci.retired")).one()
        assert (entry.actor, entry.detail["reason"], entry.detail["before"]) == ("carol", "to retire it", "installed")
        session.expunge_all()
    with fleet.database.write() as session:  # a whole comparison finds nothing missing on what is gone
        session.merge(Due(ci_id=ci.id, since_ms=T, whole=True))
    fleet.assess(T + 4 * MINUTE)
    with fleet.database.read() as session:
        assert drifts(session) == [("web1", "superseded")]
    decide(fleet.database, "reinstate", "web1", T + 5 * MINUTE)
    fleet.assess(T + 5 * MINUTE)
    with fleet.database.read() as session:
        assert drifts(session) == [("web1", "superseded"), ("web1", "open")]


def test_another_hosts_share_of_an_rfc_stays(fleet: Fleet) -> None:
    fleet.see(T, "web1", "web2", sysctls={"vm.x": 1})
    fleet.create(
        {
            "by": "alice",
            "document": DOCUMENT.format("class: server"),
        },
        T,
    )
    fleet.approve({"name": "x", "by": "bob"}, T)
    fleet.assess(T)
    fleet.see(T + MINUTE, "web1", "web2", sysctls={"vm.x": 2})
    decide(fleet.database, "retire", "web1", T + 2 * MINUTE)
    with fleet.database.read() as session:
        assert [one.state for one in session.exec(select(Rfc))] == ["submitted"]
        assert sorted(drifts(session)) == [("web1", "superseded"), ("web2", "open")]


def test_who_others_depend_on_is_not_retired_unasked(fleet: Fleet) -> None:
    fleet.see(T, "web1", "db1")
    with fleet.database.write() as session:
        web1, db1 = record.find_ci(session, "web1"), record.find_ci(session, "db1")
        relations.relate(session, web1, "depends on", db1, "said", "alice", T)
    with pytest.raises(Conflict, match=r"web1 depends on db1: .*--even-so"):
        decide(fleet.database, "retire", "db1", T)
    assert status(fleet.database, "db1") == ("installed", "installed")
    decide(fleet.database, "retire", "db1", T, even_so=True)
    decide(fleet.database, "reinstate", "db1", T)
    decide(fleet.database, "retire", "web1", T)
    decide(fleet.database, "retire", "db1", T)  # what is gone depends on nothing
    with fleet.database.read() as session:
        assert len(relations.relations_of(session, record.find_ci(session, "db1"))) == 1


def test_only_what_may_follow_follows(fleet: Fleet) -> None:
    fleet.see(T, "web1")
    with pytest.raises(Invalid, match="reason"), fleet.database.write() as session:
        retiring.retire(session, record.find_ci(session, "web1"), "carol", " ", T)
    for decision, words in (("dispose", "retire it first"), ("reinstate", "not retired")):
        with pytest.raises(Conflict, match=words):
            decide(fleet.database, decision, "web1", T)
    with fleet.database.write() as session:
        ci = record.find_ci(session, "web1")
        for wrong in ("silent", "retired", "disposed", "planned", "lost", None):
            with pytest.raises(Invalid, match="status"):
                edit_ci(session, ci.uid, {"status": wrong}, "alice", T)
        edit_ci(session, ci.uid, {"status": "in production"}, "alice", T)
    decide(fleet.database, "retire", "web1", T)
    decide(fleet.database, "reinstate", "web1", T)
    assert status(fleet.database, "web1") == ("in production", "in production")


def test_a_retired_machine_that_reports_is_refused_and_a_finding(fleet: Fleet) -> None:
    fleet.see(T, "web1")
    decide(fleet.database, "retire", "web1", T + MINUTE)
    for minutes in (2, 2.5, 4):
        said = fleet.refused(T + int(minutes * MINUTE), "web1")
        assert "web1 was retired on 2026-09-21 00:01 UTC by carol: driftline ci reinstate web1, or stop" in said
    (finding,) = findings(fleet.database, "retired reports")
    assert finding.detail == {
        "sources": ["source-web1"],
        "first_ms": T + 2 * MINUTE,
        "last_ms": T + 4 * MINUTE,
    }
    assert reporting.close_quiet(fleet.database, T + 7 * DAY) == 0
    decide(fleet.database, "reinstate", "web1", T + 5 * MINUTE)
    assert not findings(fleet.database, "retired reports")
    assert "reinstated by carol" in findings(fleet.database, "retired reports", closed=True)[0].message
    fleet.heard(T + 6 * MINUTE, "web1")  # no new enrolment, and its next report continues the last


def test_a_retired_machine_that_falls_quiet_is_no_finding_any_more(fleet: Fleet) -> None:
    fleet.see(T, "web1")
    decide(fleet.database, "retire", "web1", T)
    fleet.refused(T + MINUTE, "web1")
    assert reporting.close_quiet(fleet.database, T + MINUTE + 7 * DAY) == 1
    assert not findings(fleet.database, "retired reports")


def test_in_a_wave_with_others_only_the_retired_is_refused(fleet: Fleet) -> None:
    fleet.see(T, "web1", "web2")
    decide(fleet.database, "retire", "web1", T)
    reports = []
    for name in ("web1", "web2"):
        host = fleet.hosts[name]
        reports.append(_report(host.source_id, host.epoch, host.sequence + 1, host.continuation, T + MINUTE))
    one, two = fleet.ingest.commit(reports)
    assert isinstance(one, reporting.Retired) and isinstance(two, Committed)


def _report(source_id: int, epoch: str, sequence: int, continuation: bytes, now: int) -> Report:
    return Report(
        source_id=source_id,
        epoch=epoch,
        sequence=sequence,
        continuation=continuation,
        digest=b"x" * 16,
        received_ms=now,
        sent_ms=now,
        agent_version="1",
        claims=None,
    )


def test_disposing_revokes(fleet: Fleet) -> None:
    fleet.see(T, "web1")
    with fleet.database.write() as session:
        source = sources.find(session, "source-web1")
        sources.record_certificate(session, source.id, "aa", T, T + DAY, T)
    decide(fleet.database, "retire", "web1", T)
    with fleet.database.read() as session:
        assert not sources.has_revoked(session, source.id)
    decide(fleet.database, "dispose", "web1", T)
    with fleet.database.read() as session:
        assert sources.has_revoked(session, source.id)
        assert record.find_ci(session, "web1").status == "disposed"
    with pytest.raises(Conflict, match="nothing follows"):
        decide(fleet.database, "reinstate", "web1", T)


def test_silence_is_shown_and_moves_nothing(fleet: Fleet) -> None:
    fleet.see(T, "web1", "web2")
    fleet.create(
        {
            "by": "alice",
            "document": DOCUMENT.format("status: installed"),
        },
        T,
    )
    fleet.approve({"name": "x", "by": "bob"}, T)
    fleet.heard(T + 30 * MINUTE, "web2")
    assert list(fleet.silence(T + 30 * MINUTE)) == [_key(fleet, "web1")]
    assert status(fleet.database, "web1") == ("silent", "installed")
    assert status(fleet.database, "web2") == ("installed", "installed")
    with fleet.database.read() as session:
        ci = record.find_ci(session, "web1")
        assert [one.name for one in covering(session, [ci])[ci.id]] == ["x"]
        shown = dict(session.exec(select(Ci.name, life.SHOWN)).all())
        assert shown == {"web1": "silent", "web2": "installed"}
    fleet.heard(T + 31 * MINUTE, "web1")
    fleet.silence(T + 31 * MINUTE)
    assert status(fleet.database, "web1") == ("installed", "installed")


def test_who_is_retired_is_no_longer_silent(fleet: Fleet) -> None:
    fleet.see(T, "web1")
    fleet.silence(T + 30 * MINUTE)
    decide(fleet.database, "retire", "web1", T + 31 * MINUTE)
    assert not fleet.silence(T + 32 * MINUTE)
    (finding,) = findings(fleet.database, "silent", closed=True)
    assert finding.message == "web1 is silent since 2026-09-21 00:00 UTC; web1 was retired by carol"
    assert status(fleet.database, "web1") == ("retired", "retired")


def _key(fleet: Fleet, name: str) -> str:
    with fleet.database.read() as session:
        return f"silent:ci:{record.find_ci(session, name).uid}"


def cause(fleet: Fleet, now: int, name: str = "web1") -> tuple[str, str]:
    finding = fleet.silence(now)[_key(fleet, name)]
    found = finding.detail["cause"]
    assert f"; {'likely ' if found['sure'] == 'likely' else ''}{found['kind']}: {found['words']}" in finding.message
    return found["kind"], found["sure"]


def test_causes_follow_what_becomes_known(fleet: Fleet) -> None:
    """Nothing is known at first; a neighbour that reaches it knows more; a refused call is proof."""
    fleet.see(T, "web1", "web2")
    fleet.network(T, "web1", own="52:54:00:00:00:01/192.0.2.1")
    fleet.network(T, "web2", ("192.0.2.1", "52:54:00:00:00:01", True))
    fleet.heard(T + 30 * MINUTE, "web2")
    assert cause(fleet, T + 30 * MINUTE) == ("host down or network", "unknown")  # what was seen then is no news
    fleet.network(T + 31 * MINUTE, "web2", ("192.0.2.1", "", False))
    assert cause(fleet, T + 32 * MINUTE) == ("host down", "likely")
    fleet.network(T + 33 * MINUTE, "web2", ("192.0.2.1", "52:54:00:00:00:01", True))
    assert cause(fleet, T + 34 * MINUTE) == ("agent", "likely")
    leaving.note_refusal(fleet.database, "source-web1", "the certificate was revoked; enrol", T + 35 * MINUTE)
    leaving.note_refusal(fleet.database, "source-web1", "said again within a minute", T + 35 * MINUTE + 9)
    assert cause(fleet, T + 36 * MINUTE) == ("certificate", "certain")
    assert "revoked, enrol" in fleet.silence(T + 36 * MINUTE)[_key(fleet, "web1")].message


def test_the_same_address_inside_of_another_host_is_no_sight(fleet: Fleet) -> None:
    fleet.see(T, "web1", "web2")
    fleet.network(T, "web1", own="02:42:00:00:00:01/172.17.0.1")
    fleet.network(T + 29 * MINUTE, "web2", ("172.17.0.1", "02:42:99:99:99:99", True))
    assert cause(fleet, T + 30 * MINUTE) == ("host down or network", "unknown")


def test_only_hosts_of_its_site_are_asked(fleet: Fleet) -> None:
    fleet.see(T, "web1", "far1")
    fleet.locate({"fra1": ["web1"], "ber1": ["far1"]}, T)
    fleet.network(T, "web1", own="52:54:00:00:00:01/192.0.2.1")
    fleet.network(T + 29 * MINUTE, "far1", ("192.0.2.1", "52:54:00:00:00:01", True))
    assert cause(fleet, T + 30 * MINUTE) == ("host down or network", "unknown")


@pytest.mark.parametrize(
    ("reason", "kind"), [("AGENT_STOPPED", "agent"), ("HOST_SHUTS_DOWN", "host down"), ("HOST_REBOOTS", "host down")]
)
def test_its_last_word_counts_until_it_reports_again(fleet: Fleet, reason: str, kind: str) -> None:
    fleet.see(T, "web1", "web2")
    leaving.note_leave(fleet.database, fleet.hosts["web1"].source_id, reason, T + MINUTE)
    fleet.heard(T + 14 * MINUTE, "web2")
    assert not fleet.silence(T + 14 * MINUTE)  # a reboot is no alert
    fleet.heard(T + 30 * MINUTE, "web2")
    assert cause(fleet, T + 30 * MINUTE) == (kind, "certain")
    fleet.heard(T + 31 * MINUTE, "web1")
    with fleet.database.read() as session:
        source = session.exec(select(Source).where(Source.uid == "source-web1")).one()
        assert (source.left_ms, source.left_reason) == (None, None)


def test_certificates(fleet: Fleet) -> None:
    fleet.see(T, "web1")
    with fleet.database.write() as session:
        source = sources.find(session, "source-web1")
        sources.record_certificate(session, source.id, "aa", T - DAY, T + MINUTE, T - DAY)
    assert cause(fleet, T + 30 * MINUTE) == ("certificate", "likely")
    with fleet.database.write() as session:
        sources.record_certificate(session, source.id, "bb", T, T + DAY, T)
    assert cause(fleet, T + 31 * MINUTE) == ("host down or network", "unknown")
    with fleet.database.write() as session:
        sources.revoke_certificates(session, sources.find(session, "source-web1"), "bob", "lost", T + 2 * MINUTE)
    assert cause(fleet, T + 32 * MINUTE) == ("certificate", "certain")


def test_a_month_of_silence_is_asked_about_and_nothing_is_deleted(fleet: Fleet) -> None:
    fleet.see(T, "web1", "web2")
    fleet.silence(T + 30 * MINUTE)
    assert long_silence.ask(fleet.database, T + 30 * DAY - 1) == 0
    assert long_silence.ask(fleet.database, T + 30 * DAY) == 2
    assert long_silence.ask(fleet.database, T + 31 * DAY) == 0
    one, _ = findings(fleet.database, "long silent")
    assert one.message == "web1 is silent since 2026-09-21 00:00 UTC: retire it? driftline ci retire web1 --reason TEXT"
    assert one.ci_id is not None and one.detail["names"] == ["web1"]
    decide(fleet.database, "retire", "web1", T + 31 * DAY)
    fleet.heard(T + 31 * DAY, "web2")
    fleet.silence(T + 31 * DAY)
    assert long_silence.ask(fleet.database, T + 31 * DAY) == 0
    assert not findings(fleet.database, "long silent")
    with fleet.database.read() as session:
        assert len(session.exec(select(Ci)).all()) == 2


def test_a_source_is_silent_while_another_hears_of_its_ci(fleet: Fleet) -> None:
    fleet.see(T, "web1")
    with fleet.database.write() as session:
        ci = record.find_ci(session, "web1")
        other = Source(uid="switch", kind="snmp", hostname="web1", enrolled_ms=T, seen_ms=T + 30 * MINUTE)
        session.add(other)
        session.flush()
        bindings.bind(session, other.id, ci.id, "said", T)
    find = silent_sources.find_silent_sources
    assert find(fleet.database, T + 30 * MINUTE, AFTER, T + 20 * MINUTE) == 0  # nobody listened
    assert find(fleet.database, T + 30 * MINUTE, AFTER, T) == 1
    assert find(fleet.database, T + 31 * MINUTE, AFTER, T) == 0
    (finding,) = findings(fleet.database, "source silent")
    assert finding.message == (
        "agent web1 (source-w) of web1 is silent since 2026-09-21 00:00 UTC, snmp web1 (switch) still reports; "
        "agent: snmp web1 (switch) still reports of it: it is up"
    )
    assert finding.detail["cause"]["sure"] == "certain"
    assert not fleet.silence(T + 31 * MINUTE) and status(fleet.database, "web1") == ("installed", "installed")
    fleet.heard(T + 32 * MINUTE, "web1")
    find(fleet.database, T + 33 * MINUTE, AFTER, T)
    assert not findings(fleet.database, "source silent")


def test_a_silent_site_is_asked_about_once(fleet: Fleet) -> None:
    names = ["a", "b", "c"]
    fleet.see(T, *names)
    fleet.locate({"fra1": names}, T)
    (finding,) = fleet.silence(T + 30 * MINUTE).values()
    assert finding.detail["cause"]["kind"] == "network"
    assert long_silence.ask(fleet.database, T + 30 * DAY) == 1
    (asked,) = findings(fleet.database, "long silent")
    assert asked.message.startswith("a and 2 more are silent") and asked.detail["cis"] == 3
