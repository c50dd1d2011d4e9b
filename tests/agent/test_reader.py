"""The reader as a process: what it answers, what it refuses, what it costs."""

import contextlib
import hashlib
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.agent.unprivileged import AS_NOBODY, NOBODY, Activator, reachable

from driftline import sealed
from driftline.v1.facts_pb2 import Facts
from driftline_agent.reader import listing, seals, shadow
from driftline_agent.reader.allowed import TOPICS, allows, parts_of
from driftline_agent.reader.client import Reader
from driftline_agent.reader.protocol import (
    ANSWER,
    CERTIFICATES,
    DIGEST,
    DONE,
    FAILED,
    FOLDER,
    LINK,
    MAPPED,
    MAX_CONTENT,
    READ,
    REFUSED,
    REQUEST,
    SHADOW,
    SOCKETS,
    TEXT,
)

KEY = bytes(range(32))
SHADOWED = "root:$y$j9T$abc$def:19000:0:99999:7:::\nnone::1::::::\nlocked:!:1::::::\n"
Start = Callable[..., Reader]
#: Process number by what asks it.
PIDS: dict[Reader, int] = {}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a reader for a captured tree, with one end of a pair."""
    started: list[tuple[Reader, subprocess.Popen[bytes]]] = []
    (tmp_path / "key").write_bytes(KEY)
    (tmp_path / "root").mkdir()

    def run(*arguments: str) -> Reader:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-I", "-m", "driftline_agent.reader", "--pair", str(theirs.fileno())]
        command += ["--root", f"{tmp_path}/root", "--key", f"{tmp_path}/key", *arguments]
        with theirs:
            process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        started.append((Reader(connected=ours), process))
        PIDS[started[-1][0]] = process.pid
        return started[-1][0]

    yield run
    for reader, process in started:
        reader.close()
        assert process.wait(10) == 0  # the end of the agent is the end of its reader


def put(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / "root" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_it_reads_what_is_on_its_list(start: Start, tmp_path: Path) -> None:
    put(tmp_path, "sys/devices/virtual/dmi/id/product_serial", "S1\n")
    put(tmp_path, "proc/1/environ", "SECRET=x\0container=lxc\0PATH=/bin\0")
    descriptors = tmp_path / "root/proc/42/fd"
    descriptors.mkdir(parents=True)
    (descriptors / "3").symlink_to("socket:[77]")
    (descriptors / "4").symlink_to("/home/someone/private.txt")
    (tmp_path / "root/proc/42/exe").symlink_to("/usr/sbin/sshd")
    reader = start()
    assert reader.ask(READ, "/sys/class/dmi/id/product_serial") == b"S1\n"
    assert reader.ask(READ, "/proc/1/environ") == b"container=lxc\0"
    assert reader.ask(SOCKETS, "/proc/42/fd") == b"socket:[77]\0"
    assert reader.ask(LINK, "/proc/42/exe") == b"/usr/sbin/sshd"
    with pytest.raises(FileNotFoundError):
        reader.ask(READ, "/sys/class/dmi/id/chassis_serial")


def raw(reader: Reader, operation: int, path: str) -> tuple[int, bytes]:
    """Ask past the client's own look at the list, as a stolen agent would."""
    status, content = reader._once(operation, path)
    return status, content


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        (READ, "/etc/shadow"),
        (LINK, "/etc/shadow"),
        (SHADOW, "/etc/gshadow"),
        (READ, "/etc/ssh/ssh_host_ed25519_key"),
        (READ, "/root/.ssh/id_ed25519"),
        (READ, "/sys/class/dmi/id/../../../../etc/shadow"),
        (READ, "/sys/class/dmi/id/.."),
        (READ, "/sys/class/dmi/id//product_serial"),
        (READ, "/sys/class/dmi/id/sub/product_serial"),
        (READ, "sys/class/dmi/id/product_serial"),
        (READ, "/sys/class/dmi/id/"),
        (READ, "/sys/class/dmi/id"),
        (READ, "/proc/1/environ\0/etc/shadow"),
        (READ, "/proc/2/environ"),
        (READ, "/proc/1/mem"),
        (SOCKETS, "/proc/self/fd"),
        (SOCKETS, "/proc/1/task"),
        (LINK, "/proc/1/root"),
        (LINK, "/proc/1/fd/3"),
        (READ, "/proc/sys/net/core/bpf_jit_harden"),
        (READ, "/proc/sys/net/ipv4/tcp_fastopen_key"),
        (READ, "/proc/sys/vm/stat_refresh"),
        (READ, "/"),
    ],
)
def test_it_refuses_everything_else(operation: int, path: str, start: Start, tmp_path: Path) -> None:
    names = parts_of(path)
    if names:
        put(tmp_path, "/".join(names), "secret")
    assert raw(start(), operation, path) == (REFUSED, b"")


