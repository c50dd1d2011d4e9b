"""Decisions on identity over real timelines: merge, split, their undo, and what becomes of drifts and RFCs."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlmodel import Session, select
from tests.support.timeline import Timeline, clock

from driftline import facts
from driftline.v1 import collector_pb2
from driftline.v1.facts_pb2 import Facts
from driftline_cmdb import record
from driftline_cmdb.baselines.selection import covering
from driftline_cmdb.database import Database
from driftline_cmdb.drift.assess import assess_due
from driftline_cmdb.drift.due import mark_all_due
from driftline_cmdb.errors import CmdbError
from driftline_cmdb.identity import assets, bindings, deciding, replacing
from driftline_cmdb.identity.aliases import aliases, survivor
from driftline_cmdb.tables.audit import AuditEntry
from driftline_cmdb.tables.cis import Binding, Ci, Finding
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.identity import IdentityClaim, IdentityDecision, IdentityReview
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta
from driftline_cmdb.tables.sources import Source


class Line(Timeline):
    """A timeline with decisions on identity."""

    def merge(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            deciding.merge(session, self.ci(session, step["from"]), self.ci(session, step["into"]), "ann", "why", now)

    def split(self, step: dict[str, Any], now: int) -> None:  # type: ignore[override]  # an RFC is split elsewhere
        with self.database.write() as session:
            source = session.get_one(Source, self.hosts[step["source"]].source_id)
            into = self.ci(session, step["into"]) if "into" in step else None
            ci = self.ci(session, step["ci"])
            deciding.split(session, ci, source, "ann", "why", now, name=step.get("name"), into=into)

    def undo(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            deciding.undo(session, step["decision"], "bob", "it was wrong", now)

    def decide(self, step: dict[str, Any], now: int) -> None:
        with self.database.write() as session:
            deciding.decide_review(
                session, step["review"], step["action"], "ann", "looked", now, despite=step.get("despite")
            )

    def ci(self, session: Session, name: str) -> Ci:
        return record.find_ci(session, name)

    def step(self, at: str, kind: str, **step: Any) -> None:
        self.run({"steps": [{"at": at, kind: step}]})

    def refused(self, at: str, kind: str, words: str, **step: Any) -> None:
        self.run({"steps": [{"at": at, kind: step, "error": words}]})

    def drifts(self) -> set[tuple[str, str, str]]:
        """Return the drifts that are open or accepted: host, path, state."""
        with self.database.read() as session:
            names = {ci.id: ci.name for ci in session.exec(select(Ci))}
            return {(names[d.ci_id], d.path, d.state) for d in session.exec(select(Drift)) if d.closed_ms is None}

    def rfcs(self) -> dict[int, str]:
        with self.database.read() as session:
            return {rfc.number: rfc.state for rfc in session.exec(select(Rfc))}

    def deltas(self) -> set[tuple[int, str, str, str]]:
        """Return RFC, host, path, state of all deltas that count."""
        with self.database.read() as session:
            names = {ci.id: ci.name for ci in session.exec(select(Ci))}
            numbers = {rfc.id: rfc.number for rfc in session.exec(select(Rfc))}
            return {
                (numbers[d.rfc_id], names[d.ci_id], d.path, d.state)
                for d in session.exec(select(RfcDelta))
                if d.state != "withdrawn"
            }

    def speakers(self) -> dict[str, list[str]]:
        """Return which hosts' agents speak for each CI now, merged ones too."""
        with self.database.read() as session:
            return {
                ci.name: [session.get_one(Source, one.source_id).hostname for one in bindings.of_ci(session, ci.id)]
                for ci in session.exec(select(Ci))
            }

    def whole(self, at: str) -> None:
        """Compare every CI whole, as a change of a baseline does."""
        with self.database.write() as session:
            mark_all_due(session, session.exec(select(Ci.id)).all(), clock(at))
        while assess_due(self.database, clock(at)):
            pass


