"""Baselines drafted from what a CI is."""

from dataclasses import dataclass

from sqlmodel import Session, col, select

from driftline_baseline import capture as captures
from driftline_baseline.expected import element_path
from driftline_baseline.values import Attributes
from driftline_cmdb import audit
from driftline_cmdb.baselines.pins import ids_of, pin
from driftline_cmdb.baselines.selection import fields_of, parsed
from driftline_cmdb.baselines.versions import add_version
from driftline_cmdb.drift.expectation import expected_of
from driftline_cmdb.errors import Refused
from driftline_cmdb.intern import path_ids
from driftline_cmdb.record import heard, sources_of
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.baselines import Baseline, BaselineVersion
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.elements import Holding, Section


@dataclass(frozen=True, slots=True)
class Captured:
    """A draft that was captured."""

    version: BaselineVersion
    #: Paths of open drifts, whose expected values it has instead of the actual ones.
    left_out: list[str]
    #: It has the document of the version before: rules, ignores and selector that people wrote.
    kept_document: bool


def capture(
    session: Session, ci: Ci, name: str, author: str, now_ms: int, *, leave_out_drifts: bool = False
) -> Captured:
    """Draft a baseline from what a CI is now: a new one, or the next version of one that exists.

    The next version of a baseline that covers the CI keeps its document; only what is captured is new.

    :param leave_out_drifts: take what is expected, and not what is there, where drifts are open.
    :raises Refused: while the CI has open drifts that are not to be left out (design section 6, rule 12), or nothing
        is known of it.
    :raises Conflict: where the newest version is a draft already.
    """
    left_out = open_drifts(session, [ci.id])
    if left_out and not leave_out_drifts:
        raise Refused(
            f"{ci.name} has open drifts, which a capture would absorb: {', '.join(left_out[:5])}; settle them first, "
            "or ask to leave them out"
        )
    held = _held(session, ci)
    if not held:
        raise Refused(f"nothing is known of {ci.name} yet; wait for its first report")
    if left_out:
        _leave_out(session, ci, held, left_out)
    document = _document_before(session, name, ci)
    version = add_version(session, name, document or captures.draft_text(name, ci.uid), author, now_ms)
    version.captured_ci_id = ci.id
    session.add(version)
    pin(session, version, held)
    detail = {"ci": ci.uid, "elements": len(held), "stale sections": _stale(session, ci), "left out": left_out}
    audit.record(session, author, "baseline.captured", f"baseline {name} v{version.number}", detail, now_ms)
    return Captured(version, left_out, document is not None)


def open_drifts(session: Session, ci_ids: list[int]) -> list[str]:
    """Return the paths of the drifts that are open on some CIs, or accepted for a time only."""
    query = select(Drift.path).where(col(Drift.ci_id).in_(ci_ids), col(Drift.closed_ms).is_(None))
    return sorted(set(session.exec(query)))


def _held(session: Session, ci: Ci) -> dict[int, int]:
    """Return element ids by path id; the highest source that speaks at a path counts."""
    holding = table_of(Holding)
    held: dict[int, int] = {}
    for source_id in reversed(sources_of(session, ci.id)):
        rows = session.connection().execute(
            holding.select().where(holding.c.source_id == source_id, holding.c.until_revision.is_(None), heard())
        )
        held.update({row.path_id: row.element_id for row in rows})
    return held


def _leave_out(session: Session, ci: Ci, held: dict[int, int], drifting: list[str]) -> None:
    """Put what is expected in place of what is there, where drifts are open; a rule alone changes nothing here."""
    elements = sorted({element_path(path) for path in drifting})
    expected = expected_of(session, ci, elements)
    wanted: list[tuple[str, Attributes]] = []
    watched = {path: expected.at(path) for path in elements}
    for path, path_id in path_ids(session, elements).items():
        if watched[path].watched:
            held.pop(path_id, None)
    for path, want in watched.items():
        if want.watched and want.attributes is not None:
            wanted.append((path, want.attributes))
    held.update(ids_of(session, wanted))


def _document_before(session: Session, name: str, ci: Ci) -> str | None:
    """Return the newest document of a baseline where it means a CI, as far as the CI's record says."""
    query = (
        select(BaselineVersion.document)
        .join(Baseline, col(Baseline.id) == col(BaselineVersion.baseline_id))
        .where(Baseline.name == name)
        .order_by(col(BaselineVersion.number).desc())
    )
    document = session.exec(query).first()
    if document is None or not parsed(document).selector.may_select(fields_of(ci), ci.labels):
        return None
    return document


def _stale(session: Session, ci: Ci) -> list[str]:
    query = select(Section.name).where(
        col(Section.source_id).in_(sources_of(session, ci.id)),
        col(Section.stale_since_ms).is_not(None),
        ~col(Section.muted),
    )
    return sorted(session.exec(query))
