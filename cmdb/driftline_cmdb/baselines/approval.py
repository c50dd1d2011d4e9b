"""Baselines put into force, at once or at a time to come, and taken out of it."""

from sqlmodel import Session, col, select

from driftline_cmdb import audit
from driftline_cmdb.baselines import conflicts, folding
from driftline_cmdb.baselines.selection import covered_by, parsed
from driftline_cmdb.baselines.versions import check_document, find_baseline, find_version, title_of
from driftline_cmdb.database import Database
from driftline_cmdb.drift.assess import mark_due
from driftline_cmdb.errors import Conflict, Invalid, Refused
from driftline_cmdb.tables.baselines import BaselineVersion

#: States of a version of which something may yet come.
LIVE = ("draft", "approved", "in force")


def approve(
    session: Session, name: str, approver: str, now_ms: int, number: int | None = None, at_ms: int | None = None
) -> BaselineVersion:
    """Approve a drafted version: it comes into force, and the one before is superseded.

    :param at_ms: when it is to come into force; at once by default.
    :raises NotFound: where there is no such version.
    :raises Refused: where the approver is its author, or it contradicts another baseline on a CI of both; the message
        names each place, both baselines and what they say.
    :raises Conflict: where it is no draft.
    :raises Invalid: where it is to come into force in the past.
    """
    version = find_version(session, name, number)
    title = f"baseline {name} v{version.number}"
    if version.state != "draft":
        raise Conflict(f"{title} is {version.state}: only a draft can be approved")
    if version.author == approver:
        raise Refused(f"{title}: {approver} is its author, and may not approve it; ask another approver")
    if at_ms is not None and at_ms <= now_ms:
        raise Invalid("at: a baseline cannot come into force in the past; leave it out for at once")
    check_document(name, version.document)
    found = conflicts.of_version(session, version)
    if found:
        raise Refused(
            f"{title} contradicts other baselines in {len(found)} places; a higher rank may narrow a lower one, no "
            f"more: {conflicts.listed(found)}"
        )
    folded = folding.folded(session, version)
    for other in _of_baseline(session, version, "approved"):
        other.state, other.retired_ms = "superseded", now_ms
        session.add(other)
    version.state, version.approved_by, version.approved_ms = "approved", approver, now_ms
    version.force_at_ms = at_ms
    session.add(version)
    session.flush()
    detail = {"folds in": [one.show() for one in folded[:100]], "deltas": len(folded), "at": at_ms}
    if at_ms is None:
        detail["cis"] = _into_force(session, version, now_ms)
    audit.record(session, approver, "baseline.approved", title, detail, now_ms)
    return version


def bring_into_force(database: Database, now_ms: int) -> int:
    """Put approved versions into force whose time has come; return how many."""
    due = select(BaselineVersion).where(BaselineVersion.state == "approved", col(BaselineVersion.force_at_ms) <= now_ms)
    with database.read() as session:
        if session.exec(due.limit(1)).first() is None:
            return 0
    with database.write() as session:
        versions = session.exec(due.order_by(col(BaselineVersion.force_at_ms)).with_for_update()).all()
        for version in versions:
            count = _into_force(session, version, now_ms)
            title = f"baseline {title_of(session, version)}"
            detail = {"approved by": version.approved_by, "cis": count}
            audit.record(session, "driftline", "baseline.in_force", title, detail, now_ms)
        return len(versions)


def _into_force(session: Session, version: BaselineVersion, now_ms: int) -> int:
    """Put a version into force in place of the one before; every CI that either covers is compared again."""
    covered = set(covered_by(session, parsed(version.document)))
    for before in _of_baseline(session, version, "in force"):
        before.state, before.retired_ms = "superseded", now_ms
        session.add(before)
        covered |= covered_by(session, parsed(before.document)).keys()
    version.state, version.in_force_ms = "in force", now_ms
    session.add(version)
    session.flush()
    for ci_id in sorted(covered):
        mark_due(session, ci_id, now_ms)
    return len(covered)


def _of_baseline(session: Session, version: BaselineVersion, state: str) -> list[BaselineVersion]:
    query = select(BaselineVersion).where(
        BaselineVersion.baseline_id == version.baseline_id, BaselineVersion.state == state
    )
    return list(session.exec(query))


def retire(session: Session, name: str, actor: str, now_ms: int) -> BaselineVersion:
    """Take a baseline out of force, or drop what waits to come into it: its draft, or its approved version.

    :raises NotFound: where there is no such baseline.
    :raises Conflict: where nothing of it is in force or drafted.
    """
    baseline = find_baseline(session, name)
    query = select(BaselineVersion).where(
        BaselineVersion.baseline_id == baseline.id, col(BaselineVersion.state).in_(LIVE)
    )
    version = session.exec(query.order_by(col(BaselineVersion.number).desc())).first()
    if version is None:
        raise Conflict(f"baseline {name} is retired already")
    covered = set(covered_by(session, parsed(version.document))) if version.state == "in force" else set()
    version.state, version.retired_ms = "retired", now_ms
    session.add(version)
    session.flush()
    for ci_id in sorted(covered):
        mark_due(session, ci_id, now_ms)
    audit.record(session, actor, "baseline.retired", f"baseline {name} v{version.number}", {}, now_ms)
    return version