SYSCTL = "os.sysctls[vm.swappiness].value"
PACKAGE = "software.packages[dpkg/nginx/amd64].version"
BASELINES = {
    "web1": 'name: one\nselector: {ci: web1}\nexpect:\n- {path: "os.sysctls[vm.swappiness].value", is: "60"}\n',
    "web2": 'name: two\nselector: {ci: web2}\nexpect:\n- {path: "software.packages[*].version", is: "1.0"}\n',
}


@pytest.fixture
def line(database: Database) -> Iterator[Line]:
    """web1 reports sysctls, web2 packages; each has a baseline by its name, a drift and an RFC."""
    line = Line(database)
    line.step("08:00", "report", host="web1", sysctls={"vm.swappiness": 60})
    line.step("08:00", "report", host="web2", packages={"nginx": "1.0"})
    for name, document in zip(("one", "two"), BASELINES.values(), strict=True):
        line.step("08:01", "create", by="alice", document=document)
        line.step("08:01", "approve", name=name, by="bob")
    line.step("08:10", "report", host="web1", sysctls={"vm.swappiness": 10})
    line.step("08:20", "report", host="web2", packages={"nginx": "1.1"})
    assert line.drifts() == {("web1", SYSCTL, "open"), ("web2", PACKAGE, "open")}
    assert line.rfcs() == {1: "submitted", 2: "submitted"}
    yield line


def test_merge_carries_drifts_and_rfcs_and_its_undo_brings_them_back(line: Line) -> None:
    before = (line.drifts(), line.deltas(), line.speakers())
    line.step("09:00", "merge", **{"from": "web2", "into": "web1"})
    assert line.drifts() == {("web1", SYSCTL, "open"), ("web1", PACKAGE, "open")}
    assert line.rfcs() == {1: "submitted", 2: "submitted"}
    assert (2, "web1", PACKAGE, "proposed") in line.deltas() and len(line.deltas()) == 2
    assert sorted(line.speakers()["web1"]) == ["web1", "web2"] and line.speakers()["web2"] == []
    line.whole("09:10")
    assert line.rfcs() == {1: "submitted", 2: "submitted"} and len(line.drifts()) == 2
    with line.database.read() as session:
        closed = session.exec(select(Drift).where(Drift.state == "superseded")).one()
        assert closed.why == f"merged into web1 ({line.ci(session, 'web1').uid})"
    line.step("09:20", "undo", decision=1)
    assert (line.drifts(), line.deltas(), line.speakers()) == before
    assert line.rfcs() == {1: "submitted", 2: "submitted"}
    line.whole("09:30")
    assert (line.drifts(), line.deltas()) == before[:2] and line.rfcs() == {1: "submitted", 2: "submitted"}
    with line.database.read() as session:
        assert line.ci(session, "web2").merged_into_id is None
        actions = [row.action for row in session.exec(select(AuditEntry)) if row.action.startswith("identity.")]
        assert actions == ["identity.merged", "identity.undone"]


def test_undo_of_an_undo_is_a_decision_and_merges_again(line: Line) -> None:
    line.step("09:00", "merge", **{"from": "web2", "into": "web1"})
    merged = (line.drifts(), line.deltas(), line.speakers())
    line.step("09:10", "undo", decision=1)
    line.refused("09:11", "undo", "was undone by decision 2 already", decision=1)
    line.step("09:20", "undo", decision=2)
    assert (line.drifts(), line.deltas(), line.speakers()) == merged
    with line.database.read() as session:
        assert survivor(session, session.exec(select(Ci).where(Ci.name == "web2")).one()).name == "web1"
    line.step("09:30", "undo", decision=1)
    assert line.drifts() == {("web1", SYSCTL, "open"), ("web2", PACKAGE, "open")}
    assert line.rfcs() == {1: "submitted", 2: "submitted"}


def test_authorised_after_the_merge_holds_after_its_undo(line: Line) -> None:
    line.step("09:00", "merge", **{"from": "web2", "into": "web1"})
    line.step("09:10", "authorise", rfc=2, by="bob")
    assert line.rfcs() == {1: "submitted", 2: "closed"}
    line.step("09:20", "undo", decision=1)
    line.whole("09:30")
    assert line.drifts() == {("web1", SYSCTL, "open")}
    assert line.rfcs() == {1: "submitted", 2: "closed"}


