"""Real agents with copied state folders against a real collector, from the copy to two CIs."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select
from tests.collector.harness import MovedClock, join_token, now_ms
from tests.collector.test_clones import StillClock, findings, source_of

from driftline.v1.collector_pb2 import HostClaims
from driftline_agent.agent import Agent
from driftline_agent.config import Config
from driftline_agent.host import Host
from driftline_agent.identity import enrolment, store
from driftline_agent.identity.token import parse_token
from driftline_cmdb import record, sources, utilization
from driftline_cmdb.identity import dividing, spans
from driftline_cmdb.tables.cis import Ci
from driftline_collector.collector import Collector

TOPICS = ("host", "groups", "dmi")


@pytest.fixture
def clock() -> MovedClock:
    return StillClock()


class Machine:
    """A host with its agent, not started: the tests turn its crank."""

    def __init__(self, folder: Path, name: str, number: int, group: str) -> None:
        self.folder, self.name = folder, name
        for path, text in {
            "etc/machine-id": "1" * 32,  # of the copied disk
            "etc/group": f"root:x:0:\n{group}:x:7:\n",
            "proc/sys/kernel/hostname": name,
            "sys/class/dmi/id/product_uuid": f"4c4c4544-0000-0000-0000-00000000000{number}",
            "sys/class/dmi/id/product_serial": f"SERIAL-{number}",
            "proc/stat": "btime 1790000000\n",
        }.items():
            (folder / "root" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "root" / path).write_text(text + "\n")
        (folder / "state").mkdir(exist_ok=True)
        self.agent: Agent

    def enrol(self, collector: Collector) -> None:
        token = parse_token(join_token(collector.database, collector.authority.fingerprint))
        address = f"127.0.0.1:{collector.ports.enrol}"
        enrolment.enroll(self.folder / "state", address, token, HostClaims(hostname=self.name))

    def start(self) -> None:
        identity = store.load(self.folder / "state")
        assert identity is not None
        config = Config(state=self.folder / "state", topics=TOPICS, watch=False)
        self.agent = Agent(config, identity, Host(str(self.folder / "root")))

    def check_in(self) -> bool:
        """Read and check in; tell whether all was receipted."""
        self.agent.sampler.sample()
        self.agent.read()
        self.agent.check_in()
        return not self.agent._failures

    @property
    def uid(self) -> str:
        return self.agent._identity.source_id


@pytest.fixture
def first(collector: Collector, tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path / "first", "web1", 1, "original")
    machine.enrol(collector)
    machine.start()
    assert machine.check_in()
    yield machine


def copy_of(first: Machine, tmp_path: Path, name: str = "web1-copy", number: int = 2) -> Machine:
    shutil.copytree(first.folder, tmp_path / name)
    machine = Machine(tmp_path / name, name, number, name)
    machine.start()
    return machine


def groups(collector: Collector, name: str) -> set[str]:
    """Names of a CI's groups: what tells one machine's facts from the other's."""
    with collector.database.read() as session:
        ci = record.find_ci(session, name)
        found = record.facts_of(session, ci, ["accounts.groups[*]"])
        return {one.path.split("[")[1].split("]")[0] for one in found}


