"""`driftline up` where something is in its way, and on PostgreSQL."""

import socket
import subprocess
from pathlib import Path

import pytest
from tests.support import postgresql
from tests.support.site import BIN, Site, build_package, needs_root, site, until

PROBE = "driftline-probe-three"
HERE = socket.gethostname().split(".")[0]


def test_a_taken_port_is_named_with_the_mend(tmp_path: Path) -> None:
    here = Site(tmp_path)
    with socket.create_server(("127.0.0.1", here.report)):
        done = subprocess.run(
            [BIN / "driftline", *here.arguments()], env=here.environment, capture_output=True, text=True, check=False
        )
    assert done.returncode == 1
    assert f"cannot listen at 127.0.0.1:{here.report}" in done.stderr
    assert "--report HOST:PORT" in done.stderr


def test_the_same_on_postgresql(
    tmp_path: Path, postgresql_server: postgresql.Server, request: pytest.FixtureRequest
) -> None:
    needs_root()
    package, newer = build_package(tmp_path, PROBE), build_package(tmp_path / "newer", PROBE, "2.1-1")
    purge = ["dpkg", "--purge", PROBE]
    request.addfinalizer(lambda: subprocess.run(purge, check=True, capture_output=True))
    with site(tmp_path, postgresql_server.create("driftline_up")) as running:
        running.baseline(HERE, "golden")
        subprocess.run(["dpkg", "-i", package], check=True, capture_output=True)
        (rfc,) = until("the RFC", lambda: running.json("rfc", "list"))
        assert PROBE in rfc["title"]
        running.run("rfc", "authorise", str(rfc["number"]), "--yes")
        assert running.json("drift", "list") == []
        assert running.json("rfc", "show", str(rfc["number"]))["state"] == "closed"
        a_planned_change_is_explained(running, newer)


def a_planned_change_is_explained(running: Site, package: Path) -> None:
    expect = f"software.packages[dpkg/{PROBE}/all].version at_least 2.0"
    made = running.json("rfc", "plan", "a newer probe", "--ci", HERE, "--expect", expect)
    number = str(made["number"])
    assert [delta["predicted"] for delta in made["deltas"]] == ["at least 2.0"]
    refused = running.run("rfc", "authorise", number, "--yes", check=False)
    assert refused.returncode == 1
    assert "who requested never approves" in refused.stderr
    running.run("rfc", "authorise", number, "--yes", profile="approver")
    subprocess.run(["dpkg", "-i", package], check=True, capture_output=True)
    until("the plan came true", lambda: running.json("rfc", "show", number)["state"] == "closed")
    assert running.json("drift", "list") == []
    assert len(running.json("rfc", "list")) == 2