def test_authorised_before_the_merge_holds_for_the_survivor(line: Line) -> None:
    line.step("08:30", "authorise", rfc=2, by="bob")
    line.step("09:00", "merge", **{"from": "web2", "into": "web1"})
    line.whole("09:10")
    assert line.drifts() == {("web1", SYSCTL, "open")} and line.rfcs() == {1: "submitted", 2: "closed"}
    line.step("09:20", "report", host="web2", packages={"nginx": "1.2"})
    assert (("web1", PACKAGE, "open")) in line.drifts() and line.rfcs()[3] == "submitted"
    line.step("09:30", "authorise", rfc=3, by="bob")
    line.step("09:40", "undo", decision=1)
    line.whole("09:50")
    assert line.drifts() == {("web1", SYSCTL, "open")}
    assert line.rfcs() == {1: "submitted", 2: "closed", 3: "closed"}


def test_what_drifts_after_the_merge_goes_back_with_its_source(line: Line) -> None:
    line.step("09:00", "merge", **{"from": "web2", "into": "web1"})
    line.step("09:10", "report", host="web2", packages={"nginx": "1.2"})
    assert line.rfcs() == {1: "submitted", 2: "cancelled", 3: "submitted"}
    line.step("09:20", "undo", decision=1)
    line.whole("09:30")
    assert line.drifts() == {("web1", SYSCTL, "open"), ("web2", PACKAGE, "open")}
    assert line.rfcs() == {1: "submitted", 2: "cancelled", 3: "submitted"}
    assert (3, "web2", PACKAGE, "proposed") in line.deltas()


def test_an_acceptance_goes_along_both_ways(line: Line) -> None:
    line.step("08:30", "accept", path=PACKAGE, by="bob", until="+2 08:00")
    line.step("09:00", "merge", **{"from": "web2", "into": "web1"})
    assert ("web1", PACKAGE, "accepted") in line.drifts()
    line.step("09:10", "accept", path=SYSCTL, by="bob", until="+2 08:00")
    line.step("09:20", "undo", decision=1)
    assert line.drifts() == {("web1", SYSCTL, "accepted"), ("web2", PACKAGE, "accepted")}
    line.step("+2 09:00", "wait")
    assert line.drifts() == {("web1", SYSCTL, "open"), ("web2", PACKAGE, "open")}
    assert line.rfcs() == {1: "submitted", 2: "submitted"}


def test_an_acceptance_given_after_the_merge_goes_back(line: Line) -> None:
    line.step("09:00", "merge", **{"from": "web2", "into": "web1"})
    line.step("09:10", "accept", path=PACKAGE, by="bob", until="+2 08:00")
    line.step("09:20", "undo", decision=1)
    assert line.drifts() == {("web1", SYSCTL, "open"), ("web2", PACKAGE, "accepted")}


@pytest.fixture
def same(database: Database) -> Line:
    """web1 and web2 drift at the same path by other values; each has its RFC."""
    line = Line(database)
    line.step("08:00", "report", hosts=["web1", "web2"], sysctls={"vm.swappiness": 60})
    document = 'name: all\nselector: {class: server}\nexpect:\n- {path: "os.sysctls[*].value", is: "60"}\n'
    line.step("08:01", "create", by="alice", document=document)
    line.step("08:01", "approve", name="all", by="bob")
    return line


@pytest.mark.parametrize("other", [10, 20])
def test_two_drifts_at_one_path(same: Line, other: int) -> None:
    line = same
    line.step("08:10", "report", host="web1", sysctls={"vm.swappiness": 10})
    line.step("08:20", "report", host="web2", sysctls={"vm.swappiness": other})
    rfcs = dict.fromkeys(line.rfcs(), "submitted")
    assert len(rfcs) == (1 if other == 10 else 2)  # the same change on two hosts is one cause
    before = (line.drifts(), line.deltas())
    line.step("09:00", "merge", **{"from": "web2", "into": "web1"})
    line.whole("09:10")
    assert line.drifts() == {("web1", SYSCTL, "open")} and line.rfcs() == rfcs
    line.step("09:20", "undo", decision=1)
    line.whole("09:30")
    assert (line.drifts(), line.deltas()) == before and line.rfcs() == rfcs


