"""dpkg: states in between, holds, and its lock, with the real dpkg where that is possible in a folder."""

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

from driftline_agent.errors import BusyError, UnreadableError
from driftline_agent.host import Host
from driftline_agent.locks import is_locked, parse_locks
from driftline_agent.topics import dpkg

STATUS = """Package: whole
Status: install ok installed
Architecture: amd64
Source: origin (1.0)
Version: 1:1.0-1
Installed-Size: 12
Maintainer: A <a@example.org>
Description: text
 Status: not this one

Package: kept
Status: hold ok installed
Architecture: all
Version: 2

Package: half
Status: install ok half-configured
Architecture: all
Version: 3

Package: configuration
Status: deinstall ok config-files
Architecture: all
Version: 4
"""


def test_what_is_on_the_disk_counts() -> None:
    packages = {package.name: package for package in dpkg.parse_status(STATUS)}
    assert set(packages) == {"whole", "kept", "half"}
    assert packages["half"].version == "3"
    assert packages["whole"].source == "origin"
    assert packages["whole"].size == 12 * 1024
    assert packages["kept"].held and not packages["whole"].held
    assert not packages["kept"].HasField("size")


def test_a_held_lock_is_seen_and_not_taken(locked: Path) -> None:
    assert is_locked(Host(), str(locked))
    with locked.open("r+") as file, pytest.raises(BlockingIOError):
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_proc_locks_names_its_inode(locked: Path) -> None:
    assert locked.stat().st_ino in parse_locks(Path("/proc/locks").read_text())


def test_a_free_or_absent_lock(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    assert not is_locked(Host(), str(tmp_path / "lock"))
    assert not is_locked(Host(), str(tmp_path / "other"))


def test_nothing_is_read_while_dpkg_is_at_work(locked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dpkg, "LOCKS", (str(locked),))
    with pytest.raises(BusyError, match="locked by a running dpkg or apt"):
        dpkg.collect(Host())


def test_a_damaged_database_is_unreadable_and_not_empty(tmp_path: Path) -> None:
    folder = tmp_path / "var/lib/dpkg"
    folder.mkdir(parents=True)
    (folder / "status").write_text("\0" * 100)
    with pytest.raises(UnreadableError, match="no installed package"):
        dpkg.collect(Host(str(tmp_path)))


def build_package(folder: Path, name: str, version: str) -> Path:
    """Build a small .deb."""
    control = folder / "DEBIAN/control"
    control.parent.mkdir(parents=True)
    control.write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: test\n"
    )
    package = folder.with_suffix(".deb")
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", folder, package], check=True, capture_output=True)
    return package


def test_real_dpkg_installs_into_a_folder(tmp_path: Path) -> None:
    root = tmp_path / "root"
    admin = root / "var/lib/dpkg"
    for name in ("info", "updates", "triggers"):
        (admin / name).mkdir(parents=True)
    for name in ("status", "available"):
        (admin / name).touch()
    package = build_package(tmp_path / "probe", "probe", "1:2.0~rc1-3")
    environment = {**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    command = [
        "dpkg",
        f"--root={root}",
        "--force-not-root",
        "--force-script-chrootless",
        "--log=/dev/null",
        "-i",
        str(package),
    ]
    subprocess.run(command, check=True, capture_output=True, env=environment)
    (found,) = dpkg.collect(Host(str(root))).facts.software.packages
    assert (found.name, found.architecture, found.version) == ("probe", "all", "1:2.0~rc1-3")
    assert found.installed_at == int((admin / "info/probe.list").stat().st_mtime)
