"""Paths of facts and patterns over them.

A path names one element or one attribute: ``software.packages[dpkg/openssl/amd64].version``. Keys of an element stand
in brackets, joined by ``/``; inside a key ``/``, ``]`` and ``\\`` are escaped with a backslash.

A pattern is a path in which ``*`` stands for any run of characters up to the end of a bracket, ``?`` for one character
and ``**`` for anything at all. A pattern matches what it spells and everything below it: ``network.interfaces[veth*]``
also matches ``network.interfaces[veth0].mtu``. ``\\*`` and ``\\?`` are the plain characters.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from driftline import late

_ESCAPE = str.maketrans({"\\": "\\\\", "/": "\\/", "]": "\\]"})
_STEP = late.pattern(r"([a-z][a-z0-9_]*)(?:\[((?:[^\]\\]|\\.)*)\])?(?:\.|$)", re.DOTALL)
_IN_KEY = r"(?:[^\]\\]|\\.)"


class PathError(ValueError):
    """Text that is not a path of facts."""


def escape_key(key: str) -> str:
    """Return one key as it stands inside the brackets of a path."""
    return key.translate(_ESCAPE) if ("/" in key or "]" in key or "\\" in key) else key


def keyed(prefix: str, *keys: str) -> str:
    """Return the path of a list's element by its keys: ``software.packages[dpkg/openssl/amd64]``."""
    return f"{prefix}[{'/'.join(map(escape_key, keys))}]"


def split_keys(text: str) -> tuple[str, ...]:
    """Return the keys of a bracket's inside, unescaped: ``dpkg/a\\/b`` is ``("dpkg", "a/b")``."""
    keys: list[str] = []
    current: list[str] = []
    characters = iter(text)
    for character in characters:
        if character == "\\":
            current.append(next(characters, "\\"))
        elif character == "/":
            keys.append("".join(current))
            current = []
        else:
            current.append(character)
    keys.append("".join(current))
    return tuple(keys)


def steps(path: str) -> Iterator[tuple[str, tuple[str, ...] | None]]:
    """Yield each step of a path: its field name and, for an element, its keys.

    :raises PathError: where the text is not a path.
    """
    position = 0
    while position < len(path):
        found = _STEP.match(path, position)
        if found is None:
            raise PathError(f'"{path}" is not a path: cannot read on from "{path[position:]}"')
        name, keys = found.groups()
        yield name, None if keys is None else split_keys(keys)
        position = found.end()
    if not path or path.endswith("."):
        raise PathError(f'"{path}" is not a path: it ends where a name should stand')


def schema_path(path: str) -> str:
    """Return the path without its keys: ``software.packages[dpkg/a/b].version`` is ``software.packages.version``.

    :raises PathError: where the text is not a path.
    """
    return ".".join(name for name, _ in steps(path))


def quote(path: str) -> str:
    """Return the pattern that matches just this path and what is below it."""
    return path.replace("*", "\\*").replace("?", "\\?")


@lru_cache(maxsize=4096)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a pattern, to be used with ``fullmatch``.

    :raises PathError: where the pattern is empty.
    """
    if not pattern:
        raise PathError("a pattern may not be empty; ** matches everything")
    blocks = _blocks(pattern)
    out = [_block(blocks[0], last=len(blocks) == 1)]
    out += [f"(?>.*?{_block(block, last=False)})" for block in blocks[1:-1]]
    if len(blocks) > 1:
        out.append(".*?" + _block(blocks[-1], last=True))
    return re.compile("".join(out) + r"(?:[.\[].*)?", re.DOTALL)


def _blocks(pattern: str) -> list[list[str]]:
    """Return regular expressions of a pattern's plain pieces: cut at each ``**``, and these at each ``*``.

    A ``*`` beside a ``**`` adds nothing and is left out.
    """
    blocks = [[""]]
    position = 0
    while position < len(pattern):
        character = pattern[position]
        following = pattern[position + 1 : position + 2]
        if character == "*":
            stars = len(pattern) - position - len(pattern[position:].lstrip("*"))
            blocks.append([""]) if stars > 1 else blocks[-1].append("")
            position += stars
        elif character == "\\" and following:
            blocks[-1][-1] += re.escape(following if following in "*?" else character + following)
            position += 2
        else:
            blocks[-1][-1] += _IN_KEY if character == "?" else re.escape(character)
            position += 1
    return blocks


def _block(pieces: list[str], *, last: bool) -> str:
    """Return the regular expression of a block.

    Where a piece can stand first is always as good a place as any later one, so a match is never taken back (atomic
    groups). Without that, some patterns with many stars would take minutes on one path. Only the last piece must try
    on, because what follows it is not free.
    """
    first, *rest = pieces
    tail = f"{_IN_KEY}*?{rest.pop()}" if last and rest else ""
    return "".join([first, *(f"(?>{_IN_KEY}*?{piece})" for piece in rest), tail])


def matches(pattern: str, path: str) -> bool:
    """Tell whether a pattern matches a path or something above it."""
    return compile_pattern(pattern).fullmatch(path) is not None


def matches_any(patterns: Iterable[str], path: str) -> bool:
    """Tell whether one of the patterns matches a path."""
    return any(matches(pattern, path) for pattern in patterns)
