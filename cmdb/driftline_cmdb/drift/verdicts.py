"""Writes down what became of a CI's drifts: rows, groups, and the RFCs that groups raise (design section 6, rule 9)."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from driftline_baseline.compare import Difference
from driftline_baseline.evidence import HostAct, weight
from driftline_baseline.expected import element_path
from driftline_baseline.explain import Observed
from driftline_baseline.grouping import Cause, cause_of, cause_of_approval, cause_of_rereading, cause_of_speaker
from driftline_baseline.interval import Interval
from driftline_baseline.judge import Closed, Held, Opened, Restated, Returned, Settled, Verdict
from driftline_baseline.wording import package_of
from driftline_cmdb.baselines.reasons import approval_behind
from driftline_cmdb.drift import groups, raising, settling
from driftline_cmdb.record import names_in
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.elements import Revision


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look at a CI found, beside its verdicts."""

    #: Differences with the host's evidence, by path.
    observed: Mapping[str, Observed]
    #: The revision that made each compared element what it is, by element path.
    revisions: Mapping[str, Revision]
    #: Why some new drifts are graver than their rule says, by path.
    graver: Mapping[str, str]
    #: What another source says than the one that spoke there before, in words, by element path.
    speakers: Mapping[str, str]

    def revision_of(self, path: str) -> Revision | None:
        """Return the revision that made what a difference's path names what it is."""
        return self.revisions.get(element_path(path))


@dataclass(frozen=True, slots=True)
class _Event:
    """Drifts of one CI that one cause made."""

    cause: Cause
    act: HostAct | None
    opened: Sequence[Opened]
    #: Why they opened, where it was the expectation that changed.
    why: str | None = None


def apply(session: Session, ci: Ci, verdicts: Sequence[Verdict], seen: Seen, now_ms: int) -> None:
    """Write verdicts down."""
    touched: set[int] = set()
    for verdict in verdicts:
        match verdict:
            case Closed():
                touched |= _close(session, verdict, now_ms)
            case Returned():
                _reopen(session, ci, verdict, now_ms)
            case Restated():
                drift = session.get_one(Drift, verdict.drift_id)
                drift.expected = verdict.difference.expected
                session.add(drift)
            case Settled():
                touched |= _settle(session, ci, verdict, seen, now_ms)
            case Held():
                settling.hold(session, verdict)
            case Opened():
                pass  # together, below: what one cause made is one group
    session.flush()
    for event in _events(session, ci, [item for item in verdicts if isinstance(item, Opened)], seen):
        _open(session, ci, event, seen, now_ms)
    session.flush()
    for group_id in touched:
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
    if not groups.left_of_back_outs(session, ci, [drift], now_ms):
        return
    if drift.group_id is not None and raising.reopen_rfc(session, drift.group_id, verdict.why, now_ms):
        raising.move_delta(session, drift, "withdrawn", "proposed")
    else:
        cause = cause_of([verdict.difference], None, names_in(session, [verdict.difference.path]))
        groups.group(session, ci, cause, [drift], None, now_ms)


def _settle(session: Session, ci: Ci, verdict: Settled, seen: Seen, now_ms: int) -> set[int]:
    """Let an explained change join the expected state by the RFC that explains it."""
    rfc = settling.settle(session, ci, verdict, now_ms)
    touched: set[int] = set()
    if verdict.drift_id is not None:
        drift = session.get_one(Drift, verdict.drift_id)
        if drift.actual == verdict.difference.actual:
            drift.explained_by_id = rfc.id
            session.add(drift)
            return _close(session, Closed(verdict.drift_id, "explained", verdict.explanation.why), now_ms)
        touched = _close(session, Closed(verdict.drift_id, "superseded", "the value changed again"), now_ms)
        session.flush()
    drift = _row(ci, verdict.difference, verdict.change, seen, now_ms)
    drift.state, drift.why, drift.closed_ms = "explained", verdict.explanation.why, now_ms
    drift.explained_by_id = rfc.id
    session.add(drift)
    return touched


def _row(ci: Ci, difference: Difference, change: Interval, seen: Seen, now_ms: int) -> Drift:
    revision, observed = seen.revision_of(difference.path), seen.observed.get(difference.path)
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
        transaction_id=observed.act.id if observed is not None and observed.act is not None else None,
    )


def _events(session: Session, ci: Ci, opened: Sequence[Opened], seen: Seen) -> list[_Event]:
    """Part new drifts by what made them: another way of reading, another source, a transaction, or else one report."""
    parts: dict[tuple[str, Hashable], tuple[HostAct | None, list[Opened]]] = {}
    for item in opened:
        revision, observed = seen.revision_of(item.difference.path), seen.observed.get(item.difference.path)
        act = observed.act if observed is not None else None
        if revision is not None and revision.rereading:
            act = None
            key: tuple[str, Hashable] = ("rereading", revision.rereading)
        elif element_path(item.difference.path) in seen.speakers:
            act = None
            key = ("speaker", None)
        elif (approval := approval_behind(session, ci, item.difference, revision)) is not None:
            act = None
            key = ("approval", (approval.version_id, approval.cause, approval.words))
        elif act is not None:
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
        elif kind == "speaker":
            cause = cause_of_speaker(ci.uid, {seen.speakers[element_path(item.path)] for item in differences})
        elif kind == "approval" and isinstance(made_by, tuple):
            version_id, title, why = made_by
            cause = cause_of_approval(version_id, title)
        else:
            names = names_in(session, [item.path for item in differences])
            cause = cause_of(differences, act if _is_cause(session, ci, act, differences) else None, names)
        events.append(_Event(cause, act, items, why))
    return events


def _is_cause(session: Session, ci: Ci, act: HostAct | None, differences: Sequence[Difference]) -> bool:
    """Tell whether a transaction is unexplained itself: its packages are among the differences, now or before.

    Where it is explained, what else changed while it ran is not its doing: it has only the time in common.
    """
    if act is None or any(package_of(difference.path) is not None for difference in differences):
        return True
    query = select(Drift.id).where(
        Drift.ci_id == ci.id,
        Drift.transaction_id == act.id,
        col(Drift.group_id).is_not(None),
        col(Drift.path).startswith("software.packages["),
    )
    return session.exec(query.limit(1)).first() is not None


def _open(session: Session, ci: Ci, event: _Event, seen: Seen, now_ms: int) -> None:
    drifts = [
        _row(ci, item.difference, item.change, seen, now_ms)
        for item in sorted(event.opened, key=lambda item: weight(item.difference.path, event.act))
    ]
    for drift in drifts:
        another = seen.speakers.get(element_path(drift.path)) if event.cause.by_speaker else None
        drift.why = seen.graver.get(drift.path) or another or event.why or drift.why
    groups.group(session, ci, event.cause, drifts, event.act, now_ms)