@pytest.mark.parametrize("other", [10, 20])
def test_two_drifts_at_one_path_authorised_while_merged(same: Line, other: int) -> None:
    line = same
    line.step("08:10", "report", host="web1", sysctls={"vm.swappiness": 10})
    line.step("08:20", "report", host="web2", sysctls={"vm.swappiness": other})
    line.step("09:00", "merge", **{"from": "web2", "into": "web1"})
    for number in line.rfcs():
        line.step("09:10", "authorise", rfc=number, by="bob")
    line.whole("09:20")
    assert set(line.rfcs().values()) == {"closed"} and line.drifts() == set()
    line.step("09:30", "undo", decision=1)
    line.whole("09:40")
    assert line.drifts() == set() and set(line.rfcs().values()) == {"closed"}


def test_split_and_undo(same: Line) -> None:
    line = same
    line.step("08:05", "merge", **{"from": "web2", "into": "web1"})
    line.step("08:06", "report", host="web2", packages={"nginx": "1.0"}, sysctls={"vm.swappiness": 60})
    document = 'name: nginx\nselector: {class: server}\nexpect:\n- {path: "software.packages[*].version", is: "1.0"}\n'
    line.step("08:07", "create", by="alice", document=document)
    line.step("08:07", "approve", name="nginx", by="bob")
    line.step("08:10", "report", host="web2", packages={"nginx": "1.1"})
    line.step("08:11", "authorise", rfc=1, by="bob")
    line.step("08:12", "report", host="web2", packages={"nginx": "1.1", "bind": "9"})
    bind = "software.packages[dpkg/bind/amd64].version"
    assert line.drifts() == {("web1", bind, "open")} and line.rfcs() == {1: "closed", 2: "submitted"}
    line.step("09:00", "split", ci="web1", source="web2", name="dns1")
    assert line.drifts() == {("dns1", bind, "open")} and line.rfcs() == {1: "closed", 2: "submitted"}
    line.whole("09:10")
    assert line.drifts() == {("dns1", bind, "open")} and line.rfcs() == {1: "closed", 2: "submitted"}
    assert line.speakers()["dns1"] == ["web2"] and line.speakers()["web1"] == ["web1"]
    line.step("09:20", "undo", decision=2)
    line.whole("09:30")
    assert line.drifts() == {("web1", bind, "open")} and line.rfcs() == {1: "closed", 2: "submitted"}
    with line.database.read() as session:
        made = session.exec(select(Ci).where(Ci.name == "dns1")).one()
        assert survivor(session, made).name == "web1" and aliases(session, survivor(session, made).id)
    line.step("09:40", "undo", decision=3)
    assert line.speakers()["dns1"] == ["web2"] and line.drifts() == {("dns1", bind, "open")}


def test_refusals(line: Line) -> None:
    line.refused("09:00", "merge", "cannot be merged with itself", **{"from": "web1", "into": "web1"})
    line.refused("09:00", "split", "is the only source of web1", ci="web1", source="web1")
    line.refused("09:00", "split", "does not speak for web1", ci="web1", source="web2", name="x")
    line.refused("09:00", "undo", "there is no decision 7", decision=7)
    line.step("09:00", "merge", **{"from": "web2", "into": "web1"})
    line.step("09:00", "report", host="web3", sysctls={"vm.swappiness": 60})
    line.refused("09:01", "merge", "was merged into another CI already", **{"from": "web2", "into": "web3"})
    line.refused("09:01", "merge", "was merged into another CI already", **{"from": "web3", "into": "web2"})
    line.refused("09:01", "split", "was merged into another one", ci="web1", source="web1", into="web2")
    line.step("09:02", "split", ci="web1", source="web2", into="web3")
    line.refused("09:03", "undo", "decision 2 (split, by ann) came after it", decision=1)
    line.step("09:04", "undo", decision=2)
    line.step("09:05", "undo", decision=1)
    with line.database.read() as session, pytest.raises(CmdbError, match="needs one"):
        deciding.merge(session, line.ci(session, "web2"), line.ci(session, "web1"), "ann", "  ", clock("10:00"))


