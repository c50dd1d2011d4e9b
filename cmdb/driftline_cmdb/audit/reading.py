"""Reads an exported trail, line by line, and says which line is not as it should be. Pure; stdlib only."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from driftline_cmdb.audit.signing import Head, PublicKey

VERSION = 1


class Malformed(ValueError):
    """A line that is none of an export; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line."""

    first: int
    last: int
    #: Chain hash of the entry before the first.
    previous: bytes
    keys: tuple[PublicKey, ...]


@dataclass(frozen=True, slots=True)
class SealedEntry:
    """One entry with its place in the chain."""

    position: int
    at_ms: int
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]
    chain: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The last line: how many there were before it."""

    entries: int
    heads: int


Line = Header | SealedEntry | Head | End


def read(lines: Iterable[str]) -> Iterator[tuple[int, Line]]:
    """Yield the number of each line, and what it says.

    :raises Malformed: at the first line that says nothing of an export.
    """
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            value = json.loads(text, object_pairs_hook=_once)
            if not isinstance(value, dict):
                raise Malformed("is no JSON object")
            yield number, _line(value)
        except Malformed as error:
            raise Malformed(f"line {number}: {error}") from error
        except (ValueError, RecursionError) as error:
            raise Malformed(f"line {number}: is no JSON: {error}; the file is damaged, or is no export") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; a name that stands twice would be read in one way and seen in another."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("a name stands twice in one object")
    return found


def _line(value: dict[str, Any]) -> Line:
    if "driftline_audit" in value:
        return _header(value)
    if "head" in value:
        fields = _of(value, "head", dict)
        return Head(
            _of(fields, "position", int),
            _bytes(fields, "chain"),
            _of(fields, "at_ms", int),
            _of(fields, "key_id", str),
            _bytes(fields, "signature"),
        )
    if "end" in value:
        fields = _of(value, "end", dict)
        return End(_of(fields, "entries", int), _of(fields, "heads", int))
    names = {"position", "at_ms", "actor", "action", "subject", "detail", "chain"}
    if value.keys() != names:
        odd = ", ".join(sorted(value.keys() ^ names))
        raise Malformed(f"is neither header, entry, head nor end: missing or unknown: {odd[:200]}")
    return SealedEntry(
        _of(value, "position", int),
        _of(value, "at_ms", int),
        _of(value, "actor", str),
        _of(value, "action", str),
        _of(value, "subject", str),
        _of(value, "detail", dict),
        _bytes(value, "chain"),
    )


def _header(value: dict[str, Any]) -> Header:
    if value["driftline_audit"] != VERSION:
        raise Malformed(f"is an export of version {value['driftline_audit']!r}; this driftline reads version {VERSION}")
    keys = []
    for item in _of(value, "keys", list):
        if not isinstance(item, dict):
            raise Malformed("keys: is no list of id and public_key")
        try:
            keys.append(PublicKey.parse(f"{_of(item, 'id', str)}={_of(item, 'public_key', str)}"))
        except Malformed:
            raise
        except ValueError as error:
            raise Malformed(f"keys: {error}") from error
    return Header(_of(value, "first", int), _of(value, "last", int), _bytes(value, "previous"), tuple(keys))


def _of(value: Mapping[str, Any], name: str, kind: type) -> Any:
    found = value.get(name)
    if type(found) is not kind:
        raise Malformed(f"{name}: {str(found)[:80]!r} is no {kind.__name__}")
    return found


def _bytes(value: Mapping[str, Any], name: str) -> bytes:
    text: str = _of(value, name, str)
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise Malformed(f"{name}: {text[:80]!r} is not hexadecimal") from None
