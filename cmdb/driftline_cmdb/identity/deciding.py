"""What a person decides of a question in the queue: the same, a clone, a replacement, or that the old one is gone.

Merging, splitting and undoing stand here too for whoever decides on identity.
"""

from uuid import uuid4

from sqlmodel import Session

from driftline_baseline.life_cycle import GONE
from driftline_cmdb import recording
from driftline_cmdb.errors import Conflict, Invalid, NotFound, Refused
from driftline_cmdb.identity import assets, bindings, retiring, reviews
from driftline_cmdb.identity.aliases import survivor
from driftline_cmdb.identity.classes import class_of
from driftline_cmdb.identity.decided import Deciding, Said
from driftline_cmdb.identity.merging import check_merge, join, merge, split
from driftline_cmdb.identity.undoing import find_decision, undo
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.identity import IdentityDecision, IdentityReview
from driftline_cmdb.tables.sources import Source

__all__ = ["ACTIONS", "decide_review", "find_decision", "find_review", "merge", "split", "undo"]

#: What may be decided, and what it will do, in words for people.
ACTIONS = {
    "same": "the source speaks for the claimed CI from its first report on; agents that it replaces speak no more",
    "clone": "two machines: the source keeps or gets a CI of its own, and the pair is not asked about again",
    "replacement": "the claimed CI goes on with this hardware; what it was before becomes a returned asset",
    "retire old": "the source keeps or gets a CI of its own, and the claimed CI is retired",
}


def find_review(session: Session, review_id: int) -> IdentityReview:
    """Return a question of the queue.

    :raises NotFound: where there is none.
    """
    found = session.get(IdentityReview, review_id)
    if found is None:
        raise NotFound(f"there is no review {review_id}; driftline identity list shows the queue")
    return found


def decide_review(
    session: Session,
    review_id: int,
    action: str,
    actor: str,
    reason: str,
    now_ms: int,
    *,
    despite: str | None = None,
) -> IdentityDecision:
    """Decide a question of the queue.

    :param action: one of :data:`ACTIONS`.
    :param despite: why it is the same machine although an earlier agent reported after the new one did.
    :raises NotFound: where there is no such question.
    :raises Conflict: where it was decided already.
    :raises Invalid: another action, or no reason.
    :raises Refused: where both agents report: these are two machines.
    """
    said = Said(actor, reason, now_ms)
    said.check()
    if action not in ACTIONS:
        raise Invalid(f'action: "{action}" is not one of {", ".join(ACTIONS)}')
    review = find_review(session, review_id)
    if review.closed_ms is not None:
        raise Conflict(f"review {review_id} is closed: {_how_closed(session, review)}")
    source = session.get_one(Source, review.source_id)
    claimed = survivor(session, session.get_one(Ci, review.ci_id))
    bound = bindings.of_source(session, source.id)
    own = session.get_one(Ci, bound.ci_id) if bound is not None else None
    if own is not None and own.id == claimed.id:
        own = None
    elif action in ("same", "replacement") and own is not None:
        check_merge(own, claimed)
    earlier = _earlier(session, claimed, source) if action in ("same", "replacement") else []
    if action == "same" and despite is None:
        _check_both_report(session, review, source, claimed, earlier)
    deciding, now_on = _begin(session, action, said, source, claimed, own, bound)
    if despite is not None:
        deciding.note(despite=despite)
    if action in ("same", "replacement"):
        _unite(deciding, source, claimed, own, bound, earlier)
        if action == "replacement":
            _note_hardware(deciding, claimed, source)
    elif action == "retire old":
        _retire(deciding, claimed)
    reviews.close(session, review, now_ms, deciding.row.id)
    deciding.note(review=review.id)
    return deciding.finish(f"{source.hostname or source.uid} and CI {claimed.name}: {action}", [now_on])


def _how_closed(session: Session, review: IdentityReview) -> str:
    decision = session.get(IdentityDecision, review.decision_id) if review.decision_id is not None else None
    if decision is None:
        return "by itself"
    return f'"{decision.action}" by {decision.actor}, decision {decision.id}; undo that to decide otherwise'


