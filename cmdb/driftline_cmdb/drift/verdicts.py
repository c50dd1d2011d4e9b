"""Writes down what became of a CI's drifts: rows, groups, and the RFCs that groups raise (design section 6, rule 9)."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from driftline_baseline import values
from driftline_baseline.compare import Difference
from driftline_baseline.evidence import HostAct, attribute, weight
from driftline_baseline.expected import element_path
from driftline_baseline.grouping import JOIN_WITHIN_MS, Cause, cause_of, cause_of_approval, cause_of_rereading
from driftline_baseline.interval import Interval
from driftline_baseline.judge import Closed, Opened, Restated, Returned, Settled, Verdict
from driftline_cmdb.baselines.reasons import approval_behind
from driftline_cmdb.drift import raising
from driftline_cmdb.record import sources_of
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift, DriftGroup
from driftline_cmdb.tables.elements import Revision
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta
from driftline_cmdb.transactions import acts_since


@dataclass(frozen=True, slots=True)
class _Event:
    """Drifts of one CI that one cause made."""

    cause: Cause
    act: HostAct | None
    opened: Sequence[Opened]
    #: Why they opened, where it was the expectation that changed.
    why: str | None = None


def apply(
    session: Session, ci: Ci, verdicts: Sequence[Verdict], revisions: Mapping[str, Revision], now_ms: int
) -> None:
    """Write verdicts down.

    :param revisions: the revision that made each compared element what it is, by element path.
    """
    groups: set[int] = set()
    for verdict in verdicts:
        match verdict:
            case Closed():
                groups |= _close(session, verdict, now_ms)
            case Returned():
                _reopen(session, ci, verdict, now_ms)
            case Restated():
                drift = session.get_one(Drift, verdict.drift_id)
                drift.expected = verdict.difference.expected
                session.add(drift)
            case Settled():
                groups |= _settle(session, ci, verdict, revisions, now_ms)
            case Opened():
                pass  # together, below: what one cause made is one group
    session.flush()
    for event in _events(session, ci, [item for item in verdicts if isinstance(item, Opened)], revisions):
        _open(session, ci, event, revisions, now_ms)
    session.flush()
    for group_id in groups:
        raising.settle_rfc(session, group_id, now_ms)


def _close(session: Session, verdict: Closed, now_ms: int) -> set[int]:
    drift = session.get_one(Drift, verdict.drift_id)
    drift.state, drift.why, drift.closed_ms = verdict.state, verdict.why, now_ms
    session.add(drift)
    if verdict.state != "explained":
        raising.move_delta(session, drift, "proposed", "withdrawn")
    return {drift.group_id} if drift.group_id is not None else set()


def _reopen(session: Session, ci: Ci, verdict: Returned, now_ms: int) -> None:
    drift = session.get_one(Drift, verdict.drift_id)
    if drift.state == "reverted":
        drift.returns += 1
    drift.state, drift.why, drift.closed_ms, drift.accepted_until_ms = "open", verdict.why, None, None
    drift.expected = verdict.difference.expected
    session.add(drift)
    if drift.group_id is not None and raising.reopen_rfc(session, drift.group_id, verdict.why, now_ms):
        raising.move_delta(session, drift, "withdrawn", "proposed")
    else:
        _group(session, ci, cause_of([verdict.difference], None), [drift], None, now_ms)


def _settle(session: Session, ci: Ci, verdict: Settled, revisions: Mapping[str, Revision], now_ms: int) -> set[int]:
    delta = session.get_one(RfcDelta, verdict.prediction.delta_id)
    delta.state, delta.before, delta.after = "settled", verdict.difference.expected, verdict.difference.actual
    session.add(delta)
    session.flush()
    raising.close_when_done(session, delta.rfc_id, now_ms)
    why = f"RFC {verdict.prediction.rfc_number} predicted {verdict.prediction.predicate.show()} in its window"
    if verdict.drift_id is not None:
        return _close(session, Closed(verdict.drift_id, "explained", why), now_ms)
    drift = _row(ci, verdict.difference, verdict.change, revisions, now_ms)
    drift.state, drift.why, drift.closed_ms = "explained", why, now_ms
    session.add(drift)
    return set()


def _row(ci: Ci, difference: Difference, change: Interval, revisions: Mapping[str, Revision], now_ms: int) -> Drift:
    revision = revisions.get(element_path(difference.path))
    return Drift(
        ci_id=ci.id,
        path=difference.path,
        kind=difference.kind,
        expected=difference.expected,
        actual=difference.actual,
        severity=difference.severity,
        after_ms=change.after_ms,
        observed_ms=change.until_ms or now_ms,
        opened_ms=now_ms,
        why=f"{difference.origin} expects otherwise",
        baseline_version_id=difference.layer_id,
        revision_id=revision.id if revision is not None else None,
    )


def _events(session: Session, ci: Ci, opened: Sequence[Opened], revisions: Mapping[str, Revision]) -> list[_Event]:
    """Part new drifts by what made them: a new way of reading, a transaction of the host's logs, or else one report."""
    if not opened:
        return []
    earliest = min(item.change.after_ms or item.change.until_ms for item in opened)
    acts = acts_since(session, sources_of(session, ci.id), earliest - 1000)
    parts: dict[tuple[str, Hashable], tuple[HostAct | None, list[Opened]]] = {}
    for item in opened:
        revision = revisions.get(element_path(item.difference.path))
        act = None
        if revision is not None and revision.rereading:
            key: tuple[str, Hashable] = ("rereading", revision.rereading)
        elif (approval := approval_behind(session, ci, item.difference, revision)) is not None:
            key = ("approval", (approval.version_id, approval.cause, approval.words))
        elif (act := attribute(item.difference.path, _version_after(item.difference), item.change, acts)) is not None:
            key = ("act", act.id)
        else:
            key = ("report", revision and (revision.source_id, revision.epoch, revision.sequence))
        parts.setdefault(key, (act, []))[1].append(item)
    events = []
    for (kind, made_by), (act, items) in parts.items():
        differences = [item.difference for item in items]
        why = None
        if kind == "rereading":
            cause = cause_of_rereading(str(made_by))
        elif kind == "approval" and isinstance(made_by, tuple):
            version_id, title, why = made_by
            cause = cause_of_approval(version_id, title)
        else:
            cause = cause_of(differences, act)
        events.append(_Event(cause, act, items, why))
    return events


