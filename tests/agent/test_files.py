"""Configuration files on a real file system: bounds, odd things, and what is not read again."""

import hashlib
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from driftline import sealed
from driftline.facts import flatten
from driftline.v1.collector_pb2 import ABSENT, READ, UNREADABLE
from driftline.v1.facts_pb2 import File
from driftline_agent import tree
from driftline_agent.config import parse
from driftline_agent.errors import ConfigError, UnreadableError
from driftline_agent.host import Host
from driftline_agent.inventory import Result, read_topic, settled
from driftline_agent.reader import confidential, seals
from driftline_agent.topic import all_topics
from driftline_agent.topics import files
from driftline_agent.watchlist import LEFT_OUT, Watchlist

KEY = bytes(range(32))


def read(host: Host) -> Result:
    return read_topic("files", all_topics()["files"], host, KEY)


def found(host: Host) -> dict[str, File]:
    result = read(host)
    assert result.outcome == READ and result.reading is not None, result.section.reason
    return {file.path: file for file in result.reading.facts.files.files}


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """A host's /etc, empty."""
    folder = tmp_path / "etc"
    folder.mkdir()
    return folder


def test_everything_is_told_and_nothing_special_is_opened(etc: Path, tmp_path: Path) -> None:
    (etc / "passwd").write_text(f"me:x:{os.getuid()}:1:::\n")
    (etc / "conf").write_text("a = 1\n")
    (etc / "conf").chmod(0o4640)
    (etc / "conf.d").mkdir(mode=0o750)
    (etc / "link").symlink_to("conf.d/../conf")
    (etc / "loop").symlink_to("loop")
    (etc / "up").symlink_to("..")
    os.mkfifo(etc / "pipe")  # an open would wait for ever
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(etc / "socket"))
        files = found(Host(str(tmp_path)))
    assert {path: file.type for path, file in files.items()} == {
        "/etc/conf": "file",
        "/etc/conf.d": "directory",
        "/etc/link": "link",
        "/etc/loop": "link",
        "/etc/passwd": "file",
        "/etc/pipe": "fifo",
        "/etc/socket": "socket",
        "/etc/up": "link",
    }
    conf = files["/etc/conf"]
    assert (conf.mode, conf.owner, conf.size, conf.digest) == ("4640", "me", 6, "")
    assert conf.modified_at == int((etc / "conf").stat().st_mtime)
    assert (files["/etc/link"].target, files["/etc/link"].mode) == ("conf.d/../conf", "")
    assert files["/etc/conf.d"].mode == "0750" and not files["/etc/conf.d"].HasField("modified_at")


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to make a device")
def test_a_device_is_named_and_not_opened(etc: Path, tmp_path: Path) -> None:
    os.mknod(etc / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    assert found(Host(str(tmp_path)))["/etc/null"].type == "character device"


def test_names_that_are_no_text(etc: Path, tmp_path: Path) -> None:
    Path(os.fsdecode(bytes(etc) + b"/caf\xe9")).write_text("x")
    (etc / "a]b\\c\nd").write_text("y")
    (etc / "link").symlink_to(os.fsdecode(b"caf\xe9"))
    files = found(Host(str(tmp_path)))
    assert list(files) == ["/etc/a]b\\c\nd", "/etc/caf\\xe9", "/etc/link"]
    assert files["/etc/caf\\xe9"].digest == hashlib.sha256(b"x").hexdigest()
    assert files["/etc/link"].target == "caf\\xe9"


def test_open_files_have_digests_and_closed_ones_seals(etc: Path, tmp_path: Path) -> None:
    plain = hashlib.sha256(b"a\n").hexdigest()
    for name, mode in [("open", 0o644), ("closed", 0o640), ("site.key", 0o644), ("sudoers", 0o440), ("shadow", 0o640)]:
        (etc / name).write_text("a\n")
        (etc / name).chmod(mode)
    (etc / "folder").mkdir(mode=0o700)
    (etc / "folder/open").write_text("a\n")
    files = found(Host(str(tmp_path)))
    assert {path for path, file in files.items() if file.digest} == {"/etc/open", "/etc/sudoers"}
    assert files["/etc/open"].digest == plain
    closed = {file.sealed_digest for file in files.values() if file.sealed_digest}
    assert len(closed) == 1 and sealed.is_sealed(next(iter(closed))) and plain not in next(iter(closed))
    assert sum(1 for file in files.values() if file.sealed_digest) == 4
    assert seals.sealer(KEY)(plain) in closed  # the reader's seal of it, with the same key


def test_each_exception_says_why() -> None:
    for pattern, reason in {**LEFT_OUT, **confidential.HARMLESS}.items():
        assert reason and pattern.startswith(("/etc/", "**/")), pattern
    assert all(not confidential.secret(pattern.replace("*", "x")) for pattern in confidential.HARMLESS)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/mtab",
        "/etc/resolv.conf",
        "/etc/resolv.conf.dhclient-new.1234",
        "/etc/ld.so.cache",
        "/etc/adjtime",
        "/etc/cups/subscriptions.conf.O",
        "/etc/ssl/certs/3513523f.0",
        "/etc/.git",
        "/etc/app/.git",
        "/etc/passwd-",
        "/etc/apache2/ports.conf.dpkg-old",
        "/etc/app/.conf.swp",
        "/etc/app/conf~",
        "/etc/lvm/archive",
        "/etc/machine-id",
    ],
)
def test_left_out(path: str) -> None:
    assert Watchlist().leaves_out(path)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/hosts",
        "/etc/.gitignore",
        "/etc/ld.so.conf",
        "/etc/ssl/certs/ISRG_Root_X1.pem",
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/app/passwd-",
        "/etc/cron.d/.placeholder",
        "/etc/apache2/ports.conf.dpkg-dist",
        "/etc/mtab.d",
        "/srv/etc/mtab",
    ],
)
def test_not_left_out(path: str) -> None:
    assert not Watchlist().leaves_out(path)


