"""Verifies an exported audit trail without database or server: ``python -m driftline_cmdb.audit.verify FILE``.

It needs the standard library and `cryptography`. What it can prove depends on what the auditor brings: keys that came
another way than the file, and an older export or head that was kept elsewhere.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from driftline_cmdb.audit.chain import START, link
from driftline_cmdb.audit.reading import End, Header, Malformed, SealedEntry, read
from driftline_cmdb.audit.signing import Head, PublicKey

#: Problems that are listed; the rest is counted.
_LISTED = 20


@dataclass
class Verdict:
    """What became of verifying one file."""

    first: int = 0
    #: Position and chain hash of the last entry; those before the first where there is none.
    last: int = 0
    chain: bytes = START
    entries: int = 0
    #: Heads whose signatures hold.
    heads: list[Head] = field(default_factory=list)
    #: What is wrong, and where.
    problems: list[str] = field(default_factory=list)
    #: What follows from it, and what does not.
    notes: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """True where nothing is wrong."""
        return not self.problems


def verify(
    lines: Iterable[str],
    trusted: Mapping[str, PublicKey] | None = None,
    older: Verdict | None = None,
) -> Verdict:
    """Verify an export: positions, chain, signatures, and that it continues an older one.

    :param trusted: keys by id that came another way than the file; None takes the file's own.
    :param older: verdict of an older export that was kept elsewhere; it must have no problems.
    """
    verdict = Verdict()
    try:
        _verify(lines, trusted, older, verdict)
    except Malformed as error:
        verdict.problems.append(str(error))
    return verdict


def _verify(
    lines: Iterable[str], trusted: Mapping[str, PublicKey] | None, older: Verdict | None, verdict: Verdict
) -> None:
    anchors = _anchors(older)
    compared: set[int] = set()
    heads = 0
    header: Header | None = None
    end: End | None = None
    for number, line in read(lines):
        if header is None:
            if not isinstance(line, Header):
                raise Malformed(f"line {number}: an export begins with its header; the file was cut, or is no export")
            header = line
            verdict.first, verdict.last, verdict.chain = line.first, line.first - 1, line.previous
            if line.first == 1 and line.previous != START:
                verdict.problems.append(f"line {number}: names a hash before position 1, but nothing comes before it")
        elif end is not None or isinstance(line, Header):
            raise Malformed(f"line {number}: stands where the file should have ended")
        elif isinstance(line, Head):
            heads += 1
            _head(number, line, trusted if trusted is not None else {key.id: key for key in header.keys}, verdict)
        elif isinstance(line, SealedEntry):
            _entry(number, line, verdict)
        else:
            end = line
        if verdict.last in anchors and verdict.last not in compared:
            compared.add(verdict.last)
            chain, what = anchors[verdict.last]
            if verdict.chain != chain:
                verdict.problems.append(
                    f"line {number}: position {verdict.last} has another hash than {what}: the trail up to there was "
                    "written anew"
                )
    if header is None:
        raise Malformed("line 1: the file is empty")
    if end is None:
        verdict.problems.append("the file has no end line: it was cut off, or its download broke")
    elif (end.entries, end.heads) != (verdict.entries, heads):
        verdict.problems.append(
            f"the end line says {end.entries} entries and {end.heads} heads, "
            f"but the file has {verdict.entries} and {heads}"
        )
    if verdict.last != header.last:
        verdict.problems.append(f"the header says that the trail ends at {header.last}, but it ends at {verdict.last}")
    if trusted is not None and not verdict.heads and verdict.entries:
        verdict.problems.append(
            "no head is signed with a key that you named: the file proves nothing against its writer"
        )
    _older(older, anchors, compared, verdict)
    _notes(header, trusted, older, verdict)


def _entry(number: int, entry: SealedEntry, verdict: Verdict) -> None:
    expected = verdict.last + 1
    if entry.position > expected:
        gap = f"{expected}" if entry.position == expected + 1 else f"{expected} to {entry.position - 1}"
        verdict.problems.append(f"line {number}: position {gap} is missing: deleted, or moved elsewhere")
    elif entry.position < expected:
        verdict.problems.append(f"line {number}: position {entry.position} is out of order: swapped, or put in again")
    if entry.chain != link(verdict.chain, entry):
        verdict.problems.append(
            f"line {number}: position {entry.position} does not fit its hash: it was changed, or what stands before it "
            "is not what was there"
        )
    verdict.last, verdict.chain = entry.position, entry.chain
    verdict.entries += 1


def _head(number: int, head: Head, keys: Mapping[str, PublicKey], verdict: Verdict) -> None:
    """Check a head, which stands just after the entry that it signs."""
    what = f"line {number}: the head at position {head.position}"
    if head.key_id not in keys:
        verdict.problems.append(f"{what} is signed with key {head.key_id}, which is not one of those to trust")
    elif not keys[head.key_id].signed(head):
        verdict.problems.append(f"{what} has a wrong signature: position, hash, time or signature was changed")
    elif head.position > verdict.last:
        verdict.problems.append(f"{what} is of an entry that the file does not have: the tail was cut")
    elif head.position < verdict.last:
        verdict.problems.append(
            f"{what} stands after position {verdict.last}: what it signs is elsewhere, or is not here"
        )
    elif head.chain != verdict.chain:
        verdict.problems.append(f"{what} was signed over another hash: the trail up to there was written anew")
    else:
        verdict.heads.append(head)


def _anchors(older: Verdict | None) -> dict[int, tuple[bytes, str]]:
    """Return the chain hashes that an older export is known by, and what says so, by position."""
    if older is None:
        return {}
    found = {head.position: (head.chain, "a head of the older file") for head in older.heads}
    found[older.last] = (older.chain, "the older file's end")
    return found


def _older(
    older: Verdict | None, anchors: Mapping[int, tuple[bytes, str]], compared: set[int], verdict: Verdict
) -> None:
    if older is None:
        return
    if not older.good:
        verdict.problems.append(f"the older file is not good itself: {older.problems[0]}")
        return
    last = max(anchors)
    if last > verdict.last:
        verdict.problems.append(
            f"{anchors[last][1]} is at position {last}, but this file ends at {verdict.last}: its tail was cut"
        )
    elif not compared and verdict.good:
        verdict.problems.append(
            f"the two files have no position in common: this one begins at {verdict.first}, the older one ends at "
            f"{older.last}; export from an earlier time"
        )


def _notes(header: Header, trusted: Mapping[str, PublicKey] | None, older: Verdict | None, verdict: Verdict) -> None:
    if header.first > 1:
        verdict.notes.append(
            f"begins at position {header.first}, after the hash {header.previous.hex()}: "
            f"shows nothing of positions 1 to {header.first - 1} unless another export ends there with that hash"
        )
    if trusted is None:
        verdict.notes.append(
            "signatures were checked with the keys that the file itself names: who could write the database could have "
            "put them there; name the keys that the collectors printed (--key)"
        )
    if verdict.heads:
        last = max(verdict.heads, key=lambda head: head.position)
        verdict.notes.append(f"signed up to position {last.position}, at {_time(last.at_ms)}, with key {last.key_id}")
        if last.position < verdict.last:
            verdict.notes.append(
                f"positions {last.position + 1} to {verdict.last} are newer than the last head: chained, not signed yet"
            )
    elif verdict.entries:
        verdict.notes.append("no head covers any of it: a chain alone can be made anew by whoever writes the database")
    if older is None:
        verdict.notes.append("cut entries at the end show only against an older export or head (--head)")
    elif verdict.good:
        verdict.notes.append(f"continues the older file, which ends at position {older.last}, without a change")


def _time(ms: int) -> str:
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"{ms} ms"


def keys_of(text: str) -> list[PublicKey]:
    """Read keys: lines ``ID=BASE64`` as the collector prints them, or what ``GET /api/v1/audit/keys`` answers.

    :raises ValueError: where it is neither.
    """
    if text.lstrip().startswith(("{", "[")):
        value = json.loads(text)
        items = value["items"] if isinstance(value, dict) and "items" in value else value
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise ValueError("is not a list of keys, as GET /api/v1/audit/keys answers")
        return [PublicKey.parse(f"{item.get('id')}={item.get('public_key')}") for item in items]
    return [PublicKey.parse(line) for line in text.splitlines() if line.strip()]


def verify_files(
    path: Path, key_files: Sequence[Path] = (), keys: Sequence[str] = (), older: Path | None = None
) -> Verdict:
    """Verify a file.

    :param key_files: files with trusted keys.
    :param keys: trusted keys, each ``ID=BASE64``.
    :param older: an older export.
    :raises ValueError: where a key is none; the message names it.
    :raises OSError: where a file cannot be read.
    """
    trusted: dict[str, PublicKey] = {}
    for file in key_files:
        try:
            trusted.update((key.id, key) for key in keys_of(file.read_text()))
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from error
    trusted.update((key.id, key) for key in map(PublicKey.parse, keys))
    chosen = trusted or None
    before: Verdict | None = None
    if older is not None:
        with older.open(encoding="utf-8", errors="replace") as lines:
            before = verify(lines, chosen)
    with path.open(encoding="utf-8", errors="replace") as lines:
        return verify(lines, chosen, before)


def words(verdict: Verdict, name: str) -> list[str]:
    """Return what to tell a person, line by line."""
    span = f"positions {verdict.first} to {verdict.last}" if verdict.entries else "no entries"
    if verdict.good:
        count = len(verdict.heads)
        out = [f"{name}: good: {span} are whole, and {count} head{'s' if count != 1 else ''} fit"]
    else:
        out = [f"{name}: NOT GOOD: {len(verdict.problems)} problem{'s' if len(verdict.problems) != 1 else ''}"]
        out += [f"  {problem}" for problem in verdict.problems[:_LISTED]]
        if len(verdict.problems) > _LISTED:
            out.append(f"  and {len(verdict.problems) - _LISTED} more")
    return out + [f"  note: {note}" for note in verdict.notes]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 0 where the file is good, 1 where it is not, 2 where it cannot be read."""
    parser = argparse.ArgumentParser(
        prog="python -m driftline_cmdb.audit.verify", description="Verifies an exported audit trail."
    )
    parser.add_argument("file", type=Path, help="what driftline audit export wrote")
    parser.add_argument("--key", type=Path, action="append", default=[], metavar="FILE", help="file with trusted keys")
    parser.add_argument("--keys", action="append", default=[], metavar="ID=BASE64", help="a trusted key")
    parser.add_argument("--head", type=Path, metavar="OLDFILE", help="an older export that this one must continue")
    options = parser.parse_args(arguments)
    try:
        verdict = verify_files(options.file, options.key, options.keys, options.head)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write("\n".join(words(verdict, str(options.file))) + "\n")
    return 0 if verdict.good else 1


if __name__ == "__main__":
    sys.exit(main())
