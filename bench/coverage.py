"""This host's facts beside all that other inventories say of it: value by value, nothing left unclassified.

    python bench/coverage.py [PEER ...] [--leaves PEER]

Run as root. Each peer that is installed is run, and each value that it prints is looked up in
bench/data/peers/PEER.tsv, which says where driftline has it and by what rule the two must agree, or why it is left out.
Exits with 1 where a value has no line, or differs. See bench/data/README.md for the files.
"""

import argparse
import os
import re
import sys
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.coverage_inputs import PEERS, Leaf, ask, installed
from bench.coverage_rules import rule_of

from driftline import facts, paths
from driftline.schema import Value
from driftline_agent import inventory
from driftline_agent.host import Host

DATA = Path(__file__).parent / "data/peers"
REASONS = frozenset({"telemetry", "trivia", "secret", "derived", "not here", "gap"})
#: What programs print where they know nothing.
NOTHING = frozenset({"", "na", "n/a", "none", "unknown", "not specified", "not available", "null"})
_WORD = re.compile(r"\{(\w+)(?::(\w+))?\}")
_KEY = r"(?:[^\]/\\]|\\.)*"
_PACKAGE = re.compile(rf"software\.packages\[(?:\*|<>|{_KEY})/({_KEY})")
_WILD = re.compile(r"\*|<>")


@dataclass(frozen=True)
class Line:
    """One line of a peer's file."""

    pattern: str
    #: Paths of driftline's facts, with {names} from the pattern; empty where it is left out.
    ours: tuple[str, ...]
    #: Rule, or reason of its being left out.
    rule: str
    #: What a value that does not agree is: "" different, "better" where driftline has one, "better or none".
    otherwise: str
    note: str
    #: From the peer's documentation or source, not seen on the host that the file was made on.
    documented: bool

    @cached_property
    def expression(self) -> re.Pattern[str]:
        """The pattern over a leaf's names, joined by NUL."""
        parts = []
        for part in self.pattern.split(" . "):
            if part == "**":
                parts.append(r"[\s\S]*")
                continue
            out, position = "", 0
            for found in re.finditer(r"\*|\{(\w+)\}", part):
                out += re.escape(part[position : found.start()])
                out += f"(?P<{found[1]}>[^\\0]*)" if found[1] else r"[^\0]*"
                position = found.end()
            parts.append(out + re.escape(part[position:]))
        return re.compile("\0".join(parts))


def read_lines(text: str) -> list[Line]:
    """Return the lines of a peer's file.

    :raises ValueError: where one is not as it must be; the message names it.
    """
    out: list[Line] = []
    documented = False
    for place, row in enumerate(text.splitlines(), 1):
        if row.startswith("# documented"):
            documented = True
        if not row.strip() or row.startswith("#"):
            continue
        cells = [cell.strip() for cell in row.split("\t")]
        pattern, ours, rule, otherwise, note = [*cells, "", "", "", ""][:5]
        left_out = ours == "-"
        if left_out and rule not in REASONS:
            raise ValueError(f'line {place}: "{rule}" is no reason; one of {", ".join(sorted(REASONS))}')
        if not left_out:
            rule_of(rule)
        if (left_out or otherwise) and not note:
            raise ValueError(f'line {place}: "{pattern}" has no note that says why')
        where = () if left_out else tuple(part.strip() for part in ours.split(" | "))
        out.append(Line(pattern, where, rule, otherwise, note, documented))
    return out


def _modified(value: str, how: str | None) -> str:
    if how == "base":
        value = value.rpartition("/")[2]
    elif how == "lower":
        value = value.lower()
    elif how == "pci":
        value = f"0000:{value}" if value.count(":") == 1 else value.rpartition("@")[2]
    return paths.escape_key(value)


class Ours:
    """driftline's facts, found by path with wildcards."""

    def __init__(self, found: Mapping[str, Value]) -> None:
        self.found = found
        self.sorted = sorted(found)
        #: Paths of packages by the package's name, because there are thousands.
        self.by_name: dict[str, list[str]] = defaultdict(list)
        for path in self.sorted:
            named = _PACKAGE.match(path)
            if named:
                self.by_name[named[1]].append(path)

    def values(self, template: str, words: Mapping[str, str]) -> list[str]:
        """Return the values at a path: ``*`` is any key, ``<>`` a key that is itself the value."""
        path = _WORD.sub(lambda word: _modified(words[word[1]], word[2]), template)
        if not _WILD.search(path):
            return _texts(self.found[path]) if path in self.found else []
        expression = re.compile(_expression(path))
        out: list[str] = []
        for name in self._candidates(path):
            match = expression.match(name)
            if match is None:
                continue
            if match.groups():
                out.extend(paths.split_keys(match[1]))
            elif match.end() == len(name):
                out.extend(_texts(self.found[name]))
        return out

    def _candidates(self, path: str) -> Iterator[str]:
        named = _PACKAGE.match(path)
        if named and not _WILD.search(named[1]):
            yield from self.by_name.get(named[1], ())
            return
        begin = _WILD.split(path, maxsplit=1)[0]
        for place in range(bisect_left(self.sorted, begin), len(self.sorted)):
            if not self.sorted[place].startswith(begin):
                return
            yield self.sorted[place]


def _expression(path: str) -> str:
    out, position = "", 0
    for found in _WILD.finditer(path):
        out += re.escape(path[position : found.start()]) + (_KEY if found[0] == "*" else f"({_KEY})")
        position = found.end()
    return out + re.escape(path[position:])


def _texts(value: Value) -> list[str]:
    if isinstance(value, tuple):
        return [*(str(part) for part in value), " ".join(str(part) for part in value)]
    return [str(value).lower() if isinstance(value, bool) else str(value)]