def test_what_is_left_out_is_not_entered(etc: Path, tmp_path: Path) -> None:
    (etc / ".git/objects").mkdir(parents=True)
    (etc / "app/cache").mkdir(parents=True)
    (etc / "app/cache/x").touch()
    host = Host(str(tmp_path), watchlist=Watchlist(exclude=("/etc/app/c*",)))
    assert list(found(host)) == ["/etc/app"]


def test_unchanged_files_are_not_read_again(etc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SETTLED_NS", 0)
    asked: list[str] = []

    class Counting(Host):
        def digest(self, path: str) -> str | None:
            asked.append(path)
            return super().digest(path)

    for name in "abc":
        (etc / name).write_text(name)
    host = Counting(str(tmp_path))
    before = found(host)
    assert asked == ["/etc/a", "/etc/b", "/etc/c"]
    assert found(host) == before and len(asked) == 3
    (etc / "b").write_text("B")  # of the same size
    os.utime(etc / "b", ns=(1, int((etc / "a").stat().st_mtime_ns)))
    (etc / "c").rename(etc / "d")
    after = found(host)
    assert asked[3:] == ["/etc/b", "/etc/d"]
    assert after["/etc/b"].digest == hashlib.sha256(b"B").hexdigest() != before["/etc/b"].digest
    assert len(host.kept["files"].digests) == 3  # nothing is kept of what is gone


def test_what_changed_just_now_is_read_again(etc: Path, tmp_path: Path) -> None:
    (etc / "a").write_text("a")
    host = Host(str(tmp_path))
    found(host)
    assert not host.kept["files"].digests


def test_a_file_that_changes_while_it_is_read_keeps_its_digest(
    etc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (etc / "log").write_bytes(bytes(1000))
    descriptor = os.open(etc / "log", os.O_RDONLY)
    honest = os.read

    def growing(number: int, count: int) -> bytes:
        data = honest(number, count)
        if data:
            with (etc / "log").open("ab") as file:
                file.write(b"more")
            (etc / "log").chmod(0o600)
        return data[:500] if len(data) == 1000 else b""

    monkeypatch.setattr(os, "read", growing)
    with pytest.raises(OSError, match="changed while it was read"):
        seals.digest(descriptor)
    monkeypatch.undo()
    os.close(descriptor)

    class Changing(Host):
        def digest(self, path: str) -> str | None:
            raise UnreadableError(f"{path}: changed while it was read")

    result = read(Changing(str(tmp_path)))
    assert result.outcome == READ and result.reading is not None
    assert list(result.section.unreadable) == [
        "files.files[\\/etc\\/log].digest",
        "files.files[\\/etc\\/log].sealed_digest",
    ]
    assert result.reading.facts.files.files[0].size > 1000


def test_while_writers_are_at_work_every_reading_is_whole(etc: Path, tmp_path: Path) -> None:
    stop = threading.Event()
    contents = [bytes([number]) * 200_000 for number in range(4)]

    def write() -> None:
        number = 0
        while not stop.is_set():
            (etc / "new").write_bytes(contents[number % 4])
            (etc / "new").rename(etc / "conf")
            number += 1

    (etc / "conf").write_bytes(contents[0])
    digests = {hashlib.sha256(content).hexdigest() for content in contents}
    host = Host(str(tmp_path))
    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(30):
            result = read(host)
            assert result.outcome == READ and result.reading is not None
            for file in result.reading.facts.files.files:
                assert file.path != "/etc/conf" or file.digest in digests or not file.digest
    finally:
        stop.set()
        writer.join()


def test_large_files_have_no_digest_and_say_so(etc: Path, tmp_path: Path) -> None:
    with (etc / "huge").open("wb") as file:
        file.truncate(seals.MAX_DIGESTED + 1)
    result = read(Host(str(tmp_path)))
    assert result.reading is not None and result.reading.facts.files.files[0].size == seals.MAX_DIGESTED + 1
    assert result.section.reason.startswith("/etc/huge: larger than")


def test_many_unreadable_files_are_few_patterns(etc: Path, tmp_path: Path) -> None:
    for number in range(200):
        with (etc / f"huge{number}").open("wb") as file:
            file.truncate(seals.MAX_DIGESTED + 1)
    assert list(read(Host(str(tmp_path))).section.unreadable) == [
        "files.files[*].digest",
        "files.files[*].sealed_digest",
    ]


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """A folder in memory where there is one: a disk takes a minute for as many files."""
    where = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # a private folder there
    with tempfile.TemporaryDirectory(dir=where) as name:
        yield Path(name)


def test_a_hundred_thousand_files_are_bounded(in_memory: Path) -> None:
    etc = in_memory / "etc"
    etc.mkdir()
    (etc / "hosts").write_text("x")
    for number in range(50):
        folder = etc / f"many{number:02}"
        folder.mkdir()
        for name in range(2_000):
            os.mknod(folder / f"{name:04}")
    result = read(Host(str(in_memory)))
    assert result.outcome == READ and result.reading is not None
    assert len(result.reading.facts.files.files) == tree.MAX_FILES
    assert list(result.section.unreadable) == ["files.files"]  # what is not told is not gone
    assert "set files_roots and files_exclude to tell of fewer" in result.section.reason


def test_a_folder_full_of_data_is_told_and_not_entered(etc: Path, tmp_path: Path) -> None:
    (etc / "data").mkdir()
    for name in range(tree.MAX_IN_FOLDER + 1):
        os.mknod(etc / f"data/{name}")
    (etc / "hosts").write_text("x")
    result = read(Host(str(tmp_path)))
    assert result.reading is not None
    assert [file.path for file in result.reading.facts.files.files] == ["/etc/data", "/etc/hosts"]
    assert list(result.section.unreadable) == ["files.files[\\/etc\\/data\\/*]"]


def test_deep_and_long_paths(etc: Path, tmp_path: Path) -> None:
    (etc / "/".join("d" * 60)).mkdir(parents=True)
    long = etc
    for letter in "abcd":
        long = long / (letter * 250)
        long.mkdir()
    (long / ("]" * 200)).write_text("x")
    result = read(Host(str(tmp_path)))
    assert result.outcome == READ and result.reading is not None
    assert max(len(path) for path in flatten(result.reading.facts)) <= 1024
    assert max(file.path.count("/") for file in result.reading.facts.files.files) == tree.MAX_DEPTH + 2


def test_readable_roots_narrow_and_lose_nothing(etc: Path, tmp_path: Path) -> None:
    (etc / "ssh").mkdir()
    (etc / "ssh/sshd_config").write_text("x")
    (etc / "hosts").write_text("x")
    host = Host(str(tmp_path), readable=["/etc/ssh", "/etc/passwd", "/etc/group", "/var"])
    result = read(host)
    assert result.reading is not None and result.section.unreadable[0] == "files.files"
    assert [file.path for file in result.reading.facts.files.files] == ["/etc/ssh/sshd_config"]
    assert read(Host(str(tmp_path), readable=["/var"])).outcome == UNREADABLE


def test_other_roots(etc: Path, tmp_path: Path) -> None:
    (tmp_path / "opt/app").mkdir(parents=True)
    (tmp_path / "opt/app/conf").write_text("x")
    (etc / "hosts").write_text("x")
    host = Host(str(tmp_path), watchlist=Watchlist(roots=("/opt/app", "/etc", "/opt")))
    assert list(found(host)) == ["/etc/hosts", "/opt/app", "/opt/app/conf"]
    assert {"/opt/app", "/etc"} <= set(settled({"files": all_topics()["files"]}, host)["files"].watches)
    assert read(Host(str(tmp_path), watchlist=Watchlist(roots=("/srv",)))).outcome == ABSENT


def test_settings() -> None:
    config = parse('files_roots = ["/etc", "/opt/app"]\nfiles_exclude = ["**/*.tmp", "/etc/x"]', "agent.toml")
    assert config.watchlist.roots == ("/etc", "/opt/app") and config.watchlist.leaves_out("/etc/app/a.tmp")
    for text in ('files_roots = ["etc"]', 'files_roots = ["/etc/../x"]', 'files_exclude = [""]'):
        with pytest.raises(ConfigError, match="is not a plain, absolute path"):
            parse(text, "agent.toml")


_AS_NOBODY = """
import json, os, sys
from driftline_agent.host import Host
from driftline_agent.inventory import read_topic
from driftline_agent.topic import all_topics
read_topic("files", all_topics()["files"], Host(sys.argv[1]), bytes(32))
os.setgroups([]); os.setgid(65534); os.setuid(65534)
result = read_topic("files", all_topics()["files"], Host(sys.argv[1]), bytes(32))
print(json.dumps([[f.path for f in result.reading.facts.files.files], sorted(result.section.unreadable)]))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become someone without rights")
def test_what_only_root_may_read_is_unreadable_and_never_gone(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        (root / "etc/private").mkdir(parents=True)
        (root / "etc/private/a").write_text("x")
        (root / "etc/private").chmod(0o700)
        (root / "etc/shadow").write_text("x")
        (root / "etc/shadow").chmod(0o600)
        (root / "etc/open").write_text("x")
        done = subprocess.run([sys.executable, "-c", _AS_NOBODY, name], capture_output=True, text=True, check=True)
    paths, unreadable = json.loads(done.stdout)
    assert paths == ["/etc/open", "/etc/private", "/etc/shadow"]
    assert unreadable == [
        "files.files[\\/etc\\/private\\/*]",
        "files.files[\\/etc\\/shadow].digest",
        "files.files[\\/etc\\/shadow].sealed_digest",
    ]
