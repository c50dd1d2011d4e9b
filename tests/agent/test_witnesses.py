"""Who was there: real sudo in a real journal, real utmp records, real processes, and logs in their documented forms."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.support.site import needs_root

from driftline.v1.collector_pb2 import Evidence
from driftline_agent.evidence import dnf, journal, management, pacman, sessions, witnesses, yum, zypper
from driftline_agent.evidence.collect import collect as transactions
from driftline_agent.evidence.witnesses import Witnesses
from driftline_agent.host import Host

#: A journal of its own: journald, sudo and a line of the form that Ansible's modules write, in namespaces.
_JOURNAL = """
set -e
mount -t tmpfs none /dev
device() { mknod -m 666 "$1" c "$2" "$3"; }
device /dev/null 1 3; device /dev/zero 1 5; device /dev/urandom 1 9; device /dev/kmsg 1 11
mount -t tmpfs none /run
mount -t tmpfs none /var/log
mkdir -p /run/systemd/journal /run/log/journal
ln -s /run/systemd/journal/dev-log /dev/log
/lib/systemd/systemd-journald >/dev/null 2>&1 &
for i in $(seq 50); do [ -S /run/systemd/journal/dev-log ] && break; sleep 0.1; done
sudo -u nobody /bin/true --password hunter2
sudo /bin/sleep 0.2
sudo -u nobody -- sudo -n /bin/true 2>/dev/null || true
sudo /bin/sleep 60 >/dev/null 2>&1 &
python3 -c 'import syslog; syslog.openlog("ansible-ansible.legacy.copy"); syslog.syslog("Invoked with src=/x")'
logger -t other "alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/false"
sleep 0.7
exec "$@"
"""
_COLLECT = """
import json, time
from driftline_agent.evidence import journal
from driftline_agent.host import Host
now = time.time_ns() // 1_000_000
found = journal.collect(Host(), now - 60_000, now)
print(json.dumps([[e.kind, e.who, e.what, e.ended_at_ms and e.ended_at_ms - e.started_at_ms, e.source] for e in found]))
"""


def test_sudo_and_ansible_in_a_journal() -> None:
    needs_root()
    assert shutil.which("sudo"), "sudo is not installed: make test-tools"
    command = ["unshare", "-mpf", "--mount-proc", "sh", "-c", _JOURNAL, "sh", sys.executable, "-c", _COLLECT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [one[:3] for one in found] == [
        ["sudo", "root", "/bin/true --password [redacted] (as nobody)"],
        ["sudo", "root", "/bin/sleep 0.2"],
        ["sudo", "root", "/usr/bin/sudo -n /bin/true (as nobody)"],
        ["sudo", "root", "/bin/sleep 60"],
        ["management", "", "ansible: module copy"],
    ]
    assert {one[4] for one in found} == {"journal"}
    assert 150 <= found[1][3] < 5000  # until its session is closed
    assert found[3][3] == 0  # it goes on


@pytest.mark.parametrize(
    ("message", "who", "what"),
    [
        (" alice : TTY=pts/0 ; PWD=/home/a ; USER=root ; COMMAND=/bin/vi /etc/hosts", "alice", "/bin/vi /etc/hosts"),
        ("bob : TTY=pts/1 ; PWD=/a ; b ; USER=www ; ENV=A=1 ; COMMAND=/bin/id", "bob", "/bin/id (as www)"),
        (
            "bob : HOST=w ; TTY=pts/1 ; PWD=/ ; USER=root ; TSID=000001 ; COMMAND=/bin/sh -c a ; b",
            "bob",
            "/bin/sh -c a ; b",
        ),
        ("eve : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh", None, None),
        ("eve : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh", None, None),
        ("eve : command not allowed ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh", None, None),
        ("pam_unix(sudo:auth): authentication failure; logname= uid=1000 user=alice", None, None),
    ],
)
def test_lines_of_sudo(message: str, who: str | None, what: str | None) -> None:
    """Forms: sudoers(5), "LOG FORMAT"."""
    found = journal.evidence_of([journal.Entry(1000, "sudo", "7", message)], "journal")
    assert [(one.who, one.what) for one in found] == ([(who, what)] if who else [])


def test_other_ways_to_become_root() -> None:
    entries = [
        journal.Entry(1, "doas", "1", "alice ran command rm -r /x as root from /home/alice"),
        journal.Entry(2, "pkexec", "2", "bob: Executing command [USER=root] [TTY=unknown] [CWD=/] [COMMAND=/sbin/x y]"),
    ]
    assert [(e.who, e.what) for e in journal.evidence_of(entries, "j")] == [("alice", "rm -r /x"), ("bob", "/sbin/x y")]


def test_units_of_a_journal() -> None:
    lines = [
        {"__REALTIME_TIMESTAMP": "5000000", "_PID": "1", "UNIT": "a.service", "MESSAGE_ID": journal._STARTED},
        {"__REALTIME_TIMESTAMP": "6000000", "_PID": "1", "UNIT": "a.service", "MESSAGE_ID": journal._RELOADED},
        {"__REALTIME_TIMESTAMP": "7000000", "_PID": "1", "UNIT": "a.service", "MESSAGE_ID": "0" * 32},
        {"__REALTIME_TIMESTAMP": "x", "MESSAGE": "no time"},
        {"__REALTIME_TIMESTAMP": "8000000", "SYSLOG_IDENTIFIER": ["sudo", "x"], "MESSAGE": [255, 254]},
    ]
    text = "\n".join(map(json.dumps, lines)) + "\n[1]\nnot json\n" + "[" * 10_000
    found = journal.evidence_of(journal.parse_entries(text), "journal")
    assert [(e.kind, e.what, e.started_at_ms) for e in found] == [
        ("unit", "a.service", 5000),
        ("unit", "a.service (reloaded)", 6000),
    ]


def test_sudo_in_a_syslog_file(tmp_path: Path) -> None:
    now = time.time_ns() // 1_000_000
    stamp = time.strftime("%b %e %H:%M:%S", time.localtime(now / 1000 - 5))
    iso = time.strftime("%Y-%m-%dT%H:%M:%S.000000+00:00", time.gmtime(now / 1000 - 4))
    (tmp_path / "var/log").mkdir(parents=True)
    (tmp_path / "var/log/auth.log").write_text(
        f"{stamp} web1 sudo[7]:    alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/a\n"
        f"{stamp} web1 sshd[8]: Accepted publickey for alice\n"
        f"{iso} web1 sudo: bob : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/b\n"
        "Feb 30 99:00:00 web1 sudo: eve : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/c\n"
    )
    found = witnesses.collect(Host(str(tmp_path)), now - 60_000, now)
    assert [(e.kind, e.who, e.what, e.source) for e in found] == [
        ("sudo", "alice", "/bin/a", "/var/log/auth.log"),
        ("sudo", "bob", "/bin/b", "/var/log/auth.log"),
    ]


# sessions

WTMP = """\
[2] [00000] [~~  ] [reboot  ] [~           ] [6.1.0-18-amd64      ] [0.0.0.0        ] [2026-05-20T08:00:00,000000+00:00]
[7] [00100] [ts/0] [alice   ] [pts/0       ] [192.0.2.7           ] [192.0.2.7      ] [2026-05-20T09:00:00,500000+00:00]
[7] [00200] [tty1] [bob     ] [tty1        ] [                    ] [0.0.0.0        ] [2026-05-20T09:30:00,000000+00:00]
[8] [00100] [ts/0] [        ] [pts/0       ] [                    ] [0.0.0.0        ] [2026-05-20T10:00:00,000000+00:00]
[2] [00000] [~~  ] [reboot  ] [~           ] [6.1.0-18-amd64      ] [0.0.0.0        ] [2026-05-20T11:00:00,000000+00:00]
[7] [00300] [ts/1] [carol   ] [pts/1       ] [::1                 ] [0.0.0.0        ] [2026-05-20T12:00:00,000000+00:00]
"""
NINE = 1779267600000  # 2026-05-20T09:00:00Z


def wtmp() -> bytes:
    """Return records that utmpdump(1) makes of text."""
    return subprocess.run(["utmpdump", "-r"], input=WTMP.encode(), capture_output=True, check=True).stdout


def test_sessions_of_wtmp(tmp_path: Path) -> None:
    found = sessions.sessions_of(sessions.parse_utmp(wtmp()), "w")
    minutes = [((e.started_at_ms - NINE) // 60_000, e.ended_at_ms and (e.ended_at_ms - NINE) // 60_000) for e in found]
    assert [(e.who, e.what) for e in found] == [
        ("alice", "pts/0 from 192.0.2.7"),
        ("bob", "tty1"),
        ("carol", "pts/1 from ::1"),
    ]
    assert minutes == [(0, 60), (30, 120), (180, 0)]
    (tmp_path / "var/log").mkdir(parents=True)
    (tmp_path / "var/log/wtmp").write_bytes(wtmp())
    host = Host(str(tmp_path))
    assert [e.who for e in sessions.collect(host, NINE + 90 * 60_000)] == ["bob", "carol"]
    (tmp_path / "run/systemd/sessions").mkdir(parents=True)  # where logind runs, it knows what is open
    assert [e.who for e in sessions.collect(host, NINE + 90 * 60_000)] == ["bob"]


def test_records_of_64_bit_times() -> None:
    """As glibc has them on arm64: linux/…/bits/utmp.h without __WORDSIZE_TIME64_COMPAT32."""
    form = sessions._FORMS[400]
    record = form.pack(7, 100, b"pts/0", b"ts/0", b"alice", b"192.0.2.7", 0, 1779267600, 0)
    assert len(record) == form.size == 400
    (found,) = sessions.parse_utmp(record)
    assert found == sessions.Record(7, "pts/0", "alice", "192.0.2.7", NINE)


def test_sessions_of_logind(tmp_path: Path) -> None:
    """Fields: systemd's login/logind-session.c, ``session_save``."""
    folder = tmp_path / "run/systemd/sessions"
    folder.mkdir(parents=True)
    (folder / "3").write_text(
        "# This is private data. Do not parse.\nUID=1000\nUSER=alice\nACTIVE=1\nSTATE=active\nREMOTE=1\nTYPE=tty\n"
        "CLASS=user\nSCOPE=session-3.scope\nREMOTE_HOST=192.0.2.7\nSERVICE=sshd\nTTY=pts/0\nLEADER=100\n"
        "REALTIME=1779267600000000\nMONOTONIC=5\n"
    )
    (folder / "1").write_text("UID=1000\nUSER=alice\nCLASS=manager\nREALTIME=1779267600000000\n")
    os.mkfifo(folder / "3.ref")
    (folder / "9").write_bytes(os.urandom(2000))
    (found,) = sessions.collect(Host(str(tmp_path)), NINE)
    assert (found.who, found.what, found.started_at_ms, found.ended_at_ms) == (
        "alice",
        "sshd pts/0 from 192.0.2.7",
        NINE,
        0,
    )


