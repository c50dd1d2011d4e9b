"""Baselines put into force and taken out of it."""

from sqlmodel import Session, col, select

from driftline_cmdb import audit
from driftline_cmdb.baselines.versions import check_document, find_baseline, find_version
from driftline_cmdb.drift.assess import mark_due
from driftline_cmdb.drift.expectation import parsed, selects
from driftline_cmdb.errors import Conflict, Refused
from driftline_cmdb.tables.baselines import BaselineVersion
from driftline_cmdb.tables.cis import Ci


def approve(session: Session, name: str, approver: str, now_ms: int, number: int | None = None) -> BaselineVersion:
    """Put a drafted version into force; the one before is superseded; every CI it covers is compared again.

    :raises NotFound: where there is no such version.
    :raises Refused: where the approver is its author.
    :raises Conflict: where it is no draft.
    """
    version = find_version(session, name, number)
    title = f"baseline {name} v{version.number}"
    if version.state != "draft":
        raise Conflict(f"{title} is {version.state}: only a draft can be approved")
    if version.author == approver:
        raise Refused(f"{title}: {approver} is its author, and may not approve it; ask another approver")
    check_document(name, version.document)
    before = session.exec(
        select(BaselineVersion).where(
            BaselineVersion.baseline_id == version.baseline_id, BaselineVersion.state == "in force"
        )
    ).first()
    covered = covered_by(session, version)
    if before is not None:
        before.state, before.retired_ms = "superseded", now_ms
        session.add(before)
        covered |= covered_by(session, before)
    version.state, version.approved_by, version.approved_ms = "in force", approver, now_ms
    session.add(version)
    session.flush()
    for ci_id in sorted(covered):
        mark_due(session, ci_id, now_ms)
    audit.record(session, approver, "baseline.approved", title, {"cis": len(covered)}, now_ms)
    return version


def retire(session: Session, name: str, actor: str, now_ms: int) -> BaselineVersion:
    """Take a baseline out of force, or drop its draft where it has one.

    :raises NotFound: where there is no such baseline.
    :raises Conflict: where nothing of it is in force or drafted.
    """
    baseline = find_baseline(session, name)
    query = select(BaselineVersion).where(
        BaselineVersion.baseline_id == baseline.id, col(BaselineVersion.state).in_(("draft", "in force"))
    )
    version = session.exec(query.order_by(col(BaselineVersion.number).desc())).first()
    if version is None:
        raise Conflict(f"baseline {name} is retired already")
    covered = covered_by(session, version) if version.state == "in force" else set()
    version.state, version.retired_ms = "retired", now_ms
    session.add(version)
    session.flush()
    for ci_id in sorted(covered):
        mark_due(session, ci_id, now_ms)
    audit.record(session, actor, "baseline.retired", f"baseline {name} v{version.number}", {}, now_ms)
    return version


def covered_by(session: Session, version: BaselineVersion) -> set[int]:
    document = parsed(version.document)
    return {ci.id for ci in session.exec(select(Ci)) if selects(document, ci)}
