"""What REST and pages show of proposals, of what is never proposed, and of the service rules."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, or_, select

from driftline_baseline.proposals import KINDS
from driftline_cmdb.errors import Invalid
from driftline_cmdb.proposals import deciding, documents
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.proposals import Proposal, ProposalIgnore, ServiceRulesVersion
from driftline_server.evidence import CiRef
from driftline_server.lists import Window, contains, part
from driftline_server.times import moment, moment_or_none

STATES = ("open", "accepted", "rejected", "ignored", "lapsed", "all")
__all__ = ["KINDS", "STATES"]


class ProposalRow(BaseModel):
    """Something that driftline has seen, for a person to confirm."""

    id: int
    #: service, depends on, runs on, infrastructure (what everyone uses, or who uses everyone).
    kind: str
    #: open, accepted, rejected, ignored (a pattern covers it), lapsed (not seen any more).
    state: str
    #: In words: web1 depends on db1.
    title: str
    #: The CI in front; of a service one of its hosts.
    front: CiRef | None
    #: Who may decide besides operators.
    owner: str | None
    behind: CiRef | None
    #: What it rests on: ports, hosts, rules.
    material: list[str]
    first_seen: datetime
    last_seen: datetime
    decided_by: str | None
    decided: datetime | None
    reason: str


class ProposalDetail(ProposalRow):
    """A proposal with its evidence."""

    #: links (who connects to which port of whom), members of a service, rule, purpose, number of CIs.
    evidence: dict[str, Any]


class Decided(BaseModel):
    """Proposals as they are after a decision."""

    items: list[ProposalRow]


class IgnoreRow(BaseModel):
    """Connections that nothing is proposed from."""

    id: int
    #: Address or network; None for any.
    network: str | None
    #: tcp/9100; None for any.
    port: str | None
    reason: str
    actor: str
    since: datetime


class ServiceRulesRow(BaseModel):
    """A version of the service rules, without its document."""

    number: int
    author: str
    comment: str
    #: None of what driftline is shipped with.
    created: datetime | None


class ServiceRulesDetail(ServiceRulesRow):
    """The service rules."""

    #: YAML.
    document: str
    #: The newest first; at most 50.
    versions: list[ServiceRulesRow]


@dataclass(frozen=True, slots=True)
class ProposalFilter:
    """Which proposals."""

    #: One of STATES.
    state: str = "open"
    kind: str | None = None
    #: At either end.
    ci_id: int | None = None
    #: Text in the title.
    q: str | None = None
    #: Only those that this person owns or answers for the CI in front of.
    mine: str | None = None


_SORTS = {
    "id": Proposal.id,
    "kind": Proposal.kind,
    "title": Proposal.title,
    "first_seen": Proposal.first_seen_ms,
    "last_seen": Proposal.last_seen_ms,
    "decided": Proposal.decided_ms,
}


def list_proposals(session: Session, wanted: ProposalFilter, window: Window) -> tuple[list[ProposalRow], int]:
    """Return a part of the proposals, and how many there are.

    :raises Invalid: a state or kind that is none.
    """
    if wanted.state not in STATES:
        raise Invalid(f'state: "{wanted.state}" is not one of {", ".join(STATES)}')
    if wanted.kind and wanted.kind not in KINDS:
        raise Invalid(f'kind: "{wanted.kind}" is not one of {", ".join(KINDS)}')
    front, behind = aliased(Ci), aliased(Ci)
    statement: Any = (
        select(Proposal, front, behind)
        .outerjoin(front, col(front.id) == col(Proposal.front_ci_id))
        .outerjoin(behind, col(behind.id) == col(Proposal.behind_ci_id))
    )
    if wanted.state != "all":
        statement = statement.where(Proposal.state == wanted.state)
    if wanted.kind:
        statement = statement.where(Proposal.kind == wanted.kind)
    if wanted.ci_id is not None:
        statement = statement.where(_near(wanted.ci_id))
    if wanted.q:
        statement = statement.where(contains(Proposal.title, wanted.q))
    if wanted.mine:
        statement = statement.where(or_(col(front.owner) == wanted.mine, col(front.responsible) == wanted.mine))
    found, total = part(session, statement, window, _SORTS, "-first_seen", col(Proposal.id).desc())
    return [_row(*one) for one in found], total


def _near(ci_id: int) -> Any:
    return or_(col(Proposal.front_ci_id) == ci_id, col(Proposal.behind_ci_id) == ci_id)


def open_of(session: Session, ci_id: int) -> int:
    """Return how many open proposals are of a CI."""
    query = select(func.count()).select_from(Proposal).where(Proposal.state == "open", _near(ci_id))
    return session.exec(query).one()


def show(session: Session, proposal_id: int) -> ProposalDetail:
    """Return one proposal.

    :raises NotFound: where there is none.
    """
    found = deciding.find(session, proposal_id)
    front, behind = (session.get(Ci, one) if one else None for one in (found.front_ci_id, found.behind_ci_id))
    return ProposalDetail(**_row(found, front, behind).model_dump(), evidence=found.evidence)


def _row(one: Proposal, front: Ci | None, behind: Ci | None) -> ProposalRow:
    return ProposalRow(
        id=one.id,
        kind=one.kind,
        state=one.state,
        title=one.title,
        front=CiRef(uid=front.uid, name=front.name) if front else None,
        owner=front.owner if front else None,
        behind=CiRef(uid=behind.uid, name=behind.name) if behind else None,
        material=one.material,
        first_seen=moment(one.first_seen_ms),
        last_seen=moment(one.last_seen_ms),
        decided_by=one.decided_by,
        decided=moment_or_none(one.decided_ms),
        reason=one.reason,
    )


def list_ignores(session: Session, window: Window) -> tuple[list[IgnoreRow], int]:
    """Return a part of what is never proposed, and how much there is."""
    statement = select(ProposalIgnore).where(col(ProposalIgnore.until_ms).is_(None))
    sorts = {"since": ProposalIgnore.since_ms, "network": ProposalIgnore.network, "port": ProposalIgnore.port}
    found, total = part(session, statement, window, sorts, "-since", col(ProposalIgnore.id).desc())
    return [ignore_row(one) for one in found], total


def ignore_row(one: ProposalIgnore) -> IgnoreRow:
    """Return what is shown of a pattern."""
    return IgnoreRow(
        id=one.id,
        network=one.network or None,
        port=one.port or None,
        reason=one.reason,
        actor=one.actor,
        since=moment(one.since_ms),
    )


def show_rules(session: Session, number: int | None) -> ServiceRulesDetail:
    """Return a version of the service rules, the one in force by default.

    :raises NotFound: where there is none.
    """
    found = documents.version(session, number)
    query = select(ServiceRulesVersion).order_by(col(ServiceRulesVersion.number).desc()).limit(50)
    return ServiceRulesDetail(
        **_rules_row(found).model_dump(),
        document=found.document,
        versions=[_rules_row(one) for one in session.exec(query)],
    )


def _rules_row(one: ServiceRulesVersion) -> ServiceRulesRow:
    created = moment(one.created_ms) if one.created_ms else None
    return ServiceRulesRow(number=one.number, author=one.author, comment=one.comment, created=created)
