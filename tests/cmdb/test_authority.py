"""Several sources for one CI: whose word counts, what they disagree on, and what belongs to the CI when."""

from dataclasses import dataclass, field, replace

import pytest
from sqlmodel import col, select
from tests.cmdb.test_reports import NOW, receipt, report, section
from tests.support.utilization import batch_of

from driftline.v1.collector_pb2 import HostClaims
from driftline.v1.facts_pb2 import Facts
from driftline_cmdb import file_history, record, sources, utilization
from driftline_cmdb.baselines import approval, capturing
from driftline_cmdb.database import Database
from driftline_cmdb.drift.assess import assess_due
from driftline_cmdb.drift.silent_sources import find_silent_sources
from driftline_cmdb.errors import Invalid, NotFound
from driftline_cmdb.identity import authority, bindings, spans
from driftline_cmdb.reports import Ingest
from driftline_cmdb.tables.cis import Ci, Finding
from driftline_cmdb.tables.drift import Drift, DriftGroup
from driftline_cmdb.tables.elements import Due, Section
from driftline_cmdb.tables.rfcs import Rfc
from driftline_cmdb.tables.sources import Source
from driftline_cmdb.utilization.minutes import SeriesKey

MINUTE = 60_000


@dataclass
class Site:
    """Sources that report, by name, and the clock."""

    database: Database
    now_ms: int = NOW
    ids: dict[str, int] = field(default_factory=dict)
    _sequence: int = 0
    #: Names of those that are devices.
    devices: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.ingest = Ingest(self.database)

    def later(self, minutes: int = 1) -> int:
        self.now_ms += minutes * MINUTE
        return self.now_ms

    def source(self, name: str, kind: str = "agent", ci: str | None = None, rank: int = 0) -> int:
        """Let a source join; bound to the CI with a name, or to its own by its first report."""
        with self.database.write() as session:
            row = Source(uid=name, hostname=name, kind=kind, enrolled_ms=self.now_ms)
            session.add(row)
            session.flush()
            if kind == "device":  # whose word it is does not matter here: it holds its lease itself
                row.lease_agent_id, row.lease_generation = row.id, 1
                self.devices.add(name)
            self.ids[name] = row.id
            if ci is not None:
                found = record.find_ci(session, ci)
                bindings.bind(session, row.id, found.id, "a test", self.now_ms, rank=rank)
                authority.settle(session, found.id, self.now_ms)
        return self.ids[name]

    def say(self, name: str, **said: Facts) -> None:
        """Have a source report sections now, read a second ago."""
        with self.database.read() as session:
            continuation = session.get_one(Source, self.ids[name]).continuation or b""
        self._sequence += 1
        parts = [section(content, topic, self.now_ms - 1000) for topic, content in said.items()]
        one = report(self.ids[name], *parts, sequence=self._sequence, continuation=continuation)
        claims = HostClaims(hostname=name, machine_id=f"machine-{name}")
        if name in self.devices:
            one = replace(one, spoken_by=self.ids[name], lease=1)
        receipt(self.ingest.commit([replace(one, sent_ms=self.now_ms, received_ms=self.now_ms, claims=claims)])[0])
        self.assess()

    def assess(self) -> None:
        while assess_due(self.database, self.now_ms):
            pass

    def facts(self, ci: str, match: str, at_ms: int | None = None) -> dict[str, object]:
        with self.database.read() as session:
            found = record.facts_of(session, record.find_ci(session, ci), [match], at_ms)
            return {value.path: value.value for value in found}

    def muted(self, name: str) -> set[str]:
        with self.database.read() as session:
            query = select(Section.name).where(Section.source_id == self.ids[name], col(Section.muted))
            return set(session.exec(query))

    def findings(self, kind: str) -> list[Finding]:
        with self.database.read() as session:
            return list(session.exec(select(Finding).where(Finding.kind == kind, col(Finding.closed_ms).is_(None))))

    def move(self, name: str, ci: str | None) -> None:
        """End a source's binding; bind it to another CI."""
        with self.database.write() as session:
            row = bindings.of_source(session, self.ids[name])
            assert row is not None
            bindings.end(session, row, self.now_ms)
            authority.settle(session, row.ci_id, self.now_ms)
            if ci is not None:
                other = record.find_ci(session, ci)
                bindings.bind(session, self.ids[name], other.id, "moved", self.now_ms)
                authority.settle(session, other.id, self.now_ms)


