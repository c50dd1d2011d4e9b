"""Which CI a source speaks for. What a host claims is no proof: a likeness is a question for a person, no merge."""

from collections.abc import Mapping, Sequence
from uuid import uuid4

from sqlmodel import Session, col, select

from driftline.v1.collector_pb2 import HostClaims
from driftline_baseline.identity import KINDS, THRESHOLD, Evidence, hardware_changed
from driftline_cmdb import continuity, driven
from driftline_cmdb.drift.due import mark_due
from driftline_cmdb.identity import aliases, bindings, claims, matching, reviews, shared
from driftline_cmdb.identity.classes import class_of
from driftline_cmdb.identity.matching import Answer, Candidate, Found
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.identity import IdentityReview
from driftline_cmdb.tables.sources import DEVICE, Source

_BOUND = "SELECT ci_id FROM binding WHERE source_id IN ({asked}) AND until_ms IS NULL"
_NAME = "SELECT uid, name FROM ci WHERE id IN ({asked})"


def bound_ci(session: Session, source: Source, said: HostClaims | None, now_ms: int) -> int | None:
    """Return the id of the CI that a source speaks for, made at its first report; None while a person has to decide it.

    :param said: what it claims now; None where it does not say.
    """
    rows = driven.ask(session, _BOUND, [source.id])
    before = claims.claims_of(source.claims)
    hostname = (said.hostname if said is not None else "") or source.hostname or source.uid
    if not rows:
        ci_id = _identified(session, source, before if said is None else said, hostname, now_ms, asked=said is not None)
    else:
        ci_id = rows[0][0]
        if hostname != source.hostname:
            _rename(session, ci_id, source.hostname, hostname, now_ms)
        if said is not None and said != before:
            _claims_changed(session, source, ci_id, before, said, now_ms)
    if source.hostname != hostname:
        source.hostname = hostname
    return ci_id


def _rename(session: Session, ci_id: int, before: str, now: str, now_ms: int) -> None:
    """Give a CI its host's new name, unless it has one of its own."""
    ci = session.get_one(Ci, ci_id)
    if ci.name == before:
        ci.name = now
        mark_due(session, ci.id, now_ms)  # baselines may name it


def _identified(
    session: Session, source: Source, said: HostClaims, hostname: str, now_ms: int, *, asked: bool
) -> int | None:
    """Bind a source that is bound to nothing: to a new CI, or to the one that waits for it; or ask a person."""
    review = reviews.of_source(session, source.id)
    if review is not None and not asked:
        return None
    awaited = _taken_over(session, source, said, now_ms)
    if awaited is not None:
        if review is not None:
            reviews.close(session, review, now_ms)
        return awaited
    answer = matching.question(session, matching.side_of(said))
    if answer.matches:
        _learn(session, answer, None, now_ms)
        claims.store(session, source, said, None, now_ms)
        _ask(session, source, answer.matches, review, now_ms)
        return None
    seen = {"announced": False, "first_seen_ms": now_ms, "last_seen_ms": now_ms}
    of_class = class_of(session, source, said.ci_class)
    ci_id = driven.add(session, Ci, uid=str(uuid4()), name=hostname, ci_class=of_class, **seen)
    _bind(session, source, said, ci_id, "first report of a new source", review, now_ms)
    found = _learn(session, answer, ci_id, now_ms)
    _note_same_name(session, source, answer, found, ci_id, now_ms)
    return ci_id


def _taken_over(
    session: Session, source: Source, said: HostClaims, now_ms: int, bound: int | None = None
) -> int | None:
    """Let a source speak for the CI that waits for its hardware, where one does.

    :param bound: the CI that it speaks for, whose hardware was replaced under it; another one's it never becomes so.
    """
    # Late: decisions write a CI's record through ingest, which identifies.
    from driftline_cmdb.identity import replacing

    asset = replacing.expected_replacement(session, said)
    if asset is not None and source.kind == DEVICE and _has_agent(session, asset.ci_id):
        return None  # what somebody says over the network is not to take a host's place unasked
    if asset is None or (bound is not None and asset.ci_id not in aliases.aliases(session, bound)):
        return None
    ci = replacing.take_over(session, asset, source, now_ms)
    claims.store(session, source, said, ci.id, now_ms)
    return ci.id


