"""RFCs for changes that are planned: what they predict."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlmodel import Session

from driftline.schema import Value
from driftline_baseline import predict
from driftline_baseline.document import misfit
from driftline_baseline.errors import VersionError
from driftline_cmdb import audit
from driftline_cmdb.attention import events
from driftline_cmdb.drift.raising import decide, next_number
from driftline_cmdb.errors import Invalid
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta


@dataclass(frozen=True, slots=True)
class Planned:
    """One predicted change of a planned RFC."""

    ci: Ci
    path: str
    kind: str
    operand: Value | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a person writes into a planned RFC."""

    title: str
    reason: str = ""
    description: str = ""
    kind: str = "normal"
    priority: str = "medium"
    effect_of_not_doing: str = ""
    risk: str = ""
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
    if not planned:
        raise Invalid("predictions: a planned RFC needs at least one predicted change")
    start_ms, end_ms = plan.planned_start_ms, plan.planned_end_ms
    if start_ms is not None and end_ms is not None and end_ms <= start_ms:
        raise Invalid("end: the planned window ends before it starts")
    rfc = Rfc(number=next_number(session), requester=requester, created_ms=now_ms, **asdict(plan))
    session.add(rfc)
    session.flush()
    places = set()
    for item in planned:
        _check_planned(item)
        if (item.ci.id, item.path) in places:
            raise Invalid(f"{item.path}: is predicted twice for {item.ci.name}")
        places.add((item.ci.id, item.path))
        session.add(
            RfcDelta(
                rfc_id=rfc.id,
                ci_id=item.ci.id,
                path=item.path,
                predicate={"kind": item.kind, "operand": item.operand},
                ci_version=item.ci.version,
            )
        )
    decide(session, rfc, requester, "submitted", "submitted", now_ms, plan.reason)
    audit.record(session, requester, "rfc.submitted", f"RFC {rfc.number}", {"title": plan.title}, now_ms)
    session.flush()
    events.emit_rfc(session, "rfc.waiting", rfc, "info", now_ms, text=plan.reason)
    return rfc


def _check_planned(item: Planned) -> None:
    if item.kind not in predict.KINDS:
        raise Invalid(f'{item.path}: "{item.kind}" is not one of {", ".join(predict.KINDS)}')
    if "*" in item.path or "?" in item.path:
        raise Invalid(f"{item.path}: a prediction names one place, without wild cards")
    problem = misfit(item.path, item.kind)
    if problem is not None:
        raise Invalid(problem)
    if item.kind == "at_least":
        try:
            predict.version(str(item.operand), predict.ecosystem_of(item.path))
        except VersionError as error:
            raise Invalid(f"{item.path}: {error}") from error
