"""Package managers' logs as evidence: the logs' own forms, local time, redaction, and once only."""

import gzip
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from driftline_agent.evidence import apt, dpkg
from driftline_agent.evidence.collect import collect
from driftline_agent.host import Host
from driftline_agent.redact import redact

HISTORY = """
Start-Date: 2026-05-20  16:49:19
Commandline: apt-get install -y sl
Requested-By: alice (1000)
Install: sl:amd64 (5.02-1), libncurses6:amd64 (6.4-4, automatic)
Upgrade: perl:amd64 (5.36.0-7+deb12u2, 5.36.0-7+deb12u4)
End-Date: 2026-05-20  16:49:21

Start-Date: 2026-05-20  17:00:00
Commandline: apt-get purge sl
Remove: a:amd64 (1)
Purge: sl:amd64 (5.02-1)
Downgrade: b:i386 (2, 1)
Reinstall: c:all (3)
Error: Sub-process /usr/bin/dpkg returned an error code (1)
End-Date: 2026-05-20  17:00:02

Start-Date: 2026-05-20  18:00:00
Commandline: apt-get install half
Install: half:amd64 (1)
"""

DPKG = """2026-05-20 16:49:20 startup archives unpack
2026-05-20 16:49:20 install sl:amd64 <none> 5.02-1
2026-05-20 16:49:21 status installed sl:amd64 5.02-1
2026-05-20 19:00:00 startup archives install
2026-05-20 19:00:00 install probe:all <none> 1.0-1
2026-05-20 19:00:01 status half-installed probe:all 1.0-1
2026-05-20 19:00:01 upgrade other:amd64 1 2
2026-05-20 19:00:02 status installed probe:all 1.0-1
2026-05-20 19:05:00 startup packages configure
2026-05-20 19:06:00 startup packages remove
2026-05-20 19:06:00 remove probe:all 1.0-1 <none>
"""


