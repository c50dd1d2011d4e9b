"""What REST and pages show of an RFC that is carried out: its verification, its snapshots, recordings."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlmodel import Session, col, select

from driftline_baseline.values import encode
from driftline_baseline.wording import what
from driftline_cmdb.rfcs import backing_out, verification
from driftline_cmdb.rfcs.reading import find_rfc
from driftline_cmdb.rfcs.recording import Recorded
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.standing import Snapshot
from driftline_server.evidence import CiRef, ci_ref
from driftline_server.lists import Window, part
from driftline_server.times import moment

#: Hosts that a page shows.
ON_A_PAGE = 50


class HostRow(BaseModel):
    """What became of an RFC on one CI."""

    ci: CiRef
    #: effective, awaiting restart, in progress, not started, failed, silent, not applicable.
    status: str
    #: Predicted and not seen.
    missing: list[str]
    #: Changed while it was carried out, and explained by nothing.
    extra: list[str]
    #: Changes that were seen as predicted, and what followed from them by the host's package database.
    done: int
    consequential: int
    why: str


class VerificationFound(BaseModel):
    """Predicted against actual."""

    #: For people, every count with its denominator.
    text: str
    total: int
    #: CIs that reported since the change began.
    reporting: int
    #: CIs by status.
    counts: dict[str, int]
    complete: bool
    hosts: list[HostRow]


class SnapshotRow(BaseModel):
    """The state of a CI before the change: `GET /cis/{ci}/facts?at=` reads it back."""

    ci: CiRef
    at: datetime
    ci_version: int


class BackOutPlan(BaseModel):
    """The steps that bring back the state before."""

    #: Written by a person, or drafted by driftline where nobody wrote one.
    text: str
    drafted: bool
    #: What an ordered back-out has yet to undo: CI and path.
    left: list[str]


class RecordedLine(BaseModel):
    """A change of the test host as a prediction for others, as `POST /rfcs` and `--expect` take it."""

    path: str
    what: str
    kind: str
    operand: Any
    #: The same in a line, for ``driftline rfc plan --expect``.
    line: str


class RecordedLines(BaseModel):
    """What changed on a test host."""

    lines: list[RecordedLine]


_SNAPSHOT_SORTS = {"ci": Ci.name, "at": Snapshot.at_ms, "ci_version": Snapshot.ci_version}


def verify(session: Session, number: int, only: str | None = None) -> VerificationFound:
    """Return what became of an RFC, host by host.

    :param only: hosts in this status; all by default.
    :raises NotFound: no such RFC.
    """
    found = verification.verify(session, find_rfc(session, number))
    return VerificationFound(
        text=found.text(),
        total=len(found.hosts),
        reporting=found.reporting,
        counts=found.counts,
        complete=found.complete,
        hosts=[
            HostRow(
                ci=ci_ref(host.ci),
                status=host.status,
                missing=list(host.missing),
                extra=list(host.extra),
                done=host.done,
                consequential=host.consequential,
                why=host.why,
            )
            for host in found.hosts
            if only is None or host.status == only
        ],
    )


def snapshots(session: Session, number: int, window: Window) -> tuple[list[SnapshotRow], int]:
    """Return a part of the states before, and how many there are.

    :raises NotFound: no such RFC.
    :raises Invalid: a column that cannot be sorted by.
    """
    rfc = find_rfc(session, number)
    statement = select(Snapshot, Ci).join(Ci, col(Ci.id) == col(Snapshot.ci_id)).where(Snapshot.rfc_id == rfc.id)
    found, total = part(session, statement, window, _SNAPSHOT_SORTS, "ci", col(Snapshot.id))
    rows = [SnapshotRow(ci=ci_ref(ci), at=moment(mark.at_ms), ci_version=mark.ci_version) for mark, ci in found]
    return rows, total


def back_out_plan(session: Session, number: int) -> BackOutPlan:
    """Return how an RFC is taken back, and what is left of that.

    :raises NotFound: no such RFC.
    """
    rfc = find_rfc(session, number)
    left = backing_out.left_to_undo(session, rfc) if rfc.ordered == "back out" else []
    names = {ci.id: ci.name for ci in session.exec(select(Ci).where(col(Ci.id).in_({delta.ci_id for delta in left})))}
    drafted = backing_out.draft(session, rfc) if not rfc.back_out_plan else ""
    return BackOutPlan(
        text=rfc.back_out_plan or drafted,
        drafted=bool(drafted),
        left=[f"{names[delta.ci_id]}: {delta.path}" for delta in left],
    )


def recorded(lines: list[Recorded]) -> RecordedLines:
    """Return a recording as predictions."""
    return RecordedLines(
        lines=[
            RecordedLine(path=one.path, what=what(one.path), kind=one.kind, operand=one.operand, line=_line(one))
            for one in lines
        ]
    )


def _line(one: Recorded) -> str:
    if one.operand is None:
        return f"{one.path} {one.kind}"
    plain = one.operand if isinstance(one.operand, str) else encode(one.operand)
    return f"{one.path} {one.kind} {plain}"
