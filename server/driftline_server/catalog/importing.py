"""What REST and pages show of an import, and how both ask for it."""

from pydantic import BaseModel
from sqlmodel import Session

from driftline_baseline.catalog.values import text_of
from driftline_cmdb.cis import applying, importing, moving
from driftline_cmdb.cis.importing import Options, Preview
from driftline_cmdb.database import Database


class ImportChange(BaseModel):
    """One attribute of a CI: before and after."""

    #: owner, class, label.role, field.cost_centre ...
    attribute: str
    #: None: absent.
    before: str | None
    after: str | None


class ImportedCi(BaseModel):
    """What becomes of one CI."""

    #: Line of the table.
    line: int
    #: None for one that is to be made.
    uid: str | None
    name: str
    new: bool
    changes: list[ImportChange]


class ImportProblem(BaseModel):
    """What is wrong with a table, and where."""

    line: int
    message: str


class ImportDetail(BaseModel):
    """What a table would change, or changed."""

    #: Applies just this: POST /cis/import/{digest}; None where there are errors.
    digest: str | None
    applied: bool
    rows: int
    created: int
    changed: int
    unchanged: int
    #: With any of these nothing is imported.
    errors: list[ImportProblem]
    #: CIs that would come into baselines or leave them, and what would contradict then.
    warnings: list[str]
    #: What CIs are found by, and what stands between cells.
    match: str
    delimiter: str
    #: Columns that are read and not imported.
    ignored: list[str]
    #: The CIs that change.
    cis: list[ImportedCi]


def preview(database: Database, content: bytes, options: Options, author: str, now_ms: int) -> ImportDetail:
    """Say what a table would change, and keep that for who applies it."""
    with database.read() as session:
        made = importing.preview(session, content, options)
        found = _detail(session, made)
    if not made.errors:
        with database.write() as session:
            found.digest = applying.keep(session, content, made, author, now_ms)
    return found


def import_now(database: Database, content: bytes, options: Options, actor: str, now_ms: int) -> ImportDetail:
    """Write what a table says."""
    with database.write() as session:
        made = importing.preview(session, content, options, to_write=True)
        found = _detail(session, made)
        found.digest, found.applied = made.digest(content), True
        applying.write(session, made, actor, now_ms, found.digest)
    return found


def apply(database: Database, digest: str, actor: str, now_ms: int) -> ImportDetail:
    """Write a table as it was previewed."""
    with database.write() as session:
        found = applying.apply(session, digest, actor, now_ms, _detail)
        found.digest, found.applied = digest, True
    return found


def _detail(session: Session, made: Preview) -> ImportDetail:
    changed = made.changed()
    new = sum(plan.ci is None for _, plan in changed)
    good = [plan for _, plan in changed if not plan.problems]
    return ImportDetail(
        digest=None,
        applied=False,
        rows=len(made.plans),
        created=new,
        changed=len(changed) - new,
        unchanged=len(made.plans) - len(changed),
        errors=[ImportProblem(line=one.line, message=one.message) for one in made.errors],
        warnings=[] if made.errors else [one.show() for one in moving.moves(session, good)],
        match=made.match,
        delimiter=made.delimiter,
        ignored=list(made.ignored),
        cis=[
            ImportedCi(
                line=line,
                uid=plan.uid if plan.ci is not None else None,
                name=plan.name,
                new=plan.ci is None,
                changes=[
                    ImportChange(attribute=name, before=_text(before), after=_text(after))
                    for name, (before, after) in plan.changes.items()
                ],
            )
            for line, plan in changed
        ],
    )


def _text(value: object) -> str | None:
    if isinstance(value, list):
        return ", ".join(value)
    return None if value is None else text_of(value)
