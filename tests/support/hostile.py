"""Hostile content: what topics read is recorded, copied, and spoilt in every way that a file can be."""

import gzip
import os
import random
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from driftline_agent.host import Host
from driftline_agent.inventory import read_topic
from driftline_agent.topic import all_topics

CASES = Path(__file__).parents[1] / "agent" / "cases"
#: Bytes of a file, and files, that a topic's copy takes of this host.
_MAX_BYTES, _MAX_FILES, _MAX_NAMES = 1 << 16, 40, 8
_HUGE = 100 << 20


class Recording(Host):
    """A host that writes down what was asked for."""

    def __init__(self, root: str = "/") -> None:
        super().__init__(root)
        self.asked: dict[str, None] = {}

    def real(self, path: str) -> str:
        self.asked[path] = None
        return super().real(path)


def _copy(source: Path, target: Path) -> None:
    with suppress(OSError, shutil.Error):
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = source.lstat().st_mode
        if os.path.lexists(target):
            return
        if stat.S_ISLNK(mode):
            pointed = source.readlink()
            if pointed.is_absolute() or ".." in pointed.parts[:1]:
                mode = source.stat().st_mode  # the copy has no tree for it to lead into
            else:
                target.symlink_to(pointed)
                return
        if stat.S_ISREG(mode):
            descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK)
            try:
                target.write_bytes(os.read(descriptor, _MAX_BYTES))
            finally:
                os.close(descriptor)
        elif stat.S_ISDIR(mode):
            target.mkdir(exist_ok=True)
            for name in sorted(path.name for path in source.iterdir())[:_MAX_NAMES]:
                if (source / name).is_dir():
                    (target / name).mkdir(exist_ok=True)
                elif not str(source).startswith("/dev"):
                    _copy(source / name, target / name)


def build(topic: str, root: Path) -> list[Path]:
    """Make a tree with what a topic reads on this host and on its cases; return its files and folders, sorted."""
    roots = [("/", Recording())]
    for case in sorted((CASES / topic).glob("*/root")):
        roots.append((str(case), Recording(str(case))))
    for source, host in roots:
        read_topic(topic, all_topics()[topic], host, bytes(32))
        asked = sorted(path for path in host.asked if path.startswith("/") and path != "/")
        # The paths that a topic always asks for come before those that follow from what a folder has.
        asked = sorted(asked, key=lambda path: (path.count("/"), path))[:_MAX_FILES] if source == "/" else asked
        for path in asked:
            _copy(Path(source + path), root / path[1:])
            packed = Path(f"{source}{path}.gz")
            if packed.is_file():
                (root / path[1:]).write_bytes(gzip.decompress(packed.read_bytes()))
    # Nothing was there: put the paths that it looked for, so that they can be spoilt too.
    for path in list(roots[0][1].asked)[:_MAX_FILES]:
        target = root / path.lstrip("/")
        with suppress(OSError):
            if not os.path.lexists(target) and path != "/":
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(b"")
    return sorted(path for path in root.rglob("*") if path != root)


def _random(path: Path) -> random.Random:
    return random.Random(path.name)


