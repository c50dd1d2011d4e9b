"""What the record knows only of long ago."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlmodel import Session

from driftline_cmdb.integrity.look import NOT_IN_USE, Batch, Deficiency, Look
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.elements import Section
from driftline_cmdb.tables.sources import RECORD, Source

MEANING = "Every CI in use with a source was seen lately, its sections can be read, and its clock is right."

_CI, _BINDING, _SOURCE, _SECTION = table_of(Ci), table_of(Binding), table_of(Source), table_of(Section)


def applies(session: Session) -> bool:
    """Tell whether any source speaks for a CI."""
    return session.connection().execute(select(_BINDING.c.id).limit(1)).first() is not None


def examine(look: Look) -> Iterator[Batch]:
    """Look at the CIs in use, source by source, and at what of each cannot be read."""
    in_use = (_BINDING.c.until_ms.is_(None), _CI.c.status.not_in(NOT_IN_USE))
    reports = (_SOURCE.c.kind != RECORD, _CI.c.last_seen_ms.is_not(None))  # what people put on record is never seen
    joined = _BINDING.join(_CI, _CI.c.id == _BINDING.c.ci_id).join(_SOURCE, _SOURCE.c.id == _BINDING.c.source_id)
    columns = (_CI.c.name, _CI.c.uid, _CI.c.last_seen_ms, _SOURCE.c.skew_ms)
    statement = select(_BINDING.c.id, _CI.c.id.label("ci"), *columns).select_from(joined).where(*in_use, *reports)
    for rows in look.parts(statement, _BINDING.c.id):
        found = []
        for _, ci_id, name, uid, seen, skew in rows:
            unseen = look.now_ms - seen
            if unseen > look.limits.unseen_ms:
                text = f"{name} ({uid}) is in use and was not seen for {unseen // 86_400_000} days"
                found.append(Deficiency(f"unseen:{uid}", text, (ci_id,)))
            if skew is not None and abs(skew) > look.limits.skew_ms:
                text = f"the clock of {name} ({uid}) is {abs(skew) // 1000} s {'behind' if skew > 0 else 'ahead'}"
                found.append(Deficiency(f"clock:{uid}", text, (ci_id,)))
        yield Batch(len(rows), found)
    since = look.now_ms - look.limits.stale_ms
    named = (_CI.c.name, _CI.c.uid, _SECTION.c.name, _SECTION.c.reason, _SECTION.c.stale_since_ms)
    joined = _SECTION.join(_BINDING, _BINDING.c.source_id == _SECTION.c.source_id)
    joined = joined.join(_CI, _CI.c.id == _BINDING.c.ci_id)
    counts = ~_SECTION.c.muted  # of what is muted another source speaks
    statement = select(_SECTION.c.id, _CI.c.id.label("ci"), *named).select_from(joined).where(*in_use, counts)
    for rows in look.parts(statement, _SECTION.c.id):
        found = [
            Deficiency(
                f"section:{uid}:{section}",
                f"{section} of {name} ({uid}) could not be read for {(look.now_ms - stale) // 3_600_000} h: {reason}",
                (ci_id,),
            )
            for _, ci_id, name, uid, section, reason, stale in rows
            if stale is not None and stale < since
        ]
        yield Batch(len(rows), found)
