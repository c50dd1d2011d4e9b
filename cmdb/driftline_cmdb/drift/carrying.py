"""Drifts and RFCs when sources move from one CI to another: they go with who reports what they are about.

A drift that goes leaves its row where it was, closed, and gets one at the other CI in the same group: the same RFC.
No RFC closes, opens or is raised because of it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlmodel import Session, col, select

from driftline_baseline.expected import element_path
from driftline_cmdb.attention import reminders
from driftline_cmdb.drift import raising
from driftline_cmdb.drift.expectation import allowed_of
from driftline_cmdb.identity import bindings, speaking
from driftline_cmdb.identity.aliases import aliases
from driftline_cmdb.record import elements_of
from driftline_cmdb.rfcs.lifecycle import DRIFTLINE, decide
from driftline_cmdb.rfcs.present import value_at
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift, DriftGroup
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta

#: Of a delta that is part of what is expected, or that predicts.
_IN_EFFECT = ("authorised", "settled", "in progress", "missed", "backing out")
_ENDED = ("withdrawn", "superseded")


@dataclass(frozen=True, slots=True)
class Leaving:
    """What some sources of a CI speak of, seen before they leave it."""

    ci: Ci
    source_ids: frozenset[int]
    drifts: tuple[Drift, ...]
    #: What RFCs say of the CI where these sources speak.
    deltas: tuple[RfcDelta, ...]


def leaving(session: Session, ci: Ci, source_ids: Collection[int]) -> Leaving:
    """Look at what goes with sources that are about to leave a CI; their bindings are still as they were."""
    open_ones = select(Drift).where(Drift.ci_id == ci.id, col(Drift.closed_ms).is_(None)).order_by(col(Drift.id))
    drifts = [drift for drift in session.exec(open_ones) if not drift.path.startswith(speaking.OF_THE_RECORD)]
    said = select(RfcDelta).where(col(RfcDelta.ci_id).in_(aliases(session, ci.id)), col(RfcDelta.state).in_(_IN_EFFECT))
    deltas = speaking.holding_deltas(session, ci.id, session.exec(said.order_by(col(RfcDelta.id))))
    places = {element_path(drift.path) for drift in drifts} | {element_path(delta.path) for delta in deltas}
    now = speaking.speakers(session, ci.id, places)
    held = speaking.ever_held(session, source_ids, places - now.keys())
    everyone = {binding.source_id for binding in bindings.of_ci(session, ci.id)} <= set(source_ids)

    def goes(path: str, *, unheld: bool) -> bool:
        place = element_path(path)
        return now[place] in source_ids if place in now else unheld or place in held

    elements = elements_of(session, ci.id, {element_path(delta.path) for delta in deltas})

    def is_so(delta: RfcDelta) -> bool:
        """Tell whether what a delta made expected is there: of several at one place only the one that counts."""
        settled = delta.state == "settled" or (delta.state == "authorised" and delta.predicate is None)
        return not settled or value_at(elements, delta.path) == delta.after

    return Leaving(
        ci,
        frozenset(source_ids),
        tuple(drift for drift in drifts if goes(drift.path, unheld=everyone)),
        tuple(delta for delta in deltas if is_so(delta) and (_is_pattern(delta) or goes(delta.path, unheld=False))),
    )


def _is_pattern(delta: RfcDelta) -> bool:
    return delta.predicate is not None and not allowed_of(delta).exact


def carry(session: Session, found: Leaving, to_ci: Ci, words: str, now_ms: int) -> list[dict[str, Any]]:
    """Carry drifts to the CI that the sources speak for by now; return what was done, for `bring_back`.

    :param words: why they leave, for people: ``merged into web1 (uid)``.
    """
    open_ones = select(Drift).where(Drift.ci_id == to_ci.id, col(Drift.closed_ms).is_(None)).order_by(col(Drift.id))
    there = {drift.path: drift for drift in session.exec(open_ones)}
    places = {element_path(path) for path in (*there, *(drift.path for drift in found.drifts))}
    now = speaking.speakers(session, to_ci.id, places)
    done = _displaced(session, found, to_ci, there, now, now_ms)
    for drift in found.drifts:
        if drift.closed_ms is not None:
            continue
        why = words
        entry = _entry(drift)
        speaker = now.get(element_path(drift.path))
        other = there.get(drift.path)
        if other is not None:
            entry["kept"] = other.id
            if _rfc_id(session, other) == _rfc_id(session, drift):
                entry["delta"] = _move_delta(session, drift, to_ci)
        elif speaker is None or speaker in found.source_ids:
            new = Drift(**drift.model_dump(exclude={"id", "ci_id", "closed_ms"}), ci_id=to_ci.id)
            session.add(new)
            session.flush()
            entry["new"] = new.id
            if new.state == "accepted":
                reminders.acceptance_began(session, new, now_ms)
            entry["delta"] = _move_delta(session, drift, to_ci)
        else:
            why = f"{words}, where another source speaks for it"
        _supersede(session, drift, why, now_ms)
        done.append(entry)
    session.flush()
    return done


def _displaced(
    session: Session, found: Leaving, to_ci: Ci, there: dict[str, Drift], now: Mapping[str, int], now_ms: int
) -> list[dict[str, Any]]:
    """Close the drifts of the receiving CI where a source that comes speaks now and says another thing."""
    places = {place for place, source_id in now.items() if source_id in found.source_ids}
    elements = elements_of(session, to_ci.id, places)
    done = []
    for path, drift in list(there.items()):
        if element_path(path) in places and value_at(elements, path) != drift.actual:
            done.append(_entry(drift))
            _supersede(session, drift, f"a source that came from {found.ci.name} speaks for it now", now_ms)
            del there[path]
    return done


def _entry(drift: Drift) -> dict[str, Any]:
    was = {"state": drift.state, "why": drift.why, "accepted_until_ms": drift.accepted_until_ms}
    return {"drift": drift.id, "was": was, "new": None, "kept": None, "delta": None}


def _rfc_id(session: Session, drift: Drift) -> int | None:
    return None if drift.group_id is None else session.get_one(DriftGroup, drift.group_id).rfc_id


def _supersede(session: Session, drift: Drift, words: str, now_ms: int) -> None:
    drift.state, drift.why, drift.closed_ms, drift.accepted_until_ms = "superseded", words, now_ms, None
    session.add(drift)
    session.flush()


def _delta(session: Session, rfc_id: int, ci_id: int, path: str) -> RfcDelta | None:
    query = select(RfcDelta).where(RfcDelta.rfc_id == rfc_id, RfcDelta.ci_id == ci_id, RfcDelta.path == path)
    return session.exec(query).first()


def _move_delta(session: Session, drift: Drift, to_ci: Ci) -> dict[str, Any] | None:
    """Let the RFC of a drift speak of the other CI in its place."""
    rfc_id = _rfc_id(session, drift)
    own = None if rfc_id is None else _delta(session, rfc_id, drift.ci_id, drift.path)
    if own is None or own.state in _ENDED:
        return None
    target = _delta(session, own.rfc_id, to_ci.id, drift.path)
    stood = target is not None and target.state not in _ENDED
    if target is None or not stood:
        target = _as(own, target or RfcDelta(rfc_id=own.rfc_id, ci_id=to_ci.id, path=own.path, part=own.part))
        target.predicate, target.part, target.ci_version = own.predicate, own.part, to_ci.version
        session.add(target)
    moved = {"own": own.id, "own_was": own.state, "target_was": target.state, "stood": stood}
    own.state = "withdrawn"
    session.add(own)
    session.flush()
    return {**moved, "target": target.id}


def _as(one: RfcDelta, other: RfcDelta) -> RfcDelta:
    """Give one delta what another says."""
    for name in ("before", "after", "state", "authorised_ms", "settled_ms"):
        setattr(other, name, getattr(one, name))
    return other


def copy_expectation(session: Session, found: Leaving, to_ci: Ci) -> None:
    """Let what RFCs said of a CI, where the sources that left it speak, hold for the CI that they speak for now."""
    for delta in found.deltas:
        rfc = session.get_one(Rfc, delta.rfc_id)
        if _is_pattern(delta) and rfc.closed_ms is not None:
            continue
        if _delta(session, delta.rfc_id, to_ci.id, delta.path) is None:
            copy = RfcDelta(**delta.model_dump(exclude={"id", "ci_id"}), ci_id=to_ci.id)
            copy.ci_version = to_ci.version
            session.add(copy)
    session.flush()


def bring_back(session: Session, done: Collection[Mapping[str, Any]], words: str, now_ms: int) -> list[dict[str, Any]]:
    """Take back the drifts that `carry` carried and that are as it left them; return the same the other way round."""
    back: list[dict[str, Any]] = []
    for entry in done:
        if entry["new"] is None:
            continue
        old, new = session.get_one(Drift, entry["drift"]), session.get_one(Drift, entry["new"])
        delta = _delta_back(session, entry["delta"]) if entry["delta"] is not None else None
        session.flush()
        if new.closed_ms is not None:
            continue  # decided, or over, where it was carried to
        back.append({**_entry(new), "new": old.id, "delta": delta})
        new_state = new.state
        _supersede(session, new, words, now_ms)
        _open_again(session, old, entry["was"] if new_state == entry["was"]["state"] else back[-1]["was"])
    session.flush()
    return back


def open_again(session: Session, done: Collection[Mapping[str, Any]]) -> None:
    """Open the drifts again that `carry` closed without another in their place."""
    for entry in done:
        if entry["new"] is None:
            if entry["delta"] is not None:
                _delta_back(session, entry["delta"])
            _open_again(session, session.get_one(Drift, entry["drift"]), entry["was"])


def without(found: Leaving, done: Collection[Mapping[str, Any]]) -> Leaving:
    """Return what leaves, but for the drifts that were the receiving CI's own: those stay."""
    kept = {entry["kept"] for entry in done}
    return replace(found, drifts=tuple(drift for drift in found.drifts if drift.id not in kept))