def test_sessions_of_wtmpdb(tmp_path: Path) -> None:
    """Table: wtmpdb's lib/sqlite.c."""
    path = tmp_path / "var/lib/wtmpdb/wtmp.db"
    path.parent.mkdir(parents=True)
    database = sqlite3.connect(path)
    database.execute(
        "CREATE TABLE wtmp(ID INTEGER PRIMARY KEY, Type INTEGER, User TEXT NOT NULL, Login INTEGER, Logout INTEGER, "
        "TTY TEXT, RemoteHost TEXT, Service TEXT) STRICT"
    )
    rows = [
        (1, "reboot", NINE * 1000, None, "~", "6.1", None),
        (3, "alice", NINE * 1000, (NINE + 1000) * 1000, "pts/0", "192.0.2.7", "sshd"),
        (3, "bob", NINE * 1000, None, "tty1", None, "login"),
    ]
    database.executemany(
        "INSERT INTO wtmp (Type, User, Login, Logout, TTY, RemoteHost, Service) VALUES (?,?,?,?,?,?,?)", rows
    )
    database.commit()
    database.close()
    found = sessions.collect(Host(str(tmp_path)), NINE)
    assert [(e.who, e.what, e.ended_at_ms) for e in found] == [
        ("alice", "sshd pts/0 from 192.0.2.7", NINE + 1000),
        ("bob", "login tty1", 0),
    ]
    path.write_bytes(b"no database" * 100)
    assert sessions.collect(Host(str(tmp_path)), NINE) == []


