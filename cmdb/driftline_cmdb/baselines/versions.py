"""Baselines: finding one, and drafting its next version."""

from sqlalchemy import func
from sqlmodel import Session, col, select

from driftline_baseline import document as documents
from driftline_baseline.errors import DocumentError
from driftline_cmdb import audit
from driftline_cmdb.errors import Conflict, Invalid, NotFound
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.baselines import Baseline, BaselineElement, BaselineVersion
from driftline_cmdb.tables.cis import Ci


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


def edit(session: Session, name: str, document: str, author: str, now_ms: int) -> BaselineVersion:
    """Draft the next version of a baseline from a document; it keeps the captured set of the version before.

    :raises NotFound: where there is no such baseline.
    :raises Invalid: where the document breaks its rules; the message names line, column and the mend.
    :raises Conflict: where the newest version is a draft already.
    """
    before = find_version(session, name)
    check_document(name, document)
    version = add_version(session, name, document, author, now_ms, None)
    version.as_of_ms, version.captured_ci_id = before.as_of_ms, before.captured_ci_id
    pins = table_of(BaselineElement)
    rows = session.connection().execute(pins.select().where(pins.c.version_id == before.id)).all()
    if rows:
        copies = [{"version_id": version.id, "path_id": row.path_id, "element_id": row.element_id} for row in rows]
        session.connection().execute(pins.insert(), copies)
    audit.record(session, author, "baseline.edited", f"baseline {name} v{version.number}", {}, now_ms)
    return version


def check_document(name: str, document: str) -> None:
    try:
        read = documents.parse(document, f"{name}.yaml")
    except DocumentError as error:
        raise Invalid(str(error)) from error
    if read.name != name:
        raise Invalid(f'{name}.yaml: name: "{read.name}" is another baseline; write name: {name}')


def add_version(session: Session, name: str, document: str, author: str, now_ms: int, ci: Ci | None) -> BaselineVersion:
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
