"""Undoing a decision on identity: bindings, merged CIs, reviews and assets are set back, drifts and RFCs go back."""

from typing import Any

from sqlmodel import Session, col, select

from driftline_cmdb.drift import carrying
from driftline_cmdb.errors import Conflict, NotFound, Refused
from driftline_cmdb.identity import authority, bindings, retiring
from driftline_cmdb.identity.decided import Deciding, Said
from driftline_cmdb.tables.cis import Binding, Ci, Finding
from driftline_cmdb.tables.identity import Asset, IdentityDecision, IdentityReview
from driftline_cmdb.tables.rfcs import RfcDelta
from driftline_cmdb.tables.sources import Source

#: What cannot be set back: identities were given out by it, or taken away.
FINAL = ("split source", "expect", "retire source")


def find_decision(session: Session, decision_id: int) -> IdentityDecision:
    """Return a decision on identity.

    :raises NotFound: where there is none.
    """
    found = session.get(IdentityDecision, decision_id)
    if found is None:
        raise NotFound(f"there is no decision {decision_id} on identity; driftline identity decisions lists them")
    return found


def undo(session: Session, decision_id: int, actor: str, reason: str, now_ms: int) -> IdentityDecision:
    """Set back what a decision did, as far as nothing else touched it. That is a decision too, and can be undone.

    :raises NotFound: where there is none.
    :raises Refused: where it gave out or took away identities.
    :raises Conflict: where it was undone already, or another decision or binding came after it.
    :raises Invalid: without a reason.
    """
    said = Said(actor, reason, now_ms)
    said.check()
    undone = find_decision(session, decision_id)
    _check(session, undone)
    ci = session.get_one(Ci, undone.ci_id)
    other = session.get(Ci, undone.other_ci_id) if undone.other_ci_id is not None else None
    deciding = Deciding.begin(session, "undo", said, ci, other, undone.rfc_id)
    deciding.note(of=undone.id)
    _set_back(deciding, undone)
    undone.undone_by_id = deciding.row.id
    session.add(undone)
    if undone.action == "undo":  # what that had undone stands again
        stands = session.get_one(IdentityDecision, undone.detail["of"])
        stands.undone_by_id = None
        session.add(stands)
    return deciding.finish(f"decision {undone.id} ({undone.action}) undone")


def _check(session: Session, undone: IdentityDecision) -> None:
    if undone.action in FINAL:
        raise Refused(
            f"decision {undone.id} ({undone.action}) cannot be undone: identities were given out or taken away by it; "
            "merge or split the CIs instead, or have the agent join anew"
        )
    if undone.undone_by_id is not None:
        raise Conflict(f"decision {undone.id} was undone by decision {undone.undone_by_id} already")
    touched = _touched(undone)
    later = session.exec(
        select(IdentityDecision)
        .where(IdentityDecision.id > undone.id, col(IdentityDecision.undone_by_id).is_(None))
        .order_by(col(IdentityDecision.id).desc())
    )
    for one in later:
        if one.action != "undo" and not touched.isdisjoint(_touched(one)):
            raise Conflict(
                f"decision {undone.id} cannot be undone: decision {one.id} ({one.action}, by {one.actor}) came after "
                f"it and changed the same; undo that first: driftline identity undo {one.id}"
            )
    again = {row.source_id for row in bindings.rows(session, undone.detail.get("ended", ()))}
    for source_id in sorted(again):
        now = bindings.of_source(session, source_id)
        if now is not None and now.id not in undone.detail.get("began", ()):
            source, ci = session.get_one(Source, source_id), session.get_one(Ci, now.ci_id)
            raise Conflict(
                f"decision {undone.id} cannot be undone: {source.uid} was bound to {ci.name} ({ci.uid}) since "
                f"({now.reason}); split it off there first"
            )
    for ci_id, _, since in undone.detail.get("merged", ()):
        ci = session.get_one(Ci, ci_id)
        if ci.merged_into_id != since:
            raise Conflict(f"decision {undone.id} cannot be undone: {ci.name} ({ci.uid}) was merged otherwise since")


def _touched(decision: IdentityDecision) -> set[tuple[str, int]]:
    detail = decision.detail
    found = {("binding", one) for name in ("ended", "began") for one in detail.get(name, ())}
    return (
        found
        | {("ci", one[0]) for one in detail.get("merged", ())}
        | {("asset", one["id"]) for one in detail.get("assets", ())}
    )


