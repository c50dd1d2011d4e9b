"""The main job on this very machine: inventory, CMDB, baseline, drift, RFC, and back (README, first session)."""

import socket
import stat
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from tests.support.site import Host, Site, apt, build_package, until

PROBE, OTHER = "driftline-probe-one", "driftline-probe-two"
HERE = socket.gethostname().split(".")[0]


@pytest.fixture
def probes(tmp_path: Path) -> Iterator[dict[str, Path]]:
    """Two packages that no registry has; gone when the test ends, and before, should a run have been killed."""
    subprocess.run(["dpkg", "--purge", PROBE, OTHER], check=True, capture_output=True)
    unit = {f"/usr/lib/systemd/system/{PROBE}.service": "[Unit]\nDescription=probe\n[Service]\nExecStart=/bin/true\n"}
    yield {PROBE: build_package(tmp_path, PROBE, files=unit), OTHER: build_package(tmp_path, OTHER)}
    subprocess.run(["dpkg", "--purge", PROBE, OTHER], check=True, capture_output=True)


def test_from_inventory_to_rfc_and_back(running: Site, probes: dict[str, Path], tmp_path: Path) -> None:
    this_host_is_known(running)
    utilization_arrives(running)
    profiles_are_private(running)

    running.run("baseline", "capture", HERE, "--name", "golden")
    refused = running.run("baseline", "approve", "golden", check=False)
    assert refused.returncode == 1
    assert "admin is its author" in refused.stderr
    running.run("baseline", "approve", "golden", profile="approver")
    assert running.json("drift", "list") == []

    second = Host(tmp_path, "web2")
    try:
        second.report_to(running)
        until("the second host's CI", lambda: "web2" in [ci["name"] for ci in running.json("ci", "list")])
        running.baseline("web2", "golden-web2")
        a_change_raises_one_rfc(running, probes[PROBE])
        the_same_change_elsewhere_joins(running, second, probes[PROBE])
        authorised_it_is_expected(running)
        ordered_away_it_stays_open_until_it_is_gone(running, probes[OTHER])
    finally:
        second.stop()
    a_restart_of_everything_raises_nothing(running)


def this_host_is_known(running: Site) -> None:
    (ci,) = running.json("ci", "list")
    assert ci["name"] == HERE
    facts = {fact["path"]: fact["value"] for fact in running.json("ci", "facts", HERE)}
    listed = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Abbrev}\t${Package}\t${Architecture}\t${Version}\n"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    packages = [line.split("\t") for line in listed.splitlines() if line[1] in "iUFWt"]  # dpkg-query(1)
    assert {f"software.packages[dpkg/{name}/{arch}].version": version for _, name, arch, version in packages} == {
        path: value
        for path, value in facts.items()
        if path.startswith("software.packages[dpkg/") and path.endswith("].version")
    }
    kernel = subprocess.run(["uname", "-r"], check=True, capture_output=True, text=True).stdout.strip()
    assert facts["os.kernel.release"] == kernel
    for section in ("os", "hardware", "storage", "network", "software", "services", "accounts"):
        assert any(path.startswith(f"{section}.") for path in facts), section


def utilization_arrives(running: Site) -> None:
    def metrics() -> set[str]:
        return {series["metric"] for series in running.json("utilization", HERE)["series"] if series["points"]}

    wanted = {"system.cpu.utilization", "system.memory.utilization", "system.cpu.load_average.1m"}
    until("cpu, memory and load", lambda: wanted <= metrics())
    assert "system.cpu.utilization" in running.run("utilization", HERE).stdout


def profiles_are_private(running: Site) -> None:
    profiles = Path(running.environment["DRIFTLINE_CONFIG"])
    assert stat.S_IMODE(profiles.stat().st_mode) == 0o600
    assert {"admin", "approver"} <= {
        line.strip("[]").split(".")[-1].strip('"') for line in profiles.read_text().splitlines()
    }


def a_change_raises_one_rfc(running: Site, package: Path) -> None:
    apt("install", "-y", package)
    drifts = until("the drifts", lambda: (found := running.json("drift", "list")) and len(found) == 2 and found)
    by_path = {drift["path"]: drift for drift in drifts}
    drift = by_path[f"software.packages[dpkg/{PROBE}/all]"]
    assert (drift["kind"], drift["expected"], drift["actual"]["version"]) == ("unexpected", None, "1.0-1")
    assert f"services.units[{PROBE}.service]" in by_path
    assert drift["not_before"] < drift["observed"]
    assert f"apt-get install -y {package}" == drift["evidence"]["command_line"]
    assert datetime.fromisoformat(drift["evidence"]["started"]) <= datetime.fromisoformat(drift["observed"])
    (rfc,) = running.json("rfc", "list")
    shown = running.json("rfc", "show", "1")
    assert rfc["state"] == "submitted"
    assert [(delta["ci"]["name"], delta["before"]) for delta in shown["deltas"]] == [(HERE, None), (HERE, None)]
    assert shown["evidence"][0]["command_line"] == f"apt-get install -y {package}"
    assert PROBE in shown["title"]
    assert f"apt-get purge {PROBE}" in shown["back_out_plan"]
    for words in (PROBE, "1.0-1", "apt-get install"):
        assert words in running.run("drift", "list").stdout
        assert words in running.run("rfc", "show", "1").stdout


def the_same_change_elsewhere_joins(running: Site, second: Host, package: Path) -> None:
    second.run("apt-get", "install", "-y", package)
    until("the second host joins", lambda: running.json("rfc", "show", "1")["cis"] == 2)
    assert len(running.json("rfc", "list")) == 1
    until("all its drifts", lambda: len(running.json("drift", "list")) == 4)


def authorised_it_is_expected(running: Site) -> None:
    running.run("rfc", "authorise", "1", "--comment", "wanted", "--yes")
    until("the drifts are explained", lambda: running.json("drift", "list") == [])
    shown = running.json("rfc", "show", "1")
    assert shown["state"] == "closed"
    assert {delta["state"] for delta in shown["deltas"]} == {"authorised"}
    actions = [entry["action"] for entry in running.json("audit", "list")]
    assert "rfc.authorised" in actions
    assert "baseline.approved" in actions


def ordered_away_it_stays_open_until_it_is_gone(running: Site, package: Path) -> None:
    subprocess.run(["dpkg", "-i", package], check=True, capture_output=True)
    until("the second RFC", lambda: len(running.json("rfc", "list")) == 2)
    running.run("rfc", "revert", "2")
    (drift,) = running.json("drift", "list")
    assert drift["path"] == f"software.packages[dpkg/{OTHER}/all]"
    assert running.json("rfc", "show", "2")["state"] == "submitted"
    subprocess.run(["dpkg", "--purge", OTHER], check=True, capture_output=True)
    until("the RFC is backed out", lambda: running.json("rfc", "show", "2")["state"] == "backed out")
    assert "verified" in running.json("rfc", "show", "2")["outcome"]
    assert running.json("drift", "list") == []


def a_restart_of_everything_raises_nothing(running: Site) -> None:
    before = running.json("ci", "show", HERE)
    running.stop()
    running.start()
    until("a report after the restart", lambda: running.json("ci", "show", HERE)["last_seen"] > before["last_seen"])
    assert running.json("ci", "show", HERE)["uid"] == before["uid"]
    assert running.json("ci", "show", HERE)["version"] == before["version"]
    assert running.json("drift", "list") == []
    assert len(running.json("rfc", "list")) == 2