def _delta_back(session: Session, moved: Mapping[str, Any]) -> dict[str, Any]:
    own, target = session.get_one(RfcDelta, moved["own"]), session.get_one(RfcDelta, moved["target"])
    before = {"own": target.id, "own_was": target.state, "target": own.id, "stood": False}
    if own.state == "withdrawn":
        if target.state == moved["target_was"]:
            own.state = moved["own_was"]
        else:  # decided meanwhile: that was about this one too
            _as(target, own)
    if not moved["stood"]:
        target.state = "withdrawn"
    session.add_all((own, target))
    return {**before, "target_was": own.state}


def _open_again(session: Session, drift: Drift, was: Mapping[str, Any]) -> None:
    """Open a drift again that a decision had closed; where its RFC is decided meanwhile, it is as the RFC says."""
    if drift.closed_ms is None or drift.state != "superseded":
        return
    taken = select(Drift.id).where(Drift.ci_id == drift.ci_id, Drift.path == drift.path, col(Drift.closed_ms).is_(None))
    if session.exec(taken).first() is not None:
        return
    rfc_id = _rfc_id(session, drift)
    rfc = None if rfc_id is None else session.get_one(Rfc, rfc_id)
    if rfc is not None and rfc.closed_ms is not None:
        delta = _delta(session, rfc.id, drift.ci_id, drift.path)
        if delta is None or delta.state not in ("authorised", "settled") or delta.after != drift.actual:
            return  # if it is still there, it opens anew
        drift.state, drift.why = "explained", f"RFC {rfc.number} says so"
    else:
        drift.state, drift.why, drift.closed_ms = was["state"], was["why"], None
        drift.accepted_until_ms = was["accepted_until_ms"]
    session.add(drift)
    session.flush()


