"""What REST and pages show of CIs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from pydantic import BaseModel
from sqlalchemy import func, or_
from sqlmodel import Session, col, select

from driftline import facts, paths, schema
from driftline_baseline import life_cycle
from driftline_cmdb import record
from driftline_cmdb.drift.silence import SILENT_AFTER_MS
from driftline_cmdb.drift.silence_devices import is_silent_ci
from driftline_cmdb.identity import bindings, life
from driftline_cmdb.tables.cis import Binding, Ci, Finding
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.elements import Element, Holding, Path
from driftline_cmdb.tables.silence import SilentCi
from driftline_cmdb.tables.sources import Source
from driftline_server.cis import own_fields
from driftline_server.cis.life import LifeDecisionRow, ended_by
from driftline_server.cis.own_fields import Said
from driftline_server.cis.relations import RelationRow, rows_of
from driftline_server.cis.speaking import SourceOfCi, sources_of
from driftline_server.evidence import Evidence, evidence
from driftline_server.identity.ofci import Identity, identity_of
from driftline_server.lists import Window, contains, part
from driftline_server.times import moment, moment_or_none
from driftline_server.topology.views import LinkRow, links_of

#: What the summary of a CI shows of its facts.
KEY_FACTS = (
    "os.release.description",
    "device.snmp",
    "os.kernel",
    "os.host",
    "hardware.system",
    "hardware.processors",
    "hardware.memory",
    "network.interfaces[*].addresses",
)


class CiRow(BaseModel):
    """A configuration item."""

    #: In CSV each label and field has a column, as `driftline ci import` reads them.
    SPREAD: ClassVar[dict[str, str]] = {"labels": "label", "fields": "field"}

    #: Stable identity, a UUID.
    uid: str
    name: str
    ci_class: str
    #: As driftline sees it: what people set, or silent while reports are expected and do not come.
    status: str
    #: As people set it: baselines go by this.
    life_cycle: str
    #: Counts the changes of its configuration.
    version: int
    #: Operating system in one line, where it is known.
    os: str | None
    owner: str | None
    responsible: str | None
    environment: str | None
    location: str | None
    criticality: str | None
    services: list[str]
    labels: dict[str, str]
    #: Those that the catalog gives its class, by name; a reference is the uid of a CI.
    fields: dict[str, Any]
    open_drifts: int
    #: When a source first and last reported of it; None where none did yet.
    first_seen: datetime | None
    last_seen: datetime | None


class FindingRow(BaseModel):
    """Something a person should look at that is no drift."""

    kind: str
    message: str
    opened: datetime
    closed: datetime | None


class CiDetail(CiRow):
    """A configuration item with its sources and findings."""

    #: The decision that took it out of use.
    ended_by: LifeDecisionRow | None
    #: Those that speak for it now, the one whose word counts most first.
    sources: list[SourceOfCi]
    #: Those that spoke for it, the last one first.
    former_sources: list[SourceOfCi]
    #: Its own, and the one by which it is silent together with others.
    findings: list[FindingRow]
    #: Those in which it stands in front first.
    relations: list[RelationRow]
    #: Cables between its ports and those of others, by its port.
    links: list[LinkRow]
    #: What it was merged into, what into it, and its hardware.
    identity: Identity
    said: Said


class Fact(BaseModel):
    """One attribute's value."""

    path: str
    value: Any
    #: configuration, identity, or state.
    nature: str
    #: UCUM, as the schema says it: By, Hz, s; empty where it has none.
    unit: str
    #: Since when it has this value; None for state.
    since: datetime | None
    #: The report's change that brought it; None for state.
    revision: int | None
    #: True where it could not be read lately, so that this is the last known value.
    stale: bool


class Change(BaseModel):
    """One attribute's change."""

    revision: int
    path: str
    #: None means absent.
    before: Any
    after: Any
    #: The change lies in (not_before, observed], by the host's clock corrected by skew; None for a first report.
    not_before: datetime | None
    observed: datetime
    received: datetime
    evidence: Evidence | None


