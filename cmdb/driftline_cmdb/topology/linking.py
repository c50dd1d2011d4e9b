"""Makes links of what CIs see: of the ports that a change touches, and of those at their other ends."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlmodel import Session, col, or_, select

from driftline_baseline.topology.links import End, Found, Link, PortState, Sight, reconcile
from driftline_cmdb import recording
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.topology import TopologyLink, TopologyPort, TopologySight
from driftline_cmdb.topology import disputes, due

#: Ports of one look at most: more hang together only where what devices tell makes no sense.
_ENDS = 2_000


@dataclass
class _Around:
    """What hangs together with the ports of some CIs."""

    ends: set[End] = field(default_factory=set)
    #: By id.
    sights: dict[int, TopologySight] = field(default_factory=dict)
    links: dict[int, TopologyLink] = field(default_factory=dict)
    #: CIs whose sights and links were read.
    read: set[int] = field(default_factory=set)


def link(session: Session, ci_ids: Collection[int], after_ms: int | None, now_ms: int) -> None:
    """Bring the links of some CIs, and the records of those in front, up to date.

    :param after_ms: when what changed was last known to be as before; None where nobody knows.
    """
    around = _around(session, ci_ids)
    ports, known = _ports(session, around)
    rows = {link_of(row): row for row in around.links.values()}
    sights = [
        Sight(End(row.ci_id, row.port), End(far, row.far_port), row.by, row.since_ms, row.seen_ms, row.lost_ms)
        for row in around.sights.values()
        if (far := row.far_ci_id) is not None
    ]
    found = reconcile(sights, ports, known, rows.keys(), now_ms)
    if found.again_ms is not None:
        due.mark(session, dict.fromkeys(ci_ids, after_ms), found.again_ms)
    _store(session, rows, {one.link: one for one in found.links}, after_ms, now_ms)


def link_of(row: TopologyLink) -> Link:
    """Return a link on record as the pure part knows it."""
    return Link(End(row.front_ci_id, row.front_port), End(row.behind_ci_id, row.behind_port))


def _around(session: Session, ci_ids: Collection[int]) -> _Around:
    """Return the ports of some CIs, and all that is seen or linked at them and at the ports at their other ends."""
    around = _Around()
    sights, links = _read(session, around, ci_ids)
    around.sights.update((row.id, row) for row in sights if {row.ci_id, row.far_ci_id} & set(ci_ids))
    around.links.update((row.id, row) for row in links)
    while True:
        reached = {end for row in around.sights.values() for end in _ends_of(row)}
        reached |= {end for row in around.links.values() for end in link_of(row)}
        fresh = reached - around.ends
        if not fresh or len(around.ends) > _ENDS:
            return around
        around.ends |= fresh
        more_sights, more_links = _read(session, around, {end.ci for end in fresh} - around.read)
        sights, links = [*sights, *more_sights], [*links, *more_links]
        around.sights.update((row.id, row) for row in sights if around.ends & set(_ends_of(row)))
        around.links.update((row.id, row) for row in links if around.ends & set(link_of(row)))


def _ends_of(row: TopologySight) -> Sequence[End]:
    if row.far_ci_id is None:
        return ()
    return End(row.ci_id, row.port), End(row.far_ci_id, row.far_port)


def _read(session: Session, around: _Around, ci_ids: Collection[int]) -> tuple[list[TopologySight], list[TopologyLink]]:
    around.read |= set(ci_ids)
    sights: list[TopologySight] = []
    links: list[TopologyLink] = []
    for part in chunks(sorted(ci_ids)):
        sights += session.exec(
            select(TopologySight)
            .where(or_(col(TopologySight.ci_id).in_(part), col(TopologySight.far_ci_id).in_(part)))
            .where(col(TopologySight.far_ci_id).is_not(None))
        )
        links += session.exec(
            select(TopologyLink).where(
                or_(col(TopologyLink.front_ci_id).in_(part), col(TopologyLink.behind_ci_id).in_(part)),
                col(TopologyLink.until_ms).is_(None),
            )
        )
    return sights, links


def _ports(session: Session, around: _Around) -> tuple[Mapping[End, PortState], set[int]]:
    """Return what is known of the ports around, and the CIs whose ports are known at all."""
    cis = sorted({end.ci for end in around.ends})
    found: dict[End, PortState] = {}
    known: set[int] = set()
    for part in chunks(cis):
        known.update(session.exec(select(TopologyPort.ci_id).where(col(TopologyPort.ci_id).in_(part)).distinct()))
        names = sorted({end.port for end in around.ends if end.ci in part})
        for some in chunks(names):
            query = select(TopologyPort).where(col(TopologyPort.ci_id).in_(part), col(TopologyPort.name).in_(some))
            for row in session.exec(query):
                found[End(row.ci_id, row.name)] = PortState(row.up, row.since_ms, row.virtual)
    return found, known


def _store(
    session: Session,
    rows: Mapping[Link, TopologyLink],
    found: Mapping[Link, Found],
    after_ms: int | None,
    now_ms: int,
) -> None:
    """Write what is other than before, and the records of the CIs in front."""
    cis = _cis(session, [one.front.ci for one in (*rows, *found)])
    changed = {one.front.ci for one in rows.keys() ^ found.keys()}
    for ci_id in sorted(changed):
        recording.ensure(session, cis[ci_id], now_ms)
    for link_, row in rows.items():
        now = found.get(link_)
        if now is None:
            row.until_ms = now_ms
        elif (row.by, row.instead) != (now.by, _instead(now.instead)):
            changed |= {link_.front.ci} if row.by != now.by else set()
            row.by, row.instead = now.by, _instead(now.instead)
        session.add(row)
    fresh: dict[Link, TopologyLink] = {}
    for link_, now in found.items():
        if link_ not in rows:
            front, behind = link_
            fresh[link_] = TopologyLink(
                front_ci_id=front.ci,
                front_port=front.port,
                behind_ci_id=behind.ci,
                behind_port=behind.port,
                by=now.by,
                instead=_instead(now.instead),
                since_ms=now_ms,
            )
    session.add_all(fresh.values())
    session.flush()
    disputes.settle(session, {**rows, **fresh}, found, now_ms)
    recording.write(session, [cis[ci_id] for ci_id in sorted(changed)], now_ms, after_ms)


def _instead(link_: Link | None) -> str:
    if link_ is None:
        return ""
    front, behind = link_
    return f"{{{front.ci}}} {front.port} - {{{behind.ci}}} {behind.port}"


def _cis(session: Session, ids: Iterable[int]) -> dict[int, Ci]:
    found: dict[int, Ci] = {}
    for part in chunks(sorted(set(ids))):
        found.update((ci.id, ci) for ci in session.exec(select(Ci).where(col(Ci.id).in_(part))))
    return found
