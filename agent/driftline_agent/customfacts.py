"""Reads the formats that custom facts are written in, and makes plain names and values of them.

Formats: JSON, ``key=value`` lines, INI (Ansible's local facts), and of YAML what such files use: mappings and lists by
indentation, plain and quoted scalars, lists and mappings in JSON's form. Anchors, tags and texts of several lines are
refused rather than misread.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from driftline import late
from driftline_agent.errors import AgentError

MAX_DEPTH, MAX_FACTS, MAX_NAME, MAX_TEXT = 8, 1_000, 200, 4_096
_KEY = late.pattern(r"[^\s\[\]=\x00-\x1f\x7f](?:[^\[\]=\x00-\x1f\x7f]*[^\s\[\]=\x00-\x1f\x7f])?")
#: Names whose value would be a secret.
_SECRET = late.pattern(r"passw(?:or)?d|passphrase|secret|token|private_?key|credential|api_?key", re.IGNORECASE)
_ASSIGNS = late.pattern(r"[=:]")
_INTEGER = late.pattern(r"[-+]?(?:0|[1-9]\d*)")
_DECIMAL = late.pattern(r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?")
_NUMBERS = range(-(1 << 63), 1 << 63)

Value = str | int | float | bool


class CustomError(AgentError, ValueError):
    """A file of custom facts that cannot be used; says where and why."""


def from_json(text: str) -> Any:
    """Return what a JSON text says."""

    def refused(word: str) -> None:
        raise CustomError(f"{word} is no number of JSON")

    try:
        return json.loads(text, parse_constant=refused)
    except json.JSONDecodeError as error:
        raise CustomError(f"line {error.lineno}: {error.msg.lower()}") from error
    except (RecursionError, ValueError) as error:
        if isinstance(error, CustomError):
            raise
        raise CustomError("nested too deep, or a number too long") from error


def from_lines(text: str) -> dict[str, str]:
    """Return ``key=value`` lines; all values are texts."""
    out: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, equals, value = line.strip().partition("=")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not equals:
            raise CustomError(f'line {number}: no "="; write NAME=VALUE')
        out[name.strip()] = value.strip()
    return out


def from_ini(text: str) -> dict[str, dict[str, str]]:
    """Return the sections of an INI text; all values are texts."""
    out: dict[str, dict[str, str]] = {}
    section: dict[str, str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        if stripped[0] == "[" and stripped[-1] == "]":
            section = out.setdefault(stripped[1:-1].strip(), {})
            continue
        found = _ASSIGNS.search(stripped)
        if section is None or found is None or not found.start():
            raise CustomError(f"line {number}: neither JSON nor INI with a [section]")
        section[stripped[: found.start()].rstrip().lower()] = stripped[found.end() :].lstrip()
    return out


def from_output(text: str) -> Any:
    """Return what a program printed: JSON, YAML where it begins with ``---``, otherwise ``key=value`` lines."""
    start = text.lstrip()[:3]
    if start[:1] in ("{", "["):
        return from_json(text)
    return from_yaml(text) if start == "---" else from_lines(text)


def _scalar(text: str) -> Any:
    if text[:1] in ("[", "{"):
        return from_json(text)
    if text[:1] in ('"', "'"):
        if len(text) < 2 or text[-1] != text[0]:
            raise CustomError("a quotation mark that is not closed")
        return from_json(text) if text[0] == '"' else text[1:-1].replace("''", "'")
    if text[:1] in ("&", "*", "!", "|", ">", "%", "@", "`"):
        raise CustomError(f'"{text[:20]}": anchors, tags and texts of several lines are not read; use JSON')
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if _INTEGER.fullmatch(text) and len(text) < 25:
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) and len(text) < 50 else text


def _bare(line: str) -> str:
    """Return a line without its comment: ``#`` after a blank, outside of quotation marks."""
    quoted = ""
    for place, letter in enumerate(line):
        if quoted:
            quoted = "" if letter == quoted else quoted
        elif letter in "\"'" and line[:place].rstrip()[-1:] in ("", ":", "-", "[", "{", ","):
            quoted = letter
        elif letter == "#" and (not place or line[place - 1] in " \t"):
            return line[:place].rstrip()
    return line.rstrip()


_COLON = late.pattern(r":(?:[ \t]|$)")
#: With what no plain name of a mapping begins.
_NO_NAME = ("'", '"', "[", "{", "&", "*", "!", "|", ">", "#", "?", "%", "@", "`", "- ")


def _pair(line: str) -> tuple[str, str] | None:
    """Return name and value of a mapping's line, as they are written; None where it is none."""
    place = 0
    if line[:1] in ("'", '"'):
        end = line.find(line[0], 1)
        while end > 0 and line[0] == '"' and line[end - 1] == "\\":
            end = line.find('"', end + 1)
        if end < 0:
            return None
        place = end + 1
    elif line.startswith(_NO_NAME):
        return None
    found = _COLON.search(line, place)
    if found is None or not line[: found.start()].strip() or (place and line[place : found.start()].strip()):
        return None
    return line[: found.start()].strip(), line[found.end() :].strip()


