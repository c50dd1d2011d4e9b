"""What a CI is right now at the places that an RFC speaks of."""

from collections.abc import Iterable, Sequence

from sqlmodel import Session, col, select

from driftline_baseline import values
from driftline_baseline.expected import element_path
from driftline_baseline.predict import KINDS, Predicate
from driftline_baseline.values import Attributes
from driftline_cmdb.drift.expectation import allowed_of
from driftline_cmdb.identity.aliases import stands_for
from driftline_cmdb.record import elements_of
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.releases import Release
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta
from driftline_cmdb.tables.standing import Snapshot


def value_at(elements: dict[str, Attributes], path: str) -> str | None:
    """Return what stands at an element's or attribute's path, as canonical JSON; None where nothing does."""
    element = element_path(path)
    held = elements.get(element)
    if held is None or element == path:
        return values.encode(held)
    return values.encode(held.get(path[len(element) + 1 :]))


def is_so(delta: RfcDelta, actual: str | None) -> bool:
    """Tell whether what a delta predicts at one place holds of a value there."""
    allowed = allowed_of(delta)
    if not allowed.exact or allowed.kind not in KINDS:
        return False
    if isinstance(allowed.operand, dict):
        return values.encode(allowed.operand) == actual
    return Predicate(allowed.kind, allowed.operand).holds(delta.path, values.decode(actual))  # type: ignore[arg-type]  # no mapping here


def settle_what_is_so(session: Session, deltas: Sequence[RfcDelta], now_ms: int) -> None:
    """Settle predictions that hold already when they are authorised, and keep what the others start from.

    Where a drift is open, nothing is settled: that would absorb it.
    """
    by_ci: dict[int, list[RfcDelta]] = {}
    for delta in deltas:
        if delta.state == "authorised" and delta.predicate is not None and allowed_of(delta).exact:
            by_ci.setdefault(delta.ci_id, []).append(delta)
    for ci_id, items in by_ci.items():
        now_id = stands_for(session, ci_id)
        elements = elements_of(session, now_id, {element_path(delta.path) for delta in items})
        drifting = set(session.exec(select(Drift.path).where(Drift.ci_id == now_id, col(Drift.closed_ms).is_(None))))
        for delta in items:
            actual = value_at(elements, delta.path)
            delta.before = actual
            if is_so(delta, actual) and not drifting & {delta.path, element_path(delta.path)}:
                delta.state, delta.after, delta.settled_ms = "settled", actual, now_ms
            session.add(delta)
    session.flush()


def snapshot(session: Session, holder: Rfc | Release, cis: Iterable[Ci], now_ms: int) -> None:
    """Mark the state of CIs before an RFC or a release touches them; a second mark for the same keeps the first."""
    of = {"rfc_id": holder.id} if isinstance(holder, Rfc) else {"release_id": holder.id}
    column = Snapshot.rfc_id if isinstance(holder, Rfc) else Snapshot.release_id
    there = set(session.exec(select(Snapshot.ci_id).where(column == holder.id)))
    session.add_all(
        Snapshot(**of, ci_id=ci.id, at_ms=now_ms, ci_version=ci.version) for ci in cis if ci.id not in there
    )
