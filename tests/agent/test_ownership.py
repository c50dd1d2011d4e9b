"""Which package owns a file: dpkg's lists, merged /usr, diversions, and how little is kept."""

import os
import subprocess
from pathlib import Path

import pytest

from driftline_agent import ownership
from driftline_agent.host import Host

LISTS = {
    "libc6:amd64": "/.\n/etc\n/etc/ld.so.conf.d/x86_64-linux-gnu.conf\n/lib/x86_64-linux-gnu/libc.so.6\n",
    "libc6:i386": "/.\n/etc\n/etc/ld.so.conf.d/i386.conf\n",
    "openssh-server": "/.\n/lib/systemd/system/ssh.service\n/usr/sbin/sshd\n/etc/ssh/sshd_config\n",
    "dash": "/.\n/bin/dash\n/bin/sh",
    "perf": "/.\n/usr/bin/perf\n",
    "wrapper": "/.\n/usr/bin/perf\n/usr/bin/other\n",
}
DIVERSIONS = "/usr/bin/perf\n/usr/bin/perf.real\nwrapper\n/bin/sh\n/bin/sh.distrib\n:\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host with dpkg's lists."""
    folder = tmp_path / "var/lib/dpkg/info"
    folder.mkdir(parents=True)
    for name, text in LISTS.items():
        (folder / f"{name}.list").write_text(text)
    (folder / "dash.postinst").write_text("\n/etc/hosts\n")
    (tmp_path / "var/lib/dpkg/diversions").write_text(DIVERSIONS)
    return tmp_path


def merged(root: Path) -> Host:
    for name in ("lib", "bin"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    return Host(str(root))


def test_owners(root: Path) -> None:
    asked = ["/etc/ssh/sshd_config", "/etc/ld.so.conf.d/i386.conf", "/etc/hosts", "/etc/ssh", "/usr/sbin/sshd"]
    assert ownership.owners(Host(str(root)), asked) == {
        "/etc/ssh/sshd_config": "openssh-server",
        "/etc/ld.so.conf.d/i386.conf": "libc6",
        "/usr/sbin/sshd": "openssh-server",
    }


def test_on_a_merged_system_both_names_are_one(root: Path) -> None:
    host = merged(root)
    for unit in ("/lib/systemd/system/ssh.service", "/usr/lib/systemd/system/ssh.service"):
        assert ownership.owners(host, [unit]) == {unit: "openssh-server"}


def test_on_another_system_they_are_two(root: Path) -> None:
    host = Host(str(root))
    assert ownership.owners(host, ["/usr/lib/systemd/system/ssh.service"]) == {}
    assert ownership.owners(host, ["/lib/systemd/system/ssh.service"]) != {}


def test_diverted_files(root: Path) -> None:
    asked = ["/usr/bin/perf", "/usr/bin/perf.real", "/bin/sh", "/bin/sh.distrib"]
    assert ownership.owners(Host(str(root)), asked) == {
        "/usr/bin/perf": "wrapper",
        "/usr/bin/perf.real": "perf",
        "/bin/sh.distrib": "dash",
    }


def test_what_was_asked_is_not_searched_again_until_the_database_changes(root: Path) -> None:
    host = Host(str(root))
    assert ownership.owners(host, ["/etc/hosts", "/bin/dash"]) == {"/bin/dash": "dash"}
    lists = root / "var/lib/dpkg/info"
    before = lists.stat()
    (lists / "dash.list").write_text("/bin/nothing\n")
    (lists / "dash.list").chmod(0o644)
    os.utime(lists, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert ownership.owners(host, ["/etc/hosts", "/bin/dash"]) == {"/bin/dash": "dash"}
    os.utime(lists, ns=(1, 1))
    assert ownership.owners(host, ["/etc/hosts", "/bin/dash"]) == {}


def test_a_list_larger_than_a_piece(root: Path) -> None:
    lines = [f"/usr/share/doc/{'x' * 90}/{number}" for number in range(5_000)]
    lines.insert(2_500, "/etc/in/the/middle")
    (root / "var/lib/dpkg/info/large.list").write_text("\n".join([*lines, "/etc/at/the/end"]))
    host = Host(str(root))
    wanted = ["/etc/in/the/middle", "/etc/at/the/end", lines[0], lines[-1], *lines[640:700]]
    assert ownership.owners(host, wanted) == dict.fromkeys(wanted, "large")
    (root / "line").write_bytes(b"a" * 200_000 + b"\nb\n" + b"c" * 70_000)
    assert b"".join(host.pieces("/line")) == (root / "line").read_bytes()
    assert next(host.pieces("/line")).endswith(b"\n")


def test_without_a_database_nothing_is_owned(tmp_path: Path) -> None:
    assert ownership.owners(Host(str(tmp_path)), ["/etc/hosts"]) == {}
    assert list(Host(str(tmp_path)).pieces("/none")) == []


@pytest.mark.skipif(not Path("/var/lib/dpkg/info").exists(), reason="needs a host with dpkg")
def test_answers_are_those_of_dpkg() -> None:
    asked = [str(path) for path in Path("/etc").glob("*") if path.is_file()][:60]
    asked += ["/usr/lib/systemd/system/apt-daily.service", "/bin/sh", "/usr/bin/perl"]
    ours = ownership.owners(Host(), asked)
    names = {name: path for path in asked for name in (path, path.removeprefix("/usr"), f"/usr{path}")}
    done = subprocess.run(["dpkg-query", "-S", *names], capture_output=True, text=True)
    theirs: dict[str, set[str]] = {path: set() for path in asked}
    for line in done.stdout.splitlines():
        package, _, name = line.partition(": ")
        if name in names and not line.startswith("diversion"):
            theirs[names[name]].update(one.partition(":")[0] for one in package.split(", "))
    assert ours
    for path in asked:
        assert ours.get(path) in (theirs[path] or {None}), path