@pytest.fixture
def site(database: Database) -> Site:
    return Site(database)


def network(**mtus: int) -> Facts:
    out = Facts()
    for name, mtu in mtus.items():
        out.network.interfaces.add(name=name, mtu=mtu)
    return out


def packages(**versions: str) -> Facts:
    out = Facts()
    for name, version in versions.items():
        out.software.packages.add(manager="dpkg", name=name, architecture="amd64", version=version)
    return out


MTU = "network.interfaces[*].mtu"
VERSIONS = "software.packages[*].version"
ETH0, ETH1 = "network.interfaces[eth0].mtu", "network.interfaces[eth1].mtu"


def test_of_an_agent_and_a_device_the_agent_speaks_for_what_both_know(site: Site) -> None:
    site.source("web")
    site.say("web", net=network(eth0=1500), dpkg=packages(bash="5"))
    site.later()
    site.source("snmp", "device", ci="web")
    site.say("snmp", interfaces=network(eth0=9000, eth1=1500), device=_device("x"))
    assert site.facts("web", MTU) == {ETH0: 1500}  # eth1 is of the family that the agent speaks for
    assert site.facts("web", "hardware.system.product") == {"hardware.system.product": "x"}  # nobody else does
    assert (site.muted("web"), site.muted("snmp")) == (set(), {"interfaces"})


def _device(product: str) -> Facts:
    out = Facts()
    out.hardware.system.product = product
    return out


def test_a_section_that_is_taken_in_part_stays_and_the_first_ones_values_count(site: Site) -> None:
    site.source("web")
    site.say("web", net=network(eth0=1500))
    both = network(eth0=9000, eth1=1400)
    both.hardware.system.product = "x"
    site.source("snmp", "device", ci="web")
    site.say("snmp", all=both)
    assert site.muted("snmp") == set()
    assert site.facts("web", MTU) == {ETH0: 1500, ETH1: 1400}


def test_of_two_agents_the_later_binding_speaks_unless_a_person_ranks_them(site: Site) -> None:
    site.source("web")
    site.say("web", dpkg=packages(bash="5"))
    site.later()
    site.source("other", ci="web")
    site.say("other", dpkg=packages(bash="6"))
    assert site.facts("web", VERSIONS) == {"software.packages[dpkg/bash/amd64].version": "6"}
    with site.database.write() as session:
        ci = record.find_ci(session, "web")
        version = ci.version
        with pytest.raises(NotFound, match="does not speak for it"):
            authority.set_rank(session, ci, "nobody", 5, "jane", "a test", site.now_ms)
        with pytest.raises(Invalid, match="rank: -1 is not between"):
            authority.set_rank(session, ci, "web", -1, "jane", "a test", site.now_ms)
        authority.set_rank(session, ci, "web", 5, "jane", "the old one is right", site.later())
        assert ci.version == version + 1
    assert site.facts("web", VERSIONS) == {"software.packages[dpkg/bash/amd64].version": "5"}
    assert site.muted("other") == {"dpkg"}


def test_quarantine_hands_over_and_release_takes_back(site: Site) -> None:
    site.source("web")
    site.say("web", net=network(eth0=1500))
    site.source("snmp", "device", ci="web")
    site.say("snmp", interfaces=network(eth0=9000))
    with site.database.write() as session:
        sources.quarantine(session, session.get_one(Source, site.ids["web"]), "jane", "a clone", site.later())
    assert site.facts("web", MTU) == {ETH0: 9000}
    with site.database.read() as session:
        assert session.get_one(Due, record.find_ci(session, "web").id).whole
    with site.database.write() as session:
        sources.release(session, session.get_one(Source, site.ids["web"]), "jane", "it is right", site.later())
    assert site.facts("web", MTU) == {ETH0: 1500}
    assert site.muted("web") == set()


