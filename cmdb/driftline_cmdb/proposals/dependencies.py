"""Proposes which CI depends on which, by the connections that were seen."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import distinct, func
from sqlmodel import Session, col, or_, select

from driftline_baseline import proposals
from driftline_baseline.proposals import Fleet, Known, Link, Proposed
from driftline_baseline.services import Infrastructure
from driftline_cmdb.packing import chunks
from driftline_cmdb.proposals.keeping import LONGEST_BY, NAMED, Made, fits, ignored_patterns, store
from driftline_cmdb.proposals.memberships import is_service
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.proposals import Look, Proposal, ProposalIgnore, SeenLink, ServiceMember

#: What was not seen for this time is proposed no longer, and a relation that rests on it is looked at again, ms.
UNSEEN_MS = 30 * 86_400_000


def propose_dependencies(
    session: Session, fronts: Collection[int], infrastructure: Infrastructure, now_ms: int
) -> None:
    """Propose which of these CIs depends on which, and let go of what is not so any more."""
    every = known_links(session, col(SeenLink.front_ci_id).in_(sorted(fronts)), now_ms)
    patterns = ignored_patterns(session)
    links = [one for one in every if not any(fits(pattern, one.link) for pattern in patterns)]
    service_at, members = _services(session, every)

    def is_part(ci_id: int, service: int) -> bool:
        return ci_id in members.get(service, ())

    def made_of(some: Sequence[Known]) -> list[Proposed]:
        fleet = _fleet(session, some)
        return proposals.dependencies(some, fleet, infrastructure, lambda ci, port: service_at.get((ci, port)), is_part)

    found = made_of(links)
    names = _names(session, found)
    made = [_dependency(session, one, names, infrastructure) for one in found]
    store(session, made, now_ms)
    keys = {one.key for one in found}
    passed_over = {one.key for one in made_of(every)} - keys if patterns else set()
    query = select(Proposal).where(
        Proposal.state == "open",
        col(Proposal.kind).in_(("depends on", "infrastructure")),
        col(Proposal.front_ci_id).in_(sorted(fronts)),
    )
    for row in session.exec(query):
        if row.key not in keys:
            row.state = "ignored" if row.key in passed_over else "lapsed"
            session.add(row)
    _lapse_single(session, [one for one in found if one.kind == "infrastructure" and one.behind is not None])
    _lapse_served(session, {one.link.behind for one in every}, infrastructure, patterns, now_ms)


def _lapse_single(session: Session, served: Sequence[Proposed]) -> None:
    """Let go of single proposals that stand in one of everyone's now."""
    ports: dict[int, set[str]] = {}
    for one in served:
        ports.setdefault(one.behind or 0, set()).update(known.link.name for known in one.links)
    query = select(Proposal).where(
        Proposal.state == "open", Proposal.kind == "depends on", col(Proposal.behind_ci_id).in_(sorted(ports))
    )
    for row in session.exec(query):
        if set(row.material) <= ports[row.behind_ci_id or 0]:
            row.state = "lapsed"
            session.add(row)


def _lapse_served(
    session: Session,
    behind: Collection[int],
    infrastructure: Infrastructure,
    patterns: Sequence[ProposalIgnore],
    now_ms: int,
) -> None:
    """Let go of what nobody uses any more of these CIs."""
    query = select(Proposal).where(
        Proposal.state == "open", Proposal.kind == "infrastructure", col(Proposal.behind_ci_id).in_(sorted(behind))
    )
    for row in session.exec(query):
        left = links_behind(session, row, infrastructure, now_ms)
        if not any(not fits(pattern, one.link) for one in left for pattern in patterns or [_NOTHING]):
            row.state = "ignored" if left else "lapsed"
            session.add(row)


#: Fits no link.
_NOTHING = ProposalIgnore(network="255.255.255.255", port="tcp/0", reason="", actor="", since_ms=0)


def known_links(session: Session, condition: Any, now_ms: int, limit: int | None = None) -> list[Known]:
    """Return links that were seen within the last month, with when; a silent CI's last word counts as of then."""
    seen = dict[int, int]()
    query = (
        select(SeenLink)
        .where(condition, or_(col(SeenLink.until_ms).is_(None), col(SeenLink.until_ms) > now_ms - UNSEEN_MS))
        .order_by(col(SeenLink.id))
    )
    rows = session.exec(query if limit is None else query.limit(limit)).all()
    ids = {ci for row in rows for ci in (row.front_ci_id, row.behind_ci_id)}
    for part in chunks(sorted(ids)):
        seen.update(
            (ci, at or 0) for ci, at in session.exec(select(Ci.id, Ci.last_seen_ms).where(col(Ci.id).in_(part)))
        )
    out = []
    for row in rows:
        ends = [seen.get(row.front_ci_id, 0)] * row.by_front + [seen.get(row.behind_ci_id, 0)] * row.by_behind
        at = row.until_ms if row.until_ms is not None else min(now_ms, max([*ends, row.since_ms]))
        link = Link(
            row.front_ci_id,
            row.behind_ci_id,
            row.protocol,
            row.port,
            row.address,
            row.front_unit,
            row.behind_unit,
        )
        out.append(Known(link, row.since_ms, at))
    return out


