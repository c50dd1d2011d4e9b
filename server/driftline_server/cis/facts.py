"""Facts as the page shows them: one row an element, by section, found by a pattern or by plain text."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from driftline import schema
from driftline_cmdb.record import FactValue
from driftline_server.cis.views import Fact, fact

_ATTRIBUTE = re.compile(r"(.*)\.([a-z][a-z0-9_]*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ElementFacts:
    """An element with its attributes."""

    #: ``software.packages[dpkg/openssl/amd64]``
    path: str
    #: By field name; empty for an element that is just there.
    attributes: list[tuple[str, Fact]]
    #: What follows from them and is no fact: purl, product.
    follows: Mapping[str, str]
    #: The latest change of any of them.
    since: datetime | None
    stale: bool


def patterns(text: str | None) -> tuple[str, ...]:
    """Return the patterns of what someone typed: a pattern as it is, plain text as anything that contains it."""
    typed = (text or "").strip()
    if not typed:
        return ()
    if "*" in typed or "[" in typed or typed.split(".")[0] in schema.FACTS.by_name:
        return (typed,)
    return (f"**{typed}**",)


def sections(found: Sequence[FactValue]) -> list[tuple[str, int]]:
    """Return the sections that have facts, in the schema's order, with their counts."""
    counts = Counter(item.path.partition(".")[0] for item in found)
    return [(field.name, counts[field.name]) for field in schema.FACTS.fields if counts[field.name]]


def grouped(found: Sequence[FactValue]) -> dict[str, dict[str, schema.Value]]:
    """Return attributes by field name of each element; none for one that is just there."""
    out: dict[str, dict[str, schema.Value]] = {}
    for item in found:
        parts = _ATTRIBUTE.fullmatch(item.path)
        attributes = out.setdefault(parts[1] if parts else item.path, {})
        if parts:
            attributes[parts[2]] = item.value
    return out


def elements(found: Sequence[FactValue], follows: Mapping[str, Mapping[str, str]] | None = None) -> list[ElementFacts]:
    """Return facts by element; `found` is sorted by path.

    :param follows: what is shown beside facts without being one, by the element's path.
    """
    by_element: dict[str, list[tuple[str, Fact]]] = {}
    for item in found:
        parts = _ATTRIBUTE.fullmatch(item.path)
        path, name = (parts[1], parts[2]) if parts else (item.path, "")
        by_element.setdefault(path, []).append((name, fact(item)))
    return [
        ElementFacts(
            path=path,
            attributes=[(name, one) for name, one in attributes if name],
            follows=(follows or {}).get(path, {}),
            since=max((one.since for _, one in attributes if one.since), default=None),
            stale=any(one.stale for _, one in attributes),
        )
        for path, attributes in sorted(by_element.items())
    ]