def _set_back(deciding: Deciding, undone: IdentityDecision) -> None:
    session, detail, now_ms = deciding.session, undone.detail, deciding.said.now_ms
    began = [one for one in bindings.rows(session, detail.get("began", ())) if one.until_ms is None]
    ended = bindings.rows(session, detail.get("ended", ()))
    back_to = {one.source_id: one.ci_id for one in ended}
    leaving = _leaving(session, began, back_to)
    for one in began:
        deciding.end(one)
    for one in ended:
        if one.until_ms is not None:
            bindings.reopen(session, one)
            deciding.began.append(one.id)
    for ci_id, before, _ in reversed(detail.get("merged", ())):
        ci = session.get_one(Ci, ci_id)
        deciding.merge(ci, session.get(Ci, before) if before is not None else None)
    made = detail.get("made")
    if made is not None:  # a CI that is there only by the decision is hidden again
        stays = undone.other_ci_id if made == undone.ci_id else undone.ci_id
        deciding.merge(session.get_one(Ci, made), session.get(Ci, stays) if stays is not None else None)
    for binding in (*began, *ended):
        deciding.touched.setdefault(binding.ci_id, session.get_one(Ci, binding.ci_id))
    for ci_id in sorted(deciding.touched):
        authority.settle(session, ci_id, now_ms)
    words = f"decision {undone.id} undone"
    carried = detail.get("carried", ())
    deciding.carried += carrying.bring_back(session, carried, words, now_ms)
    for whole, to_id in leaving:
        found = carrying.without(whole, carried)
        if to_id is None:
            carrying.drop(session, found, undone.at_ms, words, now_ms)
            continue
        to_ci = session.get_one(Ci, to_id)
        deciding.carried += carrying.carry(session, found, to_ci, words, now_ms)
        if found.ci.merged_into_id != to_id:
            carrying.copy_expectation(session, found, to_ci)
    carrying.open_again(session, carried)
    _reviews_back(deciding, detail)
    _statuses_back(deciding, detail)
    _assets_back(deciding, detail)
    _predictions_back(deciding, detail)


def _leaving(
    session: Session, began: list[Binding], back_to: dict[int, int]
) -> list[tuple[carrying.Leaving, int | None]]:
    """Return what goes back with the sources, by where they come from and where they go."""
    ways: dict[tuple[int, int | None], set[int]] = {}
    for one in began:
        to_id = back_to.get(one.source_id)
        if to_id != one.ci_id:
            ways.setdefault((one.ci_id, to_id), set()).add(one.source_id)
    return [
        (carrying.leaving(session, session.get_one(Ci, from_id), source_ids), to_id)
        for (from_id, to_id), source_ids in ways.items()
    ]


def _reviews_back(deciding: Deciding, detail: dict[str, Any]) -> None:
    """Open the review again that a decision had closed; or close it again where that is undone."""
    review_id = detail.get("review")
    if review_id is None:
        return
    session, now_ms = deciding.session, deciding.said.now_ms
    review = session.get_one(IdentityReview, review_id)
    finding = session.get(Finding, review.finding_id) if review.finding_id is not None else None
    if review.closed_ms is not None:
        other = select(IdentityReview.id).where(
            IdentityReview.source_id == review.source_id, col(IdentityReview.closed_ms).is_(None)
        )
        if session.exec(other).first() is not None:
            raise Refused(f"the source of review {review.id} is asked about anew since; decide that question first")
        review.closed_ms = review.decision_id = None
        if finding is not None:
            finding.closed_ms = None
    else:
        review.closed_ms, review.decision_id = now_ms, deciding.row.id
        if finding is not None:
            finding.closed_ms = now_ms
    session.add_all([review, *([finding] if finding is not None else [])])
    session.flush()
    deciding.note(review=review_id)


def _statuses_back(deciding: Deciding, detail: dict[str, Any]) -> None:
    """Reinstate what a decision had retired; or retire it again where that is undone."""
    statuses, said = [], deciding.said
    for ci_id, before, since in detail.get("statuses", ()):
        ci = deciding.session.get_one(Ci, ci_id)
        if ci.status != since:
            continue
        if since == "retired":
            retiring.reinstate(deciding.session, ci, said.actor, said.reason, said.now_ms)
        else:
            retiring.retire(deciding.session, ci, said.actor, said.reason, said.now_ms, even_so=True)
        deciding.touched[ci.id] = ci
        statuses.append([ci_id, since, before])
    deciding.note(statuses=statuses)


def _assets_back(deciding: Deciding, detail: dict[str, Any]) -> None:
    """Set assets back: each change is what it was before (None: not there) and what it became."""
    session, changes = deciding.session, []
    for change in reversed(detail.get("assets", ())):
        asset = session.get_one(Asset, change["id"])
        now = {"status": asset.status, "until_ms": asset.until_ms}
        before = change["was"] or {"status": "withdrawn", "until_ms": deciding.said.now_ms}
        asset.status, asset.until_ms = before["status"], before["until_ms"]
        session.add(asset)
        changes.append({"id": asset.id, "was": now})
    session.flush()
    deciding.note(assets=changes)


def _predictions_back(deciding: Deciding, detail: dict[str, Any]) -> None:
    """Withdraw what an RFC predicted of hardware that does not come; what it saw come true stays."""
    session = deciding.session
    for delta_id in detail.get("predicted", ()):
        delta = session.get_one(RfcDelta, delta_id)
        before = "withdrawn" if delta.state == "authorised" else "authorised"
        if delta.state in ("authorised", "withdrawn"):
            delta.state = before
            session.add(delta)
    if detail.get("predicted"):
        deciding.note(predicted=detail["predicted"])
