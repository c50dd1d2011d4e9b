"""Proposes CIs for devices that are on the network and not on record: "unmanaged device r2 seen on sw1 p1"."""

from collections.abc import Collection, Sequence
from ipaddress import ip_address, ip_network

from sqlmodel import Session, col, select

from driftline_baseline.topology import ends
from driftline_baseline.unmanaged import Glimpse, Unmanaged, at_site, together
from driftline_cmdb.packing import chunks
from driftline_cmdb.proposals.keeping import Made, ignored_patterns, state_of, store
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.devices import Device, DeviceSite, Sighting
from driftline_cmdb.tables.proposals import Proposal, ProposalIgnore
from driftline_cmdb.tables.topology import TopologyKey, TopologySight

#: The proposals' kind.
KIND = "device"
#: What was not seen for this time is proposed no longer, ms: a day, for a site is swept each hour.
UNSEEN_MS = 86_400_000
#: How far "last seen" of a proposal may lag behind, ms.
_SEEN_STEP_MS = UNSEEN_MS // 24
#: Looks of one kind that are taken into account, the latest first.
_MOST = 20_000
#: Answers by which an address alone is no device that anyone wants to manage: everything answers ping.
_EVERYTHING = {"icmp"}


def propose(session: Session, now_ms: int) -> None:
    """Propose what is unknown now; let go of what is known by now, or was not seen for long."""
    made, ignored = _wanted(session, now_ms)
    store(session, made, now_ms)
    session.flush()
    keys = {one.key for one in made}
    for row in session.exec(select(Proposal).where(Proposal.kind == KIND, Proposal.state == "open")):
        if row.key not in keys:
            row.state = "ignored" if row.key in ignored else "lapsed"
            session.add(row)


def is_due(session: Session, now_ms: int) -> bool:
    """Tell whether proposing would write something: it is asked each minute, and seldom does."""
    made, _ = _wanted(session, now_ms)
    told = {row.key: row for row in session.exec(select(Proposal).where(Proposal.kind == KIND))}
    if {key for key, row in told.items() if row.state == "open"} - {one.key for one in made}:
        return True
    return any(one.key not in told or _is_news(told[one.key], one) for one in made)


def _is_news(row: Proposal, made: Made) -> bool:
    if state_of(row, made, known=False, missing=()) != row.state:
        return True
    moved = (row.title, row.material, row.evidence) != (made.title, made.material, made.evidence)
    return row.state == "open" and (moved or made.seen_ms - row.last_seen_ms > _SEEN_STEP_MS)


def _wanted(session: Session, now_ms: int) -> tuple[list[Made], set[str]]:
    """Return what is to be proposed, and the keys of what nobody wants to hear of."""
    found = [one for one in _seen(session, now_ms) if not set(one.by) <= _EVERYTHING]
    patterns = [one for one in ignored_patterns(session) if one.network and not one.port]
    ignored = {one.key for one in found if _is_ignored(one, patterns)}
    names = _names(session, {ci for one in found for ci, _ in one.places})
    return [_made(one, names) for one in found if one.key not in ignored], ignored


def _seen(session: Session, now_ms: int) -> list[Unmanaged]:
    sites = session.exec(select(DeviceSite.name)).all()
    here = (
        select(Binding.ci_id, Device.site)
        .join(Device, col(Device.source_id) == col(Binding.source_id))
        .where(col(Binding.until_ms).is_(None))
    )
    heard = at_site(_heard(session), dict(session.exec(here).all()), sites)
    return together([*heard, *_knocked(session, now_ms)])


def _heard(session: Session) -> list[Glimpse]:
    query = (
        select(TopologySight)
        .join(Ci, col(Ci.id) == col(TopologySight.ci_id))
        .where(
            col(TopologySight.far_ci_id).is_(None),
            col(TopologySight.lost_ms).is_(None),
            col(Ci.merged_into_id).is_(None),
            col(Ci.status).not_in(("retired", "disposed")),
        )
        .order_by(col(TopologySight.seen_ms).desc(), col(TopologySight.id))
        .limit(_MOST)
    )
    return [
        Glimpse(
            since_ms=one.since_ms,
            seen_ms=one.seen_ms,
            place=(one.ci_id, one.port),
            by=(one.by,),
            name=one.name,
            address=one.address,
            mac=one.chassis_id.lower() if one.chassis_id.count(":") == 5 else "",
        )
        for one in session.exec(query)
    ]


def _knocked(session: Session, now_ms: int) -> list[Glimpse]:
    query = (
        select(Sighting)
        .where(col(Sighting.last_ms) >= now_ms - UNSEEN_MS)
        .order_by(col(Sighting.last_ms).desc(), col(Sighting.id))
        .limit(_MOST)
    )
    rows = session.exec(query).all()
    known = _known(session, rows)
    return [
        Glimpse(
            since_ms=one.first_ms,
            seen_ms=one.last_ms,
            by=tuple(one.answers),
            name=one.system_name,
            address=one.address,
            mac=one.mac,
            site=one.site,
            credential=one.credential,
            description=one.description,
        )
        for one in rows
        if (one.site, one.address) not in known and ends.mac_of(one.mac) not in known
    ]


def _known(session: Session, rows: Sequence[Sighting]) -> set[object]:
    """Return what of these looks is on record: (site, address), and hardware addresses."""
    found: set[object] = set()
    on_list = select(Device.site, Device.address).where(col(Device.removed_ms).is_(None))
    found.update((site, address) for site, address in session.exec(on_list))
    at = {f"address:{one.address}": one.address for one in rows}
    with_mac = {f"mac:{mac}": mac for one in rows if (mac := ends.mac_of(one.mac))}
    for part in chunks(sorted(at.keys() | with_mac.keys())):
        for key in session.exec(select(TopologyKey.key).where(col(TopologyKey.key).in_(part))):
            if key in with_mac:
                found.add(with_mac[key])
            else:
                found.update((one.site, one.address) for one in rows if one.address == at[key])
    return found


def _names(session: Session, ci_ids: Collection[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for part in chunks(sorted(ci_ids)):
        found |= dict(session.exec(select(Ci.id, Ci.name).where(col(Ci.id).in_(part))).all())
    return found


def _made(one: Unmanaged, names: dict[int, str]) -> Made:
    places = [f"{names.get(ci, '?')} {port}" for ci, port in one.places]
    title = f"unmanaged device {one.shown}"
    if places:
        title += f" seen on {places[0]}" + (f" and {len(places) - 1} more" if len(places) > 1 else "")
    elif one.site:
        title += f" seen at site {one.site}"
    return Made(
        kind=KIND,
        key=one.key,
        title=title,
        front=one.places[0][0] if one.places else None,
        behind=None,
        # Which ports answer changes; where it is plugged, and that it speaks SNMP, are news.
        material=[*places, *(["answers SNMP"] if one.credential else [])] or [one.shown],
        evidence={
            "name": one.name,
            "address": one.address,
            "mac": one.mac,
            "site": one.site,
            "credential": one.credential,
            "description": one.description,
            "seen on": places,
            "by": ", ".join(one.by),
        },
        since_ms=one.since_ms,
        seen_ms=one.seen_ms,
    )


def _is_ignored(one: Unmanaged, patterns: Sequence[ProposalIgnore]) -> bool:
    try:
        address = ip_address(one.address)
    except ValueError:
        return False
    return any(address in ip_network(pattern.network) for pattern in patterns)
