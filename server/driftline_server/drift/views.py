"""What REST and pages show of drift."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from driftline import paths
from driftline_baseline.wording import what
from driftline_cmdb.errors import NotFound
from driftline_cmdb.record import names_in
from driftline_cmdb.tables.baselines import Baseline, BaselineVersion
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift, DriftGroup
from driftline_cmdb.tables.elements import HostTransaction
from driftline_cmdb.tables.rfcs import Rfc
from driftline_server.evidence import CiRef, Evidence, ci_ref, evidence, stored
from driftline_server.lists import Window, contains, part
from driftline_server.times import moment, moment_or_none

STATES = ("open", "explained", "accepted", "reverted", "superseded")


class DriftRow(BaseModel):
    """One attribute or element of one CI that is not as expected."""

    id: int
    ci: CiRef
    path: str
    #: For people: ``package sl (amd64)``, ``version of package openssl``.
    what: str
    #: changed, missing, unexpected.
    kind: str
    #: None means absent.
    expected: Any
    actual: Any
    state: str
    severity: str
    #: The change lies in (not_before, observed]; None for a first report.
    not_before: datetime | None
    observed: datetime
    opened: datetime
    closed: datetime | None
    #: How often it came back while it was open.
    returns: int
    #: Why it is in this state.
    why: str
    #: Name and version of the baseline that expects otherwise.
    baseline: str | None
    #: Number of the RFC that it raised or joined.
    rfc: int | None
    evidence: Evidence | None


@dataclass(frozen=True, slots=True)
class DriftFilter:
    """Which drifts."""

    #: None for all.
    state: str | None = "open"
    ci_id: int | None = None
    #: Text in the path.
    q: str | None = None
    #: Patterns of paths.
    match: tuple[str, ...] = ()
    severity: str | None = None
    rfc: int | None = None


_SORTS = {
    "id": Drift.id,
    "ci": Ci.name,
    "path": Drift.path,
    "kind": Drift.kind,
    "state": Drift.state,
    "severity": Drift.severity,
    "observed": Drift.observed_ms,
    "opened": Drift.opened_ms,
    "closed": Drift.closed_ms,
    "rfc": Rfc.number,
}


def _statement() -> Any:
    return (
        sql_select(Drift, Ci, HostTransaction, col(Rfc.number), col(BaselineVersion.number), col(Baseline.name))
        .join(Ci, col(Ci.id) == col(Drift.ci_id))
        .outerjoin(HostTransaction, col(HostTransaction.id) == col(Drift.transaction_id))
        .outerjoin(DriftGroup, col(DriftGroup.id) == col(Drift.group_id))
        .outerjoin(Rfc, col(Rfc.id) == col(DriftGroup.rfc_id))
        .outerjoin(BaselineVersion, col(BaselineVersion.id) == col(Drift.baseline_version_id))
        .outerjoin(Baseline, col(Baseline.id) == col(BaselineVersion.baseline_id))
    )


def list_drifts(session: Session, wanted: DriftFilter, window: Window) -> tuple[list[DriftRow], int]:
    """Return a part of the drifts, and how many there are.

    :raises Invalid: a column that cannot be sorted by.
    :raises PathError: an empty pattern.
    """
    statement = _statement()
    if wanted.state:
        statement = statement.where(Drift.state == wanted.state)
    if wanted.ci_id is not None:
        statement = statement.where(Drift.ci_id == wanted.ci_id)
    if wanted.q:
        statement = statement.where(contains(Drift.path, wanted.q))
    if wanted.severity:
        statement = statement.where(Drift.severity == wanted.severity)
    if wanted.rfc is not None:
        statement = statement.where(Rfc.number == wanted.rfc)
    if wanted.match:
        # Patterns are no SQL; they are applied to the few distinct paths that have drifts
        distinct = session.exec(select(Drift.path).distinct()).all()
        statement = statement.where(col(Drift.path).in_([p for p in distinct if paths.matches_any(wanted.match, p)]))
    found, total = part(session, statement, window, _SORTS, "-observed", col(Drift.id).desc())
    return _rows(session, found), total


def show(session: Session, number: int) -> DriftRow:
    """Return one drift.

    :raises NotFound: no such drift.
    """
    found = session.exec(_statement().where(Drift.id == number)).first()
    if found is None:
        raise NotFound(f"there is no drift {number}")
    return _rows(session, [found])[0]


def rows_of(session: Session, ids: Sequence[int]) -> list[DriftRow]:
    """Return drifts by their ids, ordered by CI and path."""
    statement = _statement().where(col(Drift.id).in_(ids)).order_by(Ci.name, Drift.path)
    return _rows(session, session.exec(statement).all())


def _rows(session: Session, found: Sequence[Any]) -> list[DriftRow]:
    names = names_in(session, (drift.path for drift, *_ in found))
    return [
        row(drift, ci, transaction, rfc, version, baseline, names)
        for drift, ci, transaction, rfc, version, baseline in found
    ]


def row(
    drift: Drift,
    ci: Ci,
    transaction: HostTransaction | None,
    rfc: int | None,
    version: int | None,
    baseline: str | None,
    names: Mapping[str, str],
) -> DriftRow:
    """Return a drift as it is shown.

    :param names: of the CIs that paths of relations mean, by uid.
    """
    return DriftRow(
        id=drift.id,
        ci=ci_ref(ci),
        path=drift.path,
        what=what(drift.path, names),
        kind=drift.kind,
        expected=stored(drift.expected),
        actual=stored(drift.actual),
        state=drift.state,
        severity=drift.severity,
        not_before=moment_or_none(drift.after_ms),
        observed=moment(drift.observed_ms),
        opened=moment(drift.opened_ms),
        closed=moment_or_none(drift.closed_ms),
        returns=drift.returns,
        why=drift.why,
        baseline=None if baseline is None else f"{baseline} v{version}",
        rfc=rfc,
        evidence=evidence(transaction),
    )
