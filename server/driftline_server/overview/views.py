"""What REST and pages show of the whole."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import func
from sqlmodel import Session, col, select

from driftline_cmdb.drift.silence import SILENT_AFTER_MS
from driftline_cmdb.drift.silence_devices import silent
from driftline_cmdb.tables.baselines import BaselineVersion
from driftline_cmdb.tables.cis import Ci, Finding
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.rfcs import Rfc
from driftline_cmdb.tables.sources import RECORD, Source
from driftline_server.rfcs.views import WAITING
from driftline_server.times import moment_or_none


class Overview(BaseModel):
    """The state of everything in a few numbers."""

    cis: int
    #: CIs with open drifts.
    drifting_cis: int
    open_drifts: int
    #: RFCs on which someone has to decide.
    rfcs_waiting: int
    #: RFCs ordered reverted whose values are not back yet.
    rfcs_reverting: int
    baselines_in_force: int
    sources: int
    #: Sources that called before, but not lately.
    silent_sources: int
    open_findings: int
    #: Latest call of any source; None where none ever called.
    last_report: datetime | None


def overview(session: Session, now_ms: int) -> Overview:
    """Return the state of everything."""

    def number(column: Any, *conditions: Any) -> Any:
        return select(func.count(column)).where(*conditions).scalar_subquery()

    is_open = (col(Drift.closed_ms).is_(None), Drift.state == "open")
    waiting = col(Rfc.state).in_(WAITING)
    row = session.exec(
        select(  # type: ignore[call-overload]  # SQLModel types select for up to four columns
            number(col(Ci.id)),
            select(func.count(func.distinct(col(Drift.ci_id)))).where(*is_open).scalar_subquery(),
            number(col(Drift.id), *is_open),
            number(col(Rfc.id), waiting, col(Rfc.ordered).is_(None)),
            number(col(Rfc.id), waiting, Rfc.ordered == "revert"),
            number(col(BaselineVersion.id), BaselineVersion.state == "in force"),
            number(col(Source.id), Source.kind != RECORD),
            number(col(Source.id), silent(now_ms, SILENT_AFTER_MS), col(Source.quarantined_ms).is_(None)),
            number(col(Finding.id), col(Finding.closed_ms).is_(None)),
            select(func.max(col(Source.seen_ms))).scalar_subquery(),
        )
    ).one()
    names = list(Overview.model_fields)
    return Overview(**dict(zip(names[:-1], row[:-1], strict=True)), last_report=moment_or_none(row[-1]))