def test_what_only_one_source_knows_stays_while_it_is_quarantined(site: Site) -> None:
    site.source("web")
    site.say("web", dpkg=packages(bash="5"))
    site.source("snmp", "device", ci="web")
    site.say("snmp", interfaces=network(eth0=9000))
    with site.database.write() as session:
        sources.quarantine(session, session.get_one(Source, site.ids["web"]), "jane", "a clone", site.later())
    assert site.facts("web", VERSIONS) == {"software.packages[dpkg/bash/amd64].version": "5"}


def test_a_disagreement_is_a_finding_that_closes_by_itself(site: Site) -> None:
    site.source("web")
    site.say("web", net=network(eth0=1500, lo=9))
    site.source("snmp", "device", ci="web")
    site.say("snmp", interfaces=network(eth0=9000, lo=9))
    (found,) = site.findings("sources disagree")
    assert found.detail["attributes"] == [
        {
            "path": ETH0,
            "counts": "agent web (web)",
            "other": "device snmp (snmp)",
            "value": "1500",
            "other_value": "9000",
        }
    ]
    assert found.key.startswith("disagree:")
    assert "1500 by agent web (web), which counts, 9000 by device snmp (snmp)" in found.message
    site.later()
    site.say("snmp", interfaces=network(eth0=1500, lo=9))
    assert site.findings("sources disagree") == []
    site.later()
    site.say("snmp", interfaces=network(eth0=9000, lo=9))
    site.move("snmp", None)
    assert site.findings("sources disagree") == []


def _golden(site: Site) -> None:
    with site.database.write() as session:
        capturing.capture(session, record.find_ci(session, "web"), "golden", "jane", site.later())
    with site.database.write() as session:
        approval.approve(session, "golden", "john", site.later())
    site.later()
    site.assess()


def _drifts(site: Site) -> list[Drift]:
    with site.database.read() as session:
        return list(session.exec(select(Drift).where(Drift.state == "open").order_by(col(Drift.path))))


def test_a_drift_by_another_speaker_says_so_and_is_one_group(site: Site) -> None:
    site.source("web")
    site.say("web", net=network(eth0=1500, lo=9))
    site.source("snmp", "device", ci="web")
    site.say("snmp", interfaces=network(eth0=9000))
    _golden(site)
    assert _drifts(site) == []
    with site.database.write() as session:
        sources.quarantine(session, session.get_one(Source, site.ids["web"]), "jane", "a clone", site.later())
    site.assess()
    eth0, lo = _drifts(site)
    assert (eth0.path, eth0.actual, eth0.why) == (
        ETH0,
        "9000",
        "device snmp (snmp) speaks here now, in place of agent web (web)",
    )
    assert (lo.path, lo.kind, lo.why) == (
        "network.interfaces[lo]",
        "missing",
        "agent web (web) does not speak here any more",
    )
    assert eth0.group_id == lo.group_id
    with site.database.write() as session:
        sources.release(session, session.get_one(Source, site.ids["web"]), "jane", "it is right", site.later())
    site.assess()
    assert _drifts(site) == []  # what is expected is back


def test_a_replaced_agent_makes_one_group_of_what_differs(site: Site) -> None:
    site.source("web")
    site.say("web", dpkg=packages(bash="5", sl="1"))
    _golden(site)
    site.move("web", None)
    site.assess()
    assert _drifts(site) == []  # nobody speaks for it: nothing is known, and that is no drift
    site.source("new", ci="web")
    site.later()
    site.say("new", dpkg=packages(bash="6", sl="2"))
    drifts = _drifts(site)
    assert {drift.why for drift in drifts} == {"agent new (new) speaks here now, in place of agent web (web)"}
    with site.database.read() as session:
        assert len(session.exec(select(DriftGroup)).all()) == len(session.exec(select(Rfc)).all()) == 1
    site.later()
    site.say("new", dpkg=packages(bash="6", sl="3"))  # the host itself
    assert (
        "speaks here now"
        not in {drift.path: drift.why for drift in _drifts(site)}["software.packages[dpkg/sl/amd64].version"]
    )


