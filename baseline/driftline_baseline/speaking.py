"""Several sources for one CI: which of them speaks for which part of it (design section 5).

A part is a *family*: a list of the schema (``network.interfaces``), or one un-keyed message (``os.release``). In each
family the first source that holds anything of it has the word. What a source reports comes in sections, and a section
is muted where all its families have another spokesman. A section of which only some families are taken stays: where two
sources hold the same path, the first one's value counts, and what only the other holds counts too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """A section of a source, and the families that it says anything of."""

    source_id: int
    families: frozenset[str]


def family(path: str) -> str:
    """Return the family of an element by its path: ``network.interfaces`` of ``network.interfaces[eth0]``."""
    return path.partition("[")[0]


def families(paths: Iterable[str]) -> frozenset[str]:
    """Return the families of elements."""
    return frozenset(map(family, paths))


def spokesmen(order: Sequence[int], parts: Iterable[Part]) -> dict[str, int]:
    """Return which source has the word in each family.

    :param order: sources, the one that is asked first in front.
    """
    place = {source_id: position for position, source_id in enumerate(order)}
    found: dict[str, int] = {}
    for part in sorted(parts, key=lambda part: place[part.source_id]):
        for name in part.families:
            found.setdefault(name, part.source_id)
    return found


def muted(order: Sequence[int], parts: Mapping[int, Part]) -> set[int]:
    """Return which sections do not count.

    :param parts: by section.
    """
    heads = spokesmen(order, parts.values())
    return {
        section_id
        for section_id, part in parts.items()
        if part.families and all(heads[name] != part.source_id for name in part.families)
    }
