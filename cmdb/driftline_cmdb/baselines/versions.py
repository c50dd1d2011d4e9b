"""Baselines: finding one, and drafting its next version."""

from sqlmodel import Session, col, select

from driftline_baseline import reading
from driftline_baseline.document import Document, key_of
from driftline_baseline.errors import DocumentError
from driftline_cmdb import audit
from driftline_cmdb.baselines.pins import copy_pins
from driftline_cmdb.baselines.selection import parsed
from driftline_cmdb.errors import Conflict, Invalid, NotFound
from driftline_cmdb.tables.baselines import Baseline, BaselineVersion

#: Addresses of the REST API and of pages that a baseline's name would hide.
_TAKEN = ("coverage", "documents", "schema.json")


def find_baseline(session: Session, name: str) -> Baseline:
    """Return the baseline of this name.

    :raises NotFound: where there is none.
    """
    found = session.exec(select(Baseline).where(Baseline.name == name)).first()
    if found is None:
        raise NotFound(f'no baseline is named "{name}"; driftline baseline list shows them all')
    return found


def find_version(session: Session, name: str, number: int | None = None, state: str | None = None) -> BaselineVersion:
    """Return one version of a baseline, the newest by default.

    :param state: only one in this state.
    :raises NotFound: where there is none.
    """
    baseline = find_baseline(session, name)
    query = select(BaselineVersion).where(BaselineVersion.baseline_id == baseline.id)
    if number is not None:
        query = query.where(BaselineVersion.number == number)
    if state is not None:
        query = query.where(BaselineVersion.state == state)
    version = session.exec(query.order_by(col(BaselineVersion.number).desc())).first()
    if version is None:
        which = f"no version {number}" if number is not None else f"no version {state}" if state else "no version"
        raise NotFound(f'baseline "{name}" has {which}')
    return version


def find_name(session: Session, version: BaselineVersion) -> str:
    """Return the name of a version's baseline."""
    return session.get_one(Baseline, version.baseline_id).name


def title_of(session: Session, version: BaselineVersion) -> str:
    """Return what a version is called: "golden v2"."""
    return f"{find_name(session, version)} v{version.number}"


def create(session: Session, document: str, author: str, now_ms: int) -> BaselineVersion:
    """Draft a new baseline from a document alone: its rules, and nothing captured.

    :raises Invalid: where the document breaks its rules; the message names line, column and the mend.
    :raises Conflict: where a baseline of this name exists.
    """
    read = read_document("baseline.yaml", document)
    if session.exec(select(Baseline.id).where(Baseline.name == read.name)).first() is not None:
        raise Conflict(f"baseline {read.name} exists; driftline baseline edit {read.name} drafts its next version")
    version = add_version(session, read.name, document, author, now_ms)
    audit.record(session, author, "baseline.created", f"baseline {read.name} v{version.number}", {}, now_ms)
    return version


def edit(session: Session, name: str, document: str, author: str, now_ms: int) -> BaselineVersion:
    """Draft the next version of a baseline from a document; it keeps the captured set of the version before.

    :raises NotFound: where there is no such baseline.
    :raises Invalid: where the document breaks its rules; the message names line, column and the mend.
    :raises Conflict: where the newest version is a draft already.
    """
    before = find_version(session, name)
    check_document(name, document)
    version = add_version(session, name, document, author, now_ms)
    version.as_of_ms, version.captured_ci_id = before.as_of_ms, before.captured_ci_id
    version.taken_from = before.taken_from
    copy_pins(session, before.id, version)
    audit.record(session, author, "baseline.edited", f"baseline {name} v{version.number}", {}, now_ms)
    return version


def read_document(source: str, document: str) -> Document:
    """Read a document.

    :raises Invalid: where it breaks its rules; the message names line, column and the mend.
    """
    try:
        return reading.parse(document, source)
    except DocumentError as error:
        raise Invalid(str(error)) from error


def check_document(name: str, document: str) -> Document:
    """Read the document of a baseline's version; it must say the baseline's name."""
    read = read_document(f"{name}.yaml", document)
    if read.name != name:
        raise Invalid(f'{name}.yaml: name: "{read.name}" is another baseline; write name: {name}')
    return read


def add_version(session: Session, name: str, document: str, author: str, now_ms: int) -> BaselineVersion:
    """Add a draft of a baseline's next version, or of its first.

    :raises Invalid: where the name cannot be one.
    :raises Conflict: where the newest version is a draft already.
    """
    if not name or len(name) > 100 or any(character in name for character in "/\\\n") or name in _TAKEN:
        raise Invalid(f'"{name}" cannot name a baseline; use up to 100 characters without slashes')
    baseline = session.exec(select(Baseline).where(Baseline.name == name)).first()
    if baseline is None:
        baseline = Baseline(name=name, created_by=author, created_ms=now_ms)
        session.add(baseline)
        session.flush()
    newest = session.exec(
        select(BaselineVersion)
        .where(BaselineVersion.baseline_id == baseline.id)
        .order_by(col(BaselineVersion.number).desc())
        .limit(1)
    ).first()
    draft = session.exec(
        select(BaselineVersion).where(BaselineVersion.baseline_id == baseline.id, BaselineVersion.state == "draft")
    ).first()
    if draft is not None:
        raise Conflict(f"baseline {name} v{draft.number} is still a draft; approve or retire it first")
    version = BaselineVersion(
        baseline_id=baseline.id,
        number=newest.number + 1 if newest is not None else 1,
        document=document,
        author=author,
        created_ms=now_ms,
        as_of_ms=now_ms,
        rule_times=_rule_times(document, newest, now_ms),
    )
    session.add(version)
    session.flush()
    return version


def _rule_times(document: str, before: BaselineVersion | None, now_ms: int) -> dict[str, int]:
    """Return when each rule was first drafted as it stands: one that the version before has too is as old as there."""
    known = before.rule_times if before is not None else {}
    keys = [key_of(item) for item in parsed(document).expect if item.predicate is not None]
    return {key: known.get(key, now_ms) for key in keys}
