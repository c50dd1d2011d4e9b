"""Hostile content, over every topic: it ends within its time, and says in plain words what it could not read.

A topic's tree is made of what it reads here and on its cases, and spoilt: each way of :mod:`tests.support.hostile`
on all its files at a time, and on each one alone, and what never answers is a real FUSE filesystem.
"""

import os
import random
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support import hostile
from tests.support.hanging import hanging, missing
from tests.support.site import until

from driftline.v1.collector_pb2 import ABSENT, READ, UNREADABLE
from driftline_agent import limits
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.inventory import Result, settled, take
from driftline_agent.timebox import MAX_LEFT, TimeBox
from driftline_agent.topic import Topic, all_topics
from driftline_cmdb import sections
from driftline_collector.service import checks

TOPICS = all_topics()
KEY = bytes(range(32))
EACH = pytest.mark.parametrize("name", TOPICS)
_ROOT = os.geteuid() == 0
_NOBODY = 65534
#: Single files that are spoilt, a topic and a way; drawn by lot, always the same.
_ALONE = 3
_NO_FUSE = missing()
HANGING = pytest.mark.skipif(bool(_NO_FUSE), reason=f"a filesystem that hangs needs FUSE and root: {_NO_FUSE}")


@contextmanager
def as_nobody() -> Iterator[None]:
    """Be a user whom permissions hold."""
    if _ROOT:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        if _ROOT:
            os.seteuid(0)


def read(name: str, root: Path) -> Result:
    (result,) = take(Host(str(root)), KEY, {name: TOPICS[name]})
    return result


def check(result: Result, how: str) -> None:
    """Hold a result against the contract, and its section against what the collector takes."""
    reason = result.section.reason
    assert result.outcome in (READ, ABSENT, UNREADABLE), how
    assert not re.match(r"\w+(?:Error|Exception|Warning)\b", reason), f"{how}: {reason}"
    assert not reason.startswith("no answer within"), how
    assert bool(reason) or result.outcome != UNREADABLE, how
    checks.check_sections([result.section])
    sections.prepare_section(result.section)


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By topic, a tree of what it reads; made when first asked for."""
    return dict.fromkeys(TOPICS, tmp_path_factory.mktemp("hostile"))


def tree_of(name: str, trees: dict[str, Path], scratch: Path) -> tuple[Path, list[Path]]:
    """Return a fresh copy of a topic's tree, and what stands in it, outermost last."""
    original = trees[name] / name
    if not original.is_dir():
        original.mkdir()
        hostile.build(name, original)
    root = scratch / "root"
    if root.exists():
        subprocess.run(["rm", "-rf", str(root)], check=True)
    shutil.copytree(original, root, symlinks=True)
    root.chmod(0o755)
    return root, sorted(root.rglob("*"), key=lambda path: (-len(path.parts), path))


def reachable(path: Path) -> None:
    """Let every user enter the folders above."""
    for above in path.parents:
        if above.stat().st_uid == os.geteuid() and str(above) != "/":
            above.chmod(above.stat().st_mode | 0o011)


@EACH
@pytest.mark.parametrize("how", [how for how in hostile.SPOILERS if how != "folder with many names"])
def test_every_file_spoilt(name: str, how: str, trees: dict[str, Path], tmp_path: Path) -> None:
    root, found = tree_of(name, trees, tmp_path)
    files = [path for path in found if path.is_symlink() or not path.is_dir()]
    assert hostile.spoil(files, how) or not files
    reachable(root)
    with as_nobody() if how == "closed" else nullcontext():
        check(read(name, root), how)


@EACH
def test_one_spoilt_among_whole_ones(name: str, trees: dict[str, Path], tmp_path: Path) -> None:
    chance = random.Random(name)
    root, found = tree_of(name, trees, tmp_path)
    reachable(root)
    for how in hostile.SPOILERS:
        for path in chance.sample(found, min(_ALONE, len(found))):
            with hostile.spoilt(path, how, tmp_path / "aside"), as_nobody() if how == "closed" else nullcontext():
                check(read(name, root), f"{how}: {path.relative_to(root)}")