def from_yaml(text: str) -> Any:
    """Return what a text of the part of YAML says that this reads."""
    lines: list[tuple[int, int, str]] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = _bare(raw)
        if not line.strip() or (not lines and line == "---"):
            continue
        indent = len(line) - len(line.lstrip(" "))
        if line[indent] == "\t":
            raise CustomError(f"line {number}: a tab before the text; indent by blanks")
        if line in ("---", "..."):
            if line == "...":
                break
            raise CustomError(f"line {number}: a second document")
        lines.append((number, indent, line.strip()))
    if not lines:
        return {}
    value, rest = _block(lines, 0, lines[0][1], 0)
    if rest < len(lines):
        raise CustomError(f"line {lines[rest][0]}: not indented as what is above it")
    return value


def _block(lines: list[tuple[int, int, str]], place: int, indent: int, depth: int) -> tuple[Any, int]:
    """Return the mapping or list that begins at a line, and the line behind it."""
    if depth > 2 * MAX_DEPTH:
        raise CustomError(f"line {lines[place][0]}: more than {MAX_DEPTH} levels")
    number, _, content = lines[place]
    if content == "-" or content.startswith("- "):
        return _list(lines, place, indent, depth)
    if _pair(content) is None:
        if len(lines) == 1:
            return _scalar(content), place + 1
        raise CustomError(f'line {number}: "{content[:40]}" is neither NAME: VALUE nor - VALUE')
    out: dict[str, Any] = {}
    while place < len(lines) and lines[place][1] == indent:
        number, _, content = lines[place]
        found = _pair(content)
        if found is None:
            if content.startswith("-"):
                break
            raise CustomError(f'line {number}: "{content[:40]}" is not NAME: VALUE')
        name = _scalar(found[0])
        place += 1
        if found[1]:
            try:
                out[str(name)] = _scalar(found[1])
            except CustomError as error:
                raise CustomError(f"line {number}: {error}") from error
        elif place < len(lines) and (
            lines[place][1] > indent or (lines[place][1] == indent and lines[place][2].startswith("-"))
        ):
            out[str(name)], place = _block(lines, place, lines[place][1], depth + 1)
        else:
            out[str(name)] = None
    return out, place


def _list(lines: list[tuple[int, int, str]], place: int, indent: int, depth: int) -> tuple[list[Any], int]:
    out: list[Any] = []
    while place < len(lines) and lines[place][1] == indent:
        number, _, content = lines[place]
        if content != "-" and not content.startswith("- "):
            break
        rest = content[1:].lstrip()
        if rest and _pair(rest) is None and not rest.startswith("- "):
            try:
                out.append(_scalar(rest))
            except CustomError as error:
                raise CustomError(f"line {number}: {error}") from error
            place += 1
        elif rest:
            # What follows the mark is the first line of a block, as deep as it stands.
            within = indent + len(content) - len(rest)
            lines[place] = (number, within, rest)
            value, place = _block(lines, place, within, depth + 1)
            out.append(value)
        elif place + 1 < len(lines) and lines[place + 1][1] > indent:
            value, place = _block(lines, place + 1, lines[place + 1][1], depth + 1)
            out.append(value)
        else:
            out.append(None)
            place += 1
    return out, place


def flatten(value: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, Value]]:
    """Yield names and values of what a file says; what is null is absent.

    :raises CustomError: names the value that cannot be used.
    """
    if depth > MAX_DEPTH:
        raise CustomError(f'"{name[:80]}": more than {MAX_DEPTH} levels')
    if isinstance(value, dict):
        for key, below in value.items():
            if not isinstance(key, str) or len(key) > MAX_NAME or not _KEY.fullmatch(key):
                raise CustomError(f'"{str(key)[:80]}" is no name of a fact; write it without brackets and "="')
            yield from flatten(below, f"{name}.{key}" if name else key, depth + 1)
    elif isinstance(value, list):
        for place, below in enumerate(value):
            yield from flatten(below, f"{name}[{place}]", depth + 1)
    elif value is not None:
        yield name, _checked(name, value)


def _checked(name: str, value: Any) -> Value:
    if not name or len(name) > MAX_NAME:
        raise CustomError(f'"{name[:80]}": a fact needs a name of 1 to {MAX_NAME} characters')
    if _SECRET.search(name):
        raise CustomError(f'"{name[:80]}" sounds like a secret, which no fact may be; leave it out')
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise CustomError(f'"{name}": {len(value)} characters; at most {MAX_TEXT}')
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        if value not in _NUMBERS:
            raise CustomError(f'"{name}": a number of more than 64 bits; write it as a text')
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise CustomError(f'"{name}": neither text, number, true nor false')
