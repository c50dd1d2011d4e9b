"""Links between CIs: from reports of both ends to facts, drifts and RFCs. On SQLite and PostgreSQL."""

import re
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlmodel import col, select
from tests.support.cabling import MINUTE, SECOND, Cabling

from driftline import paths
from driftline_cmdb import record
from driftline_cmdb.baselines import approval, capturing, versions
from driftline_cmdb.database import Database
from driftline_cmdb.drift import silence
from driftline_cmdb.identity import retiring
from driftline_cmdb.rfcs import decisions, planning, reading
from driftline_cmdb.tables.cis import Ci, Finding
from driftline_cmdb.tables.topology import TopologyDue
from driftline_cmdb.topology import periodic

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def net(database: Database) -> Cabling:
    """Two switches with a cable between them, and a third one."""
    net = Cabling(database)
    for name in ("sw1", "sw2", "sw3"):
        net.add(name, 4)
    net.plug("sw1:1", "sw2:2")
    net.all_report()
    return net


def approve(net: Cabling, *names: str) -> None:
    """Put baselines of some CIs in force, as they are now."""
    for name in names:
        with net.database.write() as session:
            ci = record.find_ci(session, name)
            capturing.capture(session, ci, f"{name}-now", "olga", net.now)
            approval.approve(session, f"{name}-now", "paul", net.now)
    net.settle()


def path(net: Cabling, port: int, other: str, other_port: int) -> str:
    with net.database.read() as session:
        uid = record.find_ci(session, other).uid
    return paths.keyed("record.links", f"Gi1/0/{port}", uid, f"Gi1/0/{other_port}")


def test_what_both_ends_tell_is_one_link(net: Cabling) -> None:
    assert net.links() == ["sw1 Gi1/0/1 - sw2 Gi1/0/2"]
    with net.database.read() as session:
        found = {
            one.path: one.value for one in record.facts_of(session, record.find_ci(session, "sw1"), ["record.links"])
        }
        other = record.facts_of(session, record.find_ci(session, "sw2"), ["record.links"])
    where = path(net, 1, "sw2", 2)
    assert found == {where: True, f"{where}.name": "sw2", f"{where}.by": "LLDP at both ends"}
    assert other == []


def test_a_pulled_cable_is_one_drift_and_one_rfc(net: Cabling) -> None:
    approve(net, "sw1", "sw2", "sw3")
    assert (net.drifts(), net.rfcs()) == ([], [])
    net.pull("sw1:1", "sw2:2")
    net.report("sw2")  # whichever end is read first
    net.settle()
    assert net.links() == []
    assert net.drifts() == [("sw1", path(net, 1, "sw2", 2), "missing")]
    assert net.rfcs() == [(1, "submitted")]
    net.all_report()
    assert (len(net.drifts()), net.rfcs()) == (1, [(1, "submitted")])
    net.plug("sw1:1", "sw2:2")
    net.all_report()
    assert net.links() == ["sw1 Gi1/0/1 - sw2 Gi1/0/2"]
    assert (net.drifts(), net.rfcs()) == ([], [(1, "backed out")])


@pytest.mark.parametrize("name", ["sw1", "sw2"])
def test_an_interface_that_is_gone_has_no_link(net: Cabling, name: str) -> None:
    net.counts[name] = 0  # its module was taken out
    net.report(name)
    net.settle()
    assert net.links() == []
    net.counts[name] = 4
    net.report(name)
    net.settle()
    assert net.links() == ["sw1 Gi1/0/1 - sw2 Gi1/0/2"]


def test_a_moved_cable_is_one_rfc(net: Cabling) -> None:
    approve(net, "sw1", "sw2", "sw3")
    net.pull("sw1:1", "sw2:2")
    net.plug("sw1:1", "sw2:3")
    net.all_report()
    assert net.links() == ["sw1 Gi1/0/1 - sw2 Gi1/0/3"]
    assert sorted(net.drifts()) == sorted(
        [("sw1", path(net, 1, "sw2", 2), "missing"), ("sw1", path(net, 1, "sw2", 3), "unexpected")]
    )
    assert net.rfcs() == [(1, "submitted")]


@pytest.mark.parametrize("order", [("sw1", "sw2", "sw3"), ("sw3", "sw2", "sw1"), ("sw2", "sw1", "sw3")])
def test_a_cable_that_another_ci_gets_is_one_rfc(net: Cabling, order: tuple[str, ...]) -> None:
    """The link before stands with sw1, the one after with sw2: they have the port sw2:2 in common."""
    approve(net, "sw1", "sw2", "sw3")
    net.pull("sw1:1", "sw2:2")
    net.plug("sw2:2", "sw3:1")
    for name in order:
        net.report(name)
        net.settle()
    assert net.links() == ["sw2 Gi1/0/2 - sw3 Gi1/0/1"]
    assert {(ci, kind) for ci, _, kind in net.drifts()} == {("sw1", "missing"), ("sw2", "unexpected")}
    assert net.rfcs() == [(1, "submitted")]


