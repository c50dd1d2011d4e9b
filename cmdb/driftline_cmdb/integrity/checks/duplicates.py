"""One thing that stands on record as two CIs."""

from collections.abc import Iterator, Sequence

from sqlalchemy import func, select
from sqlmodel import Session

from driftline_cmdb.integrity.look import GONE, Batch, Deficiency, Look
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.sources import Source

MEANING = "No two CIs that are there have the same name, machine id, system UUID or serial number."

_CI, _BINDING, _SOURCE = table_of(Ci), table_of(Binding), table_of(Source)

#: Claims that name one machine, and what people call them.
_CLAIMS = {
    "machine_id": "machine id",
    "system_uuid": "system UUID",
    "system_serial_number": "serial number",
}
#: What firmware says where its maker wrote nothing; lower case.
_PLACEHOLDERS = (
    "", "0", "00000000", "0123456789", "123456789", "1234567890", "default string", "n/a", "na", "none",
    "not applicable",
        "not available", "not specified", "o.e.m.", "system serial number", "to be filled by o.e.m.", "unknown", "x",
    "00000000-0000-0000-0000-000000000000", "03000200-0400-0500-0006-000700080009",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
)  # fmt: skip
#: Values of one claim that are looked at; more are counted by the next run, once these are mended.
_MOST = 1000
_NAMED = 20


def applies(session: Session) -> bool:
    """Tell whether there are two CIs."""
    return len(session.connection().execute(select(_CI.c.id).limit(2)).all()) == 2


def examine(look: Look) -> Iterator[Batch]:
    """Look at names, then at each claim."""
    there = _CI.c.status.not_in(GONE)
    name = func.lower(_CI.c.name)
    with look.read() as session:
        count = session.connection().execute(select(func.count()).select_from(_CI).where(there)).scalar_one()
        query = select(name).where(there).group_by(name).having(func.count() > 1).order_by(name).limit(_MOST)
        names = session.connection().execute(query).scalars().all()
    yield Batch(count)
    for value in names:
        with look.read() as session:
            query = select(_CI.c.id, _CI.c.uid, _CI.c.name).where(there, name == value).order_by(_CI.c.id)
            rows = session.connection().execute(query).all()
        yield Batch(0, _same("name", value, rows))
    for claim, words in _CLAIMS.items():
        yield from _claims(look, claim, words)


def _claims(look: Look, claim: str, words: str) -> Iterator[Batch]:
    value = func.lower(_SOURCE.c.claims[claim].as_string())
    joined = _SOURCE.join(_BINDING, _BINDING.c.source_id == _SOURCE.c.id).join(_CI, _CI.c.id == _BINDING.c.ci_id)
    conditions = (_BINDING.c.until_ms.is_(None), _CI.c.status.not_in(GONE), value.not_in(_PLACEHOLDERS))
    grouped = (
        select(value.label("value"), func.count(func.distinct(_CI.c.id)).label("cis"))
        .select_from(joined)
        .where(*conditions)
        .group_by(value)
        .subquery()
    )
    with look.read() as session:
        connection = session.connection()
        examined = connection.execute(select(func.count()).select_from(joined).where(*conditions)).scalar_one()
        query = select(grouped.c.value).where(grouped.c.cis > 1).order_by(grouped.c.value).limit(_MOST)
        values = connection.execute(query).scalars().all()
    yield Batch(examined)
    for one in values:
        query = select(_CI.c.id, _CI.c.uid, _CI.c.name).select_from(joined).where(*conditions, value == one)
        with look.read() as session:
            rows = session.connection().execute(query.distinct().order_by(_CI.c.id)).all()
        yield Batch(0, _same(words, one, rows))


def _same(what: str, value: str, rows: Sequence[tuple[int, str, str]]) -> list[Deficiency]:
    """One deficiency of all CIs that share a value: which of them is right, the record does not tell."""
    if len(rows) < 2:  # mended meanwhile
        return []
    named = ", ".join(f"{name} ({uid})" for _, uid, name in rows[:_NAMED])
    more = f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
    text = f"{len(rows)} CIs have the {what} {value[:100]}: {named}{more}"
    return [Deficiency(f"{what}:{value[:200]}", text, tuple(row[0] for row in rows), count=len(rows))]
