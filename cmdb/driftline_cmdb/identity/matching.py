"""Which CIs a source may be, by what it claims. What is read does not grow with the fleet: a handful of rows a key."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import Session

from driftline.v1.collector_pb2 import HostClaims
from driftline_baseline.identity import KINDS, THRESHOLD, Context, Evidence, Match, context_of, keys_of, weigh
from driftline_cmdb.identity import claims as kept
from driftline_cmdb.identity.claims import shared_keys
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.identity import IdentityClaim

_CLAIM, _CI = table_of(IdentityClaim), table_of(Ci)
#: Rows that one look reads; keys that more than a handful of CIs claim are learnt, so that it is never reached.
_ROWS = 1000
#: CIs that are weighed, and sources of one CI of which the claims are read, the latest.
CIS, _SOURCES = 20, 20
#: Kinds that are a name only.
NAMES = ("fqdn", "hostname")


@dataclass(frozen=True, slots=True)
class Side:
    """What a CI's sources claim, and where it runs."""

    evidence: tuple[Evidence, ...]
    context: Context


@dataclass(frozen=True, slots=True)
class Candidate:
    """A CI that a source may be."""

    ci_id: int
    match: Match


@dataclass(frozen=True, slots=True)
class Found:
    """Who claims the same."""

    #: Keys that count for nothing.
    shared: frozenset[str]
    #: The CIs that claim each of the other keys.
    holders: Mapping[str, set[int]]

    def worth(self, evidence: Iterable[Evidence]) -> dict[int, int]:
        """Return for each CI the most that what it has in common could weigh."""
        kinds: dict[str, int] = {}
        for one in evidence:
            kinds[one.key] = max(kinds.get(one.key, 0), KINDS[one.kind].weight)
        out: dict[int, int] = {}
        for key, cis in self.holders.items():
            for ci_id in cis:
                out[ci_id] = out.get(ci_id, 0) + kinds[key]
        return out


def look_up(session: Session, evidence: Sequence[Evidence], except_ci: Collection[int] = ()) -> Found:
    """Find who claims any of the same keys; merged CIs are the ones that stand for them."""
    keys = {one.key for one in evidence}
    shared = shared_keys(session, keys)
    holders: dict[str, set[int]] = {}
    if keys > shared:
        query = (
            select(_CLAIM.c.key, _CLAIM.c.ci_id)
            .where(_CLAIM.c.key.in_(sorted(keys - shared)), _CLAIM.c.ci_id.is_not(None))
            .distinct()
            .limit(_ROWS)
        )
        rows = [row for row in session.connection().execute(query) if row.ci_id not in except_ci]
        now = _survivors(session, {row.ci_id for row in rows}) if rows else {}
        for key, ci_id in rows:
            if now[ci_id] not in except_ci:
                holders.setdefault(key, set()).add(now[ci_id])
    return Found(frozenset(shared), holders)


def side_of(claims: HostClaims) -> Side:
    """Return what one source claims."""
    return Side(tuple(keys_of(claims)), context_of(claims))


def candidates(session: Session, claims: HostClaims, *, except_ci: Collection[int] = ()) -> list[Candidate]:
    """Return the CIs that share evidence with some claims, the likeliest first."""
    mine = side_of(claims)
    found = look_up(session, mine.evidence, except_ci)
    worth = found.worth(mine.evidence)
    likely = sorted(worth, key=lambda ci_id: (-worth[ci_id], ci_id))[:CIS]
    return likeliest(mine, sides(session, likely), found.shared, least=None)


def likeliest(
    mine: Side, theirs: Mapping[int, Side], shared: Collection[str], least: int | None = THRESHOLD
) -> list[Candidate]:
    """Weigh some CIs; return those with a score, the likeliest first.

    :param least: the score; None for all.
    """
    found = [Candidate(ci_id, compare(mine, side, shared)) for ci_id, side in theirs.items()]
    ordered = sorted(found, key=lambda one: (-one.match.score, one.ci_id))
    return [one for one in ordered if least is None or one.match.score >= least]


def compare(mine: Side, theirs: Side, shared: Collection[str]) -> Match:
    """Weigh two sides."""
    return weigh(mine.evidence, theirs.evidence, mine.context, theirs.context, shared)


def sides(session: Session, ci_ids: Sequence[int]) -> dict[int, Side]:
    """Return what the sources of some CIs claim, those of CIs that were merged into them too."""
    if not ci_ids:
        return {}
    stands = {ci_id: ci_id for ci_id in ci_ids}
    fresh = list(ci_ids)
    while fresh:
        merged = select(_CI.c.id, _CI.c.merged_into_id).where(_CI.c.merged_into_id.in_(fresh))
        rows = [row for row in session.connection().execute(merged) if row.id not in stands]
        stands |= {row.id: stands[row.merged_into_id] for row in rows}
        fresh = [row.id for row in rows]
    query = select(_CLAIM.c.ci_id, _CLAIM.c.source_id).where(_CLAIM.c.ci_id.in_(sorted(stands))).distinct()
    speak: dict[int, list[int]] = {ci_id: [] for ci_id in ci_ids}
    for ci_id, source_id in session.connection().execute(query):
        speak[stands[ci_id]].append(source_id)
    latest = {ci_id: sorted(source_ids)[-_SOURCES:] for ci_id, source_ids in speak.items()}
    said = kept.said_by(session, sorted({source_id for ids in latest.values() for source_id in ids}))
    return {ci_id: _side([said[source_id] for source_id in reversed(ids)]) for ci_id, ids in latest.items()}


def _side(said: Sequence[HostClaims]) -> Side:
    """Join what sources claim, the latest first."""
    evidence = {(one.kind, one.key): one for claims in reversed(said) for one in keys_of(claims)}
    on = [context_of(claims) for claims in said]
    return Side(
        tuple(evidence.values()),
        Context(
            next((one.virtualization for one in on if one.virtualization), ""),
            next((one.container for one in on if one.container), ""),
        ),
    )


def _survivors(session: Session, ci_ids: Collection[int]) -> dict[int, int]:
    """Return for each CI the one that stands for it now."""
    now = {ci_id: ci_id for ci_id in ci_ids}
    seen: set[int] = set()
    fresh = set(ci_ids)
    while fresh:
        seen |= fresh
        query = select(_CI.c.id, _CI.c.merged_into_id).where(
            _CI.c.id.in_(sorted(fresh)), _CI.c.merged_into_id.is_not(None)
        )
        merged = {row.id: row.merged_into_id for row in session.connection().execute(query)}
        now = {ci_id: merged.get(stands, stands) for ci_id, stands in now.items()}
        fresh = set(merged.values()) - seen
    return now
