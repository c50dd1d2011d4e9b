"""Where a part is, told by names: keys that hold when a device numbers its parts anew, and when parts are exchanged.

Pure. Input is entPhysicalTable as devices send it: with parents that are not there, in circles, without names.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

#: entPhysicalClass (RFC 6933 PhysicalClass). unknown(2) is none.
CLASSES = {
    1: "other",
    3: "chassis",
    4: "backplane",
    5: "container",
    6: "powerSupply",
    7: "fan",
    8: "sensor",
    9: "module",
    10: "port",
    11: "stack",
    12: "cpu",
    13: "energyObject",
    14: "battery",
    15: "storageDrive",
}
_WORDS = {
    "powerSupply": "power supply",
    "energyObject": "energy object",
    "storageDrive": "storage drive",
    "other": "part",
}
#: Parts that nobody exchanges for another kind: what they are says where they are.
_FIXED = frozenset({"sensor", "container", "other", ""})
#: Levels below a chassis, characters of a name and of a place: more is no device but nonsense.
MOST_LEVELS, MOST_NAME, MOST_PLACE = 16, 80, 400


@dataclass(frozen=True, slots=True)
class Part:
    """What of a row of entPhysicalTable says where the part is. Texts are empty where there are none."""

    #: entPhysicalIndex, entPhysicalContainedIn (0 is nothing).
    index: int
    parent: int
    #: A value of :data:`CLASSES`, or empty.
    kind: str = ""
    #: entPhysicalParentRelPos; -1 and below mean nothing.
    position: int | None = None
    name: str = ""
    description: str = ""
    model: str = ""
    serial: str = ""
    #: Name of the interface that it is the port of.
    interface: str = ""

    @property
    def place_in_parent(self) -> int | None:
        """Its position, where it says one."""
        return self.position if self.position is not None and 0 <= self.position < 2**31 else None


def parents(parts: Mapping[int, Part]) -> dict[int, int]:
    """Return what each part stands in: 0 at the top, where the parent is not there, and at one place of a circle.

    What is deeper than :data:`MOST_LEVELS` hangs at that level.
    """
    out: dict[int, int] = {}
    depth: dict[int, int] = {0: 0}
    for start in sorted(parts):
        way: list[int] = []
        on_way: set[int] = set()
        at = start
        while at in parts and at not in depth and at not in on_way:
            way.append(at)
            on_way.add(at)
            at = parts[at].parent
        if at in on_way:
            # A circle: it is opened above its lowest number.
            circle = way[way.index(at) :]
            top = circle.index(min(circle))
            way = [*way[: len(way) - len(circle)], *circle[top + 1 :], *circle[: top + 1]]
            at = 0
        above = at if at in depth else 0
        for index in reversed(way):
            while depth[above] >= MOST_LEVELS:
                above = out[above]
            out[index], depth[index] = above, depth[above] + 1
            above = index
    return out


def children(above: Mapping[int, int]) -> dict[int, list[int]]:
    """Return what stands in each part, by index."""
    out: dict[int, list[int]] = defaultdict(list)
    for index in sorted(above):
        out[above[index]].append(index)
    return out


def label(part: Part, system_name: str = "") -> str:
    """Return a part's own name: what it is called, unless that tells of the part that happens to be there.

    :param system_name: sysName; a chassis that is called so is called another way tomorrow.
    """
    if part.name and not _tells_of_part(part, system_name):
        return part.name[:MOST_NAME]
    if part.kind == "port" and part.interface:
        return part.interface[:MOST_NAME]
    if part.kind in _FIXED and part.description and part.description != system_name:
        return part.description[:MOST_NAME]
    word = _WORDS.get(part.kind, part.kind) or "part"
    return word if part.place_in_parent is None else f"{word} {part.position}"


def _tells_of_part(part: Part, system_name: str) -> bool:
    name = part.name.casefold()
    if name in (system_name.casefold(), system_name.partition(".")[0].casefold()):
        return True
    for said in (part.model.casefold(), part.serial.casefold()):
        if said and (said == name or (len(said) > 3 and said in name) or (len(name) > 3 and name in said)):
            return True
    return False


def places(parts: Mapping[int, Part], system_name: str = "") -> dict[int, str]:
    """Return the place of each part: the names of what it stands in and its own, joined by slashes. All differ."""
    above = parents(parts)
    below = children(above)
    out: dict[int, str] = {}
    taken: set[str] = set()
    level = [(0, "")]
    while level:
        following: list[tuple[int, str]] = []
        for holder, prefix in level:
            for index, own in _labels([parts[index] for index in below.get(holder, ())], system_name):
                place = out[index] = _unused(_shortened(f"{prefix}/{own}" if prefix else own), taken)
                taken.add(place)
                following.append((index, place))
        level = following
    return out


def _labels(siblings: Sequence[Part], system_name: str) -> Iterator[tuple[int, str]]:
    """Yield index and label of parts that stand in the same one; those with one label by class, position, order."""
    named: dict[str, list[Part]] = defaultdict(list)
    for part in sorted(siblings, key=lambda one: (one.place_in_parent is None, one.place_in_parent or 0, one.index)):
        named[label(part, system_name)].append(part)
    for own, group in named.items():
        kinds: dict[str, list[Part]] = defaultdict(list)
        for part in group:
            kinds[part.kind].append(part)
        for kind, alike in kinds.items():
            told = own if len(kinds) == 1 else f"{own} ({_WORDS.get(kind, kind) or 'part'})"
            yield from _numbered(told, alike)


def _numbered(told: str, alike: Sequence[Part]) -> Iterator[tuple[int, str]]:
    if len(alike) == 1:
        yield alike[0].index, told
        return
    positions = {part.place_in_parent for part in alike}
    by_position = len(positions) == len(alike) and None not in positions
    for number, part in enumerate(alike, 1):
        yield part.index, f"{told} #{part.position if by_position else number}"


def _unused(place: str, taken: set[str]) -> str:
    number, candidate = 2, place
    while candidate in taken:
        candidate, number = f"{place} ({number})", number + 1
    return candidate


def _shortened(place: str) -> str:
    if len(place) <= MOST_PLACE:
        return place
    return f"{place[:MOST_PLACE]}~{hashlib.sha256(place.encode()).hexdigest()[:8]}"


def stack_members(parts: Mapping[int, Part]) -> dict[int, int]:
    """Return the number of the stack's member that each part belongs to; nothing where there is no stack.

    A stack is one by its class, or several chassis that stand in nothing. A member's number is the one that its name
    ends in, else its position; where neither tells them apart there are none.
    """
    above = parents(parts)
    chassis = [part for part in parts.values() if part.kind == "chassis" and _is_member(part, parts, above)]
    if len(chassis) < 2 and not any(part.kind == "stack" for part in parts.values()):
        return {}
    for number_of in (_number_in_name, lambda part: part.place_in_parent or None):
        numbers = {part.index: number_of(part) for part in chassis}
        known = [number for number in numbers.values() if number is not None]
        if known and len(set(known)) == len(chassis):
            break
    else:
        return {}
    out: dict[int, int] = {}
    for index in parts:
        at = index
        while at and at not in numbers:
            at = above[at]
        number = numbers.get(at)
        if number is not None:
            out[index] = number
    return out


def _is_member(part: Part, parts: Mapping[int, Part], above: Mapping[int, int]) -> bool:
    holder = above[part.index]
    return holder == 0 or parts[holder].kind == "stack"


def _number_in_name(part: Part) -> int | None:
    digits = part.name[len(part.name.rstrip("0123456789")) :]
    return int(digits) if 0 < len(digits) < 4 and part.name != part.model else None
