"""Reading the record: a CI's facts now and at any time, and what changed when."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import zstandard
from sqlalchemy import ColumnElement, and_, or_, text
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from driftline import facts, paths, schema
from driftline.schema import Value
from driftline.v1.facts_pb2 import Facts
from driftline_baseline.evidence import HostAct, attribute
from driftline_baseline.interval import Interval
from driftline_baseline.values import Attributes
from driftline_cmdb.errors import Ambiguous, NotFound
from driftline_cmdb.identity import bindings, spans
from driftline_cmdb.identity.bindings import Span
from driftline_cmdb.packing import chunks, unpack_ids
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.elements import Element, Holding, HostTransaction, Path, Revision, Section
from driftline_cmdb.transactions import acts_since

_NATURES = {schema.CONFIGURATION: "configuration", schema.IDENTITY: "identity", schema.STATE: "state"}


@dataclass(frozen=True, slots=True)
class FactValue:
    """One attribute of a CI and where it comes from."""

    path: str
    value: Value
    #: When it was first observed so; None for STATE, which has no history.
    since_ms: int | None
    #: The report's revision that brought it; None for STATE.
    revision_id: int | None
    source_id: int
    #: configuration, identity or state.
    nature: str
    #: Its section could not be read last time: this is the last known value.
    stale: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One attribute or element that changed in one revision; None means absent, a mapping is a whole element."""

    revision_id: int
    path: str
    before: Value | Mapping[str, Value] | None
    after: Value | Mapping[str, Value] | None
    #: It happened in (after_ms, observed_ms].
    after_ms: int | None
    observed_ms: int
    received_ms: int
    transaction: HostTransaction | None


def find_ci(session: Session, name_or_uid: str) -> Ci:
    """Return the CI with this name or uid; of several of one name the one that was not merged into another.

    :raises NotFound: where there is none.
    :raises Ambiguous: where several have this name; the message lists their uids.
    """
    found = session.exec(select(Ci).where(or_(col(Ci.uid) == name_or_uid, col(Ci.name) == name_or_uid))).all()
    if not found:
        raise NotFound(f'no CI is named "{name_or_uid}"; driftline ci list shows them all')
    if len(found) > 1:
        found = [ci for ci in found if ci.merged_into_id is None] or found
    if len(found) > 1:
        uids = ", ".join(sorted(ci.uid for ci in found))
        raise Ambiguous(f'{len(found)} CIs are named "{name_or_uid}"; name one by its uid: {uids}')
    return found[0]


def names_in(session: Session, named: Iterable[str]) -> Mapping[str, str]:
    """Return the names of the CIs that paths of relations and links mean, by uid, for wording."""
    uids = {
        keys[1]
        for path in named
        if path.startswith(("record.relations[", "record.links["))
        for _, keys in paths.steps(path)
        if keys and len(keys) > 1
    }
    if not uids:
        return {}
    return dict(session.exec(select(Ci.uid, Ci.name).where(col(Ci.uid).in_(sorted(uids)))).all())


def sources_of(session: Session, ci_id: int) -> list[int]:
    """Return the ids of the sources that speak for a CI now, the one whose word counts most first."""
    return [voice.source_id for voice in bindings.voices(session, ci_id)]


def heard() -> ColumnElement[bool]:
    """Return the condition that a holding is of a section that counts: no other source speaks for all it says.

    Every reader of current facts has it, beside that the holding and the binding are open.
    """
    # As text, so that SQLite, too, sees that the partial index serves it.
    return col(Holding.section_id).not_in(select(Section.id).where(text("section.muted")).correlate(None))


def elements_of(
    session: Session, ci_id: int, places: Collection[str] | None = None, *, below: str = ""
) -> dict[str, Attributes]:
    """Return the elements that a CI holds now, by path; the highest source that speaks there counts.

    :param places: only at these element paths; all by default.
    :param below: only those whose path begins so: ``software.packages[``.
    """
    found: dict[str, Attributes] = {}
    query = (
        select(Path.text, Element.content)
        .select_from(Holding)
        .join(Path, col(Path.id) == col(Holding.path_id))
        .join(Element, col(Element.id) == col(Holding.element_id))
        .where(col(Holding.until_revision).is_(None), heard())
    )
    if below:
        query = query.where(col(Path.text).startswith(below))
    queries = [query] if places is None else [query.where(col(Path.text).in_(part)) for part in chunks(sorted(places))]
    for source_id in reversed(sources_of(session, ci_id)):
        for one in queries:
            rows = session.exec(one.where(Holding.source_id == source_id))
            found.update((path, facts.attributes(path, content)) for path, content in rows)
    return found


