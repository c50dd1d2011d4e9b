"""What agents saw on the network of their site: kept for people to decide about, and forgotten by itself."""

from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Any

from sqlalchemy import bindparam, delete, insert, update
from sqlmodel import Session, col, func, select

from driftline.v1 import collector_pb2 as pb
from driftline_cmdb.devices import allowing, fencing
from driftline_cmdb.errors import Invalid
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.devices import Sighting

#: Of one site; those that were not seen for longest are forgotten first.
MOST = 20_000
#: What was not seen for so long is forgotten, ms: 30 days.
KEPT_MS = 30 * 86_400_000
#: The agent's clock may be so far ahead, ms.
_AHEAD_MS = 60_000
_TABLE = table_of(Sighting)
_SAID = ("credential", "system_name", "object_id", "description", "engine_id")


def keep(session: Session, agent_id: int, site: str, said: Iterable[pb.Sighting], now_ms: int) -> None:
    """Keep what an agent saw; what was seen before is brought up to date.

    :raises Refused: where the agent may not speak for devices of this site.
    :raises Invalid: an address that is none.
    """
    fencing.lock_sites(session, [site])
    allowing.check(session, agent_id, site)
    seen: dict[tuple[str, str], pb.Sighting] = {}
    for number, one in enumerate(said):
        try:
            key = (str(ip_address(one.address)), one.mac.lower())
        except ValueError:
            raise Invalid(f'sightings[{number}].address: "{one.address[:80]}" is no IP address') from None
        if key not in seen or seen[key].seen_at_ms <= one.seen_at_ms:
            seen[key] = one
    known = _known(session, site, sorted({address for address, _ in seen}))
    new: list[dict[str, Any]] = []
    again: list[dict[str, Any]] = []
    for key, one in sorted(seen.items(), key=lambda item: item[0]):
        at_ms = min(one.seen_at_ms, now_ms + _AHEAD_MS)
        values = {"answers": sorted(set(one.answers)), "agent_id": agent_id, "last_ms": at_ms}
        values |= {name: getattr(one, name) for name in _SAID}
        if key in known:
            again.append({"_id": known[key], **values})
        else:
            new.append({"site": site, "address": key[0], "mac": key[1], "first_ms": at_ms, **values})
    connection = session.connection()
    if new:
        connection.execute(insert(_TABLE), new)
    if again:
        names = again[0].keys() - {"_id"}
        statement = update(_TABLE).where(_TABLE.c.id == bindparam("_id"))
        connection.execute(statement.values({name: bindparam(name) for name in names}), again)
    _forget_surplus(session, site)


def forget(session: Session, now_ms: int) -> int:
    """Forget what was not seen for long; return how many."""
    gone = session.execute(delete(_TABLE).where(_TABLE.c.last_ms < now_ms - KEPT_MS).returning(_TABLE.c.id))
    return len(gone.all())


def listed(session: Session, site: str | None = None, limit: int = 1000) -> Sequence[Sighting]:
    """Return what was seen, the latest first."""
    query = select(Sighting).order_by(col(Sighting.last_ms).desc(), col(Sighting.id).desc()).limit(limit)
    return session.exec(query.where(Sighting.site == site) if site is not None else query).all()


def _known(session: Session, site: str, addresses: list[str]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for chunk in chunks(addresses):
        query = select(Sighting.address, Sighting.mac, Sighting.id)
        for address, mac, row_id in session.exec(query.where(Sighting.site == site, col(Sighting.address).in_(chunk))):
            found[address, mac] = row_id
    return found


def _forget_surplus(session: Session, site: str) -> None:
    count = session.exec(select(func.count()).select_from(Sighting).where(Sighting.site == site)).one()
    if count > MOST:
        oldest = select(Sighting.id).where(Sighting.site == site).order_by(col(Sighting.last_ms), col(Sighting.id))
        for chunk in chunks(list(session.exec(oldest.limit(count - MOST)))):
            session.execute(delete(_TABLE).where(_TABLE.c.id.in_(chunk)))
