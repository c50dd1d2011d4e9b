"""The expected state of a CI out of the record: baselines in force, captured elements, deltas of authorised RFCs."""

from collections.abc import Callable, Collection
from functools import lru_cache

from sqlalchemy import and_, or_
from sqlmodel import Session, col, select

from driftline import facts
from driftline_baseline import document, values
from driftline_baseline.allowed import Allowed
from driftline_baseline.expected import Delta, Expected, Layer
from driftline_baseline.explain import Prediction
from driftline_baseline.interval import Window
from driftline_baseline.values import Attributes
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.baselines import Baseline, BaselineElement, BaselineVersion
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.elements import Element, Path
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta

#: States of an RFC in which what it predicts may happen.
IN_EFFECT = ("authorised", "scheduled", "implementing", "review")
#: Reports of what fell into a closed RFC's window may come so much later.
LATE_REPORTS_MS = 30 * 86_400_000


@lru_cache(maxsize=256)
def parsed(text: str) -> document.Document:
    """Return a baseline's document; a version's text never changes, so it is read once."""
    return document.parse(text)


def selected_by(selector: document.Selector, ci: Ci) -> bool:
    """Tell whether a selector means a CI."""
    fields: dict[str, Collection[str | None]] = {
        "ci": (ci.uid, ci.name),
        "class": (ci.ci_class,),
        "environment": (ci.environment,),
        "status": (ci.status,),
        "owner": (ci.owner,),
        "location": (ci.location,),
        "criticality": (ci.criticality,),
    }
    return selector.selects(fields, ci.labels)


def selects(doc: document.Document, ci: Ci) -> bool:
    """Tell whether a baseline's selector means a CI."""
    return selected_by(doc.selector, ci)


def in_force(session: Session, ci: Ci) -> list[tuple[str, BaselineVersion]]:
    """Return the baseline versions in force that cover a CI, each with its baseline's name."""
    query = (
        select(Baseline.name, BaselineVersion)
        .join(Baseline, col(Baseline.id) == col(BaselineVersion.baseline_id))
        .where(BaselineVersion.state == "in force")
        .order_by(col(BaselineVersion.id))
    )
    return [(name, version) for name, version in session.exec(query) if selects(parsed(version.document), ci)]


def expected_of(session: Session, ci: Ci, only: Collection[str] | None = None) -> Expected:
    """Return what is expected of a CI.

    :param only: element paths that will be asked for; pinned elements elsewhere are not loaded. All by default.
    """
    layers = []
    for name, version in in_force(session, ci):
        pinned = pinned_elements(session, version.id, only)
        layers.append(
            Layer(
                parsed(version.document),
                _reader(pinned),
                f"{name} v{version.number}",
                version.id,
                version.as_of_ms,
                frozenset(pinned),
            )
        )
    query = (
        select(RfcDelta, Rfc.number)
        .join(Rfc, col(Rfc.id) == col(RfcDelta.rfc_id))
        .where(RfcDelta.ci_id == ci.id, col(RfcDelta.state).in_(("authorised", "settled")))
    )
    deltas = [
        Delta(delta.path, values.decode(delta.after), delta.settled_ms or delta.authorised_ms or 0, number)
        for delta, number in session.exec(query)
        if delta.predicate is None or delta.state == "settled"
    ]
    return Expected.of(layers, deltas)


def pinned_elements(session: Session, version_id: int, only: Collection[str] | None = None) -> dict[str, bytes]:
    """Return the captured elements of a baseline version: content by path."""
    query = (
        select(Path.text, Element.content)
        .select_from(BaselineElement)
        .join(Path, col(Path.id) == col(BaselineElement.path_id))
        .join(Element, col(Element.id) == col(BaselineElement.element_id))
        .where(BaselineElement.version_id == version_id)
    )
    if only is None:
        return dict(session.exec(query).all())
    found: dict[str, bytes] = {}
    for chunk in chunks(only):
        found.update(session.exec(query.where(col(Path.text).in_(chunk))).all())
    return found


def _reader(pinned: dict[str, bytes]) -> Callable[[str], Attributes | None]:
    return lambda path: facts.attributes(path, pinned[path]) if path in pinned else None


def predictions_of(session: Session, ci_id: int, now_ms: int) -> list[Prediction]:
    """Return what authorised RFCs predict for a CI.

    An RFC that is closed still explains what fell into its window: a host that was offline reports late (rule 1).
    """
    lately = and_(col(Rfc.state) == "closed", col(Rfc.planned_end_ms) > now_ms - LATE_REPORTS_MS)
    query = (
        select(RfcDelta, Rfc)
        .join(Rfc, col(Rfc.id) == col(RfcDelta.rfc_id))
        .where(
            RfcDelta.ci_id == ci_id,
            col(RfcDelta.state).in_(("authorised", "in progress", "missed")),
            col(RfcDelta.predicate).is_not(None),
            or_(col(Rfc.state).in_(IN_EFFECT), lately),
        )
        .order_by(col(RfcDelta.id))
    )
    return [
        Prediction(delta.id, rfc.number, allowed_of(delta), Window(rfc.planned_start_ms, rfc.planned_end_ms))
        for delta, rfc in session.exec(query)
        if delta.predicate is not None
    ]


def allowed_of(delta: RfcDelta) -> Allowed:
    """Return what a predicted delta foresees."""
    plain = delta.predicate or {}
    operand, origin = plain.get("operand"), plain.get("origin")
    kept = tuple(operand) if isinstance(operand, list) else operand
    return Allowed(delta.path, str(plain["kind"]), kept, origin)
