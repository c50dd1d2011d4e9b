"""Where two sources of one CI hold another value at the same path: a finding while it lasts."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from driftline import facts
from driftline.sealed import incomparable
from driftline_baseline.speaking import family
from driftline_baseline.values import encode, show
from driftline_cmdb.attention import events
from driftline_cmdb.narrowing import AGENT
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.cis import Ci, Finding
from driftline_cmdb.tables.elements import Element, Holding, Path
from driftline_cmdb.tables.sources import Source

KIND = "sources disagree"
#: Attributes that a finding names.
MOST = 20
#: Elements that are compared.
_MOST_ELEMENTS = 500


def note(session: Session, ci: Ci, speakers: Sequence[int], spokesmen: Mapping[str, int], now_ms: int) -> None:
    """Open a CI's finding, bring it up to date, or close it where its sources agree, or it has one only.

    :param speakers: its sources, the one whose word counts most first.
    :param spokesmen: by family, the source that has the word.
    """
    key = f"disagree:{ci.uid}"
    found = session.exec(select(Finding).where(Finding.key == key, col(Finding.closed_ms).is_(None))).first()
    said = _disagreements(session, speakers, spokesmen) if len(speakers) > 1 else []
    if not said:
        if found is not None:
            found.closed_ms = now_ms
            session.add(found)
        return
    opened = found is None
    if found is None:
        found = Finding(kind=KIND, key=key, ci_id=ci.id, message="", opened_ms=now_ms)
    more = len(said) - 1
    first = said[0]
    found.message = (
        f"the sources of {ci.name} disagree on {first['path']}: {first['value']} by {first['counts']}, which "
        f"counts, {first['other_value']} by {first['other']}" + (f", and on {more} more" if more else "")
    )
    found.detail = {"attributes": said[:MOST], "count": len(said)}
    session.add(found)
    if opened:
        session.flush()
        events.emit_finding(session, found, now_ms)


def _disagreements(session: Session, speakers: Sequence[int], spokesmen: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the attributes that two sources hold with different values, by path."""
    one, other = aliased(Holding), aliased(Holding)
    query = (
        select(Path.text, one, other)
        .select_from(one)
        .join(other, col(other.path_id) == col(one.path_id))
        .join(Path, col(Path.id) == col(one.path_id))
        .where(
            col(one.source_id).in_(speakers),
            col(other.source_id).in_(speakers),
            col(one.source_id) < col(other.source_id),
            col(one.element_id) != col(other.element_id),
            col(one.until_revision).is_(None),
            col(other.until_revision).is_(None),
            Path.text != AGENT,  # each agent says of itself how it is set
        )
        .order_by(col(Path.text))
        .limit(_MOST_ELEMENTS)
    )
    pairs = session.exec(query).all()
    contents: dict[int, bytes] = {}
    for chunk in chunks(sorted({side.element_id for _, *sides in pairs for side in sides})):
        contents.update(session.exec(select(Element.id, Element.content).where(col(Element.id).in_(chunk))).all())
    names = _names(session, speakers)
    place = {source_id: position for position, source_id in enumerate(speakers)}
    out: list[dict[str, Any]] = []
    for path, *sides in pairs:
        head = spokesmen.get(family(path))
        mine, theirs = sorted(sides, key=lambda side: (side.source_id != head, place[side.source_id]))
        values, others = (facts.attributes(path, contents[side.element_id]) for side in (mine, theirs))
        who = {"counts": names[mine.source_id], "other": names[theirs.source_id]}
        for name in sorted(values.keys() & others.keys()):
            value, another = values[name], others[name]
            if value != another and not incomparable(value, another):  # each source seals with its own key
                pair = {"value": show(encode(value)), "other_value": show(encode(another))}
                out.append({"path": f"{path}.{name}", **who, **pair})
    return out


def _names(session: Session, source_ids: Sequence[int]) -> dict[int, str]:
    rows = session.exec(select(Source).where(col(Source.id).in_(source_ids)))
    return {row.id: named(row) for row in rows}


def named(source: Source) -> str:
    """Return how people call a source: its kind, its host's name, and the start of its identity."""
    return f"{source.kind} {source.hostname or '?'} ({source.uid[:8]})"
