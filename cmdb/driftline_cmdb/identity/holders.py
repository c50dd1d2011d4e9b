"""Who holds an identity: writes down what `driftline_cmdb.continuity` refuses, and what becomes of it.

A source that never met another epoch has no row here: nothing of this is on the way of an ordinary report. Everything
happens in the transaction of the reports.
"""

from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col, select

from driftline.v1.collector_pb2 import HostClaims, Stamp
from driftline_cmdb import sources
from driftline_cmdb.attention import events
from driftline_cmdb.continuity import Diverged, open_finding, patience_ms, token_ms
from driftline_cmdb.errors import CmdbError, Forked, Held, Rejected
from driftline_cmdb.identity import authority, bindings
from driftline_cmdb.identity.claims import plain_claims
from driftline_cmdb.received import Report
from driftline_cmdb.tables.cis import Finding
from driftline_cmdb.tables.holders import Holder
from driftline_cmdb.tables.sources import Source

#: Of one source; the oldest that had no part in a fork are forgotten.
_MOST_HOLDERS = 16
_MOST_PEERS = 8
#: How often a holder that changes nothing is written, ms.
_STEP_MS = 5_000
#: A roll-back's finding of this age belongs to the same story as a clone's, ms.
_SAME_STORY_MS = 24 * 3_600_000


def peers_with(peers: list[list[Any]], peer: str, now_ms: int) -> list[list[Any]]:
    """Return the addresses of a holder once it reported from `peer`; the same list where that is the last one."""
    if not peer or (peers and peers[-1][0] == peer):
        return peers
    return [*(one for one in peers if one[0] != peer), [peer, now_ms]][-_MOST_PEERS:]


def of_source(session: Session, source: Source) -> list[Holder]:
    """Return all known holders of an identity, the first one first; the running one as it is now.

    What is returned is not part of the session.
    """
    query = select(Holder).where(Holder.source_id == source.id).order_by(col(Holder.first_ms), col(Holder.id))
    rows = list(session.exec(query))
    for row in rows:
        session.expunge(row)
    if source.epoch is None or source.seen_ms is None:
        return rows
    running = next((row for row in rows if row.epoch == source.epoch), None)
    if running is None:
        running = Holder(source_id=source.id, epoch=source.epoch, state="running", first_ms=0, last_ms=0)
        rows.append(running)
    _bring_up(running, source)
    return sorted(rows, key=lambda row: row.first_ms)


def note_announced(session: Session, source_id: int, stamp: Stamp, claims: HostClaims, peer: str, now_ms: int) -> None:
    """Remember who announces itself in another epoch than the running one: its first report may not say so much."""
    source = session.get_one(Source, source_id)
    if source.epoch is None or stamp.epoch == source.epoch or stamp.epoch in source.past_epochs:
        return
    if source.quarantined_ms is not None or source.ended_as is not None:
        return
    holder = _holder(session, source, stamp.epoch, now_ms)
    holder.claims, holder.peers = plain_claims(claims), peers_with(holder.peers, peer, now_ms)
    holder.last_ms, holder.agent_version = now_ms, stamp.agent_version
    holder.machine, holder.previous_epoch = stamp.machine.hex(), stamp.previous_epoch
    holder.begun_for = stamp.begun_for
    session.add(holder)


def note_refusal(session: Session, report: Report, error: CmdbError) -> None:
    """Write down that a report was refused, where that tells of another holder."""
    if not isinstance(error, Held | Forked | Rejected):
        return
    session.flush()
    source = session.get_one(Source, report.source_id, populate_existing=True)
    if isinstance(error, Held):
        _note_held(session, source, report)
    elif isinstance(error, Forked):
        _note_fork(session, source, report)
    else:
        if isinstance(error, Diverged):
            # Up to its own last receipt the two were one: what was received since is of the other.
            since_ms = token_ms(report.continuation)
            if since_ms is not None and (source.epoch_ms or 0) <= since_ms <= report.received_ms:
                source.diverged_ms = min(since_ms, source.diverged_ms or since_ms)
                session.add(source)
        _open_roll_back(session, source, str(error), report.received_ms, tell=False)
    session.flush()


def note_begun(session: Session, source_id: int, report: Report) -> None:
    """Write down that a new epoch took the place of the running one, before the source's row says so."""
    session.flush()
    source = session.get_one(Source, source_id, populate_existing=True)
    _keep_running(session, source, "ended")
    waited = source.held_epoch == report.epoch
    key = f"roll-back:{source.uid}"
    known = session.exec(select(Finding).where(Finding.key == key, col(Finding.closed_ms).is_(None))).first()
    announced = select(Holder.id).where(Holder.source_id == source.id, Holder.epoch == report.epoch)
    if waited or known is not None or session.exec(announced).first() is not None:
        holder = _holder(session, source, report.epoch, report.received_ms)
        _say(holder, report)
        holder.state = "running"
        session.add(holder)
    if known is not None and known.opened_ms >= report.received_ms - _SAME_STORY_MS and not known.detail.get("told"):
        known.detail = {**known.detail, "told": True}
        session.add(known)
        events.emit_finding(session, known, report.received_ms)
    elif waited:
        words = "its earlier state went quiet and a new one took its place: the machine was rolled back or reinstalled"
        _open_roll_back(session, source, words, report.received_ms, tell=True)


def said(holder: Holder) -> str:
    """Return a holder as people know it: host name and last address."""
    name = holder.claims.get("hostname") or "unnamed"
    return f"{name} at {holder.peers[-1][0]}" if holder.peers else str(name)


