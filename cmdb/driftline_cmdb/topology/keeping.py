"""Keeps what CIs see: ports, what they are known by, and sights, from one look to the next."""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import delete
from sqlmodel import Session, col, or_, select

from driftline_baseline.topology import ends
from driftline_baseline.topology.ends import Port
from driftline_baseline.topology.links import GRACE_MS
from driftline_baseline.topology.sights import MAC, Seen, seen_by
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.topology import TopologyKey, TopologyPort, TopologySight
from driftline_cmdb.topology import looking
from driftline_cmdb.topology.looking import Look


def keep(session: Session, ci: Ci, now_ms: int) -> None:
    """Look at a CI and store its ports, what it is known by, and what it sees."""
    seen = looking.look(session, ci)
    if "interfaces" in seen.read_ms:
        _keep_ports(session, ci.id, seen.evidence.ports, seen.read_ms["interfaces"])
    _keep_keys(session, ci.id, seen.keys)
    session.flush()
    _see(session, ci.id, seen, now_ms)
    session.flush()
    _seen_again(session, ci.id, seen.keys)
    session.flush()


def forget(session: Session, ci_id: int) -> None:
    """Forget what a CI sees and is known by: it was merged into another one, or left."""
    session.execute(delete(TopologyPort).where(col(TopologyPort.ci_id) == ci_id))
    session.execute(delete(TopologyKey).where(col(TopologyKey.ci_id) == ci_id))
    session.execute(delete(TopologySight).where(col(TopologySight.ci_id) == ci_id))


def ports_of(session: Session, ci_id: int) -> list[Port]:
    """Return the ports of a CI as they were last looked at."""
    rows = session.exec(select(TopologyPort).where(TopologyPort.ci_id == ci_id).order_by(col(TopologyPort.name)))
    return [Port(row.name, row.up, row.virtual, tuple(row.keys)) for row in rows]


def _keep_ports(session: Session, ci_id: int, ports: Sequence[Port], read_ms: int) -> None:
    rows = {row.name: row for row in session.exec(select(TopologyPort).where(TopologyPort.ci_id == ci_id))}
    for port in ports:
        row = rows.pop(port.name, None)
        if row is None:
            row = TopologyPort(ci_id=ci_id, name=port.name, up=port.up, since_ms=read_ms)
        if row.up != port.up:
            row.up, row.since_ms = port.up, read_ms
        row.virtual = port.virtual
        if row.keys != list(port.keys):
            row.keys = list(port.keys)
        session.add(row)
    for row in rows.values():
        session.delete(row)


def _keep_keys(session: Session, ci_id: int, keys: Collection[str]) -> None:
    rows = {row.key: row for row in session.exec(select(TopologyKey).where(TopologyKey.ci_id == ci_id))}
    for key, row in rows.items():
        if key not in keys:
            session.delete(row)
    session.add_all(TopologyKey(key=key, ci_id=ci_id) for key in sorted(set(keys) - rows.keys()))


def _see(session: Session, ci_id: int, look: Look, now_ms: int) -> None:
    """Store what a CI sees now."""
    rows = {(row.port, row.key): row for row in session.exec(select(TopologySight).where(TopologySight.ci_id == ci_id))}
    evidence = look.evidence
    asked = {key for one in evidence.heard for key in ends.keys_of(one)}
    asked |= {f"mac:{mac}" for macs in evidence.behind.values() for mac in macs}
    standing = {(row.port, row.far_ci_id) for row in rows.values() if row.by == MAC and row.far_ci_id is not None}
    found = seen_by(ci_id, evidence, looking.who(session, asked), _ports(session), standing)
    at: set[str] = set()
    for one in found:
        at.add(one.port)
        there = [row for row in rows.values() if (row.port, row.far_ci_id, row.by) == (one.port, one.far_ci, MAC)]
        if one.by == MAC and one.far_ci is not None and there:
            # As it was known: the bridge has forgotten its address, or knows another one of it.
            rows = {key: row for key, row in rows.items() if row not in there}
            continue
        read_ms = look.heard_ms(one.by, now_ms)
        row = rows.pop((one.port, one.key), None) or TopologySight(
            ci_id=ci_id, port=one.port, key=one.key, by=one.by, since_ms=read_ms, seen_ms=read_ms
        )
        if row.lost_ms is not None:
            row.lost_ms, row.since_ms = None, read_ms
        _tell(row, one, max(read_ms, row.seen_ms))
        session.add(row)
    for row in rows.values():
        _lose(session, row, look.heard_ms(row.by, now_ms), now_ms, elsewhere=row.port in at)


