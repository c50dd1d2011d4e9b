"""What proposals are made of: the addresses that a CI holds, the ports it waits at, whom it talks to, what it runs."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import zstandard
from sqlalchemy import BigInteger, cast, delete, func, update
from sqlmodel import Session, col, or_, select

from driftline import paths
from driftline.v1.facts_pb2 import Facts
from driftline_baseline import proposals
from driftline_baseline.proposals import Link, SeenPeer
from driftline_baseline.services import FoundService, HostView, Listener, ServiceRules, services_of
from driftline_cmdb import record
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.elements import Holding, Path, Section
from driftline_cmdb.tables.proposals import Look, Proposal, SeenAddress, SeenLink, ServiceMember

#: Topics whose sections say something that proposals are made of.
_TOPICS = ("sockets", "peers", "interfaces", "units", "dpkg", "rpm", "apk", "pacman", "portage", "slackware")
#: Topics whose STATE counts.
_STATES = ("sockets", "peers", "units")
#: What is not looked at again by itself is looked at after this time: labels and other CIs' addresses change, too.
_AGAIN_MS = 24 * 3_600_000
#: CIs of which nobody proposes anything.
_GONE = ("retired", "disposed")


@dataclass(frozen=True, slots=True)
class DueLook:
    """A CI that should be looked at, and the stamp of what there is to see."""

    ci_id: int
    stamp: int


def due(session: Session, rules: int, now_ms: int, limit: int) -> list[DueLook]:
    """Return CIs of which something changed since they were looked at, those never looked at first.

    :param rules: number of the service rules in force.
    """
    stamp = cast(func.sum(Section.observed_ms), BigInteger)
    query = (
        select(Binding.ci_id, stamp)
        .join(Section, col(Section.source_id) == col(Binding.source_id))
        .join(Ci, col(Ci.id) == col(Binding.ci_id))
        .outerjoin(Look, col(Look.ci_id) == col(Binding.ci_id))
        .where(
            col(Section.name).in_(_TOPICS),
            col(Section.muted).is_(False),
            col(Binding.until_ms).is_(None),
            col(Ci.merged_into_id).is_(None),
            col(Ci.status).not_in(_GONE),
        )
        .group_by(col(Binding.ci_id), col(Look.stamp), col(Look.looked_ms), col(Look.rules))
        .having(
            or_(
                col(Look.stamp).is_(None),
                col(Look.stamp) != stamp,
                col(Look.rules) != rules,
                col(Look.looked_ms) < now_ms - _AGAIN_MS,
            )
        )
        .order_by(func.coalesce(Look.looked_ms, 0), col(Binding.ci_id))
        .limit(limit)
    )
    return [DueLook(*row) for row in session.exec(query)]


def look(session: Session, wanted: Sequence[DueLook], rules: ServiceRules, number: int, now_ms: int) -> set[str]:
    """Look at some CIs: store what they hold, whom they talk to, and which services they make.

    :param number: of the service rules.
    :return: names of services that one of them makes no more.
    """
    left: set[str] = set()
    ids = [one.ci_id for one in wanted]
    cis = {ci.id: ci for ci in session.exec(select(Ci).where(col(Ci.id).in_(ids)))}
    states = _states(session, ids)
    for ci_id in cis:
        _keep_addresses(session, ci_id)
    session.flush()
    _keep_links(session, {ci_id: _peers(ci_id, states.get(ci_id)) for ci_id in cis}, now_ms)
    looks = {one.ci_id: one for one in session.exec(select(Look).where(col(Look.ci_id).in_(ids)))}
    for one in wanted:
        if one.ci_id not in cis:
            continue
        state = states.get(one.ci_id, Facts())
        services = services_of(_view(session, cis[one.ci_id], state, rules), rules)
        left |= _keep_members(session, one.ci_id, services, now_ms)
        row = looks.get(one.ci_id) or Look(ci_id=one.ci_id, stamp=one.stamp, looked_ms=now_ms)
        row.stamp, row.looked_ms, row.rules, row.talks = one.stamp, now_ms, number, bool(state.network.peers)
        session.add(row)
    session.flush()
    return left


def gone(session: Session) -> list[int]:
    """Return CIs that were looked at and have been merged into others since, or have left."""
    query = (
        select(Look.ci_id)
        .join(Ci, col(Ci.id) == col(Look.ci_id))
        .where(or_(col(Ci.merged_into_id).is_not(None), col(Ci.status).in_(_GONE)))
    )
    return list(session.exec(query))


def forget(session: Session, ci_ids: Collection[int]) -> None:
    """Forget what was seen of some CIs, and what is proposed of them and undecided."""
    for part in chunks(sorted(ci_ids)):
        session.execute(delete(SeenAddress).where(col(SeenAddress.ci_id).in_(part)))
        session.execute(delete(ServiceMember).where(col(ServiceMember.ci_id).in_(part)))
        session.execute(
            delete(SeenLink).where(or_(col(SeenLink.front_ci_id).in_(part), col(SeenLink.behind_ci_id).in_(part)))
        )
        session.execute(delete(Look).where(col(Look.ci_id).in_(part)))
        near = or_(col(Proposal.front_ci_id).in_(part), col(Proposal.behind_ci_id).in_(part))
        session.execute(update(Proposal).where(near, col(Proposal.state) == "open").values(state="lapsed"))


def _states(session: Session, ci_ids: Collection[int], topics: Sequence[str] = _STATES) -> dict[int, Facts]:
    """Return what the sections of some CIs say that has no history, together, by CI."""
    out: dict[int, Facts] = {}
    for part in chunks(sorted(ci_ids)):
        query = (
            select(Binding.ci_id, Section.state)
            .join(Section, col(Section.source_id) == col(Binding.source_id))
            .where(
                col(Binding.ci_id).in_(part),
                col(Binding.until_ms).is_(None),
                col(Section.name).in_(topics),
                col(Section.muted).is_(False),
                Section.state != b"",
            )
            .order_by(col(Binding.rank).desc(), col(Section.id))
        )
        for ci_id, state in session.exec(query):
            out.setdefault(ci_id, Facts()).MergeFromString(zstandard.decompress(state))
    return out


def _listeners(state: Facts) -> list[Listener]:
    return [
        Listener(one.protocol, one.address, one.port, one.unit, one.process, one.package)
        for one in state.network.listening
    ]


def _peers(ci_id: int, state: Facts | None) -> list[SeenPeer]:
    if state is None:
        return []
    return [
        SeenPeer(ci_id, one.direction, one.protocol, one.address, one.port, one.unit, one.process)
        for one in state.network.peers
    ]


def _keep_addresses(session: Session, ci_id: int) -> None:
    found = set()
    for path in _paths(session, ci_id, "network.interfaces["):
        name, keys = list(paths.steps(path))[-1]
        address = keys[0].partition("/")[0] if name == "addresses" and keys else ""
        if address and proposals.counts(address):
            found.add(address)
    rows = session.exec(select(SeenAddress).where(SeenAddress.ci_id == ci_id)).all()
    for row in rows:
        if row.address not in found:
            session.delete(row)
    for address in sorted(found - {row.address for row in rows}):
        session.add(SeenAddress(ci_id=ci_id, address=address))


def _paths(session: Session, ci_id: int, below: str) -> list[str]:
    """Return the paths of the elements that a CI holds, below one."""
    query = (
        select(Path.text)
        .join(Holding, col(Holding.path_id) == col(Path.id))
        .join(Section, col(Section.id) == col(Holding.section_id))
        .where(
            col(Holding.source_id).in_(record.sources_of(session, ci_id)),
            col(Holding.until_revision).is_(None),
            col(Section.muted).is_(False),
            col(Path.text).startswith(below),
        )
    )
    return list(session.exec(query))


def _keep_links(session: Session, peers: Mapping[int, Sequence[SeenPeer]], now_ms: int) -> None:
    """Store whom some CIs talk to, as they tell of it now."""
    every = [one for part in peers.values() for one in part]
    holders: dict[str, set[int]] = {}
    for part in chunks(sorted({one.address for one in every if proposals.counts(one.address)})):
        for address, ci_id in session.exec(
            select(SeenAddress.address, SeenAddress.ci_id).where(col(SeenAddress.address).in_(part))
        ):
            holders.setdefault(address, set()).add(ci_id)
    served = {ci for one in every if one.direction == "out" for ci in holders.get(one.address, ())}
    listeners = {ci: _listeners(state) for ci, state in _states(session, served, ("sockets",)).items()}
    told = {
        way: {
            _key(one): one for one in proposals.links_of((o for o in every if o.direction == way), holders, listeners)
        }
        for way in ("out", "in")
    }
    there: dict[tuple[int, int, str, int], SeenLink] = {}
    for ids in chunks(sorted(peers)):
        near = or_(col(SeenLink.front_ci_id).in_(ids), col(SeenLink.behind_ci_id).in_(ids))
        for row in session.exec(select(SeenLink).where(near)):
            there[row.front_ci_id, row.behind_ci_id, row.protocol, row.port] = row
    for key in sorted(there.keys() | told["out"].keys() | told["in"].keys()):
        row = there.get(key) or SeenLink(
            front_ci_id=key[0], behind_ci_id=key[1], protocol=key[2], port=key[3], since_ms=now_ms
        )
        if key[0] in peers:
            row.by_front = key in told["out"]
        if key[1] in peers:
            row.by_behind = key in told["in"]
        for link in (told["out"].get(key), told["in"].get(key)):
            if link is not None:
                row.address = link.address or row.address
                row.front_unit = link.front_unit or row.front_unit
                row.behind_unit = link.behind_unit or row.behind_unit
        row.until_ms = None if row.by_front or row.by_behind else row.until_ms or now_ms
        session.add(row)
    session.flush()


def _key(link: Link) -> tuple[int, int, str, int]:
    return link.front, link.behind, link.protocol, link.port


def _view(session: Session, ci: Ci, state: Facts, rules: ServiceRules) -> HostView:
    """Return what the rules see of a CI; what none of them asks for is not read."""
    units: set[str] = set()
    packages: Iterable[str] = ()
    if any(rule.units for rule in rules.rules):
        told = {one.name: one.active_state for one in state.services.units if one.active_state}
        units = {name for name, active in told.items() if active == "active"}
        for path, values in record.elements_of(session, ci.id, below="services.units[").items():
            name = paths.split_keys(path.partition("[")[2].removesuffix("]"))[0]
            if name not in told and values.get("enablement") in ("enabled", "enabled-runtime", "generated"):
                units.add(name)
    if any(rule.packages for rule in rules.rules):
        keys = (list(paths.steps(path))[-1][1] for path in _paths(session, ci.id, "software.packages["))
        packages = {key[1] for key in keys if key is not None and len(key) > 1}
    return HostView(
        ci.name, ci.environment, ci.location, ci.owner, dict(ci.labels), units, set(packages), _listeners(state)
    )


def _keep_members(session: Session, ci_id: int, found: Sequence[FoundService], now_ms: int) -> set[str]:
    rows = {row.name: row for row in session.exec(select(ServiceMember).where(ServiceMember.ci_id == ci_id))}
    for one in found:
        row = rows.pop(one.name, None)
        if row is None:
            row = ServiceMember(
                name=one.name, ci_id=ci_id, rule=one.rule.rule, ci_class="", relation="", since_ms=now_ms
            )
        row.rule, row.ci_class, row.relation, row.owner = one.rule.rule, one.rule.ci_class, one.rule.relation, one.owner
        row.ports, row.why = list(one.ports), list(one.why)
        session.add(row)
    for row in rows.values():
        session.delete(row)
    return set(rows)
