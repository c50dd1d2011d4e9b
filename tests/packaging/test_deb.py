"""The agent's Debian package, built, installed and purged in the releases that it is for, and at work there.

The releases are Debian 12 and 13, freshly made by debootstrap. systemd is not running in them: what its units do there
is said by the unit files alone.
"""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agent.fake_collector import FakeCollector

from driftline.v1.collector_pb2 import UNREADABLE

ROOT = Path(__file__).parents[2]
RELEASES = {"bookworm": "3.11", "trixie": "3.13"}


def run(*command: object, timeout: float = 600) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The package for each release."""
    out: dict[str, Path] = {}
    for release, python in RELEASES.items():
        folder = tmp_path_factory.mktemp(release)
        run(ROOT / "packaging/build_deb.sh", python, folder)
        (out[release],) = folder.glob("driftline-agent_*.deb")
    return out


@pytest.fixture(scope="module")
def chroots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """A fresh Debian of each release."""
    if os.geteuid():
        pytest.skip("debootstrap needs root")
    folders = {release: tmp_path_factory.mktemp(f"root-{release}") for release in RELEASES}
    said: dict[str, str] = {}

    def make(release: str, folder: Path) -> None:
        said[release] = run("debootstrap", "--variant=minbase", release, folder)
        folder.chmod(0o755)  # pytest's folders are for their owner alone

    threads = [threading.Thread(target=make, args=item) for item in folders.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said.keys() == folders.keys(), "debootstrap failed"
    for folder in folders.values():
        for extra in Path("/etc/apt/apt.conf.d").glob("*proxy*"):
            shutil.copy(extra, folder / "etc/apt/apt.conf.d")
        run("mount", "-t", "proc", "proc", folder / "proc")
    yield folders
    for folder in folders.values():
        run("umount", folder / "proc")
        shutil.rmtree(folder)


def inside(root: Path, *command: str, timeout: float = 600) -> str:
    return run("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C",
               "chroot", root, *command, timeout=timeout)  # fmt: skip


@pytest.mark.parametrize("release", RELEASES)
def test_installs_works_and_is_purged(
    release: str, packages: dict[str, Path], chroots: dict[str, Path], collector: FakeCollector
) -> None:
    root = chroots[release]
    before = set(inside(root, "find", "/etc", "/usr/lib/systemd", "/var/lib/systemd", "/usr/bin").split())
    shutil.copy(packages[release], root / "tmp/agent.deb")
    inside(root, "apt-get", "install", "-y", "-qq", "--no-install-recommends", "/tmp/agent.deb")
    assert inside(root, "dpkg", "--audit") == ""
    assert inside(root, "dpkg", "--verify", "driftline-agent") == ""

    # Its units are enabled, belong to a user without rights, and wait for a configuration.
    wants = root / "etc/systemd/system"
    assert (wants / "multi-user.target.wants/driftline-agent.service").is_symlink()
    assert (wants / "sockets.target.wants/driftline-agent-reader.socket").is_symlink()
    assert inside(root, "id", "-un", "driftline-agent").strip() == "driftline-agent"

    # It enrols, reads this system, and reports, as that user, with a reader for what only root may read.
    (root / "etc/driftline/agent.toml").write_text(
        f'collector = "{collector.enrol_address}"\nuser = "driftline-agent"\n'
    )
    (root / "root/token").write_text(collector.token)
    inside(root, "driftline-agent", "enroll", "--token-file", "/root/token")
    agent = subprocess.Popen(["chroot", root, "driftline-agent", "run"], env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    try:
        collector.wait_for(lambda: bool(collector.named("SubmitUtilization")), 60)
        owner = Path(f"/proc/{agent.pid}").stat().st_uid
        assert owner == int(inside(root, "id", "-u", "driftline-agent"))
        applied = {section.name for submitted in collector.named("Submit") for section in submitted.sections}
        unread = {
            section.name: section.reason
            for submitted in collector.named("Submit")
            for section in submitted.sections
            if section.outcome == UNREADABLE
        }
        assert {"dpkg", "release", "users", "units", "files"} <= applied and not unread
        found = json.loads(_doctor(root))
        assert [each for each in found if each["level"] == "bad"] == []
        assert {each["subject"] for each in found if each["level"] == "good"} >= {"certificate", "collector", "reports"}
    finally:
        agent.terminate()
        agent.wait(20)

    inside(root, "apt-get", "purge", "-y", "-qq", "driftline-agent")
    (root / "etc/driftline/agent.toml").unlink()
    (root / "etc/driftline").rmdir()
    after = set(inside(root, "find", "/etc", "/usr/lib/systemd", "/var/lib/systemd", "/usr/bin").split())
    assert [path for path in after - before if "driftline" in path] == []
    for gone in ("usr/lib/driftline-agent", "var/lib/driftline-agent", "var/lib/driftline-agent-reader"):
        assert not (root / gone).exists(), gone


def _doctor(root: Path) -> str:
    return inside(root, "driftline-agent", "doctor", "--json")
