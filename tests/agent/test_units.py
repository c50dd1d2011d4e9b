"""systemd units: enablement, drop-ins, masks; a load path made by the test in the form of systemd.unit(5)."""

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.support.site import until

from driftline.v1.facts_pb2 import Unit
from driftline_agent import unit_settings, units
from driftline_agent.errors import BusyError
from driftline_agent.host import Host
from driftline_agent.outputs import list_timers, list_unit_files
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


def test_what_a_change_of_any_setting_changes(root: Path) -> None:
    before = collected(root)["on.service"]
    assert len(before.digest) == 64
    assert [drop_in.path for drop_in in before.drop_in_files] == list(before.drop_ins)
    drop_in = root / "etc/systemd/system/on.service.d/10-run.conf"
    drop_in.write_text(drop_in.read_text() + "LimitNOFILE=7\n")
    after = collected(root)["on.service"]
    assert after.digest == before.digest and after.drop_in_files != before.drop_in_files
    file = root / "usr/lib/systemd/system/on.service"
    file.write_text(file.read_text() + "[Service]\nNice=1\n")
    assert collected(root)["on.service"].digest != before.digest
    file.chmod(0o640)
    assert collected(root)["on.service"].digest == ""  # a plain digest would confirm guesses of what is closed


def test_a_reading_from_memory_is_as_one_from_files(root: Path) -> None:
    old = 1_700_000_000
    for path in [root, *root.rglob("*")]:
        os.utime(path, (old, old), follow_symlinks=False)
    host = Host(str(root))
    topic = all_topics()["units"]
    first, second = (topic.collect(host).facts.SerializeToString() for _ in range(2))
    assert first == second == topic.collect(Host(str(root))).facts.SerializeToString()
    (root / "etc/systemd/system/multi-user.target.wants/on.service").unlink()
    drop_in = root / "etc/systemd/system/on.service.d/20.conf"
    drop_in.write_text("[Service]\nRestart=always\n")
    again = {unit.name: unit for unit in topic.collect(host).facts.services.units}
    assert (again["on.service"].enablement, again["on.service"].restart) == ("disabled", "always")


SETTINGS = """\
[Unit]
Description=x
[Service]
Type=notify
Restart=on-failure
DynamicUser=yes
NoNewPrivileges=off
Group=g
ExecStartPre=-/bin/pre --password=hunter2
ExecStartPost=/bin/post
EnvironmentFile=-/etc/default/x
Environment=SECRET=hunter2
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
"""
TIMER = """\
[Timer]
OnCalendar=daily
OnCalendar=
OnCalendar=Mon *-*-* 02:00
OnBootSec=5min
RandomizedDelaySec=1h
Persistent=true
Unit=other.service
"""


def test_settings(root: Path) -> None:
    folder = root / "etc/systemd/system"
    (folder / "x.service").write_text(SETTINGS)
    (folder / "x.socket").write_text(
        "[Socket]\nListenStream=1\nListenStream=\nListenStream=22\nListenDatagram=/run/x\n"
    )
    (folder / "x.timer").write_text(TIMER)
    found = collected(root)
    service = found["x.service"]
    assert (service.type, service.restart, service.group) == ("notify", "on-failure", "g")
    assert service.dynamic_user and service.HasField("no_new_privileges") and not service.no_new_privileges
    assert list(service.exec_start_pre) == ["-/bin/pre --password=[redacted]"]
    assert list(service.environment_files) == ["-/etc/default/x"]
    assert "hunter2" not in str(service)
    assert list(found["x.socket"].listen) == ["ListenDatagram /run/x", "ListenStream 22"]
    assert list(found["tty@.service"].instances) == ["tty1"]
    assert list(found["on.service"].wanted_by) == ["multi-user.target"]
    timers = {timer.name: timer for timer in all_topics()["timers"].collect(Host(str(root))).facts.services.timers}
    assert set(timers) == {"timed.timer", "x.timer"}
    assert list(timers["x.timer"].schedules) == ["OnBootSec=5min", "OnCalendar=Mon *-*-* 02:00"]
    assert (timers["x.timer"].activates, timers["timed.timer"].activates) == ("other.service", "timed.service")
    assert timers["x.timer"].persistent and timers["x.timer"].randomized_delay == "1h"


RUNS = """[{"next":1732492800000000,"left":1,"last":1732406400123456,"passed":1,"unit":"timed.timer",
"activates":"timed.service"},
{"next":0,"left":0,"last":0,"passed":0,"unit":"never.timer","activates":"never.service"}]"""


def test_runs_of_timers_are_state(root: Path) -> None:
    (root / "run/systemd/system").mkdir(parents=True)
    commands = root / ".commands"
    commands.mkdir()
    (commands / "systemctl list-timers --all --no-pager --output=json").write_text(RUNS)
    (timer,) = all_topics()["timers"].collect(Host(str(root))).facts.services.timers
    assert (timer.last_run_at, timer.next_run_at) == (1732406400, 1732492800)
    assert [timer.name for timer in list_timers.parse(RUNS).services.timers] == ["never.timer", "timed.timer"]


def test_a_reload_that_is_due_is_asked_for_only_where_files_changed(root: Path) -> None:
    (root / "run/systemd/system").mkdir(parents=True)
    commands = root / ".commands"
    commands.mkdir()
    states = "on.service loaded active running On\noff.service loaded inactive dead Off\n"
    (commands / "systemctl list-units --all --full --plain --no-legend --no-pager").write_text(states)
    shown = "Id=on.service\nNeedDaemonReload=yes\n\nId=off.service\nNeedDaemonReload=no\n"
    asked = commands / "systemctl show --no-pager --property=Id,NeedDaemonReload -- off.service on.service"
    asked.write_text(shown)
    later = time.time() + 3600
    for folder in (root / "run/systemd", *(root / "run/systemd").iterdir()):
        os.utime(folder, (0, 0))
    assert {name: unit.needs_daemon_reload for name, unit in collected(root).items() if unit.active_state} == {
        "on.service": True, "off.service": False,
    }  # fmt: skip
    os.utime(root / "run/systemd", (later, later))
    asked.unlink()
    assert not any(unit.needs_daemon_reload for unit in collected(root).values())


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
    recorded = list_unit_files.parse(listed).services.units
    assert {unit.name: unit.enablement for unit in recorded} == theirs
    assert {unit.name: unit.preset for unit in found} == {unit.name: unit.preset for unit in recorded}