def _has_agent(session: Session, ci_id: int) -> bool:
    """Tell whether an agent speaks for a CI, or did: it is a host."""
    query = (
        select(Binding.id)
        .join(Source, col(Source.id) == col(Binding.source_id))
        .where(col(Binding.ci_id).in_(aliases.aliases(session, ci_id)), Source.kind == "agent")
    )
    return session.exec(query.limit(1)).first() is not None


def _bind(
    session: Session,
    source: Source,
    said: HostClaims,
    ci_id: int,
    reason: str,
    review: IdentityReview | None,
    now_ms: int,
) -> None:
    """Bind a source to its CI; where its reports waited, since then."""
    since_ms = now_ms
    if review is not None:
        since_ms, reason = review.opened_ms, f"{reason}; what it was taken for is no match any more"
        reviews.close(session, review, now_ms)
        mark_due(session, ci_id, now_ms)
    bindings.bind(session, source.id, ci_id, reason, since_ms, claims_follow=False)
    claims.store(session, source, said, ci_id, now_ms)


def _learn(session: Session, answer: Answer, own: int | None, now_ms: int) -> Found:
    """Learn what too many share; return what was found without it.

    :param own: the CI that the source speaks for.
    """
    crowded = answer.found.crowded(own)
    shared.learn(session, crowded, {one.key: one.kind for one in answer.mine.evidence}, now_ms)
    return answer.found.without(crowded)


def _ask(
    session: Session, source: Source, matches: list[Candidate], review: IdentityReview | None, now_ms: int
) -> None:
    """Ask a person about the likeliest, unless that was asked already."""
    best, *others = matches
    if review is None or (review.ci_id, review.score) != (best.ci_id, best.match.score):
        reviews.open_review(session, source, best.ci_id, reviews.CLAIM, best.match, others, now_ms)


def _note_same_name(session: Session, source: Source, answer: Answer, found: Found, own: int, now_ms: int) -> None:
    mine = answer.mine
    keys = [one.key for kind in matching.NAMES for one in mine.evidence if one.kind == kind]
    named = sorted(set().union(*(found.holders.get(key, set()) for key in keys)) - {own})
    if named:
        theirs = matching.sides(session, named[: matching.CIS])
        best, *others = matching.likeliest(mine, theirs, found.shared, least=None)
        reviews.open_review(session, source, best.ci_id, reviews.SAME_NAME, best.match, others, now_ms, own_ci_id=own)


def _claims_changed(
    session: Session, source: Source, ci_id: int, before: HostClaims, said: HostClaims, now_ms: int
) -> None:
    """Keep what a bound source claims now; ask where it has become likely that it is another CI."""
    if _taken_over(session, source, said, now_ms, ci_id) is not None:
        return
    claims.store(session, source, said, ci_id, now_ms)
    was, mine = matching.side_of(before), matching.side_of(said)
    old, new = was.evidence, mine.evidence
    if {one.key for one in new} <= {one.key for one in old} and mine.context == was.context:
        return
    answer = matching.question(session, mine, ci_id)
    found = _learn(session, answer, ci_id, now_ms)
    # Of what matched before, a person was asked then.
    matches = [
        one for one in answer.matches if matching.compare(was, answer.theirs[one.ci_id], found.shared).score < THRESHOLD
    ]
    if matches:
        best, *others = matches
        reviews.open_review(session, source, best.ci_id, reviews.MOVED, best.match, others, now_ms, own_ci_id=ci_id)
    elif hardware_changed(old, new, mine.context):
        _note_other_hardware(session, source, ci_id, old, new, now_ms)


def _note_other_hardware(
    session: Session, source: Source, ci_id: int, old: Sequence[Evidence], new: Sequence[Evidence], now_ms: int
) -> None:
    def named(side: Sequence[Evidence]) -> Mapping[str, list[str]]:
        kinds = {one.kind for one in side if KINDS[one.kind].hardware}
        return {kind: [one.value for one in side if one.kind == kind] for kind in sorted(kinds)}

    ((uid, name),) = driven.ask(session, _NAME, [ci_id])
    message = (
        f"{name} ({uid}) runs on another machine than before: was its board replaced, or the machine "
        "(driftline ci replace), or were its disks moved or its agent's identity copied?"
    )
    detail = {"source": source.uid, "before": named(old), "after": named(new)}
    continuity.open_finding(session, "other hardware", f"other hardware:{source.uid}", ci_id, message, detail, now_ms)
