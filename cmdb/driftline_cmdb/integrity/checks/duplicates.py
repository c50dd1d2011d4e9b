"""One thing that stands on record as two CIs."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from sqlalchemy import func, or_, select
from sqlmodel import Session

from driftline_baseline.identity import THRESHOLD
from driftline_cmdb.identity import matching
from driftline_cmdb.identity.claims import shared_keys
from driftline_cmdb.integrity.look import GONE, Batch, Deficiency, Look
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.identity import IdentityClaim, IdentityDecision, SharedEvidence

MEANING = "No two CIs that are there have the same name, or are one machine by what their sources claim."

_CI, _CLAIM = table_of(Ci), table_of(IdentityClaim)
_SHARED, _DECISION = table_of(SharedEvidence), table_of(IdentityDecision)
#: CIs that are there: a merged one is only another name of the one that it was merged into.
_THERE = (_CI.c.status.not_in(GONE), _CI.c.merged_into_id.is_(None))
#: Kinds that make no match by themselves, not even all together.
_WEAK = ("hostname", "fqdn", "management_address")
#: Decisions that two CIs are two, however alike.
_TWO = ("clone", "split", "replacement")
#: Values that are looked at; more are counted by the next run, once these are mended.
_MOST = 1000
_NAMED = 20


def applies(session: Session) -> bool:
    """Tell whether there are two CIs."""
    return len(session.connection().execute(select(_CI.c.id).limit(2)).all()) == 2


def examine(look: Look) -> Iterator[Batch]:
    """Look at names, then at what sources claim."""
    name = func.lower(_CI.c.name)
    with look.read() as session:
        count = session.connection().execute(select(func.count()).select_from(_CI).where(*_THERE)).scalar_one()
        query = select(name).where(*_THERE).group_by(name).having(func.count() > 1).order_by(name).limit(_MOST)
        names = session.connection().execute(query).scalars().all()
    yield Batch(count)
    for value in names:
        with look.read() as session:
            query = select(_CI.c.id, _CI.c.uid, _CI.c.name).where(*_THERE, name == value).order_by(_CI.c.id)
            rows = session.connection().execute(query).all()
        yield Batch(0, _same(value, rows))
    yield from _machines(look)


def _machines(look: Look) -> Iterator[Batch]:
    joined = _CLAIM.join(_CI, _CI.c.id == _CLAIM.c.ci_id)
    conditions = (*_THERE, _CLAIM.c.kind.not_in(_WEAK))
    counts = _CLAIM.c.key.not_in(select(_SHARED.c.key))
    with look.read() as session:
        connection = session.connection()
        query = select(func.count()).select_from(joined).where(*conditions)
        examined = connection.execute(query).scalar_one()
        common = (
            select(_CLAIM.c.key)
            .select_from(joined)
            .where(*conditions, counts)
            .group_by(_CLAIM.c.key)
            .having(func.count(func.distinct(_CI.c.id)) > 1)
        )
        keys = connection.execute(common.order_by(_CLAIM.c.key).limit(_MOST)).scalars().all()
    yield Batch(examined)
    seen: set[tuple[int, int]] = set()
    for key in keys:
        query = select(_CI.c.id).select_from(joined).where(*conditions, _CLAIM.c.key == key)
        with look.read() as session:
            ci_ids = session.connection().execute(query.distinct().order_by(_CI.c.id).limit(_NAMED)).scalars().all()
            fresh = [pair for pair in combinations(ci_ids, 2) if pair not in seen]
            seen.update(fresh)
            yield Batch(0, _alike(session, fresh))


def _alike(session: Session, pairs: Sequence[tuple[int, int]]) -> list[Deficiency]:
    sides = matching.sides(session, sorted({ci_id for pair in pairs for ci_id in pair}))
    keys = {one.key for side in sides.values() for one in side.evidence}
    shared = shared_keys(session, keys)
    found: list[Deficiency] = []
    for one, other in pairs:
        score = matching.compare(sides[one], sides[other], shared).score
        if score < THRESHOLD or _decided(session, one, other):
            continue
        first, second = session.get_one(Ci, one), session.get_one(Ci, other)
        text = (
            f"{first.name} ({first.uid}) and {second.name} ({second.uid}) are one machine by what their sources claim, "
            f"score {score} ({THRESHOLD} is a match): driftline ci why {first.uid} --with {second.uid}"
        )
        found.append(Deficiency(f"machine:{first.uid}:{second.uid}", text, (one, other), count=2))
    return found


def _decided(session: Session, one: int, other: int) -> bool:
    """Tell whether a person decided that two CIs are two."""
    query = select(_DECISION.c.id).where(
        or_(
            (_DECISION.c.ci_id == one) & (_DECISION.c.other_ci_id == other),
            (_DECISION.c.ci_id == other) & (_DECISION.c.other_ci_id == one),
        ),
        _DECISION.c.action.in_(_TWO),
        _DECISION.c.undone_by_id.is_(None),
    )
    return session.connection().execute(query.limit(1)).first() is not None


def _same(value: str, rows: Sequence[tuple[int, str, str]]) -> list[Deficiency]:
    """One deficiency of all CIs that have a name: which of them is right, the record does not tell."""
    if len(rows) < 2:  # mended meanwhile
        return []
    named = ", ".join(f"{name} ({uid})" for _, uid, name in rows[:_NAMED])
    more = f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
    text = f"{len(rows)} CIs have the name {value[:100]}: {named}{more}"
    return [Deficiency(f"name:{value[:200]}", text, tuple(row[0] for row in rows), count=len(rows))]
