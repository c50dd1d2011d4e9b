"""From a report to an assessed CI, without being asked."""

import time

from sqlmodel import select
from tests.collector.harness import HOUR_MS, Agent, MovedClock, packages, section

from driftline.v1.facts_pb2 import Facts
from driftline_cmdb.baselines import approval, versions
from driftline_cmdb.rfcs import decisions, emergencies, planning, reading
from driftline_cmdb.tables.baselines import BaselineVersion
from driftline_cmdb.tables.cis import Ci, Finding
from driftline_cmdb.tables.elements import Due
from driftline_cmdb.tables.rfcs import Rfc
from driftline_cmdb.tables.topology import TopologyDue, TopologySight
from driftline_collector.collector import Collector


def assessed(collector: Collector, count: int) -> None:
    """Wait until so many assessments were made."""
    end = time.monotonic() + 30
    while (collector.metrics.registry.get_sample_value("driftline_collector_assessments_total") or 0) < count:
        assert time.monotonic() < end, "nothing was assessed"
        time.sleep(0.02)


def test_a_change_is_assessed_without_being_asked(collector: Collector, agent: Agent) -> None:
    agent.submit(packages(("openssl", "1")))
    assessed(collector, 1)
    agent.submit(packages(("openssl", "2")))
    assessed(collector, 2)
    with collector.database.read() as session:
        assert session.exec(select(Due)).all() == []
        assert session.exec(select(Ci.version)).one() == 2


def test_what_was_due_at_a_crash_is_assessed_at_the_next_start(collector: Collector, agent: Agent) -> None:
    collector.assessor.stop(10)
    agent.submit(packages(("openssl", "1")))
    with collector.database.read() as session:
        assert len(session.exec(select(Due)).all()) == 1
    fresh = type(collector.assessor)(collector.database, collector.metrics, lambda: time.time_ns() // 1_000_000)
    fresh.start()
    assessed(collector, 1)
    fresh.stop(10)


def silent(collector: Collector) -> list[str]:
    with collector.database.read() as session:
        return list(session.exec(select(Finding.message).where(Finding.kind == "silent")))


def test_silence_counts_only_while_the_collector_listens(collector: Collector, agent: Agent, clock: MovedClock) -> None:
    agent.submit(packages(("openssl", "1")))
    jobs = collector._jobs
    jobs.stop(1)
    clock.ahead_ms = HOUR_MS  # the machine slept
    jobs._find_silence()
    assert silent(collector) == []
    for _ in range(15):
        clock.ahead_ms += 60_000
        jobs._find_silence()
    assert len(silent(collector)) == 1


def test_rfcs_move_on_with_their_windows(collector: Collector, agent: Agent, clock: MovedClock) -> None:
    agent.submit(packages(("openssl", "1")))
    jobs = collector._jobs
    jobs.stop(1)
    now = jobs._clock()
    with collector.database.write() as session:
        ci = session.exec(select(Ci)).one()
        path = "software.packages[dpkg/openssl/amd64].version"
        plan = planning.Plan("openssl", planned_start_ms=now + HOUR_MS, planned_end_ms=now + 2 * HOUR_MS)
        number = planning.propose(session, plan, "alice", [planning.Planned(ci, path, "is", "2")], now).number
        decisions.authorise(session, number, "bob", reading.view(session, number).scope, "", now)
        emergencies.declare(session, planning.Plan("the shop is down"), "alice", now)
    states = []
    for hours in (0, 1, 2, 24):
        clock.ahead_ms = hours * HOUR_MS + 1000
        jobs._control.run()
        with collector.database.read() as session:
            states.append(session.exec(select(Rfc.state).where(Rfc.number == number)).one())
            late = session.exec(select(Finding).where(Finding.kind == "emergency not approved")).all()
            assert len(late) == (1 if hours == 24 else 0)
    assert states == ["scheduled", "implementing", "review", "review"]


def test_an_approved_baseline_comes_into_force_when_its_time_has_come(
    collector: Collector, agent: Agent, clock: MovedClock
) -> None:
    agent.submit(packages(("openssl", "1")))
    document = 'name: policy\nselector: {class: server}\nexpect:\n- {path: os.host.name, is: "x"}\n'
    with collector.database.write() as session:
        now = clock()
        versions.create(session, document, "alice", now)
        approval.approve(session, "policy", "bob", now, at_ms=now + HOUR_MS)
    jobs = collector._jobs
    jobs.stop(1)
    jobs._control.run()
    with collector.database.read() as session:
        assert session.exec(select(BaselineVersion.state)).one() == "approved"
    clock.ahead_ms = HOUR_MS
    jobs._control.run()
    with collector.database.read() as session:
        assert session.exec(select(BaselineVersion.state)).one() == "in force"


def test_links_follow_a_report_without_being_asked(collector: Collector, agent: Agent) -> None:
    said = Facts()
    said.network.lldp_neighbours.add(interface="eth0", chassis_id="00:11:22:33:44:55", port_id="7", system_name="sw1")
    agent.submit(section("lldp", said))
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with collector.database.read() as session:
            seen = session.exec(select(TopologySight)).all()
            if seen and not session.exec(select(TopologyDue)).all():
                break
        time.sleep(0.02)
    assert [(one.port, one.name, one.far_ci_id) for one in seen] == [("eth0", "sw1", None)]