def links_behind(session: Session, row: Proposal, infrastructure: Infrastructure, now_ms: int) -> list[Known]:
    """Return the links that a proposal of what everyone uses rests on."""
    if row.behind_ci_id is None:
        found = known_links(session, col(SeenLink.front_ci_id) == row.front_ci_id, now_ms)
        purpose = row.key.rpartition(":")[2]
        special = {**infrastructure.served, **infrastructure.asked}
        wanted = {port for port, name in infrastructure.asked.items() if name == purpose}
        return [
            one
            for one in found
            if one.link.name in wanted or (purpose == proposals.EVERYONE and one.link.name not in special)
        ]
    protocol, _, port = row.key.rpartition(":")[2].partition("/")
    condition = (
        (col(SeenLink.behind_ci_id) == row.behind_ci_id)
        & (col(SeenLink.protocol) == protocol)
        & (col(SeenLink.port) == int(port))
    )
    return known_links(session, condition, now_ms)


def _fleet(session: Session, links: Sequence[Known]) -> Fleet:
    size = session.exec(select(func.count()).select_from(Look).where(col(Look.talks))).one()
    clients: dict[tuple[int, str, int], int] = {}
    reach: dict[int, int] = {}
    for part in chunks(sorted({one.link.behind for one in links})):
        columns = (col(SeenLink.behind_ci_id), col(SeenLink.protocol), col(SeenLink.port))
        query = select(*columns, func.count()).where(columns[0].in_(part)).group_by(*columns)
        clients.update(((row[0], row[1], row[2]), row[3]) for row in session.exec(query))
    for part in chunks(sorted({one.link.front for one in links})):
        count = func.count(distinct(col(SeenLink.behind_ci_id)))
        fronts = select(SeenLink.front_ci_id, count).where(col(SeenLink.front_ci_id).in_(part))
        reach.update(session.exec(fronts.group_by(col(SeenLink.front_ci_id))).all())
    return Fleet(size, clients, reach)


def _services(session: Session, links: Sequence[Known]) -> tuple[dict[tuple[int, str], int], dict[int, set[int]]]:
    """Return the service CI at each port of the CIs that are connected to, and the hosts of each such service."""
    at: dict[tuple[int, str], int] = {}
    members: dict[int, set[int]] = {}
    for part in chunks(sorted({one.link.behind for one in links})):
        query = (
            select(ServiceMember, Ci.id)
            .join(Ci, col(Ci.name) == col(ServiceMember.name))
            .where(col(ServiceMember.ci_id).in_(part), *is_service())
            .order_by(col(ServiceMember.id))
        )
        for member, service in session.exec(query):
            for port in member.ports:
                at.setdefault((member.ci_id, port), service)
            members.setdefault(service, set())
    for part in chunks(sorted(members)):
        hosts = select(Ci.id, ServiceMember.ci_id).join(ServiceMember, col(ServiceMember.name) == col(Ci.name))
        for service, host in session.exec(hosts.where(col(Ci.id).in_(part))):
            members[service].add(host)
    return at, members


def _names(session: Session, found: Iterable[Proposed]) -> dict[int, Ci]:
    ids = {
        ci
        for one in found
        for ci in (one.front, one.behind, *(end for k in one.links for end in (k.link.front, k.link.behind)))
        if ci is not None
    }
    out: dict[int, Ci] = {}
    for part in chunks(sorted(ids)):
        out.update((ci.id, ci) for ci in session.exec(select(Ci).where(col(Ci.id).in_(part))))
    return out


def _dependency(session: Session, one: Proposed, cis: Mapping[int, Ci], infrastructure: Infrastructure) -> Made:
    def name(ci: int) -> str:
        return cis[ci].name

    evidence: dict[str, Any] = {
        "by": proposals.told(one, name)[:LONGEST_BY],
        "links": [
            {
                "front": name(k.link.front),
                "front_unit": k.link.front_unit,
                "behind": name(k.link.behind),
                "behind_unit": k.link.behind_unit,
                "address": k.link.address,
                "port": k.link.name,
                "since_ms": k.since_ms,
                "seen_ms": k.seen_ms,
            }
            for k in one.links[:NAMED]
        ],
    }
    if one.kind == "depends on" and one.front is not None and one.behind is not None:
        title = f"{name(one.front)} depends on {name(one.behind)}"
        relations = [(one.front, one.kind, one.behind)]
    else:
        rests = one.links
        if one.behind is not None:  # all that use it, not only those that were looked at now
            row = Proposal(
                kind=one.kind, key=one.key, title="", behind_ci_id=one.behind, first_seen_ms=0, last_seen_ms=0
            )
            rests = tuple(links_behind(session, row, infrastructure, one.seen_ms))
        pairs = sorted({(k.link.front, "depends on", k.link.behind) for k in rests})
        evidence |= {"purpose": one.purpose, "cis": len(pairs)}
        relations = pairs
        several = "CI" if len(pairs) == 1 else "CIs"
        depend = "depends" if len(pairs) == 1 else "depend"
        if one.behind is not None:
            port = one.links[0].link.name
            title = f"{len(pairs)} {several} {depend} on {name(one.behind)} {port} ({one.purpose})"
        else:
            title = f"{name(one.front or 0)} connects to {len(pairs)} {several} ({one.purpose})"
    return Made(
        one.kind,
        one.key,
        title,
        one.front,
        one.behind,
        list(one.material),
        evidence,
        one.since_ms,
        one.seen_ms,
        relations,
    )