def _replace(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()


def _content(path: Path) -> bytes:
    with suppress(OSError):
        if stat.S_ISREG(path.lstat().st_mode):
            return path.read_bytes()
    return b""


def _writer(make: Callable[[Path, bytes], bytes]) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        before = _content(path)
        _replace(path)
        path.write_bytes(make(path, before))

    return spoil


def _shuffled(path: Path, before: bytes) -> bytes:
    pieces = before.split(b"\n")
    chance = _random(path)
    chance.shuffle(pieces)
    out = bytearray(b"\n".join(pieces))
    for _ in range(min(len(out), 200)):
        out[chance.randrange(len(out))] = chance.randrange(256)
    return bytes(out)


def _fields(path: Path, before: bytes) -> bytes:
    """Put odd words in the place of some of its words: numbers out of every bound, empty ones, long ones."""
    chance = _random(path)
    odd = [
        b"-1",
        b"9" * 30,
        b"9" * 5000,
        b"0x" + b"f" * 64,
        b"",
        b"\xff\xfe",
        b"a" * 3000,
        b"1e999",
        b"\0",
        b"%s",
        b"../../x",
    ]
    words = before.replace(b"\n", b" \n ").split(b" ")
    return b" ".join(chance.choice(odd) if chance.random() < 0.3 and word != b"\n" else word for word in words)


def _huge(path: Path) -> None:
    _replace(path)
    with path.open("wb") as file:
        file.truncate(_HUGE)


def _fifo(path: Path) -> None:
    _replace(path)
    os.mkfifo(path)


def _loop(path: Path) -> None:
    _replace(path)
    path.symlink_to(path.name)


def _dangling(path: Path) -> None:
    _replace(path)
    path.symlink_to("nowhere/at/all")


def _folder(path: Path) -> None:
    _replace(path)
    path.mkdir()


def _bad_names(path: Path) -> None:
    """A folder with names that are no UTF-8, very long, or look like something else."""
    _folder(path)
    for name in (b"\xff\xfe.conf", b"n" * 255, b"new\nline.service", b"-rf", b"12", b"a]/b"[:2], b"%2e%2e", b"sda\\"):
        Path(os.fsdecode(os.fsencode(path) + b"/" + name)).write_bytes(b"x\n")
    (path / "loop").symlink_to("loop")
    os.mkfifo(path / "fifo.service")
    (path / "folder.conf").mkdir()


def _many_names(path: Path) -> None:
    _folder(path)
    for number in range(500):
        (path / f"{number}.conf").touch()


def _socket(path: Path) -> None:
    _replace(path)
    os.mknod(path, stat.S_IFSOCK | 0o644)  # bind(2) takes no long paths


def _device(path: Path) -> None:
    _replace(path)
    os.mknod(path, stat.S_IFCHR | 0o644, os.makedev(1, 5))  # /dev/zero: it never ends


def _closed(path: Path) -> None:
    if not path.is_symlink():
        path.chmod(0)


#: What can be wrong with a file, by name.
SPOILERS: dict[str, Callable[[Path], None]] = {
    "missing": _replace,
    "empty": _writer(lambda _, __: b""),
    "truncated": _writer(lambda _, before: before[: len(before) // 2]),
    "junk": _writer(lambda path, _: _random(path).randbytes(5000)),
    "zeros": _writer(lambda _, __: bytes(5000)),
    "shuffled": _writer(_shuffled),
    "odd words": _writer(_fields),
    "one long line": _writer(lambda _, before: (before.replace(b"\n", b" ") or b"x") + b"y" * (1 << 20)),
    "many lines": _writer(lambda _, before: (before or b"a b c d e f g\n") * max(1, (1 << 18) // (len(before) or 14))),
    "not UTF-8": _writer(lambda _, before: before.replace(b"e", b"\xff").replace(b"a", b"\xed\xa0\x80")),
    "carriage returns": _writer(lambda _, before: before.replace(b"\n", b"\r\n")),
    "brackets": _writer(lambda _, __: b"{" * 20_000 + b"[" * 20_000 + b"(" * 20_000 + b'"' * 999 + b"\\" * 999),
    "100 MB": _huge,
    "closed": _closed,
    "folder": _folder,
    "folder with bad names": _bad_names,
    "folder with many names": _many_names,
    "fifo": _fifo,
    "link to itself": _loop,
    "dangling link": _dangling,
    "socket": _socket,
    "endless device": _device,
}


def spoil(paths: list[Path], how: str) -> list[Path]:
    """Spoil what still stands; return what was."""
    out = []
    for path in paths:
        with suppress(FileNotFoundError, NotADirectoryError):
            if os.path.lexists(path):
                SPOILERS[how](path)
                out.append(path)
    return out


@contextmanager
def spoilt(path: Path, how: str, aside: Path) -> Iterator[None]:
    """Spoil one file or folder for a while.

    :param aside: where it can stand meanwhile, on the same filesystem.
    """
    path.rename(aside)
    try:
        if aside.is_dir() and not aside.is_symlink():
            path.mkdir()
        else:
            shutil.copy2(aside, path, follow_symlinks=False)
        SPOILERS[how](path)
        yield
    finally:
        _replace(path)
        aside.rename(path)
