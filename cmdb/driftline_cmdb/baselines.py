"""Baselines: capture, edit, approve, retire."""

from sqlalchemy import func
from sqlmodel import Session, col, select

from driftline_baseline import capture as captures
from driftline_baseline import document as documents
from driftline_baseline.errors import DocumentError
from driftline_cmdb import audit
from driftline_cmdb.assess import mark_due
from driftline_cmdb.errors import Conflict, Invalid, NotFound, Refused
from driftline_cmdb.expectation import parsed, selects
from driftline_cmdb.record import sources_of
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.control import Baseline, BaselineElement, BaselineVersion, Drift
from driftline_cmdb.tables.elements import Holding, Section


def find_baseline(session: Session, name: str) -> Baseline:
    """Return the baseline of this name.

    :raises NotFound: where there is none.
    """
    found = session.exec(select(Baseline).where(Baseline.name == name)).first()
    if found is None:
        raise NotFound(f'no baseline is named "{name}"; driftline baseline list shows them all')
    return found


def find_version(session: Session, name: str, number: int | None = None) -> BaselineVersion:
    """Return one version of a baseline, the newest by default.

    :raises NotFound: where there is none.
    """
    baseline = find_baseline(session, name)
    query = select(BaselineVersion).where(BaselineVersion.baseline_id == baseline.id)
    if number is not None:
        query = query.where(BaselineVersion.number == number)
    version = session.exec(query.order_by(col(BaselineVersion.number).desc())).first()
    if version is None:
        raise NotFound(f'baseline "{name}" has no version {number}')
    return version


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
    version = _add_version(session, name, document, author, now_ms, ci)
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


def edit(session: Session, name: str, document: str, author: str, now_ms: int) -> BaselineVersion:
    """Draft the next version of a baseline from a document; it keeps the captured set of the version before.

    :raises NotFound: where there is no such baseline.
    :raises Invalid: where the document breaks its rules; the message names line, column and the mend.
    :raises Conflict: where the newest version is a draft already.
    """
    before = find_version(session, name)
    _check(name, document)
    version = _add_version(session, name, document, author, now_ms, None)
    version.as_of_ms, version.captured_ci_id = before.as_of_ms, before.captured_ci_id
    pins = table_of(BaselineElement)
    rows = session.connection().execute(pins.select().where(pins.c.version_id == before.id)).all()
    if rows:
        copies = [{"version_id": version.id, "path_id": row.path_id, "element_id": row.element_id} for row in rows]
        session.connection().execute(pins.insert(), copies)
    audit.record(session, author, "baseline.edited", f"baseline {name} v{version.number}", {}, now_ms)
    return version


def _check(name: str, document: str) -> None:
    try:
        read = documents.parse(document, f"{name}.yaml")
    except DocumentError as error:
        raise Invalid(str(error)) from error
    if read.name != name:
        raise Invalid(f'{name}.yaml: name: "{read.name}" is another baseline; write name: {name}')


def _add_version(
    session: Session, name: str, document: str, author: str, now_ms: int, ci: Ci | None
) -> BaselineVersion:
    if not name or len(name) > 100 or any(character in name for character in "/\\\n"):
        raise Invalid(f'"{name}" cannot name a baseline; use up to 100 characters without slashes')
    baseline = session.exec(select(Baseline).where(Baseline.name == name)).first()
    if baseline is None:
        baseline = Baseline(name=name, created_by=author, created_ms=now_ms)
        session.add(baseline)
        session.flush()
    newest = session.exec(
        select(func.max(BaselineVersion.number)).where(BaselineVersion.baseline_id == baseline.id)
    ).one()
    draft = session.exec(
        select(BaselineVersion).where(BaselineVersion.baseline_id == baseline.id, BaselineVersion.state == "draft")
    ).first()
    if draft is not None:
        raise Conflict(f"baseline {name} v{draft.number} is still a draft; approve or retire it first")
    version = BaselineVersion(
        baseline_id=baseline.id,
        number=(newest or 0) + 1,
        document=document,
        author=author,
        created_ms=now_ms,
        as_of_ms=now_ms,
        captured_ci_id=ci.id if ci is not None else None,
    )
    session.add(version)
    session.flush()
    return version


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
    _check(name, version.document)
    before = session.exec(
        select(BaselineVersion).where(
            BaselineVersion.baseline_id == version.baseline_id, BaselineVersion.state == "in force"
        )
    ).first()
    covered = _covered(session, version)
    if before is not None:
        before.state, before.retired_ms = "superseded", now_ms
        session.add(before)
        covered |= _covered(session, before)
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
    covered = _covered(session, version) if version.state == "in force" else set()
    version.state, version.retired_ms = "retired", now_ms
    session.add(version)
    session.flush()
    for ci_id in sorted(covered):
        mark_due(session, ci_id, now_ms)
    audit.record(session, actor, "baseline.retired", f"baseline {name} v{version.number}", {}, now_ms)
    return version


def _covered(session: Session, version: BaselineVersion) -> set[int]:
    document = parsed(version.document)
    return {ci.id for ci in session.exec(select(Ci)) if selects(document, ci)}