def drop(session: Session, found: Leaving, since_ms: int, words: str, now_ms: int) -> None:
    """Close drifts that came with sources which speak for no CI any more, and settle their RFCs."""
    groups: set[int] = set()
    for drift in found.drifts:
        if drift.closed_ms is None and drift.opened_ms >= since_ms:
            _supersede(session, drift, words, now_ms)
            raising.move_delta(session, drift, "proposed", "withdrawn")
            groups |= {drift.group_id} if drift.group_id is not None else set()
    session.flush()
    for group_id in sorted(groups):
        raising.settle_rfc(session, group_id, now_ms)


def settle_authorised(session: Session, rfc: Rfc, now_ms: int) -> None:
    """Close an RFC that driftline raised once it is authorised and nothing of it is open at any CI that reports.

    That is so where its drifts were closed by a decision on identity: no look at a CI ends them any more.
    """
    if rfc.origin != DRIFTLINE or rfc.state != "authorised":
        return
    query = (
        select(Drift, Ci)
        .join(DriftGroup, col(DriftGroup.id) == col(Drift.group_id))
        .join(Ci, col(Ci.id) == col(Drift.ci_id))
        .where(DriftGroup.rfc_id == rfc.id)
    )
    rows = session.exec(query).all()
    for drift, ci in rows:
        if drift.closed_ms is None and ci.merged_into_id is not None:
            drift.state, drift.why, drift.closed_ms = "explained", f"RFC {rfc.number} says so", now_ms
            drift.accepted_until_ms = None
            session.add(drift)
    if rows and all(drift.closed_ms is not None for drift, _ in rows):
        rfc.outcome = "explained; the expected state holds it now"
        rfc.closed_ms = rfc.actual_end_ms = now_ms
        decide(session, rfc, DRIFTLINE, "close", "closed", now_ms, rfc.outcome)
    session.flush()