def plain(holder: Holder) -> dict[str, Any]:
    """Return what a finding or a decision says of a holder."""
    return {
        "epoch": holder.epoch,
        "state": holder.state,
        "hostname": holder.claims.get("hostname"),
        "addresses": [one[0] for one in holder.peers],
        "first_ms": holder.first_ms,
        "last_ms": holder.last_ms,
        "reports": holder.reports,
        "agent_version": holder.agent_version,
        "machine": holder.machine or None,
        "previous_epoch": holder.previous_epoch or None,
        "begun_for": holder.begun_for or None,
    }


def _note_held(session: Session, source: Source, report: Report) -> None:
    holder = _holder(session, source, report.epoch, report.received_ms)
    begins = source.held_epoch != report.epoch
    if begins or report.received_ms - (source.held_ms or 0) >= _STEP_MS:
        _say(holder, report)
        session.add(holder)
        source.held_epoch, source.held_ms = report.epoch, report.received_ms
        session.add(source)
    if begins:
        _keep_running(session, source, "running")


def _note_fork(session: Session, source: Source, report: Report) -> None:
    source.seen_ms = report.received_ms
    source.peers = peers_with(source.peers, report.peer, report.received_ms)
    _keep_running(session, source, "running")
    live_ms = report.received_ms - patience_ms(source)
    found = session.exec(select(Holder).where(Holder.source_id == source.id).order_by(col(Holder.first_ms))).all()
    parties = [one for one in found if one.epoch == source.epoch or (one.state == "held" and one.last_ms >= live_ms)]
    for one in parties:
        one.forked = True
        session.add(one)
    who = " and ".join(said(one) for one in parties)
    sources.quarantine(session, source, "driftline", f"{len(parties)} hold this identity: {who}", report.received_ms)
    _open_clone(session, source, parties, who, report.received_ms)


def _open_clone(session: Session, source: Source, parties: list[Holder], who: str, now_ms: int) -> None:
    """Open the one finding of the story: an open one of a roll-back becomes it."""
    binding = bindings.of_source(session, source.id)
    ci_id = binding.ci_id if binding is not None else None
    message = (
        f"{source.hostname or source.uid}: {len(parties)} hold one identity: {who}; all are quarantined; look with "
        f"driftline source holders {source.uid}, then split, expect or retire it"
    )
    detail = {
        "source": source.uid,
        "holders": [plain(one) for one in parties],
        "diverged_ms": source.diverged_ms,
        "noticed_after_ms": now_ms - min(one.first_ms for one in parties if one.epoch != source.epoch),
    }
    key = f"roll-back:{source.uid}"
    query = select(Finding).where(Finding.key == key, col(Finding.closed_ms).is_(None))
    known = session.exec(query).first()
    clone = session.exec(
        select(Finding.id).where(Finding.key == f"clone:{source.uid}", col(Finding.closed_ms).is_(None))
    ).first()
    if known is not None and clone is None and known.opened_ms >= now_ms - _SAME_STORY_MS:
        known.kind, known.key, known.ci_id = "clone", f"clone:{source.uid}", ci_id
        known.message, known.detail = message, {**detail, "error": known.detail.get("error")}
        session.add(known)
        session.flush()
        events.emit_finding(session, known, now_ms)
    else:
        open_finding(session, "clone", f"clone:{source.uid}", ci_id, message, detail, now_ms)
    if ci_id is not None:
        authority.settle(session, ci_id, now_ms)


def _open_roll_back(session: Session, source: Source, error: str, now_ms: int, *, tell: bool) -> None:
    binding = bindings.of_source(session, source.id)
    message = f"{source.hostname or source.uid}: {error}"
    detail = {"source": source.uid, "error": error, "told": tell}
    ci_id = binding.ci_id if binding is not None else None
    open_finding(session, "roll-back", f"roll-back:{source.uid}", ci_id, message, detail, now_ms, tell=tell)


def _holder(session: Session, source: Source, epoch: str, now_ms: int) -> Holder:
    """Return the row of an epoch, made where there is none; there are never many."""
    rows = list(session.exec(select(Holder).where(Holder.source_id == source.id).order_by(col(Holder.last_ms))))
    found = next((row for row in rows if row.epoch == epoch), None)
    if found is not None:
        return found
    idle = [row.id for row in rows if not row.forked and row.epoch not in (source.epoch, source.held_epoch)]
    surplus = len(rows) + 1 - _MOST_HOLDERS
    if surplus > 0 and idle:
        session.execute(delete(Holder).where(col(Holder.id).in_(idle[:surplus])))
    holder = Holder(source_id=source.id, epoch=epoch, state="held", first_ms=now_ms, last_ms=now_ms)
    session.add(holder)
    session.flush()
    return holder


def _keep_running(session: Session, source: Source, state: str) -> None:
    if source.epoch is None or source.seen_ms is None:
        return
    holder = _holder(session, source, source.epoch, source.seen_ms)
    _bring_up(holder, source)
    holder.state = state
    session.add(holder)
    session.flush()


def _bring_up(holder: Holder, source: Source) -> None:
    holder.first_ms = source.epoch_ms or source.enrolled_ms
    holder.last_ms = source.seen_ms or holder.first_ms
    holder.peers, holder.claims = source.peers, source.claims
    holder.agent_version, holder.machine, holder.reports = source.agent_version, source.machine, source.sequence


def _say(holder: Holder, report: Report) -> None:
    holder.last_ms = report.received_ms
    holder.peers = peers_with(holder.peers, report.peer, report.received_ms)
    holder.agent_version = report.agent_version
    if report.claims is not None:
        holder.claims = plain_claims(report.claims)
    holder.machine, holder.previous_epoch = report.machine.hex(), report.previous_epoch
    holder.begun_for = report.begun_for
