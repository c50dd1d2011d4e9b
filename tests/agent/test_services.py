"""Init scripts, inetd, processes and recorded ps: forms of the tools' own manuals; recordings where there are any."""

import os
import time
from pathlib import Path

import pytest
from tests.agent.test_reader import put
from tests.support.corpora import recording

from driftline.facts import elements
from driftline.v1.facts_pb2 import InitScript, InternetService, Process
from driftline_agent import processes
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.inventory import read_topic
from driftline_agent.output import all_outputs
from driftline_agent.outputs import ps
from driftline_agent.topic import all_topics
from driftline_agent.topics import processes as topic

LSB = """#!/bin/sh
### BEGIN INIT INFO
# Provides:          x
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: Starts x: and more
### END INIT INFO
"""


def init_scripts(root: Path) -> dict[tuple[str, str], InitScript]:
    found = all_topics()["init_scripts"].collect(Host(str(root))).facts.services.init_scripts
    return {(script.system, script.name): script for script in found}


def test_system_v(tmp_path: Path) -> None:
    put(tmp_path, "etc/init.d/x", LSB)
    put(tmp_path, "etc/init.d/x.dpkg-old", LSB)
    put(tmp_path, "etc/init.d/README", "")
    for level, name in (("2", "S01x"), ("3", "S20x"), ("0", "K01x"), ("S", "README")):
        put(tmp_path, f"etc/rc{level}.d/{name}", "")
    before = init_scripts(tmp_path / "root")
    (script,) = before.values()
    assert (list(script.starts_in), list(script.stops_in)) == (["2", "3"], ["0"])
    assert list(script.default_start) == ["2", "3", "4", "5"] and script.description == "Starts x: and more"
    # insserv gives other numbers to a script whenever another one is added.
    (tmp_path / "root/etc/rc2.d/S01x").rename(tmp_path / "root/etc/rc2.d/S02x")
    assert init_scripts(tmp_path / "root") == before


def test_openrc(tmp_path: Path) -> None:
    put(tmp_path, "etc/init.d/sshd", '#!/sbin/openrc-run\ndescription="OpenBSD Secure Shell server"\n')
    put(tmp_path, "etc/runlevels/default/sshd", "")
    put(tmp_path, "run/openrc/started/sshd", "")
    (script,) = init_scripts(tmp_path / "root").values()
    assert (script.system, list(script.starts_in), script.started) == ("openrc", ["default"], True)
    assert script.description == "OpenBSD Secure Shell server"


def test_runit(tmp_path: Path) -> None:
    put(tmp_path, "etc/sv/a/run", "#!/bin/sh\n")
    put(tmp_path, "etc/sv/b/run", "#!/bin/sh\n")
    put(tmp_path, "etc/sv/b/down", "")
    services = tmp_path / "root/etc/service"
    services.mkdir()
    for name in "ab":
        (services / name).symlink_to(f"../sv/{name}")
    found = init_scripts(tmp_path / "root")
    assert {name: list(script.starts_in) for (_, name), script in found.items()} == {"a": ["/etc/service"], "b": []}


@pytest.mark.parametrize(
    ("files", "manager"),
    [
        ({"proc/1/comm": "systemd\n"}, "systemd"),
        ({"proc/1/comm": "init\n", "run/systemd/system/x": ""}, "systemd"),
        ({"proc/1/comm": "init\n", "run/openrc/softlevel": ""}, "openrc"),
        ({"proc/1/comm": "init\n", "etc/inittab": ""}, "sysvinit"),
        ({"proc/1/comm": "runit\n"}, "runit"),
        ({"proc/1/comm": "bash\n"}, "bash"),
    ],
)
def test_which_init_runs(files: dict[str, str], manager: str, tmp_path: Path) -> None:
    for name, text in files.items():
        put(tmp_path, name, text)
    assert all_topics()["init"].collect(Host(str(tmp_path / "root"))).facts.os.init.name == manager


INETD = """# comment
ftp\tstream\ttcp\tnowait\troot\t/usr/sbin/tcpd\t/usr/sbin/in.ftpd -l
#<off># telnet\tstream\ttcp\tnowait\ttelnetd\t/usr/sbin/in.telnetd
time dgram udp wait.100 root internal
"""
XINETD = """defaults
{
\tonly_from = 10.0.0.0/8
}
service tftp
{
\tdisable = yes
\tsocket_type = dgram
\tprotocol = udp
\twait = yes
\tuser = root
\tserver = /usr/sbin/in.tftpd
\tserver_args = -s /srv
\tonly_from = 10.0.0.1
\tonly_from += 10.0.0.2
}
service echo
{
\ttype = INTERNAL
\tid = echo-stream
\tsocket_type = stream
\twait = no
}
"""


