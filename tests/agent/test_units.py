"""systemd units: enablement, drop-ins, masks; a load path made by the test in the form of systemd.unit(5)."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.support.site import until

from driftline.v1.facts_pb2 import Unit
from driftline_agent import unit_settings, units
from driftline_agent.errors import BusyError
from driftline_agent.host import Host
from driftline_agent.topic import all_topics

INSTALL = "[Install]\nWantedBy=multi-user.target\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    vendor, admin = tmp_path / "usr/lib/systemd/system", tmp_path / "etc/systemd/system"
    vendor.mkdir(parents=True)
    admin.mkdir(parents=True)
    files = {
        "on.service": f"[Unit]\nDescription=On\n[Service]\nUser=www\nExecStart=/bin/a \\\n  --b\n{INSTALL}",
        "off.service": f"[Service]\nExecStart=/bin/off\n{INSTALL}",
        "still.service": "[Service]\nExecStart=/bin/still\n",
        "also.service": "[Service]\nExecStart=/bin/also\n[Install]\nAlso=off.service\n",
        "gone.service": f"[Service]\nExecStart=/bin/gone\n{INSTALL}",
        "empty.service": "",
        "tty@.service": f"[Service]\nExecStart=/bin/tty %i\n{INSTALL}",
        "timed.timer": "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n",
        "not-a-unit.txt": "",
    }
    for name, text in files.items():
        (vendor / name).write_text(text)
    wants = admin / "multi-user.target.wants"
    wants.mkdir()
    (wants / "on.service").symlink_to("/usr/lib/systemd/system/on.service")
    (wants / "tty@tty1.service").symlink_to("/usr/lib/systemd/system/tty@.service")
    (admin / "gone.service").symlink_to("/dev/null")
    (vendor / "alias.service").symlink_to("still.service")
    drop_ins = admin / "on.service.d"
    drop_ins.mkdir()
    (drop_ins / "10-run.conf").write_text("[Service]\nExecStart=\nExecStart=/bin/c\nUser=other\n")
    (drop_ins / "ignored.txt").write_text("[Service]\nUser=none\n")
    return tmp_path


def collected(root: Path) -> dict[str, Unit]:
    return {unit.name: unit for unit in all_topics()["units"].collect(Host(str(root))).facts.services.units}


def test_enablement(root: Path) -> None:
    assert {name: unit.enablement for name, unit in collected(root).items()} == {
        "on.service": "enabled",
        "off.service": "disabled",
        "still.service": "static",
        "also.service": "indirect",
        "gone.service": "masked",
        "empty.service": "masked",
        "tty@.service": "enabled",
        "timed.timer": "disabled",
        "alias.service": "alias",
    }


def test_drop_ins_are_merged(root: Path) -> None:
    unit = collected(root)["on.service"]
    assert list(unit.exec_start) == ["/bin/c"]
    assert unit.user == "other"
    assert unit.description == "On"
    assert list(unit.drop_ins) == ["/etc/systemd/system/on.service.d/10-run.conf"]
    assert unit.path == "/usr/lib/systemd/system/on.service"


def test_continued_lines_are_one() -> None:
    assert unit_settings.parse_unit("[Service]\nExecStart=/bin/a \\\n  --b\n")["Service", "ExecStart"] == ["/bin/a --b"]


def test_a_masked_unit_has_the_mask_as_its_file(root: Path) -> None:
    unit = collected(root)["gone.service"]
    assert unit.path == "/etc/systemd/system/gone.service" and not unit.exec_start


def test_states_of_systemctl() -> None:
    text = "cron.service loaded active running Regular background program\n-.mount loaded active mounted Root Mount\n"
    assert units.parse_states(text) == {"cron.service": ("active", "running"), "-.mount": ("active", "mounted")}


def read_units() -> Sequence[Unit]:
    """Return this host's units, none while systemd writes some anew."""
    try:
        return list(all_topics()["units"].collect(Host()).facts.services.units)
    except BusyError:
        return []


@pytest.mark.parametrize("tool", [path for path in [shutil.which("systemctl")] if path])
def test_systemctl_says_the_same_of_this_host(tool: str) -> None:
    command = [tool, "list-unit-files", "--root=/", "--no-legend", "--no-pager"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    theirs = {line.split()[0]: line.split()[1] for line in listed.splitlines() if line.strip()}
    found = until("systemd's generators rest", read_units)
    assert {unit.name: unit.enablement for unit in found} == theirs