def test_a_ci_that_lost_its_sources_misses_nothing(line: Line) -> None:
    line.step("08:30", "authorise", rfc=1, by="bob")
    line.step("09:00", "split", ci="web1", source="web1", name="elsewhere")
    line.whole("09:10")
    assert ("web1", SYSCTL, "open") not in line.drifts()
    assert len(line.rfcs()) == 2


def test_names_and_baselines_lead_to_the_survivor(line: Line) -> None:
    line.step("09:00", "merge", **{"from": "web2", "into": "web1"})
    with line.database.read() as session:
        web1, web2 = line.ci(session, "web1"), session.exec(select(Ci).where(Ci.name == "web2")).one()
        found = covering(session, [web1, web2])
        assert sorted(one.name for one in found[web1.id]) == ["one", "two"] and found[web2.id] == []
        assert line.ci(session, web2.uid).id == web2.id
    line.step("09:10", "report", host="again", sysctls={"vm.swappiness": 60})
    with line.database.write() as session:
        line.ci(session, "again").name = "web2"
    with line.database.read() as session:
        assert line.ci(session, "web2").merged_into_id is None


def asked(line: Line, source: str, ci: str, kind: str = "claim", *, waits: bool = True) -> int:
    """Have a question of identity wait, as identification opens it."""
    with line.database.write() as session:
        row = session.get_one(Source, line.hosts[source].source_id)
        claimed = line.ci(session, ci)
        finding = Finding(kind="identity", key=f"identity:{row.uid}", ci_id=claimed.id, message="?", opened_ms=1)
        session.add(finding)
        session.flush()
        bound = bindings.of_source(session, row.id)
        own = bound.ci_id if bound is not None else None
        if waits and bound is not None:
            session.delete(bound)
            own = None
        review = IdentityReview(
            kind=kind,
            source_id=row.id,
            ci_id=claimed.id,
            own_ci_id=own,
            score=100,
            opened_ms=clock("09:00"),
            finding_id=finding.id,
        )
        session.add(review)
        session.flush()
        return review.id


@pytest.fixture
def waiting(database: Database) -> Line:
    """web1 on record with an agent that was heard last at 08:10; a new agent with its claims waits since 09:00."""
    line = Line(database)
    line.step("08:00", "report", host="web1", sysctls={"vm.swappiness": 60})
    document = 'name: all\nselector: {ci: web1}\nexpect:\n- {path: "os.sysctls[vm.swappiness].value", is: "60"}\n'
    line.step("08:01", "create", by="alice", document=document)
    line.step("08:01", "approve", name="all", by="bob")
    line.step("08:10", "report", host="web1", sysctls={"vm.swappiness": 10})
    line.step("09:00", "report", host="new", sysctls={"vm.swappiness": 10})
    with database.write() as session:
        made = line.ci(session, "new")
        made.status = "disposed"
    asked(line, "new", "web1")
    return line


def open_reviews(line: Line) -> int:
    with line.database.read() as session:
        findings = session.exec(select(Finding).where(Finding.kind == "identity")).all()
        reviews = session.exec(select(IdentityReview)).all()
        assert [one.closed_ms for one in findings] == [one.closed_ms for one in reviews]
        return sum(one.closed_ms is None for one in reviews)


