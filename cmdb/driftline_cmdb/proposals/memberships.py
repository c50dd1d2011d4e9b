"""Proposes services and what they run on, by the rules; and the hosts of containers."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlmodel import Session, col, or_, select

from driftline.v1.collector_pb2 import HostClaims
from driftline_baseline import proposals
from driftline_baseline.services import SERVICE_CLASSES
from driftline_cmdb.proposals.keeping import LONGEST_BY, NAMED, Made, store
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.identity import IdentityClaim
from driftline_cmdb.tables.proposals import Proposal, ServiceMember
from driftline_cmdb.tables.sources import Source


def is_service() -> tuple[Any, ...]:
    return (col(Ci.ci_class).in_(SERVICE_CLASSES), Ci.status != "disposed", col(Ci.merged_into_id).is_(None))


def service_ci(session: Session, name: str) -> Ci | None:
    """Return the service CI of a name; None where it is not on record."""
    return session.exec(select(Ci).where(Ci.name == name, *is_service()).order_by(col(Ci.id))).first()


def propose_services(session: Session, ci_ids: Collection[int], left: Collection[str], now_ms: int) -> None:
    """Propose the services that these CIs make, and what the services on record run on.

    :param left: names of services that one of them made until now.
    """
    own = session.exec(select(ServiceMember.name).where(col(ServiceMember.ci_id).in_(sorted(ci_ids)))).all()
    made: list[Made] = []
    over: list[str] = []
    for name in sorted({*own, *left}):
        query = (
            select(ServiceMember, Ci)
            .join(Ci, col(Ci.id) == col(ServiceMember.ci_id))
            .where(ServiceMember.name == name)
            .order_by(col(Ci.name), col(Ci.id))
        )
        members = session.exec(query).all()
        service = service_ci(session, name)
        if service is not None or not members:
            over.append(f"service:{name}")
        if service is not None:
            made += [_membership(service, member, host, now_ms) for member, host in members if host.id != service.id]
        elif members and session.exec(select(Ci.id).where(Ci.name == name, Ci.status != "disposed")).first() is None:
            made.append(_service(name, members, now_ms))
    store(session, made, now_ms)
    _lapse(session, ci_ids, over)


def _service(name: str, members: Sequence[tuple[ServiceMember, Ci]], now_ms: int) -> Made:
    first = members[0][0]
    hosts = [host.name for _, host in members]
    on = ", ".join(hosts[:5]) + (f" and {len(hosts) - 5} more" if len(hosts) > 5 else "")
    evidence = {
        "name": name,
        "class": first.ci_class,
        "relation": first.relation,
        "owner": first.owner,
        "rule": first.rule,
        "members": [_told(member, host) for member, host in members[:NAMED]],
        "cis": len(members),
    }
    return Made(
        "service",
        f"service:{name}",
        f"{first.ci_class} {name} on {on}",
        members[0][1].id,
        None,
        sorted(host.uid for _, host in members),
        evidence,
        min(member.since_ms for member, _ in members),
        now_ms,
    )


def _told(member: ServiceMember, host: Ci) -> dict[str, Any]:
    return {"ci": host.name, "uid": host.uid, "ports": member.ports, "why": member.why}


def _membership(service: Ci, member: ServiceMember, host: Ci, now_ms: int) -> Made:
    evidence = {
        "by": f"seen: {', '.join(member.why)} on {host.name} (rule {member.rule})"[:LONGEST_BY],
        "relation": member.relation,
        "rule": member.rule,
        "members": [_told(member, host)],
    }
    return Made(
        "runs on",
        f"runs on:{service.id}:{host.id}",
        f"{service.name} {member.relation} {host.name}",
        service.id,
        host.id,
        [member.rule],
        evidence,
        member.since_ms,
        now_ms,
        [(service.id, member.relation, host.id)],
    )


def _lapse(session: Session, ci_ids: Collection[int], over: Collection[str]) -> None:
    """Let go of services that no host makes or that are on record, and of hosts that make theirs no more."""
    is_near = (col(Proposal.kind) == "runs on") & col(Proposal.behind_ci_id).in_(sorted(ci_ids))
    query = select(Proposal).where(Proposal.state == "open", or_(col(Proposal.key).in_(over), is_near))
    for row in session.exec(query):
        if row.kind == "runs on" and ("rule" not in row.evidence or _makes(session, row)):
            continue
        row.state = "lapsed"
        session.add(row)


def _makes(session: Session, row: Proposal) -> bool:
    service = session.get_one(Ci, row.front_ci_id)
    alive = select(ServiceMember.id).where(ServiceMember.name == service.name, ServiceMember.ci_id == row.behind_ci_id)
    return session.exec(alive).first() is not None


def propose_hosts(session: Session, ci_ids: Collection[int], now_ms: int) -> None:
    """Propose the hosts of containers, by the hardware that they see."""
    query = (
        select(Binding.ci_id, Source.claims)
        .join(Source, col(Source.id) == col(Binding.source_id))
        .where(
            col(Binding.ci_id).in_(sorted(ci_ids)),
            col(Binding.until_ms).is_(None),
            col(Source.claims)["container"].as_string().is_not(None),
        )
    )
    made = []
    for ci_id, claims in session.exec(query).all():
        keys = sorted(_hardware(HostClaims(system_uuid=claims.get("system_uuid", ""))))
        holders: dict[str, set[int]] = {}
        if keys:
            held = select(IdentityClaim.key, IdentityClaim.ci_id).where(col(IdentityClaim.key).in_(keys))
            for key, holder in session.exec(held):
                if holder is not None:
                    holders.setdefault(key, set()).add(holder)
        found = proposals.host_of(ci_id, keys, holders)
        if found is None:
            continue
        container, host = session.get_one(Ci, ci_id), session.get_one(Ci, found[0])
        kind = str(claims["container"])
        evidence = {"by": f"seen: {kind} container with {found[1]}, as {host.name}", "relation": "runs on"}
        made.append(
            Made(
                "runs on",
                f"runs on:{ci_id}:{host.id}",
                f"{container.name} runs on {host.name}",
                ci_id,
                host.id,
                [found[1]],
                evidence,
                now_ms,
                now_ms,
                [(ci_id, "runs on", host.id)],
            )
        )
    store(session, made, now_ms)


def _hardware(claims: HostClaims) -> set[str]:
    """Return the keys under which a host would claim the hardware that a container names."""
    return {f"uuid:{claims.system_uuid.lower()}"} if claims.system_uuid else set()
