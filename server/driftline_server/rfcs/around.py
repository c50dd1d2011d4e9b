"""What REST and pages show around an RFC: its conflicts, its impact, its history."""

from datetime import datetime

from pydantic import BaseModel
from sqlmodel import Session

from driftline_cmdb.rfcs import conflicts, discussion, impact
from driftline_cmdb.rfcs.reading import RfcView, find_rfc, view
from driftline_server.evidence import CiRef, ci_ref
from driftline_server.times import moment, moment_or_none


class ConflictRow(BaseModel):
    """Something else that is planned for the same time."""

    #: freeze, rfc (another change on the same CI), or needed (one on a CI that its CI needs).
    kind: str
    #: Name of the freeze, or number of the RFC.
    name: str
    title: str
    #: The RFC's own CI.
    ci: CiRef
    #: The CI that the other RFC changes; only for ``needed``.
    on: CiRef | None
    start: datetime | None
    end: datetime | None
    #: In a line, for people.
    text: str


class Conflicts(BaseModel):
    """The conflicts of an RFC."""

    items: list[ConflictRow]


class ChainLink(BaseModel):
    """One step of the way from a CI to one that it needs."""

    #: runs on, installed on, depends on.
    relation: str
    ci: CiRef


class DependantRow(BaseModel):
    """A CI that needs an affected one."""

    ci: CiRef
    ci_class: str
    #: The way to the affected CI.
    chain: list[ChainLink]


class ImpactFound(BaseModel):
    """What depends on the CIs of an RFC."""

    #: In a line, for people.
    summary: str
    affected: list[CiRef]
    services: list[str]
    #: The nearest first.
    dependants: list[DependantRow]


class HistoryRow(BaseModel):
    """One thing that happened."""

    at: datetime
    #: decision, approval, comment, link.
    kind: str
    actor: str
    text: str


class History(BaseModel):
    """All that happened to an RFC, in the order of time."""

    items: list[HistoryRow]


def conflicts_of(session: Session, number: int, now_ms: int) -> Conflicts:
    """Return the conflicts of an RFC.

    :raises NotFound: no such RFC.
    """
    found = conflicts.conflicts_of(session, find_rfc(session, number), now_ms)
    return Conflicts(
        items=[
            ConflictRow(
                kind=one.kind,
                name=one.name,
                title=one.title,
                ci=ci_ref(one.ci),
                on=None if one.on is None else ci_ref(one.on),
                start=moment_or_none(one.start_ms),
                end=moment_or_none(one.end_ms),
                text=one.show(),
            )
            for one in found
        ]
    )


def impact_of(session: Session, number: int) -> ImpactFound:
    """Return what depends on the CIs of an RFC.

    :raises NotFound: no such RFC.
    """
    found = impact.impact_of(session, number)
    return ImpactFound(
        summary=found.show(),
        affected=[ci_ref(ci) for ci in found.affected],
        services=found.services,
        dependants=[
            DependantRow(
                ci=ci_ref(one.ci),
                ci_class=one.ci.ci_class,
                chain=[ChainLink(relation=kind, ci=ci_ref(ci)) for ci, kind in one.chain],
            )
            for one in found.dependants
        ],
    )


def history_of(session: Session, number: int) -> History:
    """Return all that happened to an RFC.

    :raises NotFound: no such RFC.
    """
    return history_in(view(session, number))


def history_in(found: RfcView) -> History:
    """Return all that happened to an RFC that was read."""
    return History(
        items=[
            HistoryRow(at=moment(one.at_ms), kind=one.kind, actor=one.actor, text=one.text)
            for one in discussion.entries(found)
        ]
    )
