"""The units: systemd finds no fault with them, and they leave the process with the network no right."""

import configparser
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from driftline_agent.firewall import main as firewall
from driftline_agent.firewall.client import DEFAULT_SOCKET as FIREWALL_SOCKET
from driftline_agent.reader.client import DEFAULT_SOCKET
from driftline_agent.reader.main import DEFAULT_KEY, _parse

FOLDER = Path(__file__).parents[2] / "agent/systemd"
AGENT, READER, SOCKET = "driftline-agent.service", "driftline-agent-reader.service", "driftline-agent-reader.socket"
FIREWALL, ITS_SOCKET = "driftline-agent-firewall.service", "driftline-agent-firewall.socket"
UNITS = (AGENT, READER, SOCKET, FIREWALL, ITS_SOCKET)
#: systemd-analyze(1) security: of ten, the less the better; a whole point above it would be a hole.
EXPOSURE = {AGENT: 2.2, READER: 1.6, FIREWALL: 1.8}
#: How many of the capabilities that it asks about each has.
HELD = {AGENT: 0, READER: 2, FIREWALL: 1}
BIN = Path(sys.executable).parent


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units, with this environment's programs in place of those below /usr/bin."""
    for name in UNITS:
        (tmp_path / name).write_text((FOLDER / name).read_text().replace("/usr/bin/", f"{BIN}/"))
    return tmp_path


def unit(name: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as its documentation says
    parser.read(FOLDER / name)
    return parser["Socket" if name.endswith(".socket") else "Service"]


def test_systemd_finds_no_fault(installed: Path) -> None:
    units = [str(installed / name) for name in UNITS]
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True)
    assert done.returncode == 0 and not [line for line in done.stderr.splitlines() if "driftline" in line]


@pytest.mark.parametrize("name", EXPOSURE)
def test_exposure(name: str, installed: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=yes", "--json=short", str(installed / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    checks = json.loads(done.stdout)
    held = [check["name"] for check in checks if "CapabilityBoundingSet" in check["name"] and check["set"] is False]
    assert len(held) == HELD[name], held
    threshold = ["--threshold", str(int(EXPOSURE[name] * 10))]
    whole = ["systemd-analyze", "security", "--offline=yes", *threshold, str(installed / name)]
    done = subprocess.run(whole, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout.splitlines()[-1]


def test_the_one_with_the_network_has_no_right_and_the_one_with_rights_no_network() -> None:
    agent, reader = unit(AGENT), unit(READER)
    assert agent["User"] == "driftline-agent" and agent["CapabilityBoundingSet"] == ""
    assert "AmbientCapabilities" not in agent
    assert reader["CapabilityBoundingSet"].split() == ["CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE"]
    assert reader["PrivateNetwork"] == "yes" and reader["RestrictAddressFamilies"] == "AF_UNIX"
    for one in (agent, reader):
        assert one["NoNewPrivileges"] == "yes" and one["ProtectSystem"] == "strict"


def test_who_may_see_the_packet_filter_reaches_nothing_else() -> None:
    firewall_unit = unit(FIREWALL)
    assert firewall_unit["CapabilityBoundingSet"] == "CAP_NET_ADMIN" and "AmbientCapabilities" not in firewall_unit
    assert firewall_unit["RestrictAddressFamilies"].split() == ["AF_UNIX", "AF_NETLINK"]
    assert firewall_unit["IPAddressDeny"] == "any"
    assert firewall_unit["NoNewPrivileges"] == "yes" and firewall_unit["ProtectSystem"] == "strict"
    assert not {"ReadWritePaths", "StateDirectory", "RuntimeDirectory", "CacheDirectory"} & set(firewall_unit)
    options = firewall._parse(firewall_unit["ExecStart"].split()[1:])
    assert options["--user"] == "driftline-agent" and options["--idle"]
    socket = unit(ITS_SOCKET)
    assert socket["ListenStream"] == FIREWALL_SOCKET
    assert (socket["SocketUser"], socket["SocketMode"]) == ("driftline-agent", "0600")


def test_units_and_code_agree() -> None:
    socket, reader = unit(SOCKET), unit(READER)
    assert socket["ListenStream"] == DEFAULT_SOCKET
    assert (socket["SocketUser"], socket["SocketMode"]) == ("driftline-agent", "0600")
    options = _parse(reader["ExecStart"].split()[1:])
    assert options["--key"] == [DEFAULT_KEY] and options["--user"] == ["driftline-agent"] and options["--idle"]
    assert DEFAULT_KEY.startswith(f"/var/lib/{reader['StateDirectory']}/") and reader["StateDirectoryMode"] == "0700"


def test_the_user_is_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    assert shutil.which("systemd-sysusers"), "systemd is not installed: make test-tools"
    command = ["systemd-sysusers", f"--root={tmp_path}", str(FOLDER / "sysusers.d/driftline-agent.conf")]
    subprocess.run(command, check=True, capture_output=True)
    (line,) = (tmp_path / "etc/passwd").read_text().splitlines()
    name, _, uid, gid, _, home, shell = line.split(":")
    assert name == "driftline-agent" and int(uid) and int(gid)
    assert home == "/var/lib/driftline-agent" and shell.endswith("nologin")
