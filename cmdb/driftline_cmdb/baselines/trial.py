"""What a version would do if it came into force now: the pipeline's own comparison, without writing anything."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlmodel import Session, select

from driftline_baseline.judge import Closed, Opened, Returned
from driftline_baseline.layering import Conflict
from driftline_cmdb.baselines import conflicts, folding
from driftline_cmdb.baselines.folding import Folded
from driftline_cmdb.baselines.selection import covered_by, covering, parsed
from driftline_cmdb.baselines.versions import find_version
from driftline_cmdb.drift.assess import foresee
from driftline_cmdb.drift.expectation import expected_of
from driftline_cmdb.tables.baselines import BaselineVersion
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One drift that would open or close."""

    ci: str
    path: str
    #: Canonical JSON; None means absent.
    expected: str | None
    actual: str | None
    severity: str
    #: Who expects it; of one that closes why.
    why: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What would happen."""

    version: BaselineVersion
    #: CIs that it or the version in force before it covers.
    cis: int
    #: So many of them were compared.
    compared: int
    opens: list[Foreseen] = field(default_factory=list)
    closes: list[Foreseen] = field(default_factory=list)
    folded: Sequence[Folded] = ()
    conflicts: Sequence[Conflict] = ()


def foresee_approval(session: Session, name: str, now_ms: int, number: int | None = None, most: int = 1000) -> Trial:
    """Return which drifts would open and close, and where, if a version came into force now.

    :param most: CIs to compare at most; each is compared whole.
    :raises NotFound: where there is no such version.
    """
    version = find_version(session, name, number)
    new = covered_by(session, parsed(version.document))
    affected = new | _covered_before(session, version)
    chosen = sorted(affected.values(), key=lambda ci: ci.name)[:most]
    now = covering(session, chosen)
    trial = Trial(
        version,
        len(affected),
        len(chosen),
        folded=folding.folded(session, version),
        conflicts=conflicts.of_version(session, version),
    )
    for ci in chosen:
        versions = [(one.name, session.get_one(BaselineVersion, one.id)) for one in now[ci.id] if one.name != name]
        if ci.id in new:
            versions.append((name, version))
        _compare(session, ci, versions, now_ms, trial)
    return trial


def _covered_before(session: Session, version: BaselineVersion) -> dict[int, Ci]:
    """Return the CIs that the version in force of the same baseline covers."""
    query = select(BaselineVersion).where(
        BaselineVersion.baseline_id == version.baseline_id, BaselineVersion.state == "in force"
    )
    before = session.exec(query).first()
    return covered_by(session, parsed(before.document)) if before is not None else {}


def _compare(
    session: Session, ci: Ci, versions: Sequence[tuple[str, BaselineVersion]], now_ms: int, trial: Trial
) -> None:
    expected = expected_of(session, ci, None, versions)
    for verdict in foresee(session, ci, expected, now_ms):
        if isinstance(verdict, Opened | Returned):
            one = verdict.difference
            trial.opens.append(Foreseen(ci.name, one.path, one.expected, one.actual, one.severity, one.origin))
        elif isinstance(verdict, Closed):
            drift = session.get_one(Drift, verdict.drift_id)
            why = f"{verdict.state}: {verdict.why}"
            trial.closes.append(Foreseen(ci.name, drift.path, drift.expected, drift.actual, drift.severity, why))