def test_no_planted_link_leads_anywhere(start: Start, tmp_path: Path) -> None:
    key = put(tmp_path, "etc/ssh/ssh_host_ed25519_key", "PRIVATE KEY")
    folder = tmp_path / "root/sys/devices/virtual/dmi/id"
    folder.mkdir(parents=True)
    (folder / "product_serial").symlink_to(key)
    (folder / "product_uuid").symlink_to("../../../../../etc/ssh/ssh_host_ed25519_key")
    (tmp_path / "root/etc/shadow").symlink_to(key)
    (tmp_path / "root/proc").mkdir()
    (tmp_path / "root/proc/sys").symlink_to(tmp_path / "root/etc")
    (tmp_path / "root/proc/7").symlink_to("/proc/1")
    put(tmp_path, "etc/vm/mmap_rnd_bits", "9")
    reader = start()
    for operation, path in [
        (READ, "/sys/class/dmi/id/product_serial"),
        (READ, "/sys/class/dmi/id/product_uuid"),
        (SHADOW, "/etc/shadow"),
        (READ, "/proc/sys/vm/mmap_rnd_bits"),
        (SOCKETS, "/proc/7/fd"),
        (LINK, "/proc/7/exe"),
    ]:
        with pytest.raises(OSError, match="symbolic links"):
            reader.ask(operation, path)


def test_only_small_regular_files_are_read(start: Start, tmp_path: Path) -> None:
    put(tmp_path, "sys/devices/virtual/dmi/id/product_serial", bytes(MAX_CONTENT + 1))
    put(tmp_path, "sys/devices/virtual/dmi/id/product_uuid", bytes(MAX_CONTENT))
    (tmp_path / "root/sys/devices/virtual/dmi/id/power").mkdir()
    os.mkfifo(tmp_path / "root/sys/devices/virtual/dmi/id/pipe")  # would be waited for
    reader = start()
    with pytest.raises(OSError, match="File too large"):
        reader.ask(READ, "/sys/class/dmi/id/product_serial")
    assert reader.ask(READ, "/sys/class/dmi/id/product_uuid") == bytes(MAX_CONTENT)
    for name in ("power", "pipe"):
        with pytest.raises(OSError, match="Invalid argument"):
            reader.ask(READ, f"/sys/class/dmi/id/{name}")


def test_passwords_leave_it_sealed(start: Start, tmp_path: Path) -> None:
    put(tmp_path, "etc/shadow", SHADOWED)
    answer = start().ask(SHADOW, "/etc/shadow")
    assert answer is not None and b"$y$" not in answer
    found = shadow.parse_lines(answer)
    assert {user: status for user, (status, _) in found.items()} == {
        "": "locked",
        "root": "set",
        "none": "none",
        "locked": "locked",
    }
    facts = Facts()
    fields = {"": "*", **shadow.parse_shadow(SHADOWED)}
    for user in fields:
        facts.accounts.users.add(name=user, password=fields[user])
    sealed.seal(facts, KEY)
    assert {user.name: user.password for user in facts.accounts.users} == {u: seal for u, (_, seal) in found.items()}