def test_a_dead_switch_is_one_rfc(net: Cabling) -> None:
    for port, far in ((2, "sw2:3"), (3, "sw3:3"), (4, "sw3:4")):
        net.plug(f"sw1:{port}", far)
    net.all_report()
    approve(net, "sw1", "sw2", "sw3")
    for cable in list(net.cables):
        net.pull(*cable)
    for name in ("sw3", "sw2"):  # sw1 does not answer any more
        net.report(name)
        net.settle(20 * SECOND)
    assert len(net.drifts()) == 4
    assert net.rfcs() == [(1, "submitted")]


def test_silence_and_a_missed_reading_change_nothing(net: Cabling) -> None:
    approve(net, "sw1", "sw2", "sw3")
    net.settle(3600 * SECOND)
    assert net.links() == ["sw1 Gi1/0/1 - sw2 Gi1/0/2"]
    net.mute = {"sw1", "sw2"}
    net.all_report()
    net.settle(9 * MINUTE)
    assert (net.links(), net.drifts()) == (["sw1 Gi1/0/1 - sw2 Gi1/0/2"], [])
    net.mute = set()
    net.all_report()
    net.settle(60 * MINUTE)
    assert net.links() == ["sw1 Gi1/0/1 - sw2 Gi1/0/2"]


def test_who_is_not_heard_any_more_is_gone_after_a_while(net: Cabling) -> None:
    net.mute = {"sw1", "sw2"}
    net.all_report()
    assert net.links() == ["sw1 Gi1/0/1 - sw2 Gi1/0/2"]
    net.settle(11 * MINUTE)
    assert net.links() == []


def test_a_host_that_tells_nothing_is_known_by_its_hardware_address(net: Cabling) -> None:
    net.add("web1", 1, "agent")
    net.mute = {"web1"}
    net.plug("sw3:2", "web1:1")
    net.report("web1", interfaces=net.interfaces("web1"))
    net.report("sw3", interfaces=net.interfaces("sw3"), forwarding=net.forwarding("sw3"))
    net.settle()
    assert "sw3 Gi1/0/2 - web1 Gi1/0/1" in net.links()
    with net.database.read() as session:
        (by,) = [one.value for one in record.facts_of(session, record.find_ci(session, "sw3"), ["record.links[*].by"])]
    assert by == "seen: MAC of web1 behind sw3 Gi1/0/2"
    net.report("sw3", forwarding=type(net.forwarding("sw3"))())  # it was silent: the switch forgot its address
    net.settle(60 * MINUTE)
    assert "sw3 Gi1/0/2 - web1 Gi1/0/1" in net.links()
    net.pull("sw3:2", "web1:1")
    net.report("web1", interfaces=net.interfaces("web1"))
    net.settle()
    assert net.links() == ["sw1 Gi1/0/1 - sw2 Gi1/0/2"]


def test_who_is_no_ci_is_an_unknown_end_until_it_is_one(net: Cabling) -> None:
    net.counts["sw9"] = 2
    net.plug("sw3:1", "sw9:2")
    net.report("sw3")
    net.settle()
    assert (net.unknown(), net.links()) == (["sw3 Gi1/0/1: sw9"], ["sw1 Gi1/0/1 - sw2 Gi1/0/2"])
    net.add("sw9", 2)
    net.all_report("sw9")
    assert net.unknown() == []
    assert net.links() == ["sw1 Gi1/0/1 - sw2 Gi1/0/2", "sw3 Gi1/0/1 - sw9 Gi1/0/2"]


def test_links_of_a_retired_ci_end_and_come_back_when_it_is_reinstated(net: Cabling) -> None:
    for decide, links in ((retiring.retire, []), (retiring.reinstate, ["sw1 Gi1/0/1 - sw2 Gi1/0/2"])):
        with net.database.write() as session:
            decide(session, record.find_ci(session, "sw1"), "bob", "x", net.now)  # type: ignore[operator]  # both take that
        net.settle()
        assert net.links() == links
        # Its neighbour still hears it, as what is no CI in use.
        assert net.unknown() == ([] if links else ["sw2 Gi1/0/2: sw1"])


def disputes(net: Cabling) -> list[str]:
    with net.database.read() as session:
        is_open = select(Finding).where(Finding.kind == "cable disputed", col(Finding.closed_ms).is_(None))
        return [one.message for one in session.exec(is_open)]


def test_ends_that_contradict_each_other_are_a_finding_once_both_were_read_and_close_by_themselves(
    net: Cabling,
) -> None:
    net.pull("sw1:1", "sw2:2")
    net.plug("sw1:1", "sw3:1")
    net.report("sw1")  # sw2 still says that sw1 is at its port
    net.settle()
    assert net.links() == ["sw1 Gi1/0/1 - sw3 Gi1/0/1"]
    assert disputes(net) == []
    net.settle(11 * MINUTE)
    (said,) = disputes(net)
    assert "sw1 Gi1/0/1 - sw3 Gi1/0/1 is on record by LLDP of sw1" in said
    assert "another end says sw1 Gi1/0/1 - sw2 Gi1/0/2" in said
    net.settle(11 * MINUTE)
    assert disputes(net) == [said]
    net.report("sw2")
    net.settle()
    assert disputes(net) == []


