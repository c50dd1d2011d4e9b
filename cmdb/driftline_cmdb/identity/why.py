"""Why a CI is what it is: each source that speaks for it, each piece of evidence, and who else has the same."""

from dataclasses import dataclass

from sqlmodel import Session, col, select

from driftline_baseline.identity import KINDS, Evidence, Match, junk_of, keys_of
from driftline_cmdb.identity import bindings, matching
from driftline_cmdb.identity.claims import claims_of
from driftline_cmdb.identity.matching import Found
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.identity import IdentityDecision, SharedEvidence
from driftline_cmdb.tables.sources import Source


@dataclass(frozen=True, slots=True)
class Other:
    """Another CI that has the same piece."""

    ci: Ci
    #: Of all that the two claim.
    score: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """One piece of evidence that a source claims."""

    kind: str
    value: str
    #: What is compared; None where it does not count.
    key: str | None
    #: What it weighs where another claims the same; 0 where it does not count.
    weight: int
    #: Why it does not count; None where it does.
    junk: str | None
    #: What is known of it where so many share it that it counts for nothing.
    shared: SharedEvidence | None
    others: tuple[Other, ...]


@dataclass(frozen=True, slots=True)
class OfSource:
    """A source that speaks for the CI."""

    source: Source
    binding: Binding
    #: The decision that bound it; None where identification did.
    decision: IdentityDecision | None
    pieces: tuple[Claimed, ...]


def of_ci(session: Session, ci: Ci) -> list[OfSource]:
    """Return what each source of a CI claims, the highest rank first."""
    found: list[OfSource] = []
    all_evidence: list[Evidence] = []
    for binding in bindings.of_ci(session, ci.id):
        source = session.get_one(Source, binding.source_id)
        decision = None if binding.decision_id is None else session.get_one(IdentityDecision, binding.decision_id)
        found.append(OfSource(source, binding, decision, ()))
        all_evidence += keys_of(claims_of(source.claims))
    look = matching.look_up(session, all_evidence, (ci.id,))
    query = select(SharedEvidence).where(col(SharedEvidence.key).in_(sorted(look.shared)))
    shared = {row.key: row for row in session.exec(query)}
    others = _others(session, ci, look)
    return [OfSource(one.source, one.binding, one.decision, _pieces(one.source, look, shared, others)) for one in found]


def pair(session: Session, ci: Ci, other: Ci) -> Match:
    """Return piece by piece why two CIs are one machine, or not."""
    sides = matching.sides(session, [ci.id, other.id])
    evidence = [*sides[ci.id].evidence, *sides[other.id].evidence]
    return matching.compare(sides[ci.id], sides[other.id], matching.look_up(session, evidence).shared)


def _others(session: Session, ci: Ci, look: Found) -> dict[int, Other]:
    ids = sorted(set().union(*look.holders.values()))
    sides = matching.sides(session, [ci.id, *ids[: matching.CIS]])
    mine = sides.pop(ci.id)
    cis = {one.id: one for one in session.exec(select(Ci).where(col(Ci.id).in_(sorted(sides))))}
    return {ci_id: Other(cis[ci_id], matching.compare(mine, side, look.shared).score) for ci_id, side in sides.items()}


def _pieces(
    source: Source, look: Found, shared: dict[str, SharedEvidence], others: dict[int, Other]
) -> tuple[Claimed, ...]:
    claims = claims_of(source.claims)
    contained, virtual = bool(claims.container), bool(claims.virtualization)
    found: list[Claimed] = []
    for one in keys_of(claims):
        kind = KINDS[one.kind]
        weight, why = kind.in_container if contained else kind.weight, None
        if virtual and kind.copied:
            weight, why = 0, f"a virtual machine ({claims.virtualization}) may show its host's"
        same = tuple(others[ci_id] for ci_id in sorted(look.holders.get(one.key, ())) if ci_id in others)
        is_shared = shared.get(one.key)
        found.append(Claimed(one.kind, one.value, one.key, 0 if is_shared else weight, why, is_shared, same))
    found += [Claimed(kind, value, None, 0, why, None, ()) for kind, value, why in junk_of(claims)]
    return tuple(sorted(found, key=lambda one: list(KINDS).index(one.kind)))