def test_the_same_machine_with_a_new_agent(waiting: Line) -> None:
    line = waiting
    line.step("09:10", "decide", review=1, action="same")
    assert line.speakers()["web1"] == ["new"] and open_reviews(line) == 0
    with line.database.read() as session:
        (old,) = bindings.rows(session, session.get_one(IdentityDecision, 1).detail["ended"])
        new = session.exec(select(Binding).where(Binding.decision_id == 1)).one()
        assert (old.until_ms, new.since_ms) == (clock("09:00"), clock("09:00"))
    assert line.drifts() == {("web1", SYSCTL, "open")} and line.rfcs() == {1: "submitted"}
    line.step("09:20", "undo", decision=1)
    assert line.speakers()["web1"] == ["web1"] and open_reviews(line) == 1
    line.whole("09:30")
    assert line.drifts() == {("web1", SYSCTL, "open")} and line.rfcs() == {1: "submitted"}
    line.step("09:40", "decide", review=1, action="clone")
    assert open_reviews(line) == 0


def test_both_report(waiting: Line) -> None:
    line = waiting
    line.step("09:05", "confirm", host="web1")
    line.refused("09:10", "decide", "both report", review=1, action="same")
    assert open_reviews(line) == 1
    line.step("09:10", "decide", review=1, action="same", despite="the old one is switched off now")
    assert line.speakers()["web1"] == ["new"]
    line.refused("09:11", "decide", '"same" by ann, decision 1', review=1, action="clone")


def test_a_clone_gets_its_own_ci(waiting: Line) -> None:
    line = waiting
    line.step("09:10", "decide", review=1, action="clone")
    assert line.speakers()["web1"] == ["web1"]
    with line.database.read() as session:
        decision = session.get_one(IdentityDecision, 1)
        made = session.get_one(Ci, decision.ci_id)
        assert made.name == "new" and decision.other_ci_id == line.ci(session, "web1").id
        assert [one.source_id for one in bindings.of_ci(session, made.id)] == [line.hosts["new"].source_id]
    line.step("09:20", "undo", decision=1)
    assert open_reviews(line) == 1
    with line.database.read() as session:
        assert survivor(session, session.get_one(Ci, made.id)).name == "web1"
        assert bindings.of_source(session, line.hosts["new"].source_id) is None


def test_retire_the_old_one(waiting: Line) -> None:
    line = waiting
    line.step("09:10", "decide", review=1, action="retire old")
    with line.database.read() as session:
        assert line.ci(session, "web1").status == "retired"
    line.step("09:20", "undo", decision=1)
    with line.database.read() as session:
        assert line.ci(session, "web1").status == "installed"


def test_only_the_name_is_the_same(database: Database) -> None:
    """The source has a CI of its own; the same machine merges that into the one on record, and the undo splits them."""
    line = Line(database)
    line.step("08:00", "report", host="web1", sysctls={"vm.swappiness": 60})
    line.step("09:00", "report", host="new", sysctls={"vm.swappiness": 60})
    asked(line, "new", "web1", "same name", waits=False)
    line.step("09:10", "decide", review=1, action="same")
    assert line.speakers() == {"web1": ["new"], "new": []}
    line.step("09:20", "undo", decision=1)
    assert line.speakers() == {"web1": ["web1"], "new": ["new"]} and open_reviews(line) == 1
    line.step("09:30", "decide", review=1, action="clone")
    assert line.speakers() == {"web1": ["web1"], "new": ["new"]} and open_reviews(line) == 0


def machine(line: Line, name: str, at: str, serial: str) -> None:
    """Have a host report its hardware."""
    host = line.host(name, clock(at))
    said = Facts()
    said.hardware.system.serial_number, said.hardware.system.manufacturer = serial, "Acme"
    said.hardware.system.product, said.hardware.system.uuid = "R1", f"{serial.lower()}-uuid"
    data = said.SerializeToString(deterministic=True)
    section = collector_pb2.Section(
        name="hardware",
        outcome=collector_pb2.READ,
        content=data,
        digest=facts.digest_of(data),
        observed_at_ms=clock(at),
    )
    if "hardware" in host.digests:
        section.previous_digest, section.previous_observed_at_ms = host.digests["hardware"], clock(at) - 1000
    host.digests["hardware"] = section.digest
    line._commit(name, clock(at), 0, [section], [], None)
    while assess_due(line.database, clock(at)):
        pass


def replaced(line: Line, at: str, serial: str, rfc: int = 1) -> replacing.Replacement:
    with line.database.write() as session:
        return replacing.replace(session, line.ci(session, "web1"), serial, rfc, "ann", "under warranty", clock(at))


