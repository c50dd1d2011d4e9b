"""What the record itself says of a CI, as facts: so that it has a history, drifts, and can be predicted like any other.

Each CI has a source of kind "record" that speaks in the lowest rank; what it says is made anew from the tables whenever
they change. No agent may report it.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b

from sqlmodel import Session, col, or_, select

from driftline import facts
from driftline.facts import Element
from driftline.v1 import collector_pb2
from driftline.v1.facts_pb2 import Facts
from driftline_cmdb import continuity
from driftline_cmdb.applying import Wave
from driftline_cmdb.errors import CmdbError
from driftline_cmdb.identity import bindings
from driftline_cmdb.intern import ids_within
from driftline_cmdb.received import Report
from driftline_cmdb.sections import prepare_section
from driftline_cmdb.tables.cis import Ci, Relation
from driftline_cmdb.tables.elements import Section
from driftline_cmdb.tables.sources import RECORD, Source
from driftline_cmdb.tables.topology import TopologyLink
from driftline_cmdb.topology import wording

#: Below any agent's or device's.
_RANK = -1
#: The section's name and the only epoch.
_NAME = "record"


def _arrival(announced: bool) -> Element:
    said = Facts()
    said.record.announced = announced
    (element,) = facts.elements(said).values()
    return element


#: What the record says of a new CI; interned before the transaction that brings it, as reports' elements are.
ARRIVALS = (_arrival(False), _arrival(True))


def write(session: Session, cis: Sequence[Ci], now_ms: int) -> None:
    """Make the facts of some CIs' records as the tables are now, in the transaction that changes those."""
    if not cis:
        return
    session.flush()
    sources = _sources(session, cis, now_ms)
    query = select(Section.source_id, Section.digest).where(
        col(Section.source_id).in_([source.id for source in sources.values()]), Section.name == _NAME
    )
    before = dict(session.exec(query).all())
    said = _said(session, cis)
    reports = []
    for ci in sorted(cis, key=lambda ci: sources[ci.id].id):
        source = sources[ci.id]
        data = said[ci.id].SerializeToString(deterministic=True)
        section = collector_pb2.Section(
            name=_NAME,
            outcome=collector_pb2.READ,
            content=data,
            digest=facts.digest_of(data),
            revision=1,
            observed_at_ms=now_ms,
            previous_digest=before.get(source.id) or b"",
            previous_observed_at_ms=now_ms - 1,
        )
        sequence = source.sequence + 1
        reports.append(
            Report(
                source_id=source.id,
                epoch=_NAME,
                sequence=sequence,
                continuation=source.continuation or b"",
                digest=blake2b(data + sequence.to_bytes(8, "big"), digest_size=16).digest(),
                received_ms=now_ms,
                sent_ms=now_ms,
                agent_version="",
                sections=(prepare_section(section, recorded=True),),
            )
        )
    elements = [element for report in reports for part in report.sections for element in part.elements.values()]
    for result in Wave(session, reports, ids_within(session, elements)).apply():
        if isinstance(result, CmdbError):
            raise result
    for row in (*cis, *sources.values()):
        session.expire(row)  # written by statements, beside the session


def ensure(session: Session, ci: Ci, now_ms: int) -> None:
    """Give a CI its record where it has none yet, so that what changes next is seen as a change."""
    if session.exec(select(Source.id).where(Source.uid == _uid(ci))).first() is None:
        write(session, [ci], now_ms - 1)


def note_arrivals(session: Session, ci_ids: Iterable[int], now_ms: int) -> None:
    """Record that CIs were reported of for the first time: whether anyone had announced them, and that they are there.

    Those that the report made are unannounced; any other was on record before, and its join token named it.
    """
    ids = sorted(set(ci_ids))
    if not ids:
        return
    cis = session.exec(select(Ci).where(col(Ci.id).in_(ids)).order_by(col(Ci.id))).all()
    for ci in cis:
        if ci.announced is None:
            ci.announced = True
        if ci.first_seen_ms is None:
            ci.first_seen_ms = now_ms
        if ci.status in ("planned", "in stock"):
            ci.status = "installed"
        session.add(ci)
        if not ci.announced:
            _note_planned(session, ci, now_ms)
    write(session, cis, now_ms)


