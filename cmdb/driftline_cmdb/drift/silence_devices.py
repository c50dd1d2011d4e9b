"""Silence of devices: whether their agent speaks for them, and what it says of those that do not answer.

A device is read at its own interval, so that it is silent after some of those; what all devices of a silent agent have
in common is that agent.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, and_, case, cast, func, literal
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from driftline_baseline.silence import Group, Heard, Thresholds, moment
from driftline_baseline.silence_cause import AGENT, CERTAIN, Cause
from driftline_cmdb.continuity import patience_ms
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.cis import UNSEEN_STATUSES, Binding, Ci
from driftline_cmdb.tables.devices import Device
from driftline_cmdb.tables.sources import DEVICE, RECORD, Source

#: A device is silent after so many intervals without a report.
INTERVALS = 3
#: How the keys of their findings begin.
PREFIX = "agent:"
_AGENT = aliased(Source)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who speaks for a silent device, and what it says of it."""

    #: What makes the devices of one silent agent one finding: its uid; of a site without an agent that.
    key: str
    #: None where no agent speaks for it.
    agent: str | None
    agent_seen_ms: int | None
    #: It does not call either.
    quiet: bool
    #: What the agent says, for people: "does not answer SNMP since ..., agent col1 is well"; empty where nothing.
    said: str
    #: When the lease was given to that agent, which is well: it reads the device soon, or says why not.
    taken_ms: int = 0


def interval_ms() -> ColumnElement[int]:
    """Return after which time of its own a source is silent, ms, in statements over `Source`; 0 for what has none."""
    own = cast(col(Source.check_in_s), BigInteger) * (INTERVALS * 1000)
    return case((col(Source.kind) == DEVICE, own), else_=literal(0, BigInteger))


def after_ms(source: Source, usual_ms: int) -> int:
    """Return after which time without a report a source is silent, ms.

    :param usual_ms: that of agents.
    """
    own = source.check_in_s * INTERVALS * 1000 if source.kind == DEVICE else 0
    return max(usual_ms, own)


def silent(now_ms: int, usual_ms: int) -> ColumnElement[bool]:
    """Return the condition that a source was not heard for too long, for statements over `Source`."""
    return and_(col(Source.seen_ms) < now_ms - usual_ms, col(Source.seen_ms) < now_ms - interval_ms())


def own_of_ci() -> ColumnElement[int]:
    """Return after which time of its own a CI is silent, ms, in statements that group its sources; 0 for hosts.

    Of hosts, which an agent speaks for, the usual time counts.
    """
    return func.max(interval_ms()) * func.min(case((col(Source.kind) == DEVICE, 1), else_=0))


def is_silent_ci(now_ms: int, usual_ms: int) -> ColumnElement[bool]:
    """Return the condition that nothing was heard of a CI for too long, for statements over `Ci`."""
    last = func.max(Source.seen_ms)
    query = (
        select(Binding.ci_id)
        .join(Source, col(Source.id) == col(Binding.source_id))
        .where(col(Binding.until_ms).is_(None), Source.kind != RECORD, col(Source.quarantined_ms).is_(None))
        .group_by(col(Binding.ci_id))
        .having(and_(last < now_ms - usual_ms, last < now_ms - own_of_ci()))
    )
    return and_(col(Ci.id).in_(query), col(Ci.status).not_in(UNSEEN_STATUSES))


def readers(session: Session, ci_ids: Collection[int], now_ms: int) -> dict[int, Reader]:
    """Return who reads some CIs that only devices speak for, by id; a CI that an agent speaks for has none."""
    found: dict[int, Reader] = {}
    hosts: set[int] = set()
    for chunk in chunks(sorted(ci_ids)):
        query = (
            select(Binding.ci_id, Source.kind, Device, _AGENT)
            .join(Source, col(Source.id) == col(Binding.source_id))
            .outerjoin(Device, col(Device.source_id) == col(Source.id))
            .outerjoin(_AGENT, col(_AGENT.id) == col(Source.lease_agent_id))
            .where(col(Binding.ci_id).in_(chunk), col(Binding.until_ms).is_(None))
            .order_by(col(Source.seen_ms))
        )
        for ci_id, kind, device, agent in session.exec(query):
            if kind == "agent":
                hosts.add(ci_id)
            elif device is not None:
                one = _reader(device, agent, now_ms)
                if ci_id not in found or found[ci_id].quiet:  # of several the one that is well
                    found[ci_id] = one
    return {ci_id: one for ci_id, one in found.items() if ci_id not in hosts}


def _reader(device: Device, agent: Source | None, now_ms: int) -> Reader:
    if agent is None:
        return Reader(f"none at {device.site}", None, None, True, "")
    name = agent.hostname or agent.uid
    quiet = agent.seen_ms is None or now_ms - agent.seen_ms > patience_ms(agent)
    said = ""
    if device.problem and device.problem_since_ms is not None and not quiet:
        what = f"does not answer {device.protocol.upper()}" if device.problem == "no answer" else device.problem
        said = f"{what} since {moment(device.problem_since_ms)}, agent {name} is well"
    taken_ms = 0 if quiet or said else device.leased_ms or 0
    return Reader(agent.uid, name, agent.seen_ms, quiet, said, taken_ms)


def groups(
    silent_ones: Mapping[int, Heard], by: Mapping[int, Reader], standing: Collection[str], now_ms: int, of: Thresholds
) -> tuple[list[Group], dict[str, Cause], set[int]]:
    """Return one group for each agent that is silent itself, of its devices; why; and the CIs that are in none else.

    :param silent_ones: by the CI's id.
    :param standing: keys of the groups whose finding is open.
    """
    members: dict[str, list[int]] = {}
    for ci_id in silent_ones:
        if ci_id in by and by[ci_id].quiet:
            members.setdefault(by[ci_id].key, []).append(ci_id)
    found, causes = [], {}
    for key, ids in sorted(members.items()):
        of_it = sorted((silent_ones[one] for one in ids), key=lambda ci: ci.name)
        since_ms = min(ci.seen_ms for ci in of_it)
        group = Group(f"{PREFIX}{key}", None, None, tuple(of_it), since_ms)
        if group.key in standing or since_ms <= now_ms - of.after_ms - of.settle_ms:
            found.append(group)
            causes[group.key] = _cause(by[ids[0]])
    return found, causes, {one for ids in members.values() for one in ids}


def _cause(reader: Reader) -> Cause:
    if reader.agent is None:
        return Cause(AGENT, CERTAIN, "no agent speaks for them")
    if reader.agent_seen_ms is None:
        return Cause(AGENT, CERTAIN, f"their agent {reader.agent} never called")
    return Cause(AGENT, CERTAIN, f"their agent {reader.agent} is silent since {moment(reader.agent_seen_ms)}")
