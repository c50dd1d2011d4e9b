"""Imports as they were previewed: kept for a day, and applied as they were seen, or refused with the difference."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import zstandard
from sqlalchemy import delete
from sqlmodel import Session, col

from driftline_baseline.catalog.values import text_of
from driftline_cmdb import audit
from driftline_cmdb.cis import writing
from driftline_cmdb.cis.importing import Options, Preview, preview
from driftline_cmdb.errors import Conflict, Invalid, NotFound
from driftline_cmdb.tables.catalog import CiImport

KEPT_MS = 24 * 3_600_000
_SHOWN = 20

_T = TypeVar("_T")
Seen = Mapping[str, Mapping[str, list[Any]]]


def keep(session: Session, content: bytes, made: Preview, author: str, now_ms: int) -> str:
    """Keep what a preview saw, and forget what nobody applied in time; return its digest."""
    old = col(CiImport.created_ms) < now_ms - KEPT_MS
    session.execute(delete(CiImport).where(old, col(CiImport.applied_ms).is_(None)))
    digest = made.digest(content)
    row = session.get(CiImport, digest) or CiImport(digest=digest, author=author, created_ms=now_ms)
    row.author, row.created_ms, row.options = author, now_ms, made.options.plain()
    row.content = zstandard.compress(content)
    row.seen = zstandard.compress(json.dumps(made.seen()).encode())
    row.applied_by = row.applied_ms = None
    session.add(row)
    return digest


def apply(session: Session, digest: str, actor: str, now_ms: int, look: Callable[[Session, Preview], _T]) -> _T:
    """Write a table as it was previewed.

    :param look: asked what is to be returned of it, before it is written.
    :raises NotFound: where there is no such preview, or it is too old.
    :raises Conflict: where something moved since, with the difference, or it is applied already.
    :raises Invalid: where it has errors.
    """
    row = session.get(CiImport, digest, with_for_update=True)
    if row is None or row.created_ms < now_ms - KEPT_MS:
        raise NotFound(f"there is no preview {digest} of the last day; make one anew (--dry-run)")
    if row.applied_ms is not None:
        raise Conflict(f"import {digest} was applied by {row.applied_by} already")
    content = zstandard.decompress(row.content)
    made = preview(session, content, Options(**row.options), to_write=True)
    seen: Seen = json.loads(zstandard.decompress(row.seen))
    names = {one.uid: one.name for _, one in made.plans}
    moved = list(_difference(seen, json.loads(json.dumps(made.seen())), names))
    if moved:
        more = f"; and {len(moved) - _SHOWN} more" if len(moved) > _SHOWN else ""
        raise Conflict(f"since the preview something moved: {'; '.join(moved[:_SHOWN])}{more}; look at it anew")
    looked = look(session, made)
    write(session, made, actor, now_ms, digest)
    row.applied_by, row.applied_ms, row.content, row.seen = actor, now_ms, b"", b""
    session.add(row)
    return looked


def write(session: Session, made: Preview, actor: str, now_ms: int, digest: str) -> None:
    """Write what a table says.

    :raises Invalid: where it has errors; says them, with their lines.
    """
    if made.errors:
        said = "; ".join(f"line {error.line}: {error.message}" for error in made.errors[:_SHOWN])
        more = f"; and {len(made.errors) - _SHOWN} more" if len(made.errors) > _SHOWN else ""
        raise Invalid(f"{len(made.errors)} errors, so nothing was imported: {said}{more}")
    changed = [one for _, one in made.changed()]
    new = sum(not one.before for one in changed)
    writing.write(session, changed, actor, now_ms, {"import": digest})
    detail = {"import": digest, "created": new, "changed": len(changed) - new, "rows": len(made.plans)}
    audit.record(session, actor, "cis.imported", f"import {digest}", detail, now_ms)


def _difference(seen: Seen, now: Seen, names: Mapping[str, str]) -> Iterator[str]:
    for ci in sorted({*seen, *now}):
        before, after = seen.get(ci, {}), now.get(ci, {})
        for name in sorted({*before, *after}):
            if before.get(name) != after.get(name):
                yield f"{names.get(ci, ci)}: {name}: seen {_words(before.get(name))}, now {_words(after.get(name))}"


def _words(pair: list[Any] | None) -> str:
    if pair is None:
        return "no change"
    return " -> ".join("nothing" if one is None else f'"{text_of(one)}"' for one in pair)
