"""Why a drift opened, where it was the expectation that changed and not the host."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlmodel import Session, col, select

from driftline_baseline.compare import Difference
from driftline_cmdb.tables.baselines import BaselineVersion
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.elements import Revision


@dataclass(frozen=True, slots=True)
class Approval:
    """A baseline version whose coming into force made a drift: the host was so before."""

    version_id: int
    #: "golden v3 says so since 2026-11-24 09:00 UTC, approved by bob".
    words: str
    #: "golden v3 came into force, approved by bob".
    cause: str


def approval_behind(session: Session, ci: Ci, difference: Difference, revision: Revision | None) -> Approval | None:
    """Return the approval that made a difference, None where the host changed after it.

    :param revision: what made the host's element as it is; None where nothing was ever there.
    """
    if difference.layer_id is None:
        return None
    version = session.get(BaselineVersion, difference.layer_id)
    if version is None or version.in_force_ms is None or difference.origin.startswith("RFC "):
        return None
    known_ms = revision.received_ms if revision is not None else ci.first_seen_ms
    if (
        known_ms is None
        or known_ms > version.in_force_ms
        or (known_ms > version.as_of_ms and not _replaced_another(session, version))
    ):
        return None
    since = datetime.fromtimestamp(version.in_force_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    by = f"approved by {version.approved_by}"
    title = difference.origin
    return Approval(version.id, f"{title} says so since {since}, {by}", f"{title} came into force, {by}")


def _replaced_another(session: Session, version: BaselineVersion) -> bool:
    """Tell whether another version was in force until this one was: then that one had no objection."""
    before = select(BaselineVersion.id).where(
        BaselineVersion.baseline_id == version.baseline_id,
        BaselineVersion.retired_ms == version.in_force_ms,
        col(BaselineVersion.in_force_ms).is_not(None),
    )
    return session.exec(before.limit(1)).first() is not None
