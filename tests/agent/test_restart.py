"""What waits for a restart: of the machine by its kernels, of processes by what they have mapped."""

import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.support.site import until

from driftline.facts import elements
from driftline.v1.collector_pb2 import READ
from driftline.v1.facts_pb2 import Restart
from driftline_agent.host import Host
from driftline_agent.inventory import read_topic
from driftline_agent.reader import mapped
from driftline_agent.topic import all_topics
from driftline_agent.topics import restart


def read(host: Host) -> Restart:
    result = read_topic("restart", all_topics()["restart"], host, bytes(32))
    assert result.outcome == READ and result.reading is not None, result.section.reason
    assert elements(result.reading.facts) == {}  # all of it is STATE
    return result.reading.facts.os.restart


def tree(root: Path, files: Mapping[str, str]) -> Host:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return Host(str(root))


@pytest.mark.parametrize(
    ("running", "others", "newest"),
    [
        ("6.1.0-18-amd64", ["6.1.0-9-amd64", "6.1.0-21-amd64", "6.1.0-30-cloud-amd64"], "6.1.0-21-amd64"),
        ("6.1.0-18-cloud-amd64", ["6.1.0-21-amd64"], "6.1.0-18-cloud-amd64"),
        ("6.8.0-31-generic", ["6.8.0-31-lowlatency", "6.8.0-101-generic"], "6.8.0-101-generic"),
        ("5.14.0-427.el9.x86_64", ["5.14.0-427.13.1.el9_4.x86_64"], "5.14.0-427.13.1.el9_4.x86_64"),
        ("5.14.0-427.13.1.el9_4.x86_64", ["5.14.0-427.8.1.el9_4.x86_64"], "5.14.0-427.13.1.el9_4.x86_64"),
        ("5.14.0-427.el9.x86_64", ["5.14.0-503.el9.x86_64+debug"], "5.14.0-427.el9.x86_64"),
        ("6.1.0-0.deb11.5-amd64", ["6.1.0-0.deb11.13-amd64"], "6.1.0-0.deb11.13-amd64"),
    ],
)
def test_the_newest_kernel_of_a_flavour(running: str, others: list[str], newest: str) -> None:
    images = [f"vmlinuz-{release}" for release in [running, *others]]
    assert restart.newest_kernel(running, [*images, "initrd.img-9.9.9", "grub"]) == newest
    assert restart.newest_kernel("6.18.44-of-elsewhere", images) is None


KERNEL = {"proc/sys/kernel/osrelease": "6.1.0-18-amd64\n"}


@pytest.mark.parametrize(
    ("files", "required", "kernel"),
    [
        ({}, None, ""),
        ({"boot/vmlinuz-6.1.0-18-amd64": ""}, False, "6.1.0-18-amd64"),
        ({"boot/vmlinuz-6.1.0-18-amd64": "", "boot/vmlinuz-6.1.0-21-amd64": ""}, True, "6.1.0-21-amd64"),
        ({"boot/vmlinuz-6.1.0-18-amd64": "", "run/reboot-required": "x"}, True, "6.1.0-18-amd64"),
        ({"run/reboot-required": "x"}, True, ""),
    ],
)
def test_is_a_reboot_required(files: dict[str, str], required: bool | None, kernel: str, tmp_path: Path) -> None:
    found = read(tree(tmp_path, {**KERNEL, **files}))
    assert (found.reboot_required if found.HasField("reboot_required") else None) is required
    assert found.installed_kernel == kernel


MAPS = """\
55d0-55d1 r-xp 00000000 08:01 1  /usr/sbin/sshd (deleted)
7f00-7f01 r--p 00000000 08:01 2  /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)
7f01-7f02 r-xp 00000000 08:01 2  /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)
7f02-7f03 r-xp 00000000 08:01 3  /usr/lib/x86_64-linux-gnu/libc.so.6
7f03-7f04 rw-s 00000000 00:01 4  /dev/shm/x (deleted)
7f04-7f05 rw-p 00000000 08:01 5  /tmp/scratch (deleted)
7f05-7f06 rw-s 00000000 00:01 6  /memfd:x (deleted)
"""


def process(root: Path, number: int, executable: str, maps: str, group: str = "0::/system.slice/x.service\n") -> None:
    tree(root, {f"proc/{number}/maps": maps, f"proc/{number}/cgroup": group})
    (root / f"proc/{number}/exe").symlink_to(executable)


def test_processes_of_files_that_are_gone(tmp_path: Path) -> None:
    process(tmp_path, 7, "/usr/sbin/sshd (deleted)", MAPS)
    process(tmp_path, 8, "/usr/sbin/sshd (deleted)", MAPS.splitlines()[0] + "\n")
    process(tmp_path, 9, "/usr/bin/fine", MAPS.splitlines()[3] + "\n")
    process(tmp_path, 10, "/usr/bin/inside", MAPS, "0::/system.slice/docker-0123.scope\n")
    lists = {"var/lib/dpkg/info/libssl3:amd64.list": "/.\n/usr/lib/x86_64-linux-gnu/libssl.so.3\n"}
    (found,) = read(tree(tmp_path, {**KERNEL, **lists})).outdated
    assert found.executable == "/usr/sbin/sshd"
    assert list(found.files) == ["/usr/lib/x86_64-linux-gnu/libssl.so.3", "/usr/sbin/sshd"]
    assert list(found.packages) == ["libssl3"]


def test_maps_in_pieces_are_those_of_a_whole() -> None:
    content = MAPS.encode()
    whole = mapped.parse_chunks([content])
    assert whole == [b"/usr/lib/x86_64-linux-gnu/libssl.so.3", b"/usr/sbin/sshd"]
    for size in (1, 7, 60):
        assert mapped.parse_chunks(content[i : i + size] for i in range(0, len(content), size)) == whole
    assert mapped.unpack(mapped.pack(whole)) == whole and mapped.unpack(b"") == []


def test_processes_are_looked_into_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process(tmp_path, 7, "/usr/sbin/sshd", MAPS)
    host = tree(tmp_path, {**KERNEL, "var/lib/dpkg/info/a.list": ""})
    assert len(read(host).outdated) == 1
    (tmp_path / "proc/7/maps").write_text("")
    assert len(read(host).outdated) == 1
    (tmp_path / "var/lib/dpkg/info/b.list").write_text("")  # packages changed
    assert len(read(host).outdated) == 0
    process(tmp_path, 8, "/usr/sbin/sshd", MAPS)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + restart.EVERY_S + 1)
    assert len(read(host).outdated) == 1


@pytest.mark.skipif(not Path("/opt").is_dir() or not shutil.which("sleep"), reason="needs /opt and sleep(1)")
def test_a_real_process_whose_program_is_replaced() -> None:
    program = Path("/opt/driftline-test-sleep")
    try:
        shutil.copy(shutil.which("sleep") or "", program)
    except PermissionError:
        pytest.skip("needs to write to /opt")
    try:
        with subprocess.Popen([program, "60"]) as running:
            assert str(program) in until(
                "it runs", lambda: Path(f"/proc/{running.pid}/maps").read_text() if running.poll() is None else None
            )
            assert Host().deleted(running.pid) == []
            program.unlink()
            assert Host().deleted(running.pid) == [str(program)]
            assert str(program) in restart.look(Host())[0]
            running.kill()
    finally:
        program.unlink(missing_ok=True)