def test_inetd_and_xinetd(tmp_path: Path) -> None:
    put(tmp_path, "etc/inetd.conf", INETD)
    put(tmp_path, "etc/xinetd.d/tftp", XINETD)
    put(tmp_path, "etc/xinetd.d/tftp.rpmsave", XINETD)
    facts = all_topics()["inetd"].collect(Host(str(tmp_path / "root"))).facts
    found = {service.name: service for service in facts.services.internet_services}
    assert {name: service.enabled for name, service in found.items()} == {
        "ftp": True, "telnet": False, "time": True, "tftp": False, "echo-stream": True,
    }  # fmt: skip
    assert found["ftp"].arguments == "/usr/sbin/in.ftpd -l" and found["time"].wait
    assert (found["echo-stream"].program, found["echo-stream"].protocol) == ("internal", "tcp")
    assert found["tftp"] == InternetService(
        name="tftp", protocol="udp", file="/etc/xinetd.d/tftp", enabled=False, socket_type="dgram", wait=True,
        user="root", program="/usr/sbin/in.tftpd", arguments="-s /srv", only_from=["10.0.0.1", "10.0.0.2"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "program"),
    [
        ("/usr/bin/python3.11 -u /usr/bin/fail2ban-server -xf start", "/usr/bin/fail2ban-server"),
        ("/usr/bin/python3 -m http.server 80", "-m http.server"),
        ("/usr/bin/python3 -c import_os", ""),
        ("/usr/bin/python3 -W ignore /x.py --password hunter2", "/x.py"),
        ("/usr/bin/java -cp /a:/b -Dpassword=hunter2 -Xmx1g org.example.Main x", "org.example.Main"),
        ("/usr/bin/java -Xmx1g -jar /srv/app.jar", "/srv/app.jar"),
        ("/usr/bin/perl -dI lib/ t/x.t", "t/x.t"),
        ("/bin/sh /usr/bin/mysqld_safe --user=x", "/usr/bin/mysqld_safe"),
        ("/bin/bash", ""),
        ("/usr/bin/node --require x /srv/app.js", "/srv/app.js"),
        ("/usr/sbin/sshd -D", ""),
    ],
)
def test_what_an_interpreter_runs(line: str, program: str) -> None:
    words = line.split()
    assert processes.program_of(words[0], words) == program


def host_with(tmp_path: Path, ages: dict[int, tuple[str, int]]) -> Host:
    """Return a captured host: process number to executable and start (ticks after boot)."""
    put(tmp_path, "proc/stat", f"cpu 1\nbtime {int(time.time()) - 100_000}\n")
    put(tmp_path, "etc/passwd", f"me:x:{os.getuid()}:0::/:/bin/sh\n")
    for number, (executable, start) in ages.items():
        put(tmp_path, f"proc/{number}/stat", f"{number} (a (b) c) S 1 1 1 0 -1 4194560 {'0 ' * 12}{start} 0 0\n")
        put(tmp_path, f"proc/{number}/cgroup", "0::/system.slice/ssh.service\n")
        put(tmp_path, f"proc/{number}/cmdline", f"{executable}\0--password=hunter2\0")
        (tmp_path / f"root/proc/{number}/exe").symlink_to(executable)
    put(tmp_path, "proc/2/stat", f"2 (kthreadd) S 0 0 0 0 -1 2129984 {'0 ' * 12}5 0 0\n")
    return Host(str(tmp_path / "root"))


def test_processes_by_executable(tmp_path: Path) -> None:
    host = host_with(tmp_path, {10: ("/usr/sbin/sshd", 500), 11: ("/usr/sbin/sshd", 9000), 12: ("/usr/sbin/cron", 700)})
    put(tmp_path, "proc/12/cgroup", "0::/system.slice/docker-0123.scope\n")
    result = read_topic("processes", all_topics()["processes"], host, bytes(32))
    assert result.reading is not None and b"hunter2" not in result.section.content
    (process,) = result.reading.facts.services.processes
    assert process == Process(
        executable="/usr/sbin/sshd", program="", units=["ssh.service"], users=["me"], count=2,
        started_at=process.started_at,
    )  # fmt: skip
    assert not elements(result.reading.facts)