def _version_after(difference: Difference) -> str | None:
    actual = values.decode(difference.actual)
    if isinstance(actual, dict):
        version = actual.get("version")
        return None if version is None else str(version)
    return actual if isinstance(actual, str) else None


def _open(session: Session, ci: Ci, event: _Event, revisions: Mapping[str, Revision], now_ms: int) -> None:
    drifts = []
    for item in sorted(event.opened, key=lambda item: weight(item.difference.path, event.act)):
        drift = _row(ci, item.difference, item.change, revisions, now_ms)
        drift.why = event.why or drift.why
        drift.transaction_id = event.act.id if event.act is not None else None
        drifts.append(drift)
    _group(session, ci, event.cause, drifts, event.act, now_ms)


def _group(session: Session, ci: Ci, cause: Cause, drifts: Sequence[Drift], act: HostAct | None, now_ms: int) -> None:
    """Put drifts of one cause into their group, and the group into its RFC."""
    group = _joinable(session, cause, now_ms)
    for drift in drifts:
        drift.group_id = group.id
    session.add_all(drifts)
    session.flush()
    if group.rfc_id is None:
        raising.raise_rfc(session, group, cause, ci, drifts, act, now_ms)
    else:
        raising.join_rfc(session, group, ci, drifts, now_ms)


def _joinable(session: Session, cause: Cause, now_ms: int) -> DriftGroup:
    """Return the group that an event of this cause joins, a new one where none is open to it."""
    query = (
        select(DriftGroup)
        .join(Rfc, col(Rfc.id) == col(DriftGroup.rfc_id))
        .where(
            DriftGroup.key == cause.key,
            DriftGroup.joinable_until_ms > now_ms,
            col(Rfc.state).in_(raising.UNDECIDED),
            col(Rfc.ordered).is_(None),
        )
        .order_by(col(DriftGroup.id).desc())
    )
    group = session.exec(query).first()
    if group is None:
        group = DriftGroup(
            key=cause.key, cause=cause.title, opened_ms=now_ms, joinable_until_ms=now_ms + JOIN_WITHIN_MS
        )
        session.add(group)
        session.flush()
    return group