def test_an_agent_that_joins_with_the_token_of_an_abandoned_ci_says_so_too(site: Site) -> None:
    site.source("web")
    site.say("web", dpkg=packages(bash="5"))
    _golden(site)
    site.move("web", None)
    site.assess()
    site.source("new")
    with site.database.write() as session:  # as enrolment binds, before the first report
        bindings.bind(session, site.ids["new"], record.find_ci(session, "web").id, "its token", site.now_ms)
    site.later()
    site.say("new", dpkg=packages(bash="6"))
    (drift,) = _drifts(site)
    assert drift.why == "agent new (new) speaks here now, in place of agent web (web)"


def test_a_source_that_says_more_than_before_is_settled_by_the_assessment(site: Site) -> None:
    site.source("web")
    site.say("web", dpkg=packages(bash="5"))
    site.source("snmp", "device", ci="web")
    site.say("snmp", interfaces=network(eth0=9000))
    assert site.muted("snmp") == set()
    site.later()
    site.say("web", net=network(eth0=1500))
    assert site.muted("snmp") == {"interfaces"}
    assert site.facts("web", MTU) == {ETH0: 1500}


def test_the_past_has_who_was_bound_then(site: Site) -> None:
    site.source("web")
    site.say("web", dpkg=packages(bash="1"))
    site.source("db")
    site.say("db", dpkg=packages(bash="7"))
    site.later()
    site.say("web", dpkg=packages(bash="2"))
    moved_ms = site.later()
    site.move("web", "db")
    site.later()
    site.say("web", dpkg=packages(bash="3"))
    path = "software.packages[dpkg/bash/amd64].version"
    assert site.facts("web", VERSIONS) == {}
    assert site.facts("web", VERSIONS, moved_ms - 1) == {path: "2"}
    assert site.facts("web", VERSIONS, NOW) == {path: "1"}
    assert site.facts("web", VERSIONS, moved_ms) == {}
    assert site.facts("db", VERSIONS, moved_ms - 1) == {path: "7"}
    assert site.facts("db", VERSIONS) == {path: "3"}
    with site.database.read() as session:
        changes = {
            name: [(one.before, one.after) for one in record.history_of(session, record.find_ci(session, name))]
            for name in ("web", "db")
        }
    assert changes == {"web": [("1", "2")], "db": [("2", "3")]}


def test_a_muted_section_makes_no_history_while_it_is(site: Site) -> None:
    site.source("web")
    site.say("web", net=network(eth0=1))
    site.later()
    site.say("web", net=network(eth0=2))
    site.later()
    site.source("other", ci="web")
    site.say("other", net=network(eth0=2))
    for mtu in (3, 4):
        site.later()
        site.say("web", net=network(eth0=mtu))
        site.say("other", net=network(eth0=mtu))
    with site.database.read() as session:
        history = record.history_of(session, record.find_ci(session, "web"))
    assert [(one.before, one.after) for one in history] == [(3, 4), (2, 3), (1, 2)]


def test_versions_of_a_file_are_those_of_who_was_bound(site: Site) -> None:
    def file(digest: str) -> Facts:
        out = Facts()
        out.files.files.add(path="/etc/motd", digest=digest)
        return out

    site.source("db")
    site.later()
    site.source("web")  # joined later, so that it has the word where both speak
    site.say("web", files=file("a"))
    site.later()
    site.say("web", files=file("b"))
    site.say("db", files=file("x"))
    moved_ms = site.later()
    site.move("web", "db")
    site.later()
    site.say("web", files=file("c"))
    with site.database.read() as session:
        web, db = (record.find_ci(session, name).id for name in ("web", "db"))
        of_web = [(one.digest, one.until_ms) for one in file_history.versions(session, web, "/etc/motd")]
        of_db = {one.digest: one.since_ms for one in file_history.versions(session, db, "/etc/motd")}
    assert of_web == [("b", moved_ms), ("a", NOW + 2 * MINUTE - 1000)]
    assert of_db.keys() == {"c", "b", "x"}
    assert of_db["b"] == moved_ms


def _use(site: Site, name: str, value: float, minutes: int = 10) -> None:
    """Have a source send its utilization of the last minutes."""
    with site.database.write() as session:
        first = site.now_ms // MINUTE - minutes
        scaled = int(value)
        rows = {first + index: (scaled, scaled, scaled, scaled) for index in range(minutes)}
        batch = batch_of({SeriesKey("system.load", "", "1", 0): rows})
        utilization.append(session, site.ids[name], batch, site.now_ms)


