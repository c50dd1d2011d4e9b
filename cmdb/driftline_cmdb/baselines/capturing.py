"""Baselines drafted from what a CI is."""

from sqlmodel import Session, col, select

from driftline_baseline import capture as captures
from driftline_cmdb import audit
from driftline_cmdb.baselines.versions import add_version
from driftline_cmdb.errors import Refused
from driftline_cmdb.record import sources_of
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.baselines import BaselineElement, BaselineVersion
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.elements import Holding, Section


def capture(session: Session, ci: Ci, name: str, author: str, now_ms: int) -> BaselineVersion:
    """Draft a baseline from what a CI is now: a new one, or the next version of one that exists.

    :raises Refused: while the CI has open drifts (design section 6, rule 12), or nothing is known of it.
    :raises Conflict: where the newest version is a draft already.
    """
    open_drifts = select(Drift.path).where(Drift.ci_id == ci.id, col(Drift.closed_ms).is_(None), Drift.state == "open")
    paths = list(session.exec(open_drifts.limit(5)))
    if paths:
        raise Refused(f"{ci.name} has open drifts, which a capture would absorb: {', '.join(paths)}; settle them first")
    holding = table_of(Holding)
    rows = session.connection().execute(
        holding.select().where(holding.c.source_id.in_(sources_of(session, ci.id)), holding.c.until_revision.is_(None))
    )
    held = {row.path_id: row.element_id for row in rows}
    if not held:
        raise Refused(f"nothing is known of {ci.name} yet; wait for its first report")
    document = captures.draft_text(name, ci.uid)
    version = add_version(session, name, document, author, now_ms, ci)
    pins = [{"version_id": version.id, "path_id": path, "element_id": element} for path, element in held.items()]
    session.connection().execute(table_of(BaselineElement).insert(), pins)
    detail = {"ci": ci.uid, "elements": len(pins), "stale sections": _stale(session, ci)}
    audit.record(session, author, "baseline.captured", f"baseline {name} v{version.number}", detail, now_ms)
    return version


def _stale(session: Session, ci: Ci) -> list[str]:
    query = select(Section.name).where(
        col(Section.source_id).in_(sources_of(session, ci.id)), col(Section.stale_since_ms).is_not(None)
    )
    return sorted(session.exec(query))
