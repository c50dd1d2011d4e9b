"""What most of a group of CIs agree on, and what naturally differs between them: a baseline for all of them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from driftline import facts, paths, schema
from driftline_baseline.capture import MOVES_BY_ITSELF
from driftline_baseline.values import Attributes, decode, encode, show

#: Of fewer CIs nobody can tell whether a value differs by nature or by mistake.
_ENOUGH = 4


@dataclass(frozen=True, slots=True)
class Seen:
    """What a group's CIs have at one element's path."""

    path: str
    #: Each distinct content with the number of CIs that have it.
    variants: Sequence[tuple[Attributes, int]]

    @property
    def count(self) -> int:
        """How many CIs have the element at all."""
        return sum(count for _, count in self.variants)


@dataclass(frozen=True, slots=True)
class Minority:
    """Where some CIs of a group are not as most of it is."""

    #: Of the attribute where another value is there, else of the element.
    path: str
    #: changed, missing, or unexpected: the element is on some CIs only.
    kind: str
    #: What most have, as canonical JSON; None means absent.
    common: str | None
    #: How many CIs are not so.
    count: int


@dataclass(frozen=True, slots=True)
class Majority:
    """What a group agrees on."""

    #: Attributes of the elements that enough CIs have, by path; only the attributes that they agree on.
    pinned: Mapping[str, Attributes]
    #: Patterns that a baseline for the group should ignore, with the reason.
    ignore: Mapping[str, str]
    #: Of these those that nothing explains: the CIs just disagree, and a person has to say what is meant.
    undecided: Sequence[str] = ()
    minorities: Sequence[Minority] = field(default_factory=tuple)


def majority(group: Iterable[Seen], cis: int, share: float) -> Majority:
    """Return what at least a share of a group's CIs agree on.

    :param cis: how many CIs the group has.
    :param share: percent.
    """
    pinned: dict[str, Attributes] = {}
    ignore: dict[str, str] = {}
    undecided: list[str] = []
    minorities: list[Minority] = []
    rare: list[Seen] = []
    for seen in sorted(group, key=lambda one: one.path):
        if paths.matches_any(MOVES_BY_ITSELF, seen.path):
            continue
        if seen.count * 100 < share * cis:
            rare.append(seen)
            continue
        agreed, differing = _agreed(seen, share)
        pinned[seen.path] = {name: value for name, value in agreed.items() if value is not None}
        for name in differing:
            pattern, reason, open_question = _differs(seen, name)
            ignore[pattern] = reason
            if open_question:
                undecided.append(pattern)
        minorities += _minorities(seen, agreed, cis)
    more, own = _rare(rare, pinned, cis, share)
    minorities += more
    ignore.update(own)
    return Majority(pinned, ignore, undecided, sorted(minorities, key=lambda one: (one.count, one.path)))


def _values(seen: Seen, name: str) -> Counter[str | None]:
    found: Counter[str | None] = Counter()
    for attributes, count in seen.variants:
        found[encode(attributes.get(name))] += count
    return found


def _agreed(seen: Seen, share: float) -> tuple[dict[str, schema.Value | None], list[str]]:
    """Return the attributes on which enough CIs agree, and the names of those on which they do not."""
    agreed: dict[str, schema.Value | None] = {}
    differing: list[str] = []
    for name in sorted({name for attributes, _ in seen.variants for name in attributes}):
        (value, count), *_ = _values(seen, name).most_common(1)
        if count * 100 >= share * seen.count:
            agreed[name] = decode(value)  # type: ignore[assignment]  # an attribute's value
        else:
            differing.append(name)
    return agreed, differing


def _differs(seen: Seen, name: str) -> tuple[str, str, bool]:
    """Return the pattern to ignore, why, and whether that is a question for a person."""
    values = _values(seen, name)
    named = facts.plan_at(seen.path).by_name[name]
    if named.nature == schema.IDENTITY:
        parts = [part if keys is None else f"{part}[*]" for part, keys in paths.steps(seen.path)]
        return f"{'.'.join(parts)}.{name}", f"identity, another on each host ({len(values)} on {seen.count})", False
    pattern = f"{paths.quote(seen.path)}.{name}"
    if len(values) * 2 > seen.count >= _ENOUGH:
        return pattern, f"differs from host to host: {len(values)} values on {seen.count}", False
    counted = ", ".join(f"{show(value)} on {count}" for value, count in values.most_common(3))
    return pattern, f"the hosts disagree, say what is meant: {counted}".replace("\n", " "), True


def _minorities(seen: Seen, agreed: Mapping[str, schema.Value | None], cis: int) -> Iterable[Minority]:
    if seen.count < cis:
        yield Minority(seen.path, "missing", encode(seen.variants[0][0]), cis - seen.count)
    for name, value in agreed.items():
        others = seen.count - _values(seen, name)[encode(value)]
        if others:
            yield Minority(f"{seen.path}.{name}", "changed", encode(value), others)


def _rare(
    rare: Sequence[Seen], pinned: Mapping[str, Attributes], cis: int, share: float
) -> tuple[list[Minority], dict[str, str]]:
    """Part what few CIs have: lists of which each host has its own elements are ignored, the rest is a minority."""
    common = {_list_of(path) for path in pinned}
    by_list: dict[str, list[Seen]] = {}
    for seen in rare:
        by_list.setdefault(_list_of(seen.path), []).append(seen)
    names = {seen.path for seen in rare}
    minorities: list[Minority] = []
    own: dict[str, str] = {}
    for where, found in by_list.items():
        if any(where.startswith(f"{name}.") for name in names):
            continue  # it belongs to an element that is rare itself
        count = sum(seen.count for seen in found)
        if where not in common and where != found[0].path and count * 100 >= share * cis:
            own[f"{paths.quote(where)}[*]"] = f"each host has its own: {len(found)} on {cis}"
        else:
            minorities += [Minority(seen.path, "unexpected", None, seen.count) for seen in found]
    return minorities, own


def _list_of(path: str) -> str:
    """Return the list that an element stands in: ``network.interfaces[eth0].addresses``; itself for a sub-message."""
    steps = list(paths.steps(path))
    keys = steps[-1][1]
    if keys is None:
        return path
    return path[: -len("/".join(paths.escape_key(key) for key in keys)) - 2]
