"""Whose word belongs to a CI when: what a source reported counts for a CI while the source was bound to it.

What came in reports is told by when it was received, so that a change that was reported late belongs to the CI that the
source spoke for then. Utilization and states of the past are told by when they were measured; a binding that began with
the source's first report reaches back over all that the source measured before that report.
"""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import ColumnElement, and_, false, func, or_
from sqlmodel import Session, col, select

from driftline_cmdb.identity.bindings import Span, precedence
from driftline_cmdb.tables.cis import Binding
from driftline_cmdb.tables.elements import Revision, Section
from driftline_cmdb.tables.sources import RECORD, Source
from driftline_cmdb.tables.speaking import Muting


def spoken(session: Session, ci_id: int, *, record: bool = True, at_ms: int | None = None) -> list[Span]:
    """Return when which sources spoke for a CI: those that do now first, the one that counts most in front.

    :param record: with the CI's own record.
    :param at_ms: sorted as they counted at this time.
    """
    query = (
        select(Binding.source_id, Binding.since_ms, Binding.until_ms)
        .join(Source, col(Source.id) == col(Binding.source_id))
        .where(Binding.ci_id == ci_id)
    )
    if at_ms is None:
        query = query.order_by(col(Binding.until_ms).is_not(None), col(Binding.until_ms).desc(), *precedence())
    else:
        query = query.order_by(*precedence(at_ms))
    if not record:
        query = query.where(Source.kind != RECORD)
    return [Span(*row) for row in session.exec(query)]


def open_ones(spans: Iterable[Span]) -> list[Span]:
    """Return those that last."""
    return [span for span in spans if span.until_ms is None]


def reaching(session: Session, spans: list[Span], from_ms: int) -> list[Span]:
    """Return spans as what was measured at or after a time counts: that of a first report has no beginning."""
    late = {span.source_id for span in spans if span.since_ms > from_ms}
    if not late:
        return spans
    query = (
        select(Revision.source_id, func.min(Revision.received_ms))
        .where(col(Revision.source_id).in_(sorted(late)))
        .group_by(col(Revision.source_id))
    )
    first = dict(session.exec(query).all())
    # Without any inventory nothing else can say that its reports waited.
    return [
        replace(span, since_ms=0)
        if span.source_id in late and span.since_ms <= first.get(span.source_id, span.since_ms)
        else span
        for span in spans
    ]


def reported_within(spans: Iterable[Span]) -> ColumnElement[bool]:
    """Return the condition that a revision was reported by a source while it spoke."""
    known = list(spans)
    if not known:
        return false()
    source, received = col(Revision.source_id), col(Revision.received_ms)
    while_bound = [
        and_(source == span.source_id, received >= span.since_ms)
        if span.until_ms is None
        else and_(source == span.source_id, received >= span.since_ms, received < span.until_ms)
        for span in known
    ]
    return and_(source.in_(sorted({span.source_id for span in known})), or_(*while_bound))


def counted(section_id: ColumnElement[int], at_ms: ColumnElement[int] | int) -> ColumnElement[bool]:
    """Return the condition that a section was not muted at a time."""
    muting = select(Muting.id).where(
        col(Muting.section_id) == section_id,
        col(Muting.since_ms) <= at_ms,
        or_(col(Muting.until_ms).is_(None), col(Muting.until_ms) > at_ms),
    )
    return ~muting.exists()


def revisions_counted() -> ColumnElement[bool]:
    """Return the condition that a revision's section was not muted when the revision came."""
    muting = (
        select(Muting.id)
        .join(Section, col(Section.id) == col(Muting.section_id))
        .where(
            col(Section.source_id) == col(Revision.source_id),
            col(Section.name) == col(Revision.section),
            col(Muting.since_ms) <= col(Revision.received_ms),
            or_(col(Muting.until_ms).is_(None), col(Muting.until_ms) > col(Revision.received_ms)),
        )
    )
    return ~muting.exists()