class CiEdit(BaseModel):
    """What people say of a CI; what is left out stays, null clears."""

    ci_class: str | None = None
    status: str | None = None
    owner: str | None = None
    responsible: str | None = None
    environment: str | None = None
    location: str | None = None
    criticality: str | None = None
    services: list[str] | None = None
    #: All labels that it has then.
    labels: dict[str, str] | None = None
    #: Some of the fields that the catalog gives its class; the others stay.
    fields: dict[str, str | int | float | bool | None] | None = None


@dataclass(frozen=True, slots=True)
class CiFilter:
    """Which CIs."""

    #: Text in the name, or the start of the uid.
    q: str | None = None
    #: As driftline sees it.
    status: str | None = None
    ci_class: str | None = None
    environment: str | None = None
    owner: str | None = None
    #: ``name=value``.
    label: str | None = None
    #: Only those with open drifts.
    drifting: bool = False
    #: Only those that have sources, of which none called lately, as of then.
    silent_at_ms: int | None = None
    #: Those that were merged into another one, instead of those that were not.
    merged: bool = False
    #: Values of fields of the catalog, by name.
    fields: Mapping[str, str] = field(default_factory=dict)


_OPEN = (
    select(func.count(col(Drift.id)))
    .where(col(Drift.ci_id) == col(Ci.id), col(Drift.closed_ms).is_(None), Drift.state == "open")
    .correlate(Ci)
    .scalar_subquery()
)
_SORTS = {
    "name": Ci.name,
    "status": life.SHOWN,
    "ci_class": Ci.ci_class,
    "version": Ci.version,
    "environment": Ci.environment,
    "owner": Ci.owner,
    "open_drifts": _OPEN,
    "first_seen": Ci.first_seen_ms,
    "last_seen": Ci.last_seen_ms,
}


def list_cis(session: Session, wanted: CiFilter, window: Window) -> tuple[list[CiRow], int]:
    """Return a part of the CIs, and how many there are.

    :raises Invalid: a column that cannot be sorted by, or a field that is none.
    """
    into = col(Ci.merged_into_id)
    statement: Any = select(Ci, _OPEN, life.IS_SILENT).where(into.is_not(None) if wanted.merged else into.is_(None))
    if wanted.q:
        statement = statement.where(or_(contains(Ci.name, wanted.q), col(Ci.uid).startswith(wanted.q, autoescape=True)))
    for column, value in (
        (life.SHOWN, wanted.status),
        (Ci.ci_class, wanted.ci_class),
        (Ci.environment, wanted.environment),
        (Ci.owner, wanted.owner),
    ):
        if value:
            statement = statement.where(column == value)
    if wanted.label:
        name, _, value = wanted.label.partition("=")
        statement = statement.where(col(Ci.labels)[name].as_string() == value)
    statement = statement.where(*own_fields.conditions(session, wanted.fields))
    if wanted.drifting:
        statement = statement.where(_OPEN > 0)
    if wanted.silent_at_ms is not None:
        statement = statement.where(is_silent_ci(wanted.silent_at_ms, SILENT_AFTER_MS))
    found, total = part(session, statement, window, _SORTS, "name", col(Ci.id))
    systems = _systems(session, [ci.id for ci, _, _ in found])
    return [_row(ci, drifts, systems.get(ci.id), is_silent=silent) for ci, drifts, silent in found], total


def detail(session: Session, ci: Ci, now_ms: int) -> CiDetail:
    """Return one CI."""
    drifts, silent = session.exec(select(_OPEN, life.IS_SILENT).select_from(Ci).where(Ci.id == ci.id)).one()
    row = _row(ci, drifts, _systems(session, [ci.id]).get(ci.id), is_silent=silent)
    silent_by = select(SilentCi.finding_id).where(SilentCi.ci_id == ci.id, col(SilentCi.until_ms).is_(None))
    of_it = or_(col(Finding.ci_id) == ci.id, col(Finding.id).in_(silent_by))
    open_findings = select(Finding).where(of_it, col(Finding.closed_ms).is_(None))
    findings = session.exec(open_findings.order_by(col(Finding.opened_ms).desc())).all()
    sources = sources_of(session, ci, now_ms)
    return CiDetail(
        **row.model_dump(),
        ended_by=ended_by(session, ci),
        sources=[one for one in sources if one.until is None],
        former_sources=[one for one in sources if one.until is not None],
        findings=[
            FindingRow(kind=f.kind, message=f.message, opened=moment(f.opened_ms), closed=moment_or_none(f.closed_ms))
            for f in findings
        ],
        relations=rows_of(session, ci),
        links=links_of(session, ci),
        identity=identity_of(session, ci),
        said=own_fields.said_of(session, ci),
    )


