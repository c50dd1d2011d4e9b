"""Which CIs a source may be, by what it claims. What is read does not grow with the fleet: a handful of rows a key."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from driftline.v1.collector_pb2 import HostClaims
from driftline_baseline.identity import KINDS, THRESHOLD, Context, Evidence, Match, context_of, keys_of, weigh
from driftline_cmdb import driven
from driftline_cmdb.identity import aliases
from driftline_cmdb.identity.claims import claims_of

#: Who claims some keys (key, CI, what that was merged into), and which of them are shared (key alone). What is shared
#: is left out before anybody is looked for, and what many claim is learnt: the limit is not reached.
_LOOK = """
WITH asked(key) AS (VALUES {asked}),
live(key) AS (SELECT key FROM asked WHERE NOT EXISTS (SELECT 1 FROM sharedevidence s WHERE s.key = asked.key))
SELECT DISTINCT c.key, c.ci_id, ci.merged_into_id
FROM live CROSS JOIN identityclaim c CROSS JOIN ci WHERE c.key = live.key AND ci.id = c.ci_id
UNION ALL SELECT key, NULL, NULL FROM asked WHERE key NOT IN (SELECT key FROM live)
LIMIT 1000
"""
#: What the sources of some CIs, and of those that were merged into them, claim, the latest source first.
_SIDES = """
WITH RECURSIVE family(id, top) AS (
  SELECT ci.id, ci.id FROM ci WHERE ci.id IN ({asked})
  UNION SELECT ci.id, f.top FROM ci JOIN family f ON ci.merged_into_id = f.id
),
speak(top, source_id) AS (SELECT DISTINCT f.top, c.source_id FROM family f JOIN identityclaim c ON c.ci_id = f.id)
SELECT speak.top, source.claims FROM speak JOIN source ON source.id = speak.source_id ORDER BY source.id DESC
"""
#: CIs that are weighed, and sources of one CI of which the claims are read, the latest.
CIS, _SOURCES = 20, 20
#: More CIs than this that claim one key share it: it is learnt, and counts for nothing.
MOST = 5
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

    def crowded(self, own: int | None = None) -> Mapping[str, set[int]]:
        """Return the keys that more CIs claim than tell machines apart, with these CIs.

        :param own: a CI that claims all of them, too.
        """
        also = set() if own is None else {own}
        return {key: cis | also for key, cis in self.holders.items() if len(cis | also) > MOST}

    def without(self, crowded: Collection[str]) -> "Found":
        """Return it with some more keys that count for nothing."""
        if not crowded:
            return self
        left = {key: cis for key, cis in self.holders.items() if key not in crowded}
        return Found(self.shared.union(crowded), left)

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


@dataclass(frozen=True, slots=True)
class Answer:
    """What the record says to what a source claims. Nothing is written down for it."""

    mine: Side
    found: Found
    #: The CIs that it was weighed against.
    theirs: Mapping[int, Side]
    #: Those that it may be, the likeliest first.
    matches: list[Candidate]


def question(session: Session, mine: Side, own: int | None = None) -> Answer:
    """Ask the record which CIs a source may be by what it claims, but the one that it speaks for.

    :param own: the CI that it speaks for.
    """
    found = look_up(session, mine.evidence, () if own is None else (own,))
    counting = found.without(found.crowded(own))
    worth = counting.worth(mine.evidence)
    likely = sorted((ci_id for ci_id in worth if worth[ci_id] >= THRESHOLD), key=lambda ci_id: (-worth[ci_id], ci_id))
    theirs = sides(session, likely[:CIS])
    return Answer(mine, found, theirs, likeliest(mine, theirs, counting.shared))


def look_up(session: Session, evidence: Sequence[Evidence], except_ci: Collection[int] = ()) -> Found:
    """Find who claims any of the same keys; merged CIs are the ones that stand for them."""
    keys = sorted({one.key for one in evidence})
    shared: set[str] = set()
    holders: dict[str, set[int]] = {}
    merged: set[int] = set()
    for key, ci_id, merged_into_id in driven.ask(session, _LOOK, keys) if keys else ():
        if ci_id is None:
            shared.add(key)
        elif ci_id not in except_ci:
            holders.setdefault(key, set()).add(ci_id)
            if merged_into_id is not None:
                merged.add(ci_id)
    if merged:
        now = aliases.survivors(session, merged)
        holders = {key: {now.get(ci_id, ci_id) for ci_id in cis}.difference(except_ci) for key, cis in holders.items()}
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
    said: dict[int, list[HostClaims]] = {ci_id: [] for ci_id in ci_ids}
    for ci_id, plain in driven.ask(session, _SIDES, sorted(said)) if said else ():
        said[ci_id].append(claims_of(json.loads(plain) if isinstance(plain, str) else plain))
    return {ci_id: _side(of_it[:_SOURCES]) for ci_id, of_it in said.items()}


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
