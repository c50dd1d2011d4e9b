"""The state folder belongs to its machine."""

from pathlib import Path

import grpc
import pytest
from tests.agent.fake_collector import FakeCollector
from tests.agent.test_reporting import agent

from driftline.v1.collector_pb2 import HostClaims
from driftline_agent import machine
from driftline_agent import state as states
from driftline_agent.host import Host

KEY = b"k" * 32
FULL = HostClaims(machine_id="m", system_uuid="u", system_serial_number="s", macs=["52:54:00:00:00:01"])


def pieces(**changed: object) -> dict[str, list[str]]:
    said = HostClaims()
    said.CopyFrom(FULL)
    for name, value in changed.items():
        said.ClearField(name)  # type: ignore[arg-type]  # a field's name
        if isinstance(value, list):
            said.macs.extend(value)
        elif value:
            setattr(said, name, value)
    return machine.pieces(Host("/nowhere"), KEY, said)


@pytest.mark.parametrize(
    ("changed", "other"),
    [
        ({}, False),
        ({"macs": ["52:54:00:00:00:01", "52:54:00:00:00:02"]}, False),  # one more card
        ({"macs": ["52:54:00:00:00:09"]}, False),  # another card
        ({"system_uuid": "U2"}, False),  # corrected by a firmware update
        ({"machine_id": "m2"}, False),  # installed anew
        ({"system_uuid": "", "system_serial_number": ""}, False),  # not readable this time
        ({"system_uuid": "", "system_serial_number": "", "macs": ["52:54:00:00:00:09"]}, False),
        ({"system_uuid": "u2", "macs": ["52:54:00:00:00:09"]}, False),  # undecided: the receipts' tokens decide
        ({"system_uuid": "u2", "system_serial_number": "", "macs": ["52:54:00:00:00:09"]}, True),  # a cloned machine
        ({"system_uuid": "u2", "system_serial_number": "s2", "macs": ["52:54:00:00:00:09"]}, True),  # a moved disk
        ({"machine_id": "m2", "system_uuid": "", "system_serial_number": "", "macs": []}, True),  # all that is known
    ],
)
def test_what_makes_another_machine(changed: dict[str, object], other: bool) -> None:
    assert bool(machine.differing(pieces(), pieces(**changed))) == other


def test_nothing_known_is_no_other_machine() -> None:
    assert machine.differing({}, pieces()) == machine.differing(pieces(), {}) == []
    assert machine.digest({}) == b"" and len(machine.digest(pieces())) == 16


def test_pieces_are_digests_and_what_is_unreadable_now_is_remembered() -> None:
    assert not {"m", "u", "s"} & {one for values in pieces().values() for one in values}
    assert machine.pieces(Host("/nowhere"), b"x" * 32, FULL)["system UUID"] != pieces()["system UUID"]
    known = machine.merged(pieces(), pieces(system_uuid="", macs=["52:54:00:00:00:02"]))
    assert known["system UUID"] == pieces()["system UUID"]
    assert known["network cards"] == pieces(macs=["52:54:00:00:00:02"])["network cards"]


def dmi(root: Path, number: int) -> None:
    for path, text in {
        "etc/machine-id": "1" * 32,
        "proc/sys/kernel/hostname": f"web{number}",
        "sys/class/dmi/id/product_uuid": f"4c4c4544-0000-0000-0000-00000000000{number}",
        "sys/class/dmi/id/product_serial": f"SERIAL-{number}",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text + "\n")


def test_a_copied_folder_begins_anew_and_says_so(collector: FakeCollector, tmp_path: Path) -> None:
    dmi(tmp_path / "root", 1)
    first = agent(collector, tmp_path)
    first.read()
    first.check_in()
    first.check_in()
    epoch = first.reporter.state.epoch
    collector.failures.append(("Submit", grpc.StatusCode.UNAVAILABLE))
    (tmp_path / "root/etc/group").write_text("root:x:0:alice\n")
    first.changed({"groups"})
    assert first.reporter.spool.entries()
    restarted = agent(collector, tmp_path)
    assert restarted.reporter.state.epoch == epoch and restarted.reporter.spool.entries()
    dmi(tmp_path / "root", 2)
    copied = agent(collector, tmp_path)
    assert copied.reporter.state.epoch != epoch
    assert copied.reporter.spool.entries() == []  # it is the original's, which has it too
    assert copied.reporter.state.sections == {}
    copied.read()
    copied.check_in()
    stamp = collector.named("Submit")[-1].stamp
    assert (stamp.sequence, stamp.previous_epoch, stamp.begun_for) == (1, epoch, "other hardware")
    assert stamp.machine and stamp.machine != collector.named("Submit")[0].stamp.machine
    again = agent(collector, tmp_path)
    assert again.reporter.state.epoch == copied.reporter.state.epoch


def test_a_state_of_an_earlier_agent_is_taken_up(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"epoch": "e", "sequence": 4, "continuation": "00", "sections": {}}')
    state = states.load(tmp_path)
    assert (state.epoch, state.sequence, state.machine) == ("e", 4, {})
