"""RFCs for changes that are planned: what they predict."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlmodel import Session

from driftline.schema import Value
from driftline_baseline.allowed import ALLOWED_KINDS, Allowed
from driftline_baseline.standing import problem_of
from driftline_baseline.values import Attributes
from driftline_cmdb import audit
from driftline_cmdb.drift.raising import next_number
from driftline_cmdb.errors import Invalid
from driftline_cmdb.rfcs.lifecycle import decide
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta


@dataclass(frozen=True, slots=True)
class Planned:
    """One predicted change of a planned RFC on one CI."""

    ci: Ci
    #: One place, or a pattern for a whole wave.
    path: str
    kind: str
    operand: Value | Attributes | None = None
    #: The origin that must publish what comes.
    origin: str | None = None

    @property
    def allowed(self) -> Allowed:
        """What it foresees."""
        return Allowed(self.path, self.kind, self.operand, self.origin)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a person writes into a planned RFC."""

    title: str
    reason: str = ""
    description: str = ""
    kind: str = "normal"
    priority: str = "medium"
    category: str = "configuration"
    effect_of_not_doing: str = ""
    risk: str = ""
    risk_level: str = "medium"
    impact: str = ""
    benefit: str = ""
    cost: str = ""
    implementer: str | None = None
    test_plan: str = ""
    back_out_plan: str = ""
    planned_start_ms: int | None = None
    planned_end_ms: int | None = None


def propose(session: Session, plan: Plan, requester: str, planned: Sequence[Planned], now_ms: int) -> Rfc:
    """Submit a planned change with what it is predicted to do.

    :raises Invalid: where a prediction cannot be one; the message names it and the mend.
    """
    require_predictions(planned)
    check_window(plan.planned_start_ms, plan.planned_end_ms)
    rfc = Rfc(number=next_number(session), requester=requester, created_ms=now_ms, **asdict(plan))
    session.add(rfc)
    session.flush()
    add_planned(session, rfc, planned)
    decide(session, rfc, requester, "submit", "submitted", now_ms, plan.reason)
    audit.record(session, requester, "rfc.submitted", f"RFC {rfc.number}", {"title": plan.title}, now_ms)
    session.flush()
    return rfc


def require_predictions(planned: Sequence[object]) -> None:
    """Pass where a planned RFC predicts something.

    :raises Invalid: where it does not.
    """
    if not planned:
        raise Invalid("predictions: a planned RFC needs at least one predicted change")


def check_window(start_ms: int | None, end_ms: int | None) -> None:
    """Pass where a planned window can be one.

    :raises Invalid: where it ends before it starts.
    """
    if start_ms is not None and end_ms is not None and end_ms <= start_ms:
        raise Invalid("end: the planned window ends before it starts")


def add_planned(session: Session, rfc: Rfc, planned: Sequence[Planned]) -> None:
    """Give an RFC its predicted changes.

    :raises Invalid: where a prediction cannot be one; the message names it and the mend.
    """
    places = set()
    for item in planned:
        _check_planned(rfc, item)
        if (item.ci.id, item.path) in places:
            raise Invalid(f"{item.path}: is predicted twice for {item.ci.name}")
        places.add((item.ci.id, item.path))
    session.add_all(
        RfcDelta(
            rfc_id=rfc.id,
            ci_id=item.ci.id,
            path=item.path,
            part="predicted",
            predicate={"kind": item.kind, "operand": item.operand, "origin": item.origin},
            ci_version=item.ci.version,
        )
        for item in planned
    )
    session.flush()


def _check_planned(rfc: Rfc, item: Planned) -> None:
    if item.kind not in ALLOWED_KINDS:
        raise Invalid(f'{item.path}: "{item.kind}" is not one of {", ".join(ALLOWED_KINDS)}')
    problem = problem_of(item.allowed)
    if problem is not None:
        raise Invalid(problem)
    if not item.allowed.exact and rfc.planned_end_ms is None:
        raise Invalid(f"{item.path}: a prediction with wild cards needs a window with an end")
