"""The expected state of a CI out of the record: baselines in force, captured elements, deltas of authorised RFCs."""

from collections.abc import Callable, Collection, Sequence

from sqlalchemy import and_, or_
from sqlmodel import Session, col, select

from driftline import facts
from driftline_baseline import values
from driftline_baseline.allowed import Allowed
from driftline_baseline.expected import Delta, Expected, Layer
from driftline_baseline.explain import Prediction
from driftline_baseline.interval import Window
from driftline_baseline.lifecycle import IN_EFFECT
from driftline_baseline.values import Attributes
from driftline_cmdb.baselines.pins import pinned_elements
from driftline_cmdb.baselines.selection import covering, parsed
from driftline_cmdb.identity.aliases import aliases
from driftline_cmdb.identity.speaking import holding_deltas
from driftline_cmdb.releases import waves
from driftline_cmdb.tables.baselines import BaselineVersion
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.releases import ReleaseRfc
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta

#: Reports of what fell into a closed RFC's window may come so much later.
LATE_REPORTS_MS = 30 * 86_400_000


def in_force(session: Session, ci: Ci) -> list[tuple[str, BaselineVersion]]:
    """Return the baseline versions in force that cover a CI, each with its baseline's name."""
    names = {one.id: one.name for one in covering(session, [ci])[ci.id]}
    if not names:
        return []
    query = select(BaselineVersion).where(col(BaselineVersion.id).in_(names)).order_by(col(BaselineVersion.id))
    return [(names[version.id], version) for version in session.exec(query)]


def expected_of(
    session: Session,
    ci: Ci,
    only: Collection[str] | None = None,
    versions: Sequence[tuple[str, BaselineVersion]] | None = None,
) -> Expected:
    """Return what is expected of a CI.

    :param only: element paths that will be asked for; pinned elements elsewhere are not loaded. All by default.
    :param versions: baseline versions with their baselines' names, instead of those that are in force.
    """
    layers = []
    for name, version in in_force(session, ci) if versions is None else versions:
        pinned = pinned_elements(session, version.id, only)
        layers.append(
            Layer(
                parsed(version.document),
                _reader(pinned),
                f"{name} v{version.number}",
                version.id,
                version.as_of_ms,
                frozenset(pinned),
                version.rule_times,
            )
        )
    query = (
        select(RfcDelta, Rfc.number)
        .join(Rfc, col(Rfc.id) == col(RfcDelta.rfc_id))
        .where(col(RfcDelta.ci_id).in_(aliases(session, ci.id)), col(RfcDelta.state).in_(("authorised", "settled")))
    )
    numbers = {
        delta.id: (delta, number)
        for delta, number in session.exec(query)
        if delta.predicate is None or delta.state == "settled"
    }
    deltas = [
        Delta(delta.path, values.decode(delta.after), delta.settled_ms or delta.authorised_ms or 0, number)
        for delta, number in (
            numbers[delta.id] for delta in holding_deltas(session, ci.id, (delta for delta, _ in numbers.values()))
        )
    ]
    return Expected.of(layers, deltas)


def _reader(pinned: dict[str, bytes]) -> Callable[[str], Attributes | None]:
    return lambda path: facts.attributes(path, pinned[path]) if path in pinned else None


def predictions_of(session: Session, ci_id: int, now_ms: int) -> list[Prediction]:
    """Return what authorised RFCs predict for a CI, and for those that were merged into it.

    One that belongs to a release predicts nothing for a CI before a wave of the release with that CI has started.
    An RFC that is closed still explains what fell into its window: a host that was offline reports late (rule 1).
    """
    ids = aliases(session, ci_id)
    lately = and_(col(Rfc.state) == "closed", col(Rfc.planned_end_ms) > now_ms - LATE_REPORTS_MS)
    query = (
        select(RfcDelta, Rfc, col(ReleaseRfc.release_id))
        .join(Rfc, col(Rfc.id) == col(RfcDelta.rfc_id))
        .outerjoin(ReleaseRfc, col(ReleaseRfc.rfc_id) == col(Rfc.id))
        .where(
            col(RfcDelta.ci_id).in_(ids),
            col(RfcDelta.state).in_(("authorised", "in progress", "missed")),
            RfcDelta.part == "predicted",
            or_(col(Rfc.state).in_(IN_EFFECT), lately),
        )
        .order_by(col(RfcDelta.id))
    )
    rows = [row for row in session.exec(query) if row[0].predicate is not None]
    begun = waves.begun_at(session, ids, {release_id for _, _, release_id in rows if release_id is not None})
    found = []
    for delta, rfc, release_id in rows:
        start_ms = rfc.planned_start_ms
        if release_id is not None:
            if release_id not in begun:
                continue  # it waits for its wave
            start_ms = max(start_ms or 0, begun[release_id])
        found.append(Prediction(delta.id, rfc.number, allowed_of(delta), Window(start_ms, rfc.planned_end_ms)))
    return found


def allowed_of(delta: RfcDelta) -> Allowed:
    """Return what a predicted delta foresees."""
    plain = delta.predicate or {}
    operand, origin = plain.get("operand"), plain.get("origin")
    kept = tuple(operand) if isinstance(operand, list) else operand
    return Allowed(delta.path, str(plain["kind"]), kept, origin)