def _begin(
    session: Session, action: str, said: Said, source: Source, claimed: Ci, own: Ci | None, bound: Binding | None
) -> tuple[Deciding, Ci]:
    """Write the decision's row; return it, and the CI that the source speaks for by it."""
    if action in ("same", "replacement"):
        return Deciding.begin(session, action, said, claimed, own), claimed
    made = own
    if made is None:
        made = _new_ci(session, source, said.now_ms)
    deciding = Deciding.begin(session, action, said, made, claimed)
    if own is None:
        if bound is not None:  # it speaks for the claimed CI by now
            deciding.end(bound)
        deciding.bind(source.id, made, f"decision {deciding.row.id}: {action}", _since(source, bound, said))
        recording.note_arrivals(session, [made.id], said.now_ms)
        deciding.note(made=made.id)
    return deciding, made


def _since(source: Source, bound: Binding | None, said: Said) -> int:
    """Return since when a source speaks: one that waited, from its first report on."""
    return source.enrolled_ms if bound is None else said.now_ms


def _new_ci(session: Session, source: Source, now_ms: int) -> Ci:
    """Make a CI as the source's first report would have made it."""
    ci = Ci(
        uid=str(uuid4()),
        name=source.hostname or source.uid,
        announced=False,
        first_seen_ms=source.enrolled_ms,
        last_seen_ms=source.seen_ms or now_ms,
        ci_class=class_of(session, source, str(source.claims.get("ci_class", ""))),
    )
    session.add(ci)
    session.flush()
    return ci


def _earlier(session: Session, claimed: Ci, source: Source) -> list[tuple[Binding, Source]]:
    """Return the sources of its kind that speak for the claimed CI: the new one takes their place."""
    found = []
    for binding in bindings.of_ci(session, claimed.id):
        other = session.get_one(Source, binding.source_id)
        if other.kind == source.kind and other.id != source.id:
            found.append((binding, other))
    return found


def _check_both_report(
    session: Session,
    review: IdentityReview,
    source: Source,
    claimed: Ci,
    earlier: list[tuple[Binding, Source]],
) -> None:
    since_ms = review.opened_ms if review.kind == "moved" else source.enrolled_ms
    for _, other in earlier:
        if other.seen_ms is not None and other.seen_ms > since_ms:
            raise Refused(
                f"both report: {other.uid} ({other.hostname}) reported for {claimed.name} after "
                f"{source.hostname or source.uid} did, so these are two machines; decide clone, or say why it is "
                "one all the same (--despite)"
            )


def _unite(
    deciding: Deciding,
    source: Source,
    claimed: Ci,
    own: Ci | None,
    bound: Binding | None,
    earlier: list[tuple[Binding, Source]],
) -> None:
    """Let a source, and all of the CI that it spoke for, speak for the claimed CI instead of its earlier agents."""
    session, now_ms = deciding.session, deciding.said.now_ms
    waits = own is None and bound is None
    since_ms = source.enrolled_ms if waits else now_ms
    for binding, _ in earlier:
        deciding.end(binding, since_ms)
    if own is not None:
        join(deciding, own, claimed)
    elif waits:
        rank = max((binding.rank for binding, _ in earlier), default=0)
        deciding.bind(source.id, claimed, f"decision {deciding.row.id}: {deciding.row.reason}"[:400], since_ms, rank)
        _seen(claimed, source)
        session.add(claimed)
        recording.note_arrivals(session, [claimed.id], now_ms)


def _seen(ci: Ci, source: Source) -> None:
    known = [at_ms for at_ms in (ci.last_seen_ms, source.seen_ms) if at_ms is not None]
    ci.last_seen_ms = max(known, default=None)


def _note_hardware(deciding: Deciding, claimed: Ci, source: Source) -> None:
    """Put the hardware that was into the books as returned, and that of the new source as in use."""
    session, now_ms = deciding.session, deciding.said.now_ms
    book = assets.Book(session, now_ms, deciding.row.id)
    new = assets.of_source(session, source)
    for old in assets.of_sources(session, [one.source_id for one in bindings.rows(session, deciding.ended)]):
        if new is None or old.key != new.key:
            book.add(claimed, old, "returned")
    if new is not None:
        book.add(claimed, new, "in use")
    deciding.note(assets=book.changes)


def _retire(deciding: Deciding, claimed: Ci) -> None:
    if claimed.status in GONE:
        return
    before, said = claimed.status, deciding.said
    retiring.retire(deciding.session, claimed, said.actor, said.reason, said.now_ms, even_so=True)
    deciding.note(statuses=[[claimed.id, before, claimed.status]])
