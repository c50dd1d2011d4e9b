"""Leases: which agent speaks for which device of a site. One agent at a time, and each change is a new generation.

First come keeps it, as long as it calls: an agent's leases end some time after its last call, then another agent of the
site takes over that names the device in its own file or, for devices that are handed out, has a credential of that name
which it may use at the device's address. Whoever gives or takes leases at a site holds the lock of its row.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from sqlalchemy import bindparam, or_, select, update
from sqlmodel import Session

from driftline.v1.collector_pb2 import DeviceLease, DeviceTarget, LeaseDevicesReply, LeaseDevicesRequest, RefusedDevice
from driftline_baseline import life_cycle
from driftline_cmdb.devices import allowing, fencing, offers, sharing
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.devices import Device, DeviceCaller, DeviceOffer
from driftline_cmdb.tables.sources import Source

_DEVICE, _SOURCE, _OFFER = table_of(Device), table_of(Source), table_of(DeviceOffer)
_CALLER, _BINDING, _CI = table_of(DeviceCaller), table_of(Binding), table_of(Ci)
#: A lease ends after so many calls that did not come.
CALLS = 3
#: Whoever asked for a reading at once is told nothing any more after this time, ms.
ASKED_MS = 300_000
#: Of a problem's reason.
_LONGEST = 300


@dataclass(slots=True)
class _Row:
    """A device that an agent may have, or has."""

    said: Any
    #: The agent that holds it after this call; None where nobody does.
    holder: int | None
    generation: int
    #: In its own file.
    offered: bool
    #: Handed out, and the agent has the credential for it.
    usable: bool
    #: Why nobody may have it; empty where it may be had.
    blocked: str


def lease(
    session: Session, agent_id: int, request: LeaseDevicesRequest, now_ms: int, call_after_s: int
) -> LeaseDevicesReply:
    """Give, keep and take back leases of one agent; return all that it holds now.

    :param request: checked as far as that goes without the record.
    :param call_after_s: when it is to call again.
    :raises Refused: where it may not speak for devices of this site.
    :raises Rejected: where it refers to offers that are not known.
    :raises Invalid: where an offer is none.
    """
    before = session.execute(select(_CALLER.c.site).where(_CALLER.c.agent_id == agent_id)).scalar()
    fencing.lock_sites(session, [request.site, *([before] if before is not None else [])])
    allowing.check(session, agent_id, request.site)
    if before is not None and before != request.site:
        fencing.drop(session, agent_id, now_ms, before)
    until_ms = now_ms + CALLS * call_after_s * 1000
    refused = offers.keep(session, agent_id, request, now_ms, until_ms)
    look = _Look(session, agent_id, request, now_ms)
    refused += look.settle()
    leases = look.leases()
    fingerprint = _fingerprint(leases)
    same = request.known == fingerprint
    reply = LeaseDevicesReply(same=same, fingerprint=fingerprint, refused=refused, call_after_s=call_after_s)
    reply.read_now.extend(look.read_now())
    if not same:
        reply.leases.extend(leases)
    return reply


def _fingerprint(leases: Sequence[DeviceLease]) -> bytes:
    digest = blake2b(digest_size=16)
    for one in leases:
        said = one.SerializeToString(deterministic=True)
        digest.update(len(said).to_bytes(4, "big") + said)
    return digest.digest()


class _Look:
    """One call."""

    def __init__(self, session: Session, agent_id: int, request: LeaseDevicesRequest, now_ms: int) -> None:
        self._session, self._me, self._request, self._now_ms = session, agent_id, request, now_ms
        live = select(_CALLER).where(_CALLER.c.site == request.site, _CALLER.c.until_ms > now_ms)
        #: Agents of the site whose leases have not ended.
        self._live = {row.agent_id: row for row in session.execute(live)}
        self._rows = [self._row(said) for said in session.execute(self._query())]

    def _query(self) -> Any:
        columns = (
            *(_DEVICE.c[name] for name in ("id", "source_id", "protocol", "address", "port", "context")),
            *(_DEVICE.c[name] for name in ("interval_s", "credential", "handed_out_ms", "removed_ms", "read_asked_ms")),
            *(_SOURCE.c[name] for name in ("uid", "lease_agent_id", "lease_generation", "seen_ms")),
            *(_SOURCE.c[name] for name in ("ended_as", "quarantined_ms")),
            _OFFER.c.credential.label("offered_credential"),
            _OFFER.c.interval_s.label("offered_interval_s"),
            _CI.c.name.label("ci_name"),
            _CI.c.status.label("ci_status"),
        )
        bound = (_BINDING.c.source_id == _SOURCE.c.id) & _BINDING.c.until_ms.is_(None)
        offered = (_OFFER.c.device_id == _DEVICE.c.id) & (_OFFER.c.agent_id == self._me)
        joined = (
            _DEVICE.join(_SOURCE, _SOURCE.c.id == _DEVICE.c.source_id)
            .outerjoin(_OFFER, offered)
            .outerjoin(_BINDING, bound)
            .outerjoin(_CI, _CI.c.id == _BINDING.c.ci_id)
        )
        about = or_(
            _OFFER.c.agent_id.is_not(None), _SOURCE.c.lease_agent_id == self._me, _DEVICE.c.handed_out_ms.is_not(None)
        )
        return (
            select(*columns)
            .select_from(joined)
            .where(_DEVICE.c.site == self._request.site, about)
            .order_by(_DEVICE.c.id)
        )

    def _row(self, said: Any) -> _Row:
        blocked = ""
        if said.ended_as is not None:
            blocked = f"its source {said.uid} was {said.ended_as}"
        elif said.quarantined_ms is not None:
            blocked = f"its source {said.uid} is quarantined"
        elif said.ci_status in life_cycle.GONE:
            blocked = f"its CI {said.ci_name} is {said.ci_status}"
        offered = said.offered_interval_s is not None
        usable = not offered and said.handed_out_ms is not None and self._may_use(self._live.get(self._me), said)
        return _Row(said, said.lease_agent_id, said.lease_generation, offered, usable, blocked)

    def _may_use(self, caller: Any, said: Any) -> bool:
        return (
            caller is not None
            and caller.takes_more
            and offers.covers(caller.credentials, said.credential, said.protocol, said.address)
        )

    def settle(self) -> list[RefusedDevice]:
        """Decide on every device; write what changes; return what of the agent's own file it does not get."""
        given_back = set(self._request.released)
        refused: dict[int, str] = {}
        free: list[_Row] = []
        for row in self._rows:
            entitled = (row.offered or row.usable) and not row.blocked
            back = row.said.uid in given_back
            if row.holder == self._me:
                if back or not entitled:
                    row.holder = None
            elif row.holder is not None and row.holder in self._live:
                refused[row.said.id] = f"held by agent {self._name_of(row.holder)}"
            elif row.offered and entitled and not back:
                self._take(row)
            elif row.usable and entitled and not back:
                free.append(row)
            if row.blocked:
                refused[row.said.id] = row.blocked
        self._share(free)
        self._write()
        self._note_problems()
        return [
            RefusedDevice(target=_target(row), reason=refused[row.said.id])
            for row in self._rows
            if row.offered and row.said.id in refused and row.holder != self._me
        ]

    def _take(self, row: _Row) -> None:
        row.holder, row.generation = self._me, row.said.lease_generation + 1

    def _share(self, free: Sequence[_Row]) -> None:
        """Take a fair share of what is handed out and free, or give up what others should have."""
        takers = [caller for caller in self._live.values() if caller.takes_more]
        held = Counter({caller.agent_id: 0 for caller in takers})
        held.update(row.holder for row in self._rows if row.said.handed_out_ms is not None and row.holder in held)

        def eligible(row: _Row) -> list[int]:
            return [caller.agent_id for caller in takers if self._may_use(caller, row.said)]

        for place in sharing.takes(self._me, [eligible(row) for row in free], held):
            self._take(free[place])
        if free:
            return
        own = [row for row in self._rows if row.holder == self._me and row.usable]
        for place in sharing.gives_back(self._me, [eligible(row) for row in own], held):
            own[place].holder = None

    def _write(self) -> None:
        changed = [row for row in self._rows if (row.holder, row.generation) != _before(row)]
        if changed:
            fencing.lock(self._session, [row.said.source_id for row in changed])
            statement = (
                update(_SOURCE)
                .where(_SOURCE.c.id == bindparam("_id"))
                .values(lease_agent_id=bindparam("_agent"), lease_generation=bindparam("_generation"))
            )
            rows = [{"_id": row.said.source_id, "_agent": row.holder, "_generation": row.generation} for row in changed]
            self._session.connection().execute(statement, rows)
        taken = [row.said.id for row in changed if row.holder == self._me]
        self._set([{"_id": one, "problem": "", "problem_since_ms": None, "leased_ms": self._now_ms} for one in taken])
        own = [
            {"_id": row.said.id, "interval_s": row.said.offered_interval_s, "credential": row.said.offered_credential}
            for row in self._rows
            if row.holder == self._me and row.said.handed_out_ms is None and row.offered
            if (row.said.interval_s, row.said.credential) != (row.said.offered_interval_s, row.said.offered_credential)
        ]
        self._set(own)

    def _set(self, rows: list[dict[str, Any]]) -> None:
        if rows:
            names = rows[0].keys() - {"_id"}
            values: dict[str, Any] = {name: bindparam(name) for name in names}
            self._session.connection().execute(
                update(_DEVICE).where(_DEVICE.c.id == bindparam("_id")).values(values), rows
            )

    def _note_problems(self) -> None:
        own = {row.said.uid: row.said.id for row in self._rows if row.holder == self._me}
        rows = [
            {
                "_id": own[one.source_id],
                "problem": one.reason[:_LONGEST],
                "problem_since_ms": (one.since_ms or self._now_ms) if one.reason else None,
                "answered_ms": one.answered_ms or None,
            }
            for one in self._request.problems
            if one.source_id in own
        ]
        self._set(rows)

    def leases(self) -> list[DeviceLease]:
        """Return what the agent holds, by identity."""
        found = []
        for row in self._rows:
            if row.holder == self._me:
                handed_out = row.said.handed_out_ms is not None
                found.append(
                    DeviceLease(
                        source_id=row.said.uid,
                        generation=row.generation,
                        target=_target(row),
                        credential=row.said.credential if not row.offered else "",
                        interval_s=row.said.interval_s if handed_out else row.said.offered_interval_s,
                    )
                )
        return sorted(found, key=lambda one: one.source_id)

    def read_now(self) -> list[str]:
        """Return the devices that somebody wants read now, and that were not heard since."""
        return [
            row.said.uid
            for row in self._rows
            if row.holder == self._me
            and row.said.read_asked_ms is not None
            and (row.said.seen_ms or 0) < row.said.read_asked_ms
            and self._now_ms - row.said.read_asked_ms < ASKED_MS
        ]

    def _name_of(self, agent_id: int) -> str:
        agent = self._session.get_one(Source, agent_id)
        return agent.hostname or agent.uid


def _before(row: _Row) -> tuple[int | None, int]:
    return row.said.lease_agent_id, row.said.lease_generation


def _target(row: _Row) -> DeviceTarget:
    said = row.said
    return DeviceTarget(protocol=said.protocol, address=said.address, port=said.port, context=said.context)