def _load(site: Site, ci: str, step_ms: int = MINUTE) -> dict[int, float]:
    with site.database.read() as session:
        spoken = spans.spoken(session, record.find_ci(session, ci).id, record=False)
        start = NOW - 600 * MINUTE
        found = utilization.series_of(session, spoken, ["*"], start, site.now_ms + MINUTE, step_ms)
        return {point.at_ms // MINUTE: point.mean for view in found for point in view.points}


def test_utilization_of_two_holders_never_mixes(site: Site) -> None:
    site.source("web")
    site.say("web", dpkg=packages(bash="1"))
    site.source("db")
    site.say("db", dpkg=packages(bash="7"))
    _use(site, "web", 1)  # measured before its first report, and sent with it
    site.later(30)
    _use(site, "web", 2)
    moved = site.now_ms // MINUTE
    site.move("web", "db")
    site.later(90)
    _use(site, "web", 3)
    for sealed in (False, True):
        if sealed:
            utilization.compact(site.database, site.now_ms + 300 * MINUTE)
        web, db = _load(site, "web"), _load(site, "db")
        assert (set(web.values()), set(db.values())) == ({1, 2}, {3})
        assert max(web) < moved <= min(db)
        for step in (60 * MINUTE, 120 * MINUTE):
            assert set(_load(site, "db", step).values()) == {3}
            assert max(_load(site, "web", step).values()) <= 2
    with site.database.read() as session:
        db_id, web_id = (record.find_ci(session, name).id for name in ("db", "web"))
        (latest,) = utilization.latest_of(session, spans.open_ones(spans.spoken(session, db_id, record=False)))
        assert latest.points[0].last == 3
        assert utilization.latest_of(session, spans.open_ones(spans.spoken(session, web_id, record=False))) == []
        spoken = spans.spoken(session, db_id, record=False)
        high = utilization.percentile(session, spoken, "system.load", 0.0, NOW - 600 * MINUTE, site.now_ms)
        assert high[""] == pytest.approx(3, rel=0.02)


def test_nothing_of_the_time_in_which_a_source_waited_counts(site: Site) -> None:
    """A source that reported before it was bound has nothing of that time in the CI."""
    site.source("web")
    site.say("web", dpkg=packages(bash="1"))
    site.source("db")
    site.say("db", dpkg=packages(bash="7"))
    _use(site, "db", 5)
    site.later(30)
    site.move("db", "web")
    site.later(30)
    _use(site, "db", 6)
    assert set(_load(site, "web").values()) == {6}


def test_one_silent_source_of_several_is_a_finding(site: Site) -> None:
    site.source("web")
    site.say("web", dpkg=packages(bash="1"))
    site.source("snmp", "device", ci="web")
    site.say("snmp", interfaces=network(eth0=1))
    site.later(60)
    site.say("web", dpkg=packages(bash="1"))
    muted = site.muted("snmp")
    assert find_silent_sources(site.database, site.now_ms, 15 * MINUTE) == 1
    assert find_silent_sources(site.database, site.now_ms, 15 * MINUTE) == 0
    (found,) = site.findings("source silent")
    assert found.key == "source silent:snmp"
    assert "device snmp (snmp) of web" in found.message
    assert site.muted("snmp") == muted  # silence is not change
    site.later()
    site.say("snmp", interfaces=network(eth0=1))
    find_silent_sources(site.database, site.now_ms, 15 * MINUTE)
    assert site.findings("source silent") == []


def test_a_new_ci_of_a_split_was_first_seen_when_its_source_was_bound(site: Site) -> None:
    site.source("web")
    site.say("web", dpkg=packages(bash="1"))
    site.source("other", ci="web")
    site.say("other", net=network(eth0=1))
    with site.database.write() as session:
        session.add(Ci(uid="uid-new", name="new"))
    split_ms = site.later()
    site.move("other", "new")
    site.later()
    site.say("other", net=network(eth0=2))
    with site.database.write() as session:
        ci = record.find_ci(session, "new")
        authority.settle(session, ci.id, site.now_ms)
        assert (ci.first_seen_ms, ci.last_seen_ms) == (split_ms, site.now_ms)
