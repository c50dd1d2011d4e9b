"""Which of a CI's sources speaks at a place, and what nobody reads of a CI any more."""

from collections.abc import Callable, Collection, Iterable

from sqlmodel import Session, col, select

from driftline_baseline import speaking as spoken
from driftline_baseline.expected import element_path
from driftline_cmdb.identity import bindings
from driftline_cmdb.packing import chunks
from driftline_cmdb.record import sources_of
from driftline_cmdb.tables.cis import Binding
from driftline_cmdb.tables.elements import Holding, Path, Section
from driftline_cmdb.tables.rfcs import RfcDelta
from driftline_cmdb.tables.sources import RECORD, Source

#: Paths of what the record itself says of a CI begin so.
OF_THE_RECORD = "record."


def speakers(session: Session, ci_id: int, places: Collection[str]) -> dict[str, int]:
    """Return the source that speaks for a CI at each of some elements' paths; where nothing is held, none does."""
    found: dict[str, int] = {}
    for source_id in reversed(sources_of(session, ci_id)):  # the highest rank last: it counts
        for chunk in chunks(sorted(places)):
            query = (
                select(Path.text)
                .join(Holding, col(Holding.path_id) == col(Path.id))
                .join(Section, col(Section.id) == col(Holding.section_id))
                .where(Holding.source_id == source_id, col(Holding.until_revision).is_(None))
                .where(col(Path.text).in_(chunk), col(Section.muted).is_(False))
            )
            found.update(dict.fromkeys(session.exec(query), source_id))
    return found


def ever_held(session: Session, source_ids: Collection[int], places: Collection[str]) -> set[str]:
    """Return those of some elements' paths at which one of some sources holds something or ever did."""
    found: set[str] = set()
    for chunk in chunks(sorted(places)):
        query = (
            select(Path.text)
            .join(Holding, col(Holding.path_id) == col(Path.id))
            .where(col(Holding.source_id).in_(source_ids), col(Path.text).in_(chunk))
        )
        found.update(session.exec(query.distinct()))
    return found


def families(session: Session, source_ids: Collection[int]) -> set[str]:
    """Return the parts of a CI that some sources ever spoke of."""
    query = select(Path.text).join(Holding, col(Holding.path_id) == col(Path.id))
    return set(spoken.families(session.exec(query.where(col(Holding.source_id).in_(source_ids)).distinct())))


def unread(session: Session, ci_id: int) -> Callable[[str], bool] | None:
    """Return what tells whether nobody reads a place of a CI: nothing can be missing there. None where all is read.

    Of a CI without agents and devices only its record is read. Where sources left it, by a split or for new hardware,
    what they alone spoke of is read no more.
    """
    query = (
        select(Binding.source_id, Binding.until_ms)
        .join(Source, col(Source.id) == col(Binding.source_id))
        .where(Binding.ci_id == ci_id, Source.kind != RECORD)
    )
    rows = session.exec(query).all()
    here = {source_id for source_id, until_ms in rows if until_ms is None}
    if not here:
        return lambda place: not place.startswith(OF_THE_RECORD)
    left = {source_id for source_id, _ in rows} - here
    if not left:
        return None
    lost = families(session, left) - families(session, here)
    return lambda place: spoken.family(place) in lost if lost else False


def holding_deltas(session: Session, ci_id: int, deltas: Iterable[RfcDelta]) -> list[RfcDelta]:
    """Return those of some deltas that hold for a CI: its own, and those of CIs that were merged into it.

    What an RFC said of a merged CI does not hold where a source speaks now that never spoke for that CI.
    """
    deltas = list(deltas)
    foreign = [delta for delta in deltas if delta.ci_id != ci_id]
    if not foreign:
        return deltas
    spoke = {
        alias: {span.source_id for span in spans}
        for alias, spans in bindings.spans_of(session, {delta.ci_id for delta in foreign}).items()
    }
    now = speakers(session, ci_id, {element_path(delta.path) for delta in foreign})

    def holds(delta: RfcDelta) -> bool:
        speaker = now.get(element_path(delta.path))
        return delta.ci_id == ci_id or speaker is None or speaker in spoke[delta.ci_id]

    return [delta for delta in deltas if holds(delta)]
