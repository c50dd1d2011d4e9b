"""Which agents may speak for the devices of which site: an operator's decision."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from driftline_cmdb import audit
from driftline_cmdb.devices import fencing
from driftline_cmdb.errors import Conflict, Invalid, NotFound, Refused
from driftline_cmdb.intern import insert_ignoring
from driftline_cmdb.tables.devices import DeviceSite, DeviceSpeaker
from driftline_cmdb.tables.sources import Source

#: Characters of a site's name.
_SITE = 80


def check_site(site: str) -> str:
    """Return a site's name, without blanks around it.

    :raises Invalid: where it is empty or too long.
    """
    name = site.strip()
    if not name or len(name) > _SITE or not name.isprintable():
        raise Invalid(f'site: "{site[:_SITE]}" is no name of a site: 1 to {_SITE} characters that can be printed')
    return name


def make_site(session: Session, site: str) -> None:
    """Put a site on record where it is not, and lock it until the transaction ends."""
    insert_ignoring(session, DeviceSite, [{"name": site}])
    fencing.lock_sites(session, [site])


def allow(session: Session, agent: Source, site: str, actor: str, reason: str, now_ms: int) -> DeviceSpeaker:
    """Let an agent speak for the devices of a site.

    :raises Invalid: where the source is no agent, the site has no name, or there is no reason.
    :raises Conflict: where it may already.
    """
    name, why = check_site(site), _reason(reason)
    if agent.kind != "agent" or agent.ended_as is not None:
        what = agent.kind if agent.kind != "agent" else f"{agent.ended_as} identity"
        raise Invalid(f"source {agent.uid} is a {what}: only an agent in use may speak for devices")
    make_site(session, name)
    if _speaker(session, agent.id, name) is not None:
        raise Conflict(f"{agent.hostname or agent.uid} may speak for devices of site {name} already")
    row = DeviceSpeaker(agent_id=agent.id, site=name, actor=actor, reason=why, since_ms=now_ms)
    session.add(row)
    session.flush()
    detail = {"site": name, "hostname": agent.hostname, "reason": why}
    audit.record(session, actor, "device.allowed", f"source {agent.uid}", detail, now_ms)
    return row


def forbid(session: Session, agent: Source, site: str, actor: str, reason: str, now_ms: int) -> int:
    """Let an agent speak for the devices of a site no longer; it loses its leases there at once.

    :return: how many leases it lost.
    :raises Invalid: without a reason.
    :raises NotFound: where it may not anyway.
    """
    name, why = check_site(site), _reason(reason)
    fencing.lock_sites(session, [name])
    row = _speaker(session, agent.id, name)
    if row is None:
        raise NotFound(f"{agent.hostname or agent.uid} may not speak for devices of site {name}: nothing to forbid")
    row.until_ms, row.until_actor, row.until_reason = now_ms, actor, why
    session.add(row)
    lost = fencing.drop(session, agent.id, now_ms, name)
    detail = {"site": name, "hostname": agent.hostname, "reason": why, "leases": lost}
    audit.record(session, actor, "device.forbidden", f"source {agent.uid}", detail, now_ms)
    return lost


def check(session: Session, agent_id: int, site: str) -> None:
    """Check that an agent may speak for the devices of a site.

    :raises Refused: where no operator lets it, or nothing is taken from it meanwhile.
    """
    agent = session.get_one(Source, agent_id)
    if agent.ended_as is not None or agent.quarantined_ms is not None:
        raise Refused(f"source {agent.uid} is {agent.ended_as or 'quarantined'}: it speaks for no devices")
    if _speaker(session, agent_id, site) is None:
        raise Refused(
            f"{agent.hostname or agent.uid} may not speak for devices of site {site}; an operator lets it with: "
            f"driftline device allow {agent.uid} --site {site} --reason ..."
        )


def speakers(session: Session, *, ended: bool = False) -> Sequence[tuple[DeviceSpeaker, Source]]:
    """Return who may speak for devices of which site, by site and name.

    :param ended: with those that may no longer.
    """
    query = select(DeviceSpeaker, Source).join(Source, col(Source.id) == col(DeviceSpeaker.agent_id))
    if not ended:
        query = query.where(col(DeviceSpeaker.until_ms).is_(None))
    return session.exec(query.order_by(col(DeviceSpeaker.site), col(Source.hostname), col(DeviceSpeaker.id))).all()


def _speaker(session: Session, agent_id: int, site: str) -> DeviceSpeaker | None:
    query = select(DeviceSpeaker).where(
        DeviceSpeaker.agent_id == agent_id, DeviceSpeaker.site == site, col(DeviceSpeaker.until_ms).is_(None)
    )
    return session.exec(query).first()


def _reason(reason: str) -> str:
    if not reason.strip():
        raise Invalid("reason: is empty; say why")
    return reason.strip()
