"""Root's rights and the network in two processes: the facts are root's, the process that reports has no right."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.agent.fake_collector import FakeCollector
from tests.agent.unprivileged import AS_NOBODY, CONFINED_FIREWALL, NOBODY, Activator, reachable

from driftline_agent import privileges
from driftline_agent.config import Config, reader_key
from driftline_agent.errors import ConfigError
from driftline_agent.topic import all_topics

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root, to give its rights up")

#: Prints what an agent reads, what it could not, and what it is. ``as-root`` reads with the reader's own key.
_FACTS = """
import json, os, sys
from pathlib import Path
from driftline_agent import inventory
from driftline_agent.config import Config, reader_key
from driftline_agent.host import Host
from driftline_agent.reader.client import Reader
from driftline.facts import flatten
how, state = sys.argv[1], Path(sys.argv[2])
reader, firewall, key = None, None, bytes(31) + b"\\1"
if how == "as-root":
    key = Path(sys.argv[3]).read_bytes()
elif how == "split":
    from driftline_agent import privileges
    reader, firewall = privileges.split(Config(user="nobody", state=state), "nobody")
else:
    from driftline_agent.firewall.client import Firewall
    reader, firewall = Reader(sys.argv[3]), Firewall(sys.argv[3].replace("reader", "firewall"))
results = list(inventory.take(Host(reader=reader, firewall=firewall), key))
def refused(work):
    try:
        work()
    except PermissionError:
        return True
    return False
def status(process):
    try:
        return Path(f"/proc/{process}/status").read_text() if process.isdigit() else ""
    except OSError:
        return ""
print(json.dumps({
    "facts": {r.name: {p: str(v) for p, v in flatten(r.reading.facts).items()} for r in results if r.reading},
    "unreadable": [path for r in results for path in r.section.unreadable],
    "status": dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines()),
    "no shadow": refused(lambda: open("/etc/shadow")),
    "no way back": refused(lambda: os.setuid(0)),
    "children": [text for text in map(status, os.listdir("/proc")) if f"PPid:\\t{os.getpid()}\\n" in text],
}))
"""


def facts(how: str, state: Path, third: object = "", prefix: tuple[str, ...] = ()) -> dict[str, dict[str, str]]:
    """Return what an agent says of this host."""
    command = [*prefix, sys.executable, "-c", _FACTS, how, str(state), str(third)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
    return found


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder to be, where every user may go; the reader's beside it."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder / "state"
    shutil.rmtree(folder)


@pytest.fixture
def activated(state: Path) -> Iterator[Path]:
    """The socket of a reader as systemd runs it: confined, started when it is needed."""
    reader_key(state).parent.mkdir(mode=0o700)
    activator = Activator(state.with_name("reader.sock"), ["--key", str(reader_key(state)), "--idle", "5"])
    firewall = Activator(
        state.with_name("firewall.sock"), ["--idle", "5"], CONFINED_FIREWALL, "driftline_agent.firewall"
    )
    yield activator.path
    activator.stop()
    firewall.stop()


@pytest.fixture
def port() -> Iterator[int]:
    """Where this process, which is root's, listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def compare(
    run: Callable[[], dict[str, dict[str, str]]], state: Path, prefix: tuple[str, ...] = ()
) -> dict[str, dict[str, str]]:
    """Compare what `run` reads with what root reads, section by section; a host that changed meanwhile is read again.

    Returns what `run` read.

    :param prefix: puts root where the reader is: paths of executables depend on the mount namespace of who asks.
    """
    differing: list[str] = []
    for _ in range(8):
        other = run()
        before, after = (facts("as-root", state, reader_key(state), prefix)["facts"] for _ in range(2))
        if before == after and other["facts"].keys() == before.keys():
            differing = [
                name
                for name in before
                if name != "agent"  # it says whether there is a reader
                and without(other["facts"][name], other["unreadable"]) != without(before[name], other["unreadable"])  # type: ignore[arg-type]  # of JSON
            ]
            if not differing:
                return other
    raise AssertionError(f"never the same: {differing}")


def without(section: dict[str, str], unreadable: list[str]) -> dict[str, str]:
    """Return a section's attributes but those that cannot be read, and what only shows that their element is there."""
    stems = [path.removesuffix(".value") for path in unreadable]
    return {path: value for path, value in section.items() if not any(path.startswith(stem) for stem in stems)}


def hides_a_process() -> bool:
    """Tell whether this machine has a process that not even root may look into."""
    for path in Path("/proc").glob("[0-9]*/maps"):
        try:
            path.read_bytes()
        except PermissionError:
            return True
        except OSError:
            continue
    return False


def check(found: dict[str, dict[str, str]], port: int) -> None:
    """An agent without any right, which all the same has read all that the kernel gives a reader.

    :param port: where a process of root's listens.
    """
    status = found["status"]
    assert status["Uid"].split() == [str(NOBODY.pw_uid)] * 4 and status["Gid"].split() == [str(NOBODY.pw_gid)] * 4
    assert status["Groups"].split() == []
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[name], 16) == 0, name
    assert found["no shadow"] and found["no way back"]
    # The kernel gives these to CAP_SYS_ADMIN only, in the host's network namespace only.
    left = [path for path in found["unreadable"] if not path.startswith("os.sysctls[net.core.bpf_jit_")]
    # Known from the second inventory on.
    late = {"os.updates", "software.packages[dpkg/*].origin", "software.packages[dpkg/*].repository"}
    left = [path for path in left if path not in late]
    assert left == [] or ({*left} <= {"os.restart.outdated", "services.processes"} and hides_a_process())
    files = found["facts"]["files"]
    assert files["files.files[\\/etc\\/shadow].sealed_digest"].startswith("sealed:")  # type: ignore[index]  # of JSON
    assert not any("sealed" in value for path, value in files.items() if path.endswith(".digest"))
    users = found["facts"]["users"]
    assert users["accounts.users[root].password_status"] in ("none", "locked", "set")  # type: ignore[index]  # of JSON
    assert f"network.listening[tcp/127.0.0.1/{port}].executable" in found["facts"]["sockets"]


