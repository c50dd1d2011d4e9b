"""The deltas of RFCs that a baseline version folds in: authorised by its "as of", it speaks for them (rule 4)."""

from dataclasses import dataclass

from sqlmodel import Session, col, select

from driftline_baseline.values import show
from driftline_cmdb.baselines.selection import covered_by, parsed
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.baselines import BaselineVersion
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta


@dataclass(frozen=True, slots=True)
class Folded:
    """One delta that no longer stands on top of the baseline."""

    rfc: int
    ci: str
    path: str
    #: Canonical JSON; None means absent.
    after: str | None
    authorised_ms: int

    def show(self) -> str:
        """Return it as people read it."""
        return f"RFC {self.rfc}: {self.ci} {self.path} = {show(self.after)}"


def folded(session: Session, version: BaselineVersion) -> list[Folded]:
    """Return the deltas on covered CIs that a version folds in and the one in force before it does not."""
    covered = covered_by(session, parsed(version.document))
    before = session.exec(
        select(BaselineVersion.as_of_ms).where(
            BaselineVersion.baseline_id == version.baseline_id, BaselineVersion.state == "in force"
        )
    ).first()
    found: list[Folded] = []
    query = (
        select(Rfc.number, Ci.name, RfcDelta)
        .select_from(RfcDelta)
        .join(Rfc, col(Rfc.id) == col(RfcDelta.rfc_id))
        .join(Ci, col(Ci.id) == col(RfcDelta.ci_id))
        .where(col(RfcDelta.state).in_(("authorised", "settled")), col(RfcDelta.authorised_ms) <= version.as_of_ms)
        .order_by(col(Rfc.number), Ci.name, RfcDelta.path)
    )
    if before is not None:
        query = query.where(col(RfcDelta.authorised_ms) > before)
    for chunk in chunks(sorted(covered)):
        for number, ci, delta in session.exec(query.where(col(RfcDelta.ci_id).in_(chunk))):
            # In Python: an absent predicate is JSON's null in the table, not SQL's.
            if delta.predicate is None or delta.state == "settled":
                found.append(Folded(number, ci, delta.path, delta.after, delta.authorised_ms or 0))
    return sorted(found, key=lambda one: (one.rfc, one.ci, one.path))
