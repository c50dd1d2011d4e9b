"""Statuses as people see them: a CI of which nothing is heard is shown as "silent", whatever people set.

What people set, `Ci.status`, stays: baselines, gates and windows go by it, so that silence moves a CI nowhere.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, case, exists
from sqlmodel import Session, col, select

from driftline_baseline import life_cycle
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.silence import SilentCi

_SILENT_CI = table_of(SilentCi)

#: Whether a CI is silent, for statements over `Ci`.
IS_SILENT: ColumnElement[bool] = (
    exists().where(_SILENT_CI.c.ci_id == col(Ci.id), _SILENT_CI.c.until_ms.is_(None)).correlate(Ci)
) & col(Ci.status).not_in(life_cycle.UNSEEN)
#: The status that people see, for statements over `Ci`.
SHOWN: Any = case((IS_SILENT, life_cycle.SILENT), else_=col(Ci.status))


def silent_among(session: Session, ci_ids: Iterable[int]) -> set[int]:
    """Return those of some CIs that are silent."""
    found: set[int] = set()
    for chunk in chunks(sorted(set(ci_ids))):
        found.update(
            session.exec(select(SilentCi.ci_id).where(col(SilentCi.ci_id).in_(chunk), col(SilentCi.until_ms).is_(None)))
        )
    return found


def shown_status(session: Session, ci: Ci) -> str:
    """Return the status of a CI that people see."""
    return life_cycle.shown(ci.status, bool(silent_among(session, [ci.id])))