def test_with_the_reader_of_systemd_the_facts_are_those_of_root(activated: Path, state: Path, port: int) -> None:
    check(compare(lambda: facts("socket", state, activated, (*reachable(), *AS_NOBODY)), state), port)


def test_started_as_root_it_splits_and_the_facts_are_those_of_root(state: Path, port: int) -> None:
    prefix = tuple(reachable())
    found = compare(lambda: facts("split", state, prefix=prefix), state, prefix)
    check(found, port)
    assert found["status"]["NoNewPrivs"].strip() == "1" and int(found["status"]["CapBnd"], 16) == 0
    rights: set[int] = set()
    for child in found["children"]:
        lines = dict(line.split(":", 1) for line in child.splitlines())
        assert lines["Uid"].split()[0] == "0" and lines["NoNewPrivs"].strip() == "1"
        assert lines["CapEff"] == lines["CapBnd"]
        rights.add(int(lines["CapEff"], 16))
    # The reader: any file, any process; the other: the packet filter.
    assert rights == {1 << 2 | 1 << 19, 1 << 12} and len(found["children"]) == 2
    assert state.stat().st_uid == NOBODY.pw_uid and reader_key(state).stat().st_uid == 0
    assert reader_key(state).parent.stat().st_mode & 0o077 == 0


def test_without_a_reader_it_is_said_what_is_missing(state: Path) -> None:
    found = facts("socket", state, state.with_name("none.sock"), (*reachable(), *AS_NOBODY))
    assert {"accounts.users[*].password", "accounts.users[*].password_status"} <= set(found["unreadable"])


def test_a_whole_run_as_another_user(collector: FakeCollector, state: Path) -> None:
    """From root's join token to reports, by a process that is not root."""
    token = state.with_name("token")
    token.touch(0o600)
    token.write_text(collector.token)
    config = state.with_name("agent.toml")
    config.write_text(
        f'collector = "{collector.enrol_address}"\nstate = "{state}"\nuser = "nobody"\ntoken_file = "{token}"\n'
    )
    command = [*reachable(), sys.executable, "-m", "driftline_agent.main", "run", "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd="/") as process:
        try:
            collector.wait_for(lambda: len(collector.applied) == len(all_topics()))
            shown = Path(f"/proc/{process.pid}/status").read_text()
            assert f"Uid:\t{NOBODY.pw_uid}\t{NOBODY.pw_uid}\t{NOBODY.pw_uid}\t{NOBODY.pw_uid}\n" in shown
            assert "CapEff:\t0000000000000000\n" in shown and "CapPrm:\t0000000000000000\n" in shown
            process.send_signal(signal.SIGTERM)
            _, log = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 0, log
    assert "INFO reporting" in log and "ERROR" not in log and "running as root" not in log
    assert {path.stat().st_uid for path in state.rglob("*")} == {NOBODY.pw_uid}


def test_as_root_without_a_user_it_says_so(collector: FakeCollector, state: Path) -> None:
    command = [sys.executable, "-m", "driftline_agent.main", "enroll", "--collector", collector.enrol_address]
    environment = {**os.environ, "DRIFTLINE_JOIN_TOKEN": collector.token}
    done = subprocess.run([*command, "--state", str(state)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "INFO running as root" in done.stderr


@pytest.mark.parametrize(
    ("name", "message"), [("no-such-user", 'user: "no-such-user" does not exist'), ("root", 'user: "root" is root')]
)
def test_users_to_become(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        privileges.split(Config(user=name), name)


def test_the_readers_key_is_in_a_folder_of_roots(state: Path) -> None:
    reader_key(state).parent.mkdir()
    os.chown(reader_key(state).parent, NOBODY.pw_uid, NOBODY.pw_gid)
    with pytest.raises(ConfigError, match="is no folder of root's"):
        privileges.split(Config(user="nobody", state=state), "nobody")


def test_a_state_folder_is_given_once_and_with_care(state: Path) -> None:
    (state / "spool").mkdir(parents=True)
    (state / "spool" / "1").touch()
    theirs = state / "theirs"
    theirs.mkdir()
    secret = state.with_name("secret")
    secret.touch()
    (state / "link").symlink_to(secret)
    os.link(secret, theirs / "hard")
    os.chown(theirs, NOBODY.pw_uid, NOBODY.pw_gid)
    privileges.give(state, NOBODY.pw_uid, NOBODY.pw_gid)
    given = {path.name: path.lstat().st_uid for path in [state, *state.rglob("*")]}
    assert given.pop("hard") == 0 and set(given.values()) == {NOBODY.pw_uid}
    assert secret.stat().st_uid == 0
    (state / "later").touch()
    privileges.give(state, NOBODY.pw_uid, NOBODY.pw_gid)
    assert (state / "later").stat().st_uid == 0  # what belongs to the user is theirs to mend
    with pytest.raises(PermissionError, match=f"belongs to user {NOBODY.pw_uid}"):
        privileges.give(state, 12345, 12345)