def facts_of(session: Session, ci: Ci, match: Sequence[str] = (), at_ms: int | None = None) -> list[FactValue]:
    """Return a CI's facts, sorted by path.

    :param match: patterns; only what one of them matches. All by default.
    :param at_ms: as they were observed at this time by who spoke for the CI then; STATE is left out, because it has
        no history.
    """
    found: dict[str, FactValue] = {}
    states: dict[str, FactValue] = {}
    speaking = _speaking(session, ci.id, at_ms)
    for span in reversed(speaking):  # the one whose word counts last
        source_id = span.source_id
        stale = _stale_sections(session, source_id)
        for row in _elements(session, span, at_ms):
            for value in _values(row, source_id, row.section in stale):
                if not match or paths.matches_any(match, value.path):
                    found[value.path] = value
        if at_ms is None:
            for value in _state(session, source_id, stale):
                if not match or paths.matches_any(match, value.path):
                    states[value.path] = value
    found = states | found
    return [found[path] for path in sorted(found)]


def _speaking(session: Session, ci_id: int, at_ms: int | None) -> list[Span]:
    """Return who speaks for a CI, or spoke at a time, the one whose word counts most first."""
    if at_ms is None:
        return [Span(voice.source_id, voice.since_ms, None) for voice in bindings.voices(session, ci_id)]
    return [
        span for span in spans.reaching(session, spans.spoken(session, ci_id, at_ms=at_ms), at_ms) if span.covers(at_ms)
    ]


def _stale_sections(session: Session, source_id: int) -> set[str]:
    query = select(Section.name).where(Section.source_id == source_id, col(Section.stale_since_ms).is_not(None))
    return set(session.exec(query))


def _elements(session: Session, span: Span, at_ms: int | None) -> Sequence[Any]:
    """Return rows of path, content, revision, since_ms, section: of what counts, by what was reported in the span."""
    holding, element, path = table_of(Holding), table_of(Element), table_of(Path)
    since, until = table_of(Revision).alias("since"), table_of(Revision).alias("until")
    joined = (
        holding.join(element, element.c.id == holding.c.element_id)
        .join(path, path.c.id == holding.c.path_id)
        .join(since, since.c.id == holding.c.since_revision)
    )
    conditions = [holding.c.source_id == span.source_id]
    if at_ms is None:
        conditions += [holding.c.until_revision.is_(None), heard()]
    else:
        joined = joined.outerjoin(until, until.c.id == holding.c.until_revision)
        ended = until.c.observed_ms <= at_ms
        conditions.append(since.c.observed_ms <= at_ms)
        if span.until_ms is not None:
            conditions.append(since.c.received_ms < span.until_ms)
            ended = and_(ended, until.c.received_ms < span.until_ms)
        conditions.append(or_(holding.c.until_revision.is_(None), ~ended))
        conditions.append(spans.counted(holding.c.section_id, at_ms))
    columns = (
        path.c.text.label("path"),
        element.c.content,
        since.c.id.label("revision"),
        since.c.observed_ms.label("since_ms"),
        since.c.section,
    )
    return session.connection().execute(sql_select(*columns).select_from(joined).where(*conditions)).all()


def _values(row: Any, source_id: int, stale: bool) -> list[FactValue]:
    path, content, revision, since_ms = row.path, row.content, row.revision, row.since_ms
    by_name = facts.plan_at(path).by_name
    attributes = facts.attributes(path, content)
    if not attributes:
        return [FactValue(path, True, since_ms, revision, source_id, "configuration", stale)]
    return [
        FactValue(f"{path}.{name}", value, since_ms, revision, source_id, _NATURES[by_name[name].nature], stale)
        for name, value in attributes.items()
    ]