@pytest.mark.parametrize("how", ["fifo", "socket", "endless device", "folder"])
def test_what_is_no_file_is_never_opened_and_never_absent(how: str, tmp_path: Path) -> None:
    path = tmp_path / "etc/x"
    path.parent.mkdir()
    hostile.SPOILERS[how](path)
    host = Host(str(tmp_path))
    for reading in (host.read, host.line, host.number, lambda name: list(host.pieces(name))):
        with pytest.raises(UnreadableError, match=r"^/etc/x: (not a regular file|is a directory)$"):
            reading("/etc/x")
    (tmp_path / "etc/null").symlink_to("/dev/null")
    assert host.read("/etc/null") == ""  # a masked unit


def test_a_writer_that_waits_at_a_fifo_is_not_let_in(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with pytest.raises(UnreadableError):
        Host(str(tmp_path)).read("/fifo")
    with pytest.raises(OSError, match="No such device or address"):
        os.open(path, os.O_WRONLY | os.O_NONBLOCK)  # nobody reads


def test_huge_files_are_not_read(tmp_path: Path) -> None:
    hostile.SPOILERS["100 MB"](tmp_path / "x")
    with pytest.raises(UnreadableError, match=r"^/x: larger than 16777216 bytes$"):
        Host(str(tmp_path)).read("/x")


def test_names_that_are_no_text_are_left_out_and_the_rest_is_there(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")).touch()
    (tmp_path / "ä").touch()
    host = Host(str(tmp_path))
    assert host.names("/") == ["ä"]
    assert [entry.name for entry in host.entries("/")] == ["ä"]
    (tmp_path / "link").symlink_to(os.fsdecode(b"to/\xff"))
    assert host.link("/link") == "to/\ufffd"
    with pytest.raises(UnreadableError, match="zero byte"):
        host.read("/a\0b")


def test_limits_are_the_records() -> None:
    for limit in ("MAX_ELEMENTS", "MAX_PATH", "MAX_ELEMENT_CONTENT", "MAX_UNREADABLE"):
        assert getattr(limits, limit) == getattr(sections, limit)


def test_an_element_that_cannot_be_sent_costs_only_itself(tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    etc.mkdir()
    lines = ["good:x:1:", f"{'n' * 2000}:x:2:", "good:x:3:", ":x:4:"]
    (etc / "group").write_text("".join(f"{line}\n" for line in lines))
    result = read("groups", tmp_path)
    check(result, "long name")
    assert result.reading is not None
    assert [group.name for group in result.reading.facts.accounts.groups] == ["good"]
    assert list(result.section.unreadable) == ["accounts.groups[*]"]


# what never answers


def boxed(seconds: float) -> dict[str, Topic]:
    return {name: replace(topic, timebox=seconds) for name, topic in TOPICS.items()}


@HANGING
def test_a_filesystem_that_hangs_costs_its_topics_their_time_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "proc/sys/kernel").mkdir(parents=True)
    (tmp_path / "proc/sys/kernel/osrelease").write_text("6.1.0\n")
    host = Host(str(tmp_path))
    topics = {name: topic for name, topic in boxed(0.3).items() if name in ("exports", "kernel", "users", "fstab")}
    with hanging(tmp_path / "etc"):
        first = {result.name: result for result in take(host, KEY, topics)}
        hung = set(host.left)
        assert first["kernel"].outcome == READ and "kernel" not in hung
        assert hung == {"exports", "users", "fstab"}
        for name in hung:
            assert first[name].outcome == UNREADABLE
            assert first[name].section.reason == "no answer within 0.3 s"
        hanging_still = list(host.left.values())
        again = {result.name: result for result in take(host, KEY, topics)}
        assert {name: result.section.reason for name, result in again.items()} == {
            name: result.section.reason for name, result in first.items()
        }
        assert set(host.left) == hung, "what hangs is not begun again"
        assert list(host.left.values()) == hanging_still, "and nobody else is left behind"
    until("nobody hangs any more", lambda: not any(thread.is_alive() for thread in host.left.values()))
    (tmp_path / "etc/exports").write_text("/srv *(ro)\n")
    after = {result.name: result for result in take(host, KEY, topics)}
    assert after["exports"].outcome == READ and not host.left


@HANGING
def test_threads_left_behind_are_bounded(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    host = Host(str(tmp_path))
    with hanging(tmp_path / "etc"), TimeBox(host) as box:
        for number in range(MAX_LEFT):
            with pytest.raises(UnreadableError, match="no answer within"):
                box.run(f"t{number:02}", 0.02, lambda view: view.read("/etc/x"))
        with pytest.raises(UnreadableError, match=f"not read: {MAX_LEFT} others hang, among them t00"):
            box.run("one more", 0.02, lambda view: view.read("/etc/x"))
    assert len(host.left) == MAX_LEFT


def test_one_left_behind_shares_nothing_and_stops_at_its_next_step(tmp_path: Path) -> None:
    host, go, done = Host(str(tmp_path)), threading.Event(), threading.Event()
    host.kept["t"] = ["before"]
    seen: list[str] = []

    def slow(view: Host) -> None:
        go.wait(30)
        view.kept["t"].append("late")
        try:
            view.read("/x")
        except UnreadableError as error:
            seen.append(str(error))
        done.set()

    with TimeBox(host) as box:
        with pytest.raises(UnreadableError, match=r"no answer within 0\.05 s"):
            box.run("t", 0.05, slow)
        assert host.kept == {}
        assert box.run("other", 10, lambda view: view.read("/x")) is None
        go.set()
        assert done.wait(30)
    assert host.kept == {} and seen == ["/x: nobody waits for it any more"]


def test_errors_pass_through_and_one_thread_does_all(tmp_path: Path) -> None:
    with TimeBox(Host(str(tmp_path))) as box:
        with pytest.raises(ZeroDivisionError):
            box.run("a", 10, lambda _: 1 // 0)
        threads = {box.run("a", 10, lambda _: threading.get_ident()) for _ in range(5)}
    assert len(threads) == 1 and threads != {threading.get_ident()}


def test_watches_of_a_topic_that_hangs_are_none(tmp_path: Path) -> None:
    go = threading.Event()

    def slow(_: Host) -> tuple[str, ...]:
        go.wait(30)
        return ("/x",)

    topic = replace(TOPICS["kernel"], watches=(), watches_of=slow, timebox=0.05)
    assert settled({"kernel": topic}, Host(str(tmp_path)))["kernel"].watches == ()
    go.set()


_END = """
import sys
from dataclasses import replace
from driftline_agent.host import Host
from driftline_agent.inventory import take
from driftline_agent.topic import all_topics
topics = {name: replace(topic, timebox=0.2) for name, topic in all_topics().items() if name in ("users", "kernel")}
for result in take(Host(sys.argv[1]), bytes(32), topics):
    print(result.name, result.section.reason, flush=True)
"""


@HANGING
def test_a_process_ends_although_a_thread_hangs(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    with hanging(tmp_path / "etc"):
        run = subprocess.run([sys.executable, "-c", _END, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert "users no answer within 0.2 s" in run.stdout


_LIVE = """
import os, sys
from pathlib import Path
from tests.support.hanging import hanging
from driftline_agent.host import Host
from driftline_agent.inventory import take, select
from driftline_agent.topics import filesystems
os.unshare(os.CLONE_NEWNS) if hasattr(os, "unshare") else None
folder, data = Path("/etc/driftline-hanging-test"), Path(sys.argv[1])
folder.mkdir()
try:
    with hanging(folder), hanging(data, "fuse.sshfs"):
        filesystems.read_mountinfo = lambda host: host.read("/proc/self/mountinfo")
        for result in take(Host(), bytes(32), select(["files", "filesystems"])):
            print(result.name, result.outcome, *result.section.unreadable, result.section.reason, sep="|")
            for found in result.reading.facts.storage.filesystems:
                print("mounted", found.mount_point, found.size, sep="|")
finally:
    folder.rmdir()
"""


@HANGING
def test_what_hangs_below_etc_is_not_even_looked_at(tmp_path: Path) -> None:
    command = ["unshare", "-m", sys.executable, "-c", _LIVE, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[2])
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    (files,) = [line for line in lines if line.startswith("files|")]
    assert files.startswith(f"files|{READ}|")
    assert r"files.files[\/etc\/driftline-hanging-test]" in files
    assert "/etc/driftline-hanging-test: a network or FUSE filesystem; it might never answer" in files
    assert f"mounted|{tmp_path}|0" in lines
