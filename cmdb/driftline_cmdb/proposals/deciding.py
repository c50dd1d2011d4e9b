"""What people decide about proposals: accept, reject, open again, never propose such again."""

from collections.abc import Sequence
from ipaddress import ip_network

from sqlmodel import Session, col, select

from driftline_cmdb import audit, relations
from driftline_cmdb.errors import Conflict, Invalid, NotFound, Refused
from driftline_cmdb.identity import aliases
from driftline_cmdb.proposals import dependencies, documents, keeping, proposing, taking, unmanaged
from driftline_cmdb.proposals.taking import NewDevice
from driftline_cmdb.tables.cis import Ci, Relation
from driftline_cmdb.tables.proposals import Look, Proposal, ProposalIgnore, ServiceMember

#: Relations that one decision may put on record.
_MOST = 2_000
_LONGEST_REASON = 4_000


def find(session: Session, proposal_id: int) -> Proposal:
    """Return a proposal.

    :raises NotFound: where there is none.
    """
    found = session.get(Proposal, proposal_id)
    if found is None:
        raise NotFound(f"there is no proposal {proposal_id}; driftline proposal list shows them")
    return found


def check_may_decide(session: Session, proposal: Proposal, actor: str, is_operator: bool) -> None:
    """Pass where a person may decide about a proposal: operators, and who owns or answers for the CI in front.

    What agents are to read is for operators alone.

    :raises Refused: where not.
    """
    owned = proposal.front_ci_id is not None and proposal.kind != unmanaged.KIND
    front = session.get(Ci, proposal.front_ci_id) if owned else None
    if is_operator or (front is not None and actor in (front.owner, front.responsible)):
        return
    whose = f"the owner of {front.name}" if front is not None else "nobody else"
    raise Refused(f"{actor} may not decide about proposal {proposal.id}: operators may, and {whose}")


def accept(
    session: Session, proposal_id: int, actor: str, reason: str, now_ms: int, device: NewDevice | None = None
) -> Proposal:
    """Put what is proposed on record, as a decision of this person.

    :param device: what the person says of an unmanaged device.
    :raises Conflict: where it is not open, or what it proposes cannot be put on record any more.
    :raises Invalid: where `device` is given and it is none, or too little is known of it.
    """
    proposal = _open(session, proposal_id, ("open",))
    _checked(reason)
    decided = proposal.material
    if device is not None and proposal.kind != unmanaged.KIND:
        raise Invalid(f"proposal {proposal_id} is no device, but: {proposal.title}")
    if proposal.kind == unmanaged.KIND:
        taking.take(session, proposal, device or NewDevice(), actor, now_ms)
    elif proposal.kind == "service":
        _accept_service(session, proposal, actor, now_ms)
    elif proposal.kind == "infrastructure":
        decided = _accept_infrastructure(session, proposal, actor, now_ms)
    else:
        front, behind = (_standing(session, one) for one in (proposal.front_ci_id, proposal.behind_ci_id))
        kind = str(proposal.evidence.get("relation", proposal.kind))
        relations.relate(session, front, kind, behind, str(proposal.evidence["by"]), actor, now_ms)
    _decide(session, proposal, "accepted", decided, actor, reason, now_ms)
    return proposal


def _accept_service(session: Session, proposal: Proposal, actor: str, now_ms: int) -> None:
    said = proposal.evidence
    new = relations.NewCi(
        name=str(said["name"]), ci_class=str(said["class"]), status="in production", owner=said.get("owner")
    )
    service = relations.create_ci(session, new, actor, now_ms)
    query = select(ServiceMember, Ci).join(Ci, col(Ci.id) == col(ServiceMember.ci_id))
    members = session.exec(query.where(ServiceMember.name == service.name).order_by(col(Ci.name))).all()
    agreed = set(proposal.material)
    for member, host in members:
        if host.uid in agreed:  # a host that joined since is proposed by itself
            by = f"seen: {', '.join(member.why)} on {host.name} (rule {member.rule})"[:300]
            relations.relate(session, service, member.relation, host, by, actor, now_ms)
    _look_again(session, [host.id for _, host in members])


def _accept_infrastructure(session: Session, proposal: Proposal, actor: str, now_ms: int) -> list[str]:
    infrastructure = documents.parsed(documents.in_force(session).document).infrastructure
    links = dependencies.links_behind(session, proposal, infrastructure, now_ms)
    patterns = keeping.ignored_patterns(session)
    links = [one for one in links if not any(keeping.fits(pattern, one.link) for pattern in patterns)]
    pairs = sorted({(one.link.front, one.link.behind) for one in links})
    if len(pairs) > _MOST:
        raise Conflict(f"proposal {proposal.id} is of {len(pairs)} CIs; one decision takes at most {_MOST}")
    purpose = proposal.evidence.get("purpose", "")
    for front_id, behind_id in pairs:
        front, behind = _standing(session, front_id), _standing(session, behind_id)
        if not _is_related(session, front, behind):
            by = f"seen: {purpose}, as of {len(pairs)} CIs"
            relations.relate(session, front, "depends on", behind, by, actor, now_ms)
    return [f"{front}:{behind}" for front, behind in pairs]


def _is_related(session: Session, front: Ci, behind: Ci) -> bool:
    query = select(Relation.id).where(
        Relation.from_ci_id == front.id,
        Relation.to_ci_id == behind.id,
        Relation.kind == "depends on",
        col(Relation.until_ms).is_(None),
    )
    return session.exec(query).first() is not None