def test_a_cable_that_is_moved_is_no_dispute(net: Cabling) -> None:
    net.pull("sw1:1", "sw2:2")
    net.plug("sw1:1", "sw3:1")
    net.report("sw1")
    net.settle(5 * MINUTE)
    net.report("sw2")
    net.settle(15 * MINUTE)
    assert disputes(net) == []


def test_only_what_concerns_ports_makes_a_ci_due(net: Cabling) -> None:
    with net.database.read() as session:
        assert session.exec(select(TopologyDue)).all() == []
    net.report("sw1")  # the same as before
    net.add("web1", 1, "agent")
    net.report("web1", neighbours=net.neighbours("web1"))  # of a host: its ARP table
    with net.database.read() as session:
        names = dict(session.exec(select(Ci.id, Ci.name)).all())
        assert {names[row.ci_id] for row in session.exec(select(TopologyDue))} == {"web1"}  # it is new
    assert net.settle() == 1
    net.report("web1", neighbours=net.neighbours("sw2"))
    assert net.settle() == 0


def test_who_is_cut_off_by_a_dead_switch_is_behind_it(net: Cabling) -> None:
    for name, cable in (("web1", "sw1:3"), ("web2", "sw1:4")):
        net.add(name, 1, "agent")
        net.plug(cable, f"{name}:1")
    net.all_report()
    net.settle(20 * MINUTE)
    net.report("sw2")  # it is still heard; what it is linked to is not
    net.report("sw3")
    silence.find_silence(net.database, net.now, 15 * MINUTE)
    with net.database.read() as session:
        (finding,) = session.exec(select(Finding).where(Finding.kind == "silent")).all()
    assert (finding.detail["behind"], finding.detail["silent"]) == ("sw1", 3)


def test_a_planned_move_is_explained_though_it_is_read_after_its_window(net: Cabling) -> None:
    approve(net, "sw1", "sw2", "sw3")
    net.settle(10 * MINUTE)
    with net.database.write() as session:
        ci = record.find_ci(session, "sw1")
        predicted = [
            planning.Planned(ci, path(net, 1, "sw2", 2), "absent"),
            planning.Planned(ci, path(net, 1, "sw2", 3), "present"),
        ]
        window = {"planned_start_ms": net.now, "planned_end_ms": net.now + 10 * MINUTE}
        rfc = planning.propose(session, planning.Plan(title="move it", **window), "olga", predicted, net.now)
        seen = reading.view(session, rfc.number).scope
        decisions.authorise(session, rfc.number, "paul", seen, "", net.now)
    net.settle(9 * MINUTE)
    for name in net.sources:
        net.report(name, interfaces=net.interfaces(name), neighbours=net.neighbours(name))  # as before
    net.pull("sw1:1", "sw2:2")
    net.plug("sw1:1", "sw2:3")
    net.settle(5 * MINUTE)
    net.all_report()
    assert net.links() == ["sw1 Gi1/0/1 - sw2 Gi1/0/3"]
    assert net.drifts() == []
    assert net.rfcs() == [(1, "closed")]


def test_a_baseline_written_by_hand_names_a_cable(net: Cabling) -> None:
    (document,) = re.findall(r"```yaml\n(.*?)```", (DOCS / "topology.md").read_text(), re.DOTALL)
    (there,) = re.findall(r"record\.links\[Te1\\/1\\/1/.*\]", document)
    document = document.replace(there, path(net, 1, "sw2", 2)).replace("Te1\\/1\\/2", "Gi1\\/0\\/4")
    with net.database.write() as session:
        versions.create(session, document, "olga", net.now)
        approval.approve(session, "core-uplinks", "paul", net.now)
    net.settle()
    assert net.drifts() == []
    net.pull("sw1:1", "sw2:2")
    net.plug("sw1:4", "sw3:4")
    net.all_report()
    assert net.drifts() == [("sw1", path(net, 1, "sw2", 2), "missing"), ("sw1", path(net, 4, "sw3", 4), "unexpected")]


def test_one_change_is_one_look_at_few_ports(net: Cabling) -> None:
    """What is asked of the record does not grow with the CIs that have nothing to do with the change."""
    net.pull("sw1:1", "sw2:2")
    few = _statements(net, "sw1")
    for number in range(30):
        net.add(f"h{number}", 1, "agent")
        net.report(f"h{number}", interfaces=net.interfaces(f"h{number}"))
    net.settle()
    net.plug("sw1:1", "sw2:2")
    assert _statements(net, "sw1") <= few + 10


def _statements(net: Cabling, name: str) -> int:
    count = 0

    def on_execute(*_arguments: object) -> None:
        nonlocal count
        count += 1

    net.report(name)
    event.listen(net.database.engine, "before_cursor_execute", on_execute)
    try:
        assert periodic.run(net.database, net.now + SECOND) == 1
    finally:
        event.remove(net.database.engine, "before_cursor_execute", on_execute)
    return count