def test_files_leave_it_as_digests_sealed_unless_they_are_harmless(start: Start, tmp_path: Path) -> None:
    put(tmp_path, "etc/shadow", SHADOWED)
    put(tmp_path, "etc/sudoers", "root ALL\n")
    put(tmp_path, "etc/sudoers.d/a.key", "x")
    put(tmp_path, "etc/ssl/private/caf\udce9", "x")
    (tmp_path / "root/etc/ssl/private/link").symlink_to("/etc/shadow")
    reader = start()
    plain = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("root ALL\n", "x", SHADOWED)}
    assert reader.ask(DIGEST, "/etc/sudoers") == plain["root ALL\n"].encode()
    for path, content in [
        ("/etc/shadow", SHADOWED),
        ("/etc/sudoers.d/a.key", "x"),
        ("/etc/ssl/private/caf\udce9", "x"),
    ]:
        answer = reader.ask(DIGEST, path)
        facts = Facts()
        facts.files.files.add(path="x", sealed_digest=plain[content])
        sealed.seal(facts, KEY)
        assert answer is not None and answer.decode() == facts.files.files[0].sealed_digest
    content = reader.ask(FOLDER, "/etc/ssl/private")
    assert content is not None
    here = sorted(listing.unpack(content))
    assert [(entry[0], entry[8]) for entry in here] == [("caf\udce9", ""), ("link", "/etc/shadow")]
    found = (tmp_path / "root/etc/ssl/private/link").lstat()
    assert here[1] == listing.entry_of("link", found, "/etc/shadow")
    with pytest.raises(ValueError, match="cut"):
        list(listing.unpack(content[:-1]))


def test_only_regular_files_below_the_roots_have_digests(start: Start, tmp_path: Path) -> None:
    put(tmp_path, "etc/app/conf", "x")
    put(tmp_path, "etcetera/conf", "x")
    put(tmp_path, "root/.ssh/id_ed25519", "x")
    (tmp_path / "root/etc/link").symlink_to("app")
    os.mkfifo(tmp_path / "root/etc/pipe")
    with (tmp_path / "root/etc/huge").open("wb") as file:
        file.truncate(seals.MAX_DIGESTED + 1)
    reader = start()
    for path in ("/etcetera/conf", "/root/.ssh/id_ed25519", "/etc/../root/.ssh/id_ed25519", "/"):
        assert raw(reader, DIGEST, path) == raw(reader, FOLDER, path) == (REFUSED, b"")
    for operation, path in [(DIGEST, "/etc/link/conf"), (FOLDER, "/etc/link"), (DIGEST, "/etc/link")]:
        with pytest.raises(OSError, match="symbolic links"):
            reader.ask(operation, path)
    for operation, path in [(DIGEST, "/etc/pipe"), (DIGEST, "/etc/app"), (FOLDER, "/etc/app/conf")]:
        with pytest.raises(OSError, match="Invalid argument"):
            reader.ask(operation, path)
    with pytest.raises(OSError, match="File too large"):
        reader.ask(DIGEST, "/etc/huge")
    elsewhere = start("--files-root", "/etcetera", "--topic", "files")
    assert raw(elsewhere, DIGEST, "/etc/app/conf") == (REFUSED, b"")
    assert raw(elsewhere, DIGEST, "/etcetera/conf")[0] == DONE
    assert elsewhere.ask(DIGEST, "/etcetera/conf") is None  # this client's roots are others


def test_of_a_process_map_it_tells_only_what_is_gone(start: Start, tmp_path: Path) -> None:
    put(tmp_path, "proc/42/maps", "1-2 r-xp 0 08:01 1  /usr/bin/a (deleted)\n2-3 r--p 0 08:01 2  /home/u/private\n")
    reader = start()
    assert reader.ask(MAPPED, "/proc/42/maps") == b"/usr/bin/a\0"
    assert raw(reader, READ, "/proc/42/maps") == (REFUSED, b"")
    assert raw(reader, MAPPED, "/proc/42/mem") == (REFUSED, b"")


def test_a_lost_key_is_not_a_lost_password_file(start: Start, tmp_path: Path) -> None:
    put(tmp_path, "etc/shadow", SHADOWED)
    reader = start("--key", f"{tmp_path}/none/key")
    with pytest.raises(OSError, match="Input/output error"):
        reader.ask(SHADOW, "/etc/shadow")
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(OSError, match="Input/output error"):
        start().ask(SHADOW, "/etc/shadow")


def test_the_key_is_made_once_and_is_its_owners(start: Start, tmp_path: Path) -> None:
    put(tmp_path, "etc/shadow", SHADOWED)
    answers = [start("--key", f"{tmp_path}/made").ask(SHADOW, "/etc/shadow") for _ in range(2)]
    assert answers[0] == answers[1] is not None
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600 and (tmp_path / "made").stat().st_size == 32


