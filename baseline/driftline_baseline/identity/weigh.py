"""Weighs what two sides claim: how much says that they are one machine, how much says that they are two."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from driftline.v1.collector_pb2 import HostClaims
from driftline_baseline.identity.kinds import CONTAINER_CONTRADICTS, KINDS, Kind
from driftline_baseline.identity.normal import Evidence

#: The kind of the piece that says that one side is a container and the other is none.
CONTAINER = "container"
#: Kinds that contradict this much belong to the machine itself, not to a part that people change.
_OF_THE_MACHINE = 30


@dataclass(frozen=True, slots=True)
class Context:
    """On what a side runs; empty where on hardware, or where it does not say."""

    virtualization: str = ""
    container: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of evidence of a comparison."""

    #: One of KINDS, or CONTAINER.
    kind: str
    #: What this side claims, and the other; several values stand with commas between.
    value: str
    other_value: str | None
    #: Negative: it contradicts. 0: it is equal and counts for nothing.
    weight: int
    why: str

    def plain(self) -> dict[str, Any]:
        """Return it as the record keeps it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Match:
    """What a comparison found."""

    #: Sum of the weights of all pieces.
    score: int
    #: What speaks for it first, then what counts for nothing, then what speaks against it.
    pieces: tuple[Piece, ...]


def context_of(claims: HostClaims) -> Context:
    """Return on what a source says that it runs."""
    return Context(claims.virtualization, claims.container)


def weigh(
    mine: Sequence[Evidence],
    theirs: Sequence[Evidence],
    mine_context: Context,
    theirs_context: Context,
    shared: Collection[str] = (),
) -> Match:
    """Compare two sides; exchanged, they give the same score, in whatever order their evidence stands.

    :param shared: keys that so many machines have that they count for nothing.
    """
    copied = mine_context.virtualization or theirs_context.virtualization
    contained = bool(mine_context.container or theirs_context.container)
    left, right = _by_key(mine), _by_key(theirs)
    pieces: list[Piece] = []
    counted: dict[str, int] = {}
    for kind, key in sorted((_kind_of(left[key], right[key], contained), key) for key in left.keys() & right.keys()):
        weight, why = _weight(KINDS[kind], key, copied, contained, shared, counted.get(kind, 0))
        counted[kind] = counted.get(kind, 0) + weight
        pieces.append(Piece(kind, left[key][0].value, right[key][0].value, weight, why))
    if bool(mine_context.container) != bool(theirs_context.container):
        sides = (mine_context.container or "none", theirs_context.container or "none")
        pieces.append(Piece(CONTAINER, *sides, -CONTAINER_CONTRADICTS, "one is a container and the other is none"))
    pieces += _contradictions(mine, theirs, bool(copied), shared)
    pieces.sort(key=lambda piece: (-piece.weight, list(KINDS).index(piece.kind) if piece.kind in KINDS else -1))
    return Match(sum(piece.weight for piece in pieces), tuple(pieces))


def hardware_changed(before: Sequence[Evidence], after: Sequence[Evidence], context: Context) -> bool:
    """Tell whether a source runs on another machine: nothing is left, and the machine itself is another.

    But disks: they move with an installation, so they say nothing here.
    """
    virtual = bool(context.virtualization)
    sides = (before, after)
    old, new = ([one for one in side if one.kind != "disk_serial" and _counts(one, virtual)] for side in sides)
    if {one.key for one in old} & {one.key for one in new}:
        return False
    kinds = {one.kind for one in old} & {one.kind for one in new}
    return any(KINDS[kind].contradicts >= _OF_THE_MACHINE for kind in kinds)


def _counts(one: Evidence, virtual: bool) -> bool:
    kind = KINDS[one.kind]
    return kind.hardware and not (virtual and kind.copied)


def _by_key(evidence: Sequence[Evidence]) -> Mapping[str, list[Evidence]]:
    found: dict[str, list[Evidence]] = {}
    for one in sorted(evidence):
        found.setdefault(one.key, []).append(one)
    return found


def _kind_of(mine: Sequence[Evidence], theirs: Sequence[Evidence], contained: bool) -> str:
    """Return the kind as which a common key counts: the lighter of the two, where it weighs most."""

    def lighter(one: Evidence, other: Evidence) -> tuple[int, str]:
        return min((_plain_weight(kind, contained), kind) for kind in (one.kind, other.kind))

    return max(lighter(one, other) for one in mine for other in theirs)[1]


def _plain_weight(kind: str, contained: bool) -> int:
    return KINDS[kind].in_container if contained else KINDS[kind].weight


def _weight(
    kind: Kind, key: str, copied: str, contained: bool, shared: Collection[str], counted: int
) -> tuple[int, str]:
    if key in shared:
        return 0, "so many machines have it that it tells none from another"
    if copied and kind.copied:
        return 0, f"one side is a virtual machine ({copied}), which may show its host's"
    if contained:
        return kind.in_container, "equal, in a container"
    weight = max(0, min(kind.weight, kind.most - counted))
    if weight < kind.weight:
        return weight, f"equal; all of this kind together count {kind.most} at most"
    return weight, "equal"


def _contradictions(
    mine: Sequence[Evidence], theirs: Sequence[Evidence], virtual: bool, shared: Collection[str]
) -> list[Piece]:
    all_keys = [{one.key for one in side} for side in (mine, theirs)]
    pieces: list[Piece] = []
    for kind in KINDS.values():
        if not kind.contradicts or (virtual and kind.copied):
            continue
        left, right = (
            [one for one in sorted(side) if one.kind == kind.name and one.key not in shared] for side in (mine, theirs)
        )
        if not left or not right:
            continue
        if any(one.key in all_keys[1] for one in left) or any(one.key in all_keys[0] for one in right):
            continue
        one, other = (", ".join(one.value for one in side) for side in (left, right))
        pieces.append(Piece(kind.name, one, other, -kind.contradicts, "both have one, and none in common"))
    return pieces