def fact(found: record.FactValue) -> Fact:
    """Return a fact as it is shown."""
    return Fact(
        path=found.path,
        value=found.value,
        nature=found.nature,
        unit=unit_of(found.path),
        since=moment_or_none(found.since_ms),
        revision=found.revision_id,
        stale=found.stale,
    )


def unit_of(path: str) -> str:
    """Return the unit of an attribute by its path; empty where it has none."""
    known = schema.field_at(paths.schema_path(path))
    return "" if known is None or known.unit == "1" else known.unit


def change(found: record.Change) -> Change:
    """Return a change as it is shown."""
    return Change(
        revision=found.revision_id,
        path=found.path,
        before=found.before,
        after=found.after,
        not_before=moment_or_none(found.after_ms),
        observed=moment(found.observed_ms),
        received=moment(found.received_ms),
        evidence=evidence(found.transaction),
    )


class History(BaseModel):
    """A part of a CI's history, newest first."""

    items: list[Change]
    #: For the next part: the `before` to ask with; None at the end.
    next_before: int | None


def history(session: Session, ci: Ci, match: Sequence[str], revisions: int, before: int | None) -> History:
    """Return the changes of so many revisions, each a section's change in one report, newest first.

    :param match: patterns; a part may be empty and yet have one after it.
    :param before: only revisions before this one.
    """
    found = record.history_of(session, ci, match, revisions, before)
    edge = record.revisions_of(session, ci.id, 2, before, offset=revisions - 1)
    return History(items=[change(item) for item in found], next_before=edge[0].id if len(edge) == 2 else None)


def _systems(session: Session, ci_ids: Sequence[int]) -> dict[int, str]:
    """Return the operating system of each CI that says one, in one line."""
    if not ci_ids:
        return {}
    statement = (
        select(Binding.ci_id, Path.text, Element.content)
        .join(Source, col(Source.id) == col(Binding.source_id))
        .join(Holding, col(Holding.source_id) == col(Binding.source_id))
        .join(Path, col(Path.id) == col(Holding.path_id))
        .join(Element, col(Element.id) == col(Holding.element_id))
        .where(col(Binding.ci_id).in_(ci_ids), col(Binding.until_ms).is_(None))
        .where(col(Holding.until_revision).is_(None), Path.text == "os.release", record.heard())
        .order_by(*bindings.precedence(lowest_first=True))
    )
    out: dict[int, str] = {}
    for ci_id, path, content in session.exec(statement).all():
        known = facts.attributes(path, content)
        name = known.get("description") or " ".join(str(known[key]) for key in ("name", "version") if key in known)
        out[ci_id] = str(name)
    return out


def _row(ci: Ci, open_drifts: int, system: str | None, *, is_silent: bool) -> CiRow:
    return CiRow(
        uid=ci.uid,
        name=ci.name,
        ci_class=ci.ci_class,
        status=life_cycle.shown(ci.status, is_silent),
        life_cycle=ci.status,
        version=ci.version,
        os=system,
        owner=ci.owner,
        responsible=ci.responsible,
        environment=ci.environment,
        location=ci.location,
        criticality=ci.criticality,
        services=ci.services,
        labels=ci.labels,
        fields=ci.fields,
        open_drifts=open_drifts,
        first_seen=moment_or_none(ci.first_seen_ms),
        last_seen=moment_or_none(ci.last_seen_ms),
    )