def test_the_command_line_narrows_the_list(start: Start, tmp_path: Path) -> None:
    put(tmp_path, "etc/shadow", SHADOWED)
    put(tmp_path, "sys/devices/virtual/dmi/id/product_serial", "S1\n")
    reader = start("--topic", "dmi")
    assert reader.ask(SHADOW, "/etc/shadow") is None
    assert reader.ask(READ, "/sys/class/dmi/id/product_serial") == b"S1\n"
    assert not any(allows(SHADOW, "/etc/shadow", frozenset(TOPICS) - {topic}) for topic in ("users",))


@pytest.mark.parametrize(
    "garbage",
    [b"\x00\x01\x00x", b"\x09\x01\x00x", REQUEST.pack(READ, 0), b"\xff" * 64, REQUEST.pack(READ, 2) + b"\xff\xfe"],
)
def test_garbage_ends_the_connection(garbage: bytes, start: Start) -> None:
    reader = start()
    connection = reader._connection
    assert connection is not None
    connection.sendall(garbage)
    with contextlib.suppress(ConnectionResetError):  # where it had more to read
        assert connection.recv(1) == b""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--writable", "/"], "there is no option --writable"),
        (["--topic"], "each option has a value"),
        (["--topic", "dpkg"], "--topic dpkg: nothing to read for it; there are authorized_keys,"),
        (["--files-root", "etc"], "--files-root etc: not the plain, absolute path of a folder"),
        ([], "--user: not given"),
        (["--user", "nobody"], "no socket; it is started by systemd's socket unit"),
    ],
)
def test_wrong_use(arguments: list[str], message: str) -> None:
    command = [sys.executable, "-m", "driftline_agent.reader", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and message in done.stderr


_COST = """
import os, sys, time
from driftline_agent.reader import main, server
server.Server.run = lambda self, *_: None
main.main(["--pair", sys.argv[1], "--key", sys.argv[2]])
print(" ".join(sorted(name for name in sys.modules if name in sys.stdlib_module_names or "driftline" in name)))
"""


def test_it_imports_little_and_is_small(start: Start, tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = [sys.executable, "-I", "-c", _COST, str(theirs.fileno()), str(tmp_path / "key")]
        done = subprocess.run(command, pass_fds=[theirs.fileno()], capture_output=True, text=True, check=True)
    modules = set(done.stdout.split())
    ours_only = {name for name in modules if name.startswith("driftline")}
    assert {name.rpartition(".")[0] for name in ours_only} == {"", "driftline_agent", "driftline_agent.reader"}
    assert not any("client" in name for name in ours_only)
    heavy = {"argparse", "asyncio", "ctypes", "dataclasses", "inspect", "json", "logging", "pathlib", "re", "ssl"}
    heavy |= {"_hashlib", "subprocess", "threading", "tomllib", "typing", "urllib"}
    assert modules & heavy <= bare_modules(), "the reader became heavy"
    put(tmp_path, "etc/shadow", SHADOWED)
    reader = start()
    reader.ask(SHADOW, "/etc/shadow")
    resident = next(line for line in Path(f"/proc/{PIDS[reader]}/status").read_text().splitlines() if "VmRSS" in line)
    assert int(resident.split()[1]) < 16 * 1024


def bare_modules() -> set[str]:
    """Return what an interpreter has imported before any program: a .pth file may have brought some."""
    command = [sys.executable, "-I", "-c", "import sys, json; print(json.dumps(sorted(sys.modules)))"]
    return set(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))


@pytest.fixture
def activated() -> Iterator[Callable[..., Activator]]:
    """Starts readers the way systemd does."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    running: list[Activator] = []

    def run(*arguments: str) -> Activator:
        running.append(Activator(folder / "reader.sock", ["--key", str(folder / "key"), *arguments]))
        return running[-1]

    yield run
    for activator in running:
        activator.stop()
    shutil.rmtree(folder)


_ASK = """
import sys, time
from driftline_agent.reader.client import Reader
reader = Reader(sys.argv[1])
for pause in (0.0, float(sys.argv[2])):
    time.sleep(pause)
    print(reader.ask(4, "/etc/shadow") is not None)
"""


NEEDS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="needs root, to be read for")


@NEEDS_ROOT
def test_it_ends_when_idle_and_comes_back(activated: Callable[..., Activator]) -> None:
    activator = activated("--idle", "0.5")
    command = [*reachable(), *AS_NOBODY, sys.executable, "-c", _ASK, str(activator.path), "1.5"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "True\nTrue\n"
    assert [process.poll() for process in activator.started][:1] == [0] and len(activator.started) == 2


@NEEDS_ROOT
def test_another_user_gets_no_answer(activated: Callable[..., Activator]) -> None:
    """Root may open the socket, and is not the agent."""
    assert pwd.getpwuid(os.getuid()).pw_name != NOBODY.pw_name
    activator = activated("--idle", "5")
    reader = Reader(str(activator.path))
    assert reader.ask(SHADOW, "/etc/shadow") is None
    assert reader._paused_until > time.monotonic()


def test_without_a_reader_nothing_is_answered(tmp_path: Path) -> None:
    assert Reader(str(tmp_path / "none")).ask(SHADOW, "/etc/shadow") is None


PUBLIC = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
PRIVATE = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"


def test_of_a_closed_file_only_certificates_come_out(start: Start, tmp_path: Path) -> None:
    put(tmp_path, "etc/haproxy/both.pem", f"# note\n{PRIVATE}{PUBLIC}\ntail\n").chmod(0o600)
    put(tmp_path, "etc/letsencrypt/archive/a/privkey1.pem", PRIVATE)
    put(tmp_path, "etc/ssl/private/a.pem", PUBLIC)
    put(tmp_path, "srv/a.pem", PUBLIC)
    reader = start()
    assert reader.ask(CERTIFICATES, "/etc/haproxy/both.pem") == PUBLIC.encode()
    for refused in ("/etc/letsencrypt/archive/a/privkey1.pem", "/etc/ssl/private/a.pem", "/srv/a.pem"):
        assert reader.ask(CERTIFICATES, refused) is None
    link = tmp_path / "root/etc/haproxy/link.pem"
    link.symlink_to("../ssl/private/a.pem")
    with pytest.raises(OSError):  # a link on the way
        reader.ask(CERTIFICATES, "/etc/haproxy/link.pem")


def test_the_docs_name_what_it_reads_for() -> None:
    text = (Path(__file__).parents[2] / "docs/agent.md").read_text()
    named = text.partition("once for each topic that it shall read for:")[2].partition(".")[0]
    assert {name.strip("` \n") for name in named.split(",")} == set(TOPICS)


def test_answers_are_framed() -> None:
    assert (ANSWER.size, REQUEST.size) == (5, 3)
    assert len({DONE, FAILED, REFUSED}) == 3


def test_it_tells_texts_of_harmless_and_of_named_files_without_their_secrets(start: Start, tmp_path: Path) -> None:
    put(tmp_path, "etc/sudoers", "root ALL=(ALL:ALL) ALL\n").chmod(0o440)
    put(tmp_path, "etc/app/closed.conf", "password = hunter-2\nport = 1\n").chmod(0o600)
    put(tmp_path, "etc/app/binary", b"\xff\xfe").chmod(0o600)
    put(tmp_path, "etc/app/x.key", "k\n")
    put(tmp_path, "etc/other.conf", "a = 1\n").chmod(0o600)
    reader = start("--text", "/etc/app")
    assert (
        reader.ask(TEXT, "/etc/sudoers")
        == (hashlib.sha256(b"root ALL=(ALL:ALL) ALL\n").hexdigest() + "\n0\n\nroot ALL=(ALL:ALL) ALL\n").encode()
    )
    answer = (reader.ask(TEXT, "/etc/app/closed.conf") or b"").decode()
    digest, count, why, text = answer.split("\n", 3)
    assert digest.encode() == reader.ask(DIGEST, "/etc/app/closed.conf") and (count, why) == ("1", "")
    assert "hunter" not in text and text.startswith("password = [redacted:") and text.endswith("port = 1\n")
    assert (reader.ask(TEXT, "/etc/app/binary") or b"").endswith(b"\n0\nit is no text\n")
    for path in ("/etc/app/x.key", "/etc/other.conf", "/etc/shadow"):
        assert reader.ask(TEXT, path) is None, path
    with pytest.raises(FileNotFoundError):
        reader.ask(TEXT, "/etc/app/none")