def test_a_copied_state_folder_from_copy_to_two_cis(
    collector: Collector, clock: MovedClock, first: Machine, tmp_path: Path
) -> None:
    clone = copy_of(first, tmp_path)
    clock.ahead_ms += 5_000
    assert not clone.check_in()
    assert clone.agent._come_back_s == 10
    clock.ahead_ms += 10_000
    assert not clone.check_in()
    assert not first.check_in()
    assert groups(collector, "web1") == {"root", "original"}
    (found,) = findings(collector)
    assert found.kind == "clone"
    one, two = found.detail["holders"]
    assert (one["hostname"], two["hostname"]) == ("web1", "web1-copy")
    assert two["begun_for"] == "other hardware" and two["previous_epoch"] == one["epoch"]
    assert one["machine"] != two["machine"]
    for machine in (first, clone):  # both keep what they have
        assert not machine.check_in()
        assert machine.agent.reporter.spool.entries()
    old = first.uid
    with collector.database.write() as session:
        ci_id = record.find_ci(session, "web1").id
        utilization_before = utilization.latest_of(session, spans.spoken(session, ci_id, record=False))
        dividing.split(session, sources.find(session, old), "web1", "alice", "cloned by hand", now_ms())
    for machine in (clone, first):
        for _ in range(20):  # what was known of the certificate is remembered for a second
            if machine.check_in():
                break
        assert machine.check_in()
        assert machine.agent.reporter.spool.entries() == []
    assert len({old, first.uid, clone.uid}) == 3
    assert groups(collector, "web1") == {"root", "original"}
    assert groups(collector, "web1-copy") == {"root", "web1-copy"}
    assert utilization_before
    with collector.database.read() as session:
        assert sorted(session.exec(select(Ci.name))) == ["web1", "web1-copy"]
        assert record.find_ci(session, "web1").id == ci_id
        for machine in (first, clone):
            speaking = record.sources_of(session, record.find_ci(session, machine.name).id)
            assert speaking[0] == sources.find(session, machine.uid).id
            assert sources.find(session, old).id not in speaking
    assert findings(collector) == []
    stored = store.load(clone.folder / "state")
    assert stored is not None and stored.source_id == clone.uid
    assert not (clone.folder / "state/own.key").exists()


def test_a_lost_reply_to_the_request_for_an_identity(
    collector: Collector, clock: MovedClock, first: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the reply and the disk: the next process asks with the same key and is the same source."""
    clone = copy_of(first, tmp_path)
    clock.ahead_ms += 5_000
    assert not clone.check_in() and not first.check_in()
    with collector.database.write() as session:
        given = dividing.split(session, sources.find(session, first.uid), "web1", "alice", "why", now_ms())
        kept = next(one.source_id for one in given if one.own_as == "kept")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(store, "save", full)
        for _ in range(20):
            first.check_in()
            if (first.folder / "state/own.key").exists():
                break
    assert (first.folder / "state/own.key").stat().st_mode & 0o777 == 0o600
    first.start()
    assert first.check_in()
    assert source_of(collector, first.uid).id == kept


def test_an_image_that_is_expected(collector: Collector, clock: MovedClock, first: Machine, tmp_path: Path) -> None:
    with collector.database.write() as session:
        dividing.expect(session, sources.find(session, first.uid), "alice", "golden image", now_ms())
    instances = [copy_of(first, tmp_path, f"node{number}", number) for number in (3, 4, 5)]
    for machine in instances:
        for _ in range(20):
            if machine.check_in():
                break
        assert groups(collector, machine.name) == {"root", machine.name}
    assert len({machine.uid for machine in instances}) == 3
    assert findings(collector, closed=True) == []


def test_a_restored_snapshot(collector: Collector, clock: MovedClock, first: Machine, tmp_path: Path) -> None:
    shutil.copytree(first.folder, tmp_path / "snapshot")
    (first.folder / "root/etc/group").write_text("root:x:0:\nlater:x:8:\n")
    assert first.check_in()
    assert groups(collector, "web1") == {"root", "later"}
    uid = first.uid
    shutil.rmtree(first.folder)
    shutil.copytree(tmp_path / "snapshot", first.folder)
    first.start()
    clock.ahead_ms += 20_000
    assert not first.check_in()
    assert groups(collector, "web1") == {"root", "later"}
    clock.ahead_ms += 30_000
    assert not first.check_in()
    clock.ahead_ms += 11_000
    assert first.check_in() and first.check_in()
    assert first.uid == uid
    assert groups(collector, "web1") == {"root", "original"}
    assert [one.kind for one in findings(collector, closed=True)] == ["roll-back"]
    assert source_of(collector, uid).quarantined_ms is None
    with collector.database.read() as session:
        assert session.exec(select(Ci.name)).all() == ["web1"]