@dataclass
class Result:
    """What became of a peer's leaves."""

    leaves: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    #: Path, theirs, ours, rule.
    different: list[tuple[str, str, list[str], str]] = field(default_factory=list)
    unmapped: list[tuple[str, str]] = field(default_factory=list)
    better: dict[str, str] = field(default_factory=dict)
    gaps: dict[str, str] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Is every value classified, and equal or better?"""
        return not self.different and not self.unmapped


def compare(theirs: Iterable[Leaf], lines: Iterable[Line], ours: Ours) -> Result:
    """Classify each leaf by the first line whose pattern fits it."""
    out = Result()
    by_start: dict[str, list[tuple[int, Line]]] = defaultdict(list)
    for number, line in enumerate(lines):
        start = line.pattern.split(" . ")[0]
        by_start["" if "*" in start or "{" in start else start].append((number, line))
    for path, value in theirs:
        out.leaves += 1
        joined = "\0".join(path)
        candidates = sorted([*by_start.get(path[0] if path else "", ()), *by_start[""]], key=lambda pair: pair[0])
        for _, line in candidates:
            match = line.expression.fullmatch(joined)
            if match:
                _judge(out, path, value, line, match.groupdict(), ours)
                break
        else:
            out.unmapped.append((".".join(path), value))
    return out


def _judge(out: Result, path: tuple[str, ...], value: str, line: Line, words: dict[str, str], ours: Ours) -> None:
    if not line.ours:
        out.left_out[line.rule] += 1
        if line.rule == "gap":
            out.gaps[line.pattern] = line.note
        return
    if value.lower() in NOTHING:
        out.counts["says nothing"] += 1
        return
    found = [one for template in line.ours for one in ours.values(template, words)]
    rule = rule_of(line.rule)
    if line.rule.startswith("key "):
        value = words[line.rule.removeprefix("key ")]
    if any(rule(value, one) for one in found):
        out.counts["in other words" if line.rule == "there" else "equal"] += 1
    elif (line.otherwise == "better" and found) or line.otherwise == "better or none":
        out.counts["better"] += 1
        out.better[line.pattern] = line.note
    else:
        out.different.append((".".join(path), value, found[:3], line.rule))


#: What comes and goes by itself stands apart, so that it never drifts; other inventories make no such difference.
_APART = {
    "network.passing_interfaces[": "network.interfaces[",
    "network.passing_routes[": "network.routes[",
    "storage.passing_devices[": "storage.devices[",
    "storage.volume_snapshots[": "storage.logical_volumes[",
    "os.module_sysctls[": "os.sysctls[",
    "].automatic_addresses[": "].addresses[",
    "].mac_in_use": "].mac",
    "].mtu_in_use": "].mtu",
}


def together(path: str) -> str:
    """Return where a value would stand if nothing stood apart."""
    for apart, place in _APART.items():
        path = path.replace(apart, place)
    return path


def own() -> Ours:
    """Return this host's facts as the agent reads them, all topics, in this process."""
    host, found = Host(), {}
    for _ in range(2):  # what is asked in the background is there the second time
        for result in inventory.take(host, bytes(32)):
            if result.reading is not None:
                told = facts.flatten(result.reading.facts)
                found[result.name] = {together(path): value for path, value in told.items()}
    merged: dict[str, Value] = {}
    for part in found.values():
        merged |= part
    return Ours(merged)


def pattern_of(path: str) -> str:
    """Return a path with numbers and addresses generalised, for a short list."""
    return re.sub(r"[0-9a-f]*\d[0-9a-f:]*", "*", path)


def report(name: str, result: Result) -> Iterator[str]:
    """Yield the lines of a peer's result."""
    counts = result.counts
    mapped = sum(counts.values()) + len(result.different)
    yield (
        f"{name}: {result.leaves} leaves, {mapped} mapped: {counts['equal']} equal, "
        f"{counts['in other words']} in other words, "
        f"{counts['better']} better, {counts['says nothing']} say nothing, {len(result.different)} different; "
        f"{sum(result.left_out.values())} left out ("
        + ", ".join(f"{reason} {count}" for reason, count in sorted(result.left_out.items()))
        + f"); {len(result.unmapped)} not mapped"
    )
    for path, theirs, found, rule in result.different:
        yield f"  different: {path} = {theirs!r}, driftline {found!r} (rule {rule})"
    for path, value in {pattern_of(path): (path, value) for path, value in result.unmapped}.values():
        yield f"  not mapped: {path} = {value[:80]!r}"
    for pattern, note in sorted(result.better.items()):
        yield f"  better: {pattern}: {note}"
    for pattern, note in sorted(result.gaps.items()):
        yield f"  gap: {pattern}: {note}"


def main() -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peers", nargs="*", choices=[*PEERS, []], metavar="PEER", help=", ".join(PEERS))
    parser.add_argument("--leaves", choices=PEERS, help="print a peer's leaves, and nothing else")
    arguments = parser.parse_args()
    if arguments.leaves:
        sys.stdout.writelines(f"{' . '.join(path)}\t{value}\n" for path, value in ask(PEERS[arguments.leaves]))
        return 0
    if os.geteuid():
        sys.stdout.write("coverage: run as root: what only root may read is compared too\n")
        return 0
    ours, good = own(), True
    sys.stdout.write(f"driftline: {len(ours.found)} attributes\n")
    for name in arguments.peers or PEERS:
        if not installed(PEERS[name]):
            sys.stdout.write(f"{name}: not installed: apt-get install {PEERS[name].package}\n")
            continue
        result = compare(ask(PEERS[name]), read_lines((DATA / f"{name}.tsv").read_text()), ours)
        good &= result.good
        sys.stdout.writelines(f"{line}\n" for line in report(name, result))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