def books(line: Line) -> dict[str, str]:
    """Return the status of each asset by its serial number."""
    with line.database.read() as session:
        return {one.serial_number: one.status for one in assets.assets_of(session, line.ci(session, "web1"))}


@pytest.fixture
def hardware(database: Database) -> Line:
    """web1 is OLD1, a baseline pins that, and RFC 1 names it."""
    line = Line(database)
    machine(line, "web1", "08:00", "OLD1")
    document = (
        'name: all\nselector: {class: server}\nexpect:\n- {path: "hardware.system.serial_number", is: OLD1}\n'
        '- {path: "hardware.system.uuid", is: old1-uuid}\n'
    )
    line.step("08:01", "create", by="alice", document=document)
    line.step("08:01", "approve", name="all", by="bob")
    plan = {"path": "hardware.system.serial_number", "is": "NEW1"}
    line.step("08:02", "plan", host="web1", by="carol", **plan)
    return line


def test_a_replacement_under_warranty(hardware: Line) -> None:
    line = hardware
    with pytest.raises(CmdbError, match=r"RFC 1 is submitted: .*: driftline rfc authorise 1"):
        replaced(line, "08:03", "NEW1")
    line.step("08:04", "authorise", rfc=1, by="bob")
    with pytest.raises(CmdbError, match="web1 is OLD1 already"):
        replaced(line, "08:05", "old1")
    with pytest.raises(CmdbError, match="there is no RFC 9"):
        replaced(line, "08:05", "NEW1", 9)
    done = replaced(line, "08:06", "NEW1")
    assert done.predicted > 0 and done.why_not == ""
    assert books(line) == {"OLD1": "in use", "NEW1": "expected"}
    source_id = line.host("new", clock("09:00")).source_id
    with line.database.write() as session:
        claims = collector_pb2.HostClaims(system_serial_number="new1")
        asset = replacing.expected_replacement(session, claims)
        assert asset is not None and replacing.expected_replacement(session, collector_pb2.HostClaims()) is None
        source = session.get_one(Source, source_id)
        assert replacing.take_over(session, asset, source, clock("09:00")).name == "web1"
    machine(line, "new", "09:00", "NEW1")
    line.whole("09:01")
    assert books(line) == {"OLD1": "returned", "NEW1": "in use"}
    assert line.drifts() == set() and set(line.rfcs()) == {1}
    assert line.speakers()["web1"] == ["new"]
    line.step("09:10", "undo", decision=1)
    assert books(line) == {} and line.speakers()["web1"] == ["web1"]  # it was not in the books before
    line.step("09:20", "undo", decision=2)
    assert books(line) == {"OLD1": "returned", "NEW1": "in use"} and line.speakers()["web1"] == ["new"]


def test_a_replacement_that_reports_already_is_merged_at_once(hardware: Line) -> None:
    line = hardware
    line.step("08:04", "authorise", rfc=1, by="bob")
    with line.database.write() as session:
        line.ci(session, "web1").owner = "Web team"
    machine(line, "spare", "08:30", "NEW1")
    with line.database.write() as session:
        spare = line.ci(session, "spare")
        source_id = bindings.of_ci(session, spare.id)[0].source_id
        session.add(IdentityClaim(source_id=source_id, ci_id=spare.id, kind="system_serial", key="serial:new1"))
    before = line.drifts()
    assert {host for host, _, _ in before} == {"spare"}
    replaced(line, "09:00", "NEW1")
    line.whole("09:01")
    assert line.speakers()["web1"] == ["spare"] and books(line) == {"OLD1": "returned", "NEW1": "in use"}
    with line.database.read() as session:
        assert line.ci(session, "web1").owner == "Web team" and line.ci(session, "spare").merged_into_id is not None
    assert line.drifts() == set() and max(line.rfcs()) == 2
    line.step("09:10", "undo", decision=1)
    assert books(line) == {}
    assert line.speakers() == {"web1": ["web1"], "spare": ["spare"]}