def _tell(row: TopologySight, one: Seen, read_ms: int) -> None:
    row.far_ci_id, row.far_port, row.by, row.seen_ms = one.far_ci, one.far_port, one.by, read_ms
    row.name, row.chassis_id, row.address = one.name, one.chassis_id, one.address
    row.port_id, row.port_description = one.port_id, one.port_description
    if row.keys != list(one.keys):
        row.keys = list(one.keys)
    for kind in ("chassis", "name", "address"):
        fitting = [key for key in one.keys if key.startswith(f"{kind}:")]
        setattr(row, f"{kind}_key", fitting[-1] if fitting else "")
    if not row.chassis_key and one.keys and one.keys[0].startswith("mac:"):
        row.chassis_key = one.keys[0]


def _lose(session: Session, row: TopologySight, read_ms: int, now_ms: int, *, elsewhere: bool) -> None:
    """Note that something is not seen any more; it is gone at once where something else is seen at its port."""
    over = row.lost_ms is not None and now_ms >= row.lost_ms + GRACE_MS
    if elsewhere or over or row.by == MAC or row.far_ci_id is None:
        session.delete(row)
    elif row.lost_ms is None:
        row.lost_ms = read_ms
        session.add(row)


def _seen_again(session: Session, ci_id: int, keys: Iterable[str]) -> None:
    """Say anew which port of a CI others see, and that it is this one where they saw one that was none yet."""
    told = {key.removeprefix("chassis:") for key in keys}
    wanted = sorted({*keys, *(f"chassis:{key.removeprefix('mac:')}" for key in told if key.startswith("mac:"))})
    rows = list(session.exec(select(TopologySight).where(TopologySight.far_ci_id == ci_id)))
    for part in chunks(wanted):
        query = select(TopologySight).where(
            col(TopologySight.far_ci_id).is_(None),
            TopologySight.ci_id != ci_id,
            or_(
                col(TopologySight.chassis_key).in_(part),
                col(TopologySight.name_key).in_(part),
                col(TopologySight.address_key).in_(part),
            ),
        )
        rows += [row for row in session.exec(query) if row not in rows]
    if not rows:
        return
    who, ports = looking.who(session, {key for row in rows for key in row.keys}), ports_of(session, ci_id)
    for row in rows:
        if who(row.keys) != ci_id:
            continue
        if row.by == MAC:
            macs = [key.removeprefix("mac:") for key in row.keys]
            port = next((name for mac in macs if (name := ends.port_with(ports, mac))), row.far_port)
        else:
            port = ends.find_port(ports, row.port_id, row.port_description) or row.port_id or row.port_description
        key = f"ci:{ci_id}:{port}"
        same = select(TopologySight.id).where(
            TopologySight.ci_id == row.ci_id,
            TopologySight.port == row.port,
            TopologySight.key == key,
            TopologySight.id != row.id,
        )
        if session.exec(same).first() is not None:
            session.delete(row)
        else:
            row.far_ci_id, row.far_port, row.key = ci_id, port, key
            session.add(row)
        session.flush()


def _ports(session: Session) -> "_PortsOf":
    return _PortsOf(session)


class _PortsOf:
    """The ports of CIs, each read once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._read: dict[int, list[Port]] = {}

    def __call__(self, ci_id: int) -> list[Port]:
        if ci_id not in self._read:
            self._read[ci_id] = ports_of(self._session, ci_id)
        return self._read[ci_id]