@pytest.fixture(autouse=True)
def berlin() -> Iterator[None]:
    """The logs are in local time."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    yield
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


def test_apt_history() -> None:
    first, second = apt.parse_history(HISTORY)
    assert first.command_line == "apt-get install -y sl"
    assert first.requested_by == "alice (1000)"
    assert first.started_at_ms == 1779288559000  # 14:49:19 UTC
    assert first.ended_at_ms - first.started_at_ms == 2000
    assert [
        (c.action, c.name, c.architecture, c.version_before, c.version_after, c.automatic) for c in first.changes
    ] == [
        ("install", "sl", "amd64", "", "5.02-1", False),
        ("install", "libncurses6", "amd64", "", "6.4-4", True),
        ("upgrade", "perl", "amd64", "5.36.0-7+deb12u2", "5.36.0-7+deb12u4", False),
    ]
    assert [(c.action, c.name, c.version_before, c.version_after) for c in second.changes] == [
        ("reinstall", "c", "", "3"),
        ("downgrade", "b", "2", "1"),
        ("remove", "a", "1", ""),
        ("purge", "sl", "5.02-1", ""),
    ]


def test_a_transaction_without_an_end_waits() -> None:
    assert len(apt.parse_history(HISTORY)) == 2


def test_dpkg_alone() -> None:
    runs = dpkg.without_apt(dpkg.parse_log(DPKG), apt.parse_history(HISTORY))
    assert [[(c.action, c.name, c.version_before, c.version_after) for c in run.changes] for run in runs] == [
        [("install", "probe", "", "1.0-1"), ("upgrade", "other", "1", "2")],
        [("remove", "probe", "1.0-1", "")],
    ]
    assert runs[0].command_line == "" and runs[0].manager == "dpkg"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("apt-get install -y sl", "apt-get install -y sl"),
        ("apt-get -o Dir::Etc::sourcelist=/tmp/x/sources.list install a b=1.2-3", None),
        ("apt-get install libboost-program-options1.74.0 linux-image-6.1.0-18-cloud-amd64-unsigned", None),
        ("apt -o A::Proxy=http://bob:pw@proxy:1 x", "apt -o A::Proxy=http://[redacted]@proxy:1 x"),
        ("/usr/lib/NetworkManager/nm-dispatcher2/SomeThing3 --x", None),
        ("x /srv/0123456789abcdef0123456789abcdef/y", "x /srv/[redacted]/y"),
        ("x --password hunter2 y", "x --password [redacted] y"),
        ("x --password=hunter2 y", "x --password=[redacted] y"),
        ("env API_TOKEN=abc apt-get install z", "env API_TOKEN=[redacted] apt-get install z"),
        ("curl -H Authorization: Bearer", "curl -H Authorization:[redacted] [redacted]"),
        ("x 0123456789abcdef0123456789abcdef", "x [redacted]"),
        ("x ghp_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6", "x [redacted]"),
        ('x --password="two words" y', "x --password=[redacted] y"),
        ("x --password 'two words' y", "x --password [redacted] y"),
        ("sh -c 'mysql --password hunter2 db'", "sh -c 'mysql --password [redacted] db'"),
        ("echo it's; x --token hunter2", "echo it's; x --token [redacted]"),
        ('curl -H "Authorization: Bearer abc def" u', 'curl -H "Authorization:[redacted]" u'),
        ("curl -H Authorization: Bearer abc", "curl -H Authorization:[redacted] [redacted] [redacted]"),
        ("curl -u bob:hunter2 u", "curl -u bob:[redacted] u"),
        ("smbclient -U bob%hunter2 //s/x", "smbclient -U bob%[redacted] //s/x"),
        ("mysqldump -uroot -phunter2 db", "mysqldump -uroot -p[redacted] db"),
        ("/usr/bin/mysql -p db", "/usr/bin/mysql -p db"),
        ("sshpass -p hunter2 ssh host", "sshpass -p [redacted] ssh host"),
        ("ssh -p 22 host", "ssh -p 22 host"),
        ("ldapsearch -D cn=x -w hunter2 -b dc=x", "ldapsearch -D cn=x -w [redacted] -b dc=x"),
        ("""x -d '{"password": "hunter2"}'""", """x -d '{"password":[redacted] [redacted]'"""),
        ("a\tb  c", None),
        ("find . -name '*.c' -exec ls {} \\;", None),
    ],
)  # fmt: skip
def test_redaction(line: str, expected: str | None) -> None:
    assert redact(line) == (line if expected is None else expected)


def write_logs(root: Path) -> None:
    (root / "var/log/apt").mkdir(parents=True, exist_ok=True)
    (root / "var/log/apt/history.log").write_text(HISTORY)
    (root / "var/log/dpkg.log").write_text(DPKG)


def test_each_transaction_is_reported_once(tmp_path: Path) -> None:
    write_logs(tmp_path)
    position: dict[str, int] = {}
    now = apt.local_ms("2026-05-20 19:10:00")
    assert now is not None
    found = collect(Host(str(tmp_path)), position, now)
    # The first look reaches back an hour: what ended at 16:49 and 17:00 is history.
    assert [(t.manager, len(t.changes)) for t in found] == [("dpkg", 2), ("dpkg", 1)]
    assert collect(Host(str(tmp_path)), position, now) == []
    with (tmp_path / "var/log/apt/history.log").open("a") as log:
        log.write("End-Date: 2026-05-20  20:00:02\n")
    (late,) = collect(Host(str(tmp_path)), position, now)
    assert late.changes[0].name == "half"


def test_a_rotated_log_loses_nothing(tmp_path: Path) -> None:
    write_logs(tmp_path)
    folder = tmp_path / "var/log/apt"
    before = apt.local_ms("2026-05-20 16:00:00")
    assert before is not None
    (folder / "history.log.1.gz").write_bytes(gzip.compress((folder / "history.log").read_bytes()))
    (folder / "history.log").write_text("")
    found = collect(Host(str(tmp_path)), {"apt": before, "dpkg": before}, before)
    assert [t.manager for t in found] == ["apt", "apt", "dpkg", "dpkg"]


def test_no_logs_no_evidence(tmp_path: Path) -> None:
    assert collect(Host(str(tmp_path)), {}, 0) == []


def test_a_damaged_rotated_log_is_no_failure(tmp_path: Path) -> None:
    write_logs(tmp_path)
    (tmp_path / "var/log/apt/history.log.1.gz").write_bytes(b"not gzip")
    assert collect(Host(str(tmp_path)), {}, 0) == []