def test_young_processes_are_no_fact() -> None:
    reading = topic.collect(Host())
    now = time.time()
    assert all(now - process.started_at > topic.MIN_AGE_S - 5 for process in reading.facts.services.processes)


def test_processes_are_not_looked_at_at_each_reading(tmp_path: Path) -> None:
    host = host_with(tmp_path, {10: ("/usr/sbin/sshd", 500)})
    before = topic.collect(host).facts
    host_with(tmp_path, {20: ("/usr/sbin/new", 500)})
    assert topic.collect(host).facts == before
    host.kept["processes"].at -= topic.EVERY_S + 1
    assert len(topic.collect(host).facts.services.processes) == 2


@pytest.mark.parametrize("name", ["busybox", "linux", "macos"])
def test_recorded_ps(name: str) -> None:
    """Each process of the recording is told once, but for kernel threads; counted by another way than the parser's."""
    text = recording(f"generic/ps/{name}")
    lines = text.splitlines()
    start = lines[0].index("COMMAND")
    commands = [line[start:].strip() for line in lines[1:]] if name != "busybox" else []
    if name == "busybox":  # its columns are not below their heads where a state has a letter apart
        commands = [line.split(None, 4)[4].removeprefix("< ").removeprefix("N ").strip() for line in lines[1:]]
    running = [command for command in commands if not (command.startswith("[") and command.endswith("]"))]
    if name == "macos":
        running.remove("(userInit)")  # a zombie: it has no memory and runs nothing
    facts = ps.parse(text)
    assert sum(process.count for process in facts.services.processes) == len(running)
    executables = {process.executable for process in facts.services.processes}
    for command in running:
        if command.startswith("/"):
            assert command.split()[0].rstrip(":") in executables, command
    users = {user for process in facts.services.processes for user in process.users}
    column = lines[0].split().index("USER")
    assert users <= {line.split()[column] for line in lines[1:]}


AUX = """\
USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND
root           1  0.0  0.1 168140 11340 ?        Ss   Nov24   0:02 /sbin/init splash
root           2  0.0  0.0      0     0 ?        S    Nov24   0:00 [kthreadd]
www-data     900  0.0  0.0   5000  2000 ?        S    10:02   0:00 nginx: worker process
root         901  0.0  0.0      0     0 ?        Z    10:02   0:00 [sh] <defunct>
"""
EF = """\
UID          PID    PPID  C STIME TTY          TIME CMD
root           1       0  0 10:02 ?        00:00:02 /sbin/init
root           2       0  0 10:02 ?        00:00:00 [kthreadd]
bob          900       1  0 10:02 pts/0    00:00:00 -bash
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (AUX, {"/sbin/init": ["root"], "nginx": ["www-data"]}),
        (EF, {"/sbin/init": ["root"], "bash": ["bob"]}),
        ("    PID TTY          TIME CMD\n    900 pts/0    00:00:00 bash\n", {"bash": []}),
    ],
)
def test_other_forms_of_ps(text: str, expected: dict[str, list[str]]) -> None:
    found = {process.executable: list(process.users) for process in ps.parse(text).services.processes}
    assert found == expected


@pytest.mark.parametrize("text", ["", "\0\0", "no columns here\n" * 100, "COMMAND\n", "\xff" * 10_000])
def test_what_is_no_ps(text: str) -> None:
    with pytest.raises(UnreadableError, match="no line that names its columns"):
        ps.parse(text)


OURS = ("chage", "crontab", "group", "list_timers", "list_unit_files", "passwd", "ps", "sshd", "sudoers")
JUNK = [
    "", "\0", "\ufffd" * 1000, "a" * 100_000, ":" * 10_000, "\n" * 10_000, "{" * 10_000, "[" * 10_000, "=" * 5000,
    "(" * 5000, '"' * 5001, "\\" * 5000, "* " * 5000, "x:x:99999999999999999999:1::/:/bin/sh\n", "x:x:\u00b2:1::/:/x\n",
    '[{"unit": 1}, {"unit": "a", "last": -1}]', "PID USER VSZ STAT COMMAND\n\n 1\n x y z\n 1 2 3 4 5 6\n",
    "Last password change : nonsense\nAccount expires : Foo 99, 1\n",
]  # fmt: skip


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("text", JUNK, ids=range(len(JUNK)))
def test_outputs_survive_junk(name: str, text: str) -> None:
    try:
        facts = all_outputs()[name].parse(text)
    except UnreadableError as error:
        assert str(error)
    else:
        elements(facts)