def reject(session: Session, proposal_id: int, actor: str, reason: str, now_ms: int) -> Proposal:
    """Say that it is not so: it is not proposed again unless it rests on something else, too.

    :raises Conflict: where it is not open.
    :raises Invalid: where there is no reason.
    """
    proposal = _open(session, proposal_id, ("open",))
    if not reason.strip():
        raise Invalid("reason: say why it is not so; whoever finds the rejected proposal wants to know")
    _checked(reason)
    _decide(session, proposal, "rejected", proposal.material, actor, reason, now_ms)
    return proposal


def reopen(session: Session, proposal_id: int, actor: str, reason: str, now_ms: int) -> Proposal:
    """Take a rejection back.

    :raises Conflict: where it is not rejected.
    """
    proposal = _open(session, proposal_id, ("rejected",))
    _checked(reason)
    _decide(session, proposal, "open", [], actor, reason, now_ms)
    proposal.decided_by = proposal.decided_ms = None
    return proposal


def ignore(session: Session, network: str, port: str, actor: str, reason: str, now_ms: int) -> ProposalIgnore:
    """Propose nothing any more that rests on connections to an address, a network or a port.

    :param network: an address or a network; empty for any.
    :param port: ``tcp/9100``; empty for any.
    :raises Invalid: where neither is given, or one is none, or there is no reason.
    :raises Conflict: where that is ignored already.
    """
    network, port = _network(network.strip()), _port(port.strip())
    if not network and not port:
        raise Invalid("network, port: name at least one of them; without, nothing would be proposed any more")
    if not reason.strip():
        raise Invalid("reason: say why nothing is to be proposed there")
    _checked(reason)
    for one in keeping.ignored_patterns(session):
        if (one.network, one.port) == (network, port):
            raise Conflict(f"that is ignored already, by {one.actor}: {one.reason}")
    made = ProposalIgnore(network=network, port=port, reason=reason, actor=actor, since_ms=now_ms)
    session.add(made)
    session.flush()
    detail = {"network": network, "port": port, "reason": reason}
    audit.record(
        session, actor, "proposals.ignored", f"proposals {network or 'anywhere'} {port}".strip(), detail, now_ms
    )
    open_ones = select(Proposal).where(
        Proposal.state == "open", col(Proposal.kind).in_(("depends on", "infrastructure"))
    )
    fronts = {row.front_ci_id for row in session.exec(open_ones) if row.front_ci_id is not None}
    _look_again(session, sorted(fronts))
    rules = documents.parsed(documents.in_force(session).document)
    proposing.propose(session, sorted(fronts), rules, now_ms)
    unmanaged.propose(session, now_ms)
    return made


def stop_ignoring(session: Session, ignore_id: int, actor: str, reason: str, now_ms: int) -> ProposalIgnore:
    """Propose such things again, from the next look on.

    :raises NotFound: where that is not ignored.
    """
    found = session.get(ProposalIgnore, ignore_id)
    if found is None or found.until_ms is not None:
        raise NotFound(f"no pattern {ignore_id} is ignored; driftline proposal ignored lists them")
    _checked(reason)
    found.until_ms = now_ms
    session.add(found)
    detail = {"network": found.network, "port": found.port, "reason": reason}
    subject = f"proposals {found.network or 'anywhere'} {found.port}".strip()
    audit.record(session, actor, "proposals.not_ignored", subject, detail, now_ms)
    hidden = select(Proposal.front_ci_id).where(Proposal.state == "ignored", col(Proposal.front_ci_id).is_not(None))
    _look_again(session, [one for one in session.exec(hidden) if one is not None])
    return found


def _look_again(session: Session, ci_ids: Sequence[int]) -> None:
    """Have some CIs looked at again soon: what they are part of changed."""
    for row in session.exec(select(Look).where(col(Look.ci_id).in_(ci_ids))):
        row.stamp = -1
        session.add(row)


def _open(session: Session, proposal_id: int, states: Sequence[str]) -> Proposal:
    query = select(Proposal).where(Proposal.id == proposal_id).with_for_update()
    found = session.exec(query.execution_options(populate_existing=True)).first() or find(session, proposal_id)
    if found.state not in states:
        raise Conflict(f"proposal {proposal_id} is {found.state}, not {' or '.join(states)}")
    return found


def _standing(session: Session, ci_id: int | None) -> Ci:
    return aliases.survivor(session, session.get_one(Ci, ci_id))


def _decide(
    session: Session, proposal: Proposal, state: str, material: Sequence[str], actor: str, reason: str, now_ms: int
) -> None:
    proposal.state, proposal.decided_by, proposal.decided_ms = state, actor, now_ms
    proposal.reason, proposal.decided_material = reason, list(material)
    session.add(proposal)
    action = "reopened" if state == "open" else state
    detail = {"title": proposal.title, "reason": reason, "rests on": proposal.material[:50]}
    audit.record(session, actor, f"proposal.{action}", f"proposal {proposal.id}", detail, now_ms)


def _checked(reason: str) -> None:
    if len(reason) > _LONGEST_REASON:
        raise Invalid(f"reason: longer than {_LONGEST_REASON} characters")


def _network(text: str) -> str:
    if not text:
        return ""
    try:
        found = ip_network(text)
    except ValueError as error:
        raise Invalid(
            f'network: "{text}" is no address or network: {error}; write 192.0.2.7 or 192.0.2.0/24'
        ) from error
    return str(found.network_address) if found.num_addresses == 1 else str(found)


def _port(text: str) -> str:
    if not text:
        return ""
    protocol, slash, number = text.rpartition("/")
    protocol = protocol if slash else "tcp"
    if protocol not in ("tcp", "udp") or not number.isdecimal() or not 0 < int(number[:6]) <= 65_535:
        raise Invalid(f'port: "{text}" is not a port; write 9100, tcp/9100 or udp/161')
    return f"{protocol}/{int(number)}"