def _note_planned(session: Session, ci: Ci, now_ms: int) -> None:
    """Open a finding where a CI of this name was planned: a name is no proof, so a person decides."""
    query = select(Ci).where(Ci.name == ci.name, Ci.id != ci.id, col(Ci.status).in_(("planned", "in stock")))
    planned = session.exec(query.limit(1)).first()
    if planned is not None:
        message = (
            f"{ci.name} ({ci.uid}) reports, and a planned CI has this name ({planned.uid}): is it the planned one? "
            "its join token did not name it (driftline token create-join --ci)"
        )
        detail = {"ci": ci.uid, "planned": planned.uid}
        continuity.open_finding(session, "planned", f"planned:{ci.uid}", ci.id, message, detail, now_ms)


def note_renamed(session: Session, ci_ids: Iterable[int], now_ms: int) -> None:
    """Let CIs that have a relation or a link to a renamed one say its new name. That is no change of either."""
    ids = sorted(set(ci_ids))
    if ids:
        fronts = select(Relation.from_ci_id).where(col(Relation.to_ci_id).in_(ids), col(Relation.until_ms).is_(None))
        linked = select(TopologyLink.front_ci_id).where(
            col(TopologyLink.behind_ci_id).in_(ids), col(TopologyLink.until_ms).is_(None)
        )
        near = or_(col(Ci.id).in_(fronts), col(Ci.id).in_(linked))
        write(session, session.exec(select(Ci).where(near).order_by(col(Ci.id))).all(), now_ms)


def _uid(ci: Ci) -> str:
    return f"{RECORD}:{ci.uid}"


def _sources(session: Session, cis: Sequence[Ci], now_ms: int) -> dict[int, Source]:
    """Return the record's source of each CI, locked, by the CI's id; made where there is none."""
    names = {_uid(ci): ci for ci in cis}
    query = select(Source).where(col(Source.uid).in_(sorted(names))).order_by(col(Source.id)).with_for_update()
    found = {names[source.uid].id: source for source in session.exec(query.execution_options(populate_existing=True))}
    made = [
        (ci, Source(uid=uid, kind=RECORD, hostname=ci.name, enrolled_ms=now_ms))
        for uid, ci in names.items()
        if ci.id not in found
    ]
    session.add_all(source for _, source in made)
    session.flush()
    bindings.bind_records(session, {source.id: ci.id for ci, source in made}, _RANK, now_ms)
    return found | {ci.id: source for ci, source in made}


def _said(session: Session, cis: Sequence[Ci]) -> dict[int, Facts]:
    out = {ci.id: Facts() for ci in cis}
    for ci in cis:
        out[ci.id].record.SetInParent()
        if ci.announced is not None:
            out[ci.id].record.announced = ci.announced
    query = (
        select(Relation, Ci)
        .join(Ci, col(Ci.id) == col(Relation.to_ci_id))
        .where(col(Relation.from_ci_id).in_(sorted(out)), col(Relation.until_ms).is_(None))
        .order_by(col(Relation.kind), col(Ci.uid))
    )
    for relation, other in session.exec(query):
        out[relation.from_ci_id].record.relations.add(kind=relation.kind, ci=other.uid, name=other.name, by=relation.by)
    _say_links(session, out)
    return out


def _say_links(session: Session, out: dict[int, Facts]) -> None:
    query = (
        select(TopologyLink, Ci)
        .join(Ci, col(Ci.id) == col(TopologyLink.behind_ci_id))
        .where(col(TopologyLink.front_ci_id).in_(sorted(out)), col(TopologyLink.until_ms).is_(None))
        .order_by(col(TopologyLink.front_port), col(Ci.uid), col(TopologyLink.behind_port))
    )
    rows = session.exec(query).all()
    names = wording.names_in(session, (link.by for link, _ in rows))
    for link, other in rows:
        out[link.front_ci_id].record.links.add(
            port=link.front_port,
            ci=other.uid,
            other_port=link.behind_port,
            name=other.name,
            by=wording.named(link.by, names),
        )