@pytest.mark.parametrize("data", [b"", b"x", bytes(384), b"\xff" * 384, b"\xff" * 400, os.urandom(383)])
def test_junk_is_no_session(data: bytes) -> None:
    assert sessions.sessions_of(sessions.parse_utmp(data), "w") == []


# configuration management


def test_puppets_summary() -> None:
    """Form: Puppet's documentation of reports, "last_run_summary.yaml"."""
    text = (
        "---\nversion:\n  config: 1779267500\n  puppet: 7.23.0\nresources:\n  changed: 1\n  total: 8\n"
        "time:\n  config_retrieval: 0.5\n  total: 12.25\n  last_run: 1779267600\nchanges:\n  total: 1\n"
    )
    found = management.parse_puppet(text)
    assert found is not None and (found.what, found.started_at_ms, found.ended_at_ms) == ("puppet", NINE - 12_250, NINE)
    for junk in ("", "time:\n  last_run: never\n", "time:\n  last_run: 1.2.3\n", "\0\n"):
        assert management.parse_puppet(junk) is None


def test_stages_of_cloud_init() -> None:
    """Form: cloud-init's documentation, "status.json"."""
    text = json.dumps(
        {
            "v1": {
                "datasource": "DataSourceNoCloud",
                "stage": "modules-config",
                "init-local": {"errors": [], "start": 1779267600.5, "finished": 1779267601.0},
                "modules-config": {"errors": [], "start": 1779267610.0, "finished": None},
                "modules-final": {"errors": [], "start": None, "finished": None},
            }
        }
    )
    found = [(e.what, e.started_at_ms - NINE, e.ended_at_ms) for e in management.parse_cloud_init(text)]
    assert found == [("cloud-init init-local", 500, NINE + 1000), ("cloud-init modules-config", 10_000, 0)]
    for junk in ("", "[]", '{"v1": 5}', '{"v1": {"init": {"start": "x"}}}', "[" * 10_000):
        management.parse_cloud_init(junk)


