"""What REST, pages and commands show of links, and of ends that are no CI."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, or_, select

from driftline import paths
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.topology import TopologyLink, TopologySight
from driftline_cmdb.topology import reading, wording
from driftline_server.evidence import CiRef, ci_ref
from driftline_server.lists import Window, contains, part
from driftline_server.times import moment


class LinkRow(BaseModel):
    """A cable between two CIs."""

    #: The CI whose record holds the link; the same one as long as both are there.
    front: CiRef
    front_port: str
    behind: CiRef
    behind_port: str
    #: How it is known: LLDP at both ends.
    by: str
    #: What another end says instead; None where nothing contradicts it.
    instead: str | None
    since: datetime
    #: The fact of the CI in front, as a baseline names it.
    path: str


class UnknownEnd(BaseModel):
    """A device that is seen at a port and is no CI."""

    id: int
    ci: CiRef
    port: str
    #: LLDP, CDPv2, LLDP and CDPv2, or MAC: only its hardware address is known.
    by: str
    #: As it names itself; None where it does not say.
    name: str | None
    chassis_id: str | None
    far_port: str | None
    address: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class LinkFilter:
    """Which links."""

    ci_id: int | None = None
    #: So many links away from that CI at most; 1 for its own.
    depth: int = 1
    #: Location of a CI at either end.
    site: str | None = None
    #: Text in the name of a CI or a port.
    q: str | None = None


def list_links(session: Session, wanted: LinkFilter, window: Window) -> tuple[list[LinkRow], int]:
    """Return a part of the links that are there now, and how many there are."""
    front, behind = aliased(Ci), aliased(Ci)
    statement: Any = (
        select(TopologyLink, front, behind)
        .join(front, col(front.id) == col(TopologyLink.front_ci_id))
        .join(behind, col(behind.id) == col(TopologyLink.behind_ci_id))
        .where(reading.is_open())
    )
    if wanted.ci_id is not None:
        if wanted.depth == 1:
            statement = statement.where(reading.touching(sorted(reading.around(session, wanted.ci_id, 0))))
        else:
            ids = reading.within(session, reading.around(session, wanted.ci_id, wanted.depth))
            statement = statement.where(or_(*(col(TopologyLink.id).in_(some) for some in chunks(ids or [0]))))
    if wanted.site:
        statement = statement.where(or_(col(front.location) == wanted.site, col(behind.location) == wanted.site))
    if wanted.q:
        texts = (front.name, behind.name, TopologyLink.front_port, TopologyLink.behind_port)
        statement = statement.where(or_(*(contains(text, wanted.q) for text in texts)))
    sorts = {
        "front": front.name,
        "front_port": TopologyLink.front_port,
        "behind": behind.name,
        "behind_port": TopologyLink.behind_port,
        "by": TopologyLink.by,
        "since": TopologyLink.since_ms,
    }
    found, total = part(session, statement, window, sorts, "front", col(TopologyLink.id))
    names = wording.names_in(session, (text for link, _, _ in found for text in (link.by, link.instead)))
    return [_link_row(link, one, two, names) for link, one, two in found], total


def links_of(session: Session, ci: Ci) -> list[LinkRow]:
    """Return the links of a CI by its ports; at most 1,000."""
    rows, _ = list_links(session, LinkFilter(ci.id), Window(limit=1000))
    return sorted(rows, key=lambda row: row.front_port if row.front.uid == ci.uid else row.behind_port)


def _link_row(link: TopologyLink, front: Ci, behind: Ci, names: dict[int, str]) -> LinkRow:
    return LinkRow(
        front=ci_ref(front),
        front_port=link.front_port,
        behind=ci_ref(behind),
        behind_port=link.behind_port,
        by=wording.named(link.by, names),
        instead=wording.named(link.instead, names) or None,
        since=moment(link.since_ms),
        path=paths.keyed("record.links", link.front_port, behind.uid, link.behind_port),
    )


def list_unknown(
    session: Session, window: Window, ci_id: int | None = None, site: str | None = None, q: str | None = None
) -> tuple[list[UnknownEnd], int]:
    """Return a part of the ends that are no CI, and how many there are."""
    statement: Any = (
        select(TopologySight, Ci)
        .join(Ci, col(Ci.id) == col(TopologySight.ci_id))
        .where(col(TopologySight.far_ci_id).is_(None), col(TopologySight.lost_ms).is_(None))
    )
    if ci_id is not None:
        statement = statement.where(TopologySight.ci_id == ci_id)
    if site:
        statement = statement.where(Ci.location == site)
    if q:
        texts = (Ci.name, TopologySight.port, TopologySight.name, TopologySight.chassis_id, TopologySight.address)
        statement = statement.where(or_(*(contains(text, q) for text in texts)))
    sorts = {
        "ci": Ci.name,
        "port": TopologySight.port,
        "name": TopologySight.name,
        "by": TopologySight.by,
        "since": TopologySight.since_ms,
    }
    found, total = part(session, statement, window, sorts, "ci", col(TopologySight.id))
    return [
        UnknownEnd(
            id=one.id,
            ci=ci_ref(ci),
            port=one.port,
            by=one.by,
            name=one.name or None,
            chassis_id=one.chassis_id or None,
            far_port=one.port_description or one.port_id or None,
            address=one.address or None,
            since=moment(one.since_ms),
        )
        for one, ci in found
    ], total