def _state(session: Session, source_id: int, stale: set[str]) -> list[FactValue]:
    values = []
    for section in session.exec(
        select(Section).where(Section.source_id == source_id, Section.state != b"", ~col(Section.muted))
    ):
        state = Facts.FromString(zstandard.decompress(section.state))
        for path, value in facts.flatten(state, frozenset({schema.STATE})).items():
            values.append(FactValue(path, value, None, None, source_id, "state", section.name in stale))
    return values


def history_of(
    session: Session, ci: Ci, match: Sequence[str] = (), limit: int = 100, before_revision: int | None = None
) -> list[Change]:
    """Return what changed on a CI, the latest first. A source's first reading of a section is no change.

    :param match: patterns; only what one of them matches.
    :param limit: how many revisions to look at.
    :param before_revision: only revisions older than this one, for paging.
    """
    revisions = revisions_of(session, ci.id, limit, before_revision)
    if not revisions:
        return []
    sources = {revision.source_id for revision in revisions}
    acts = acts_since(session, sources, min(revision.after_ms or 0 for revision in revisions) - 1000)
    changes: list[Change] = []
    for revision in revisions:
        gone, new = _moved(session, revision)
        for path in sorted(gone.keys() | new.keys()):
            for change in _changes(session, revision, path, gone.get(path), new.get(path), acts):
                if not match or paths.matches_any(match, change.path):
                    changes.append(change)
    return changes


def revisions_of(
    session: Session, ci_id: int, limit: int, before_revision: int | None = None, *, offset: int = 0
) -> Sequence[Revision]:
    """Return the changes that a CI's sources reported while they spoke for it, the latest first.

    :param before_revision: only revisions older than this one.
    """
    spoken = spans.spoken(session, ci_id)
    query = select(Revision).where(
        spans.reported_within(spoken),
        col(Revision.after_ms).is_not(None),
    )
    if len(spoken) > 2:  # more than one beside the record
        query = query.where(spans.revisions_counted())
    if before_revision is not None:
        query = query.where(Revision.id < before_revision)
    return session.exec(query.order_by(col(Revision.id).desc()).offset(offset).limit(limit)).all()


def _moved(session: Session, revision: Revision) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return the contents of the elements that a revision ended, and of those that it began, by path."""
    gone: dict[str, bytes] = {}
    new: dict[str, bytes] = {}
    for chunk in chunks(unpack_ids(revision.changed_paths)):
        query = (
            select(Path.text, Element.content, Holding.since_revision, Holding.until_revision)
            .select_from(Holding)
            .join(Element, col(Element.id) == col(Holding.element_id))
            .join(Path, col(Path.id) == col(Holding.path_id))
            .where(
                Holding.source_id == revision.source_id,
                col(Holding.path_id).in_(chunk),
                or_(col(Holding.since_revision) == revision.id, col(Holding.until_revision) == revision.id),
            )
        )
        for path, content, since, until in session.exec(query):
            if since == revision.id:
                new[path] = content
            if until == revision.id:
                gone[path] = content
    return gone, new


def _changes(
    session: Session, revision: Revision, path: str, gone: bytes | None, new: bytes | None, acts: Sequence[HostAct]
) -> list[Change]:
    before = facts.attributes(path, gone) if gone is not None else None
    after = facts.attributes(path, new) if new is not None else None
    version = after.get("version") if after is not None else None
    interval = Interval(revision.after_ms, revision.observed_ms)
    act = attribute(path, None if version is None else str(version), interval, acts)
    transaction = session.get(HostTransaction, act.id) if act is not None else None

    def change(where: str, old: object, now: object) -> Change:
        return Change(
            revision.id,
            where,
            old,  # type: ignore[arg-type]  # values come as they are
            now,  # type: ignore[arg-type]  # values come as they are
            revision.after_ms,
            revision.observed_ms,
            revision.received_ms,
            transaction,
        )

    if before is None or after is None:
        return [change(path, before, after)]
    return [change(f"{path}.{item.path}", item.before, item.after) for item in facts.diff(before, after)]