@pytest.mark.parametrize(
    ("line", "tool"),
    [
        ("/usr/bin/python3 /root/.ansible/tmp/ansible-tmp-1-2-3/AnsiballZ_copy.py", "ansible"),
        ("puppet agent: applying configuration", "puppet"),
        ("/usr/bin/ruby /usr/bin/puppet agent --test", "puppet"),
        ("/usr/bin/ruby /usr/bin/puppet agent --no-daemonize", None),
        ("/usr/bin/python3 /usr/bin/salt-minion MultiMinionProcessManager", None),
        ("/usr/bin/python3 /usr/bin/salt-minion MinionProcessManager ProcessPayload(jid=20260520)", "salt"),
        ("/usr/bin/python3 /usr/bin/unattended-upgrade --verbose", "unattended-upgrades"),
        ("/usr/bin/python3 /usr/share/unattended-upgrades/unattended-upgrade-shutdown --wait-for-signal", None),
        ("/usr/bin/python3 /usr/bin/cloud-init modules --mode=final", "cloud-init"),
    ],
)
def test_command_lines_of_runs(line: str, tool: str | None) -> None:
    assert management.tool_of(line) == tool


def test_a_run_that_goes_on_is_seen_by_its_process(tmp_path: Path) -> None:
    script = tmp_path / "AnsiballZ_copy.py"
    script.write_text("import sys; print('runs', flush=True); sys.stdin.read()")
    before = time.time() * 1000
    with subprocess.Popen([sys.executable, script, "secret"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None and run.stdout.readline()
        found = [one for one in management.collect(Host(), 0) if one.what == "ansible"]
        run.kill()
    assert found and abs(found[0].started_at_ms - before) < 20_000 and found[0].ended_at_ms == 0
    assert "secret" not in str(found)


# what is told, and how often


def test_each_is_told_once_and_again_with_its_end(tmp_path: Path) -> None:
    log = tmp_path / "var/log/wtmp"
    log.parent.mkdir(parents=True)
    log.write_bytes(wtmp()[: 384 * 3])  # alice and bob are logged in
    host, told = Host(str(tmp_path)), Witnesses()
    assert told.take(host, NINE, 0.0) == [] and not told.pending
    told.expect(NINE + 40 * 60_000)
    assert told.wait(100.0) == witnesses.SOON_S
    now = NINE + 45 * 60_000
    assert [one.who for one in told.take(host, now, 100.0)] == ["alice", "bob"] and told.pending
    assert told.wait(101.0) == witnesses.APART_S - 1.0
    log.write_bytes(wtmp()[: 384 * 4])
    (again,) = told.take(host, now + 60 * 60_000, 160.0)
    assert again.who == "alice" and again.ended_at_ms == NINE + 60 * 60_000
    assert not told.pending and told.take(host, now, 161.0) == []


def test_bounds() -> None:
    many = [Evidence(kind="unit", what="\0" + "x" * 9000, started_at_ms=n) for n in range(1, 1000)]
    found = witnesses.bounded([*many, Evidence(kind="unknown", started_at_ms=5)])
    assert [one.started_at_ms for one in found] == list(range(960, 1000))
    assert max(len(one.what) for one in found) == 500 and "\0" not in found[0].what


# transactions of other package managers


def test_history_of_zypper(tmp_path: Path) -> None:
    """Form: https://opensuse.github.io/libzypp/group__g__ZyppHistory.html, with its example in front."""
    text = (
        "2008-09-24 11:48:58|rremove|packman\n"
        "2008-09-24 11:53:10|install|amarok-yauap|1.4.10-25|x86_64||factory|4421dfa718ab73c8|\n"
        "2026-05-20 16:49:19|command|alice@web1|'zypper' 'install' '--password' 'x' 'sl'|\n"
        "2026-05-20 16:49:20|install|sl|5.02-1.2|x86_64|root@web1|oss|3bc6|\n"
        "# 2026-05-20 16:49:20 sl-5.02-1.2.x86_64.rpm installed ok\n"
        "2026-05-20 16:49:21|install|libncurses6|1:6.4-4|x86_64||oss|abcd|\n"
        "2026-05-20 17:00:00|command|root@web1|'zypper' 'remove' 'sl'|\n"
        "2026-05-20 17:00:01|remove |sl|5.02-1.2|x86_64|root@web1|\n"
    )
    first, second = zypper.parse_history(text)
    assert (first.command_line, first.requested_by) == ("zypper install --password [redacted] sl", "alice")
    assert [(c.action, c.name, c.version_after, c.automatic) for c in first.changes] == [
        ("install", "sl", "5.02-1.2", False),
        ("install", "libncurses6", "1:6.4-4", True),
    ]
    assert first.ended_at_ms - first.started_at_ms == 2000 and second.requested_by == ""
    assert [(c.action, c.version_before, c.version_after) for c in second.changes] == [("remove", "5.02-1.2", "")]
    (tmp_path / "var/log/zypp").mkdir(parents=True)
    (tmp_path / "run").mkdir()
    (tmp_path / "proc/77").mkdir(parents=True)
    (tmp_path / "var/log/zypp/history").write_text(text)
    (tmp_path / "run/zypp.pid").write_text("77\n")
    position = {"zypper": first.started_at_ms}
    assert len(transactions(Host(str(tmp_path)), position, 0)) == 1  # the other goes on
    (tmp_path / "run/zypp.pid").write_text("78\n")
    assert [t.command_line for t in transactions(Host(str(tmp_path)), position, 0)] == ["zypper remove sl"]


def test_log_of_pacman() -> None:
    """Form: pacman's lib/libalpm/add.c, remove.c, trans.c."""
    text = (
        "[2026-05-20T16:49:18+0200] [PACMAN] Running 'pacman -S sl'\n"
        "[2026-05-20T16:49:19+0200] [ALPM] transaction started\n"
        "[2026-05-20T16:49:19+0200] [ALPM] installed sl (5.05-5)\n"
        "[2026-05-20T16:49:20+0200] [ALPM] upgraded bash (5.2.026-1 -> 5.2.026-2)\n"
        "[2026-05-20T16:49:20+0200] [ALPM-SCRIPTLET] installed nothing (1)\n"
        "[2026-05-20T16:49:21+0200] [ALPM] transaction completed\n"
        "[2026-05-20T17:00:00+0200] [ALPM] transaction started\n"
        "[2026-05-20T17:00:00+0200] [ALPM] removed sl (5.05-5)\n"
    )
    (found,) = pacman.parse_log(text)
    assert found.command_line == "pacman -S sl" and found.started_at_ms == 1779288559000
    assert [(c.action, c.name, c.version_before, c.version_after) for c in found.changes] == [
        ("install", "sl", "", "5.05-5"),
        ("upgrade", "bash", "5.2.026-1", "5.2.026-2"),
    ]


def test_log_of_yum() -> None:
    """Form: yum's rpmtrans.py."""
    text = (
        "Dec 31 23:59:00 Installed: sl-5.02-1.el7.x86_64\n"
        "May 20 16:49:19 Updated: 1:perl-libs-5.16.3-299.el7.x86_64\n"
        "May 20 16:49:25 Erased: nano\n"
    )
    now = int(time.mktime((2026, 5, 20, 17, 0, 0, 0, 0, -1))) * 1000
    old, new = yum.parse_log(text, now)
    assert time.localtime(old.started_at_ms / 1000).tm_year == 2025
    assert [(c.action, c.name, c.architecture, c.version_after) for c in (*old.changes, *new.changes)] == [
        ("install", "sl", "x86_64", "5.02-1.el7"),
        ("upgrade", "perl-libs", "x86_64", "1:5.16.3-299.el7"),
        ("remove", "nano", "", ""),
    ]


def dnf_history(root: Path, path: str, tables: str) -> None:
    file = root / path[1:]
    file.parent.mkdir(parents=True)
    database = sqlite3.connect(file)
    database.executescript(tables)
    database.close()
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/passwd").write_text("alice:x:1000:1000::/home/alice:/bin/sh\n")


#: The columns that matter, of libdnf's and libdnf5's own tables (see driftline_agent/evidence/dnf.py).
_FOUR = """
CREATE TABLE trans (id INTEGER PRIMARY KEY, dt_begin INTEGER, dt_end INTEGER, user_id INTEGER, cmdline TEXT); CREATE
TABLE trans_item (id INTEGER PRIMARY KEY, trans_id INTEGER, item_id INTEGER, action INTEGER, reason INTEGER); CREATE
TABLE rpm (item_id INTEGER, name TEXT, epoch INTEGER, version TEXT, release TEXT, arch TEXT); INSERT INTO trans VALUES
(1, 1779267600, 1779267605, 1000, 'install -y sl'), (2, 1779267700, 1779267701, 4294967295, ''), (3, 1779267800, NULL,
1000, 'upgrade'); INSERT INTO rpm VALUES (1, 'sl', 0, '5.02', '1.el8', 'x86_64'), (2, 'bash', 0, '5.1', '1.el8',
'x86_64'), (3, 'bash', 0, '5.2', '1.el8', 'x86_64'), (4, 'perl', 4, '5.32', '2', 'noarch'); INSERT INTO trans_item
VALUES (1, 1, 1, 1, 2), (2, 1, 3, 6, 1), (3, 1, 2, 7, 1), (4, 2, 4, 8, 2);
"""
_FIVE = """
CREATE TABLE trans (id INTEGER PRIMARY KEY, dt_begin INTEGER, dt_end INTEGER, user_id INTEGER, description TEXT); CREATE
TABLE trans_item (id INTEGER PRIMARY KEY, trans_id INTEGER, item_id INTEGER, action_id INTEGER, reason_id INTEGER);
CREATE TABLE rpm (item_id INTEGER, name_id INTEGER, epoch INTEGER, version TEXT, release TEXT, arch_id INTEGER); CREATE
TABLE pkg_names (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE archs (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO
trans VALUES (1, 1779267600, 1779267605, 0, 'dnf5 upgrade bash'); INSERT INTO pkg_names VALUES (1, 'bash'); INSERT INTO
archs VALUES (1, 'x86_64'); INSERT INTO rpm VALUES (1, 1, 0, '5.1', '1.fc41', 1), (2, 1, 0, '5.2', '1.fc41', 1); INSERT
INTO trans_item VALUES (1, 1, 2, 2, 2), (2, 1, 1, 6, 2);
"""


def test_history_of_dnf_4(tmp_path: Path) -> None:
    dnf_history(tmp_path, dnf.FOUR, _FOUR)
    first, second = dnf.collect(Host(str(tmp_path)), NINE)
    assert (first.command_line, first.requested_by) == ("dnf install -y sl", "alice (1000)")
    assert [(c.action, c.name, c.version_before, c.version_after, c.automatic) for c in first.changes] == [
        ("install", "sl", "", "5.02-1.el8", False),
        ("upgrade", "bash", "5.1-1.el8", "5.2-1.el8", True),
    ]
    assert (second.command_line, second.requested_by) == ("", "")
    assert [(c.action, c.version_before) for c in second.changes] == [("remove", "4:5.32-2")]


def test_history_of_dnf_5(tmp_path: Path) -> None:
    dnf_history(tmp_path, dnf.FIVE, _FIVE)
    (found,) = dnf.collect(Host(str(tmp_path)), NINE)
    assert (found.command_line, found.requested_by) == ("dnf5 upgrade bash", "")
    assert [(c.action, c.version_before, c.version_after) for c in found.changes] == [
        ("upgrade", "5.1-1.fc41", "5.2-1.fc41")
    ]


def test_a_damaged_history_keeps_the_other_logs(tmp_path: Path) -> None:
    (tmp_path / "var/lib/dnf").mkdir(parents=True)
    (tmp_path / "var/lib/dnf/history.sqlite").write_bytes(os.urandom(9000))
    (tmp_path / "var/log").mkdir()
    (tmp_path / "var/log/pacman.log").write_text(
        "[2026-05-20T16:49:19+0200] [ALPM] transaction started\n[2026-05-20T16:49:19+0200] [ALPM] installed a (1)\n"
        "[2026-05-20T16:49:19+0200] [ALPM] transaction completed\n"
    )
    assert [one.manager for one in transactions(Host(str(tmp_path)), {"dnf": 1, "pacman": 1}, NINE)] == ["pacman"]


@pytest.mark.parametrize(
    "junk", ["", "\0" * 100, "|" * 1000, "[" * 1000, "2026-05-20 16:49:19|install|x", "command|" * 9]
)
def test_parsers_survive_junk(junk: str) -> None:
    zypper.parse_history(junk)
    pacman.parse_log(junk)
    yum.parse_log(junk, 1)
    list(journal.parse_syslog(junk, 1))
