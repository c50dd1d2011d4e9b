"""What REST and pages show of who holds an identity, and of what was decided about it."""

from datetime import datetime

from pydantic import BaseModel
from sqlmodel import Session, col, select

from driftline_cmdb.identity import bindings, holders
from driftline_cmdb.tables.cis import Binding, Ci, Finding
from driftline_cmdb.tables.holders import Holder, OwnIdentity
from driftline_cmdb.tables.sources import Source
from driftline_server.cis.speaking import state_of
from driftline_server.evidence import CiRef
from driftline_server.times import moment, moment_or_none


class OwnRef(BaseModel):
    """The identity that a holder was given."""

    uid: str
    #: kept: it keeps the CI. new: a CI of its own. identified: what it claims is weighed.
    own_as: str
    epoch: str
    #: When it came for it; None: it did not yet.
    given: datetime | None
    ci: CiRef | None


class HolderRow(BaseModel):
    """One who holds an identity, or did."""

    epoch: str
    #: running: its reports are taken. held: they wait. ended: a later epoch took its place.
    state: str
    hostname: str | None
    #: The last one last.
    addresses: list[str]
    macs: list[str]
    machine_id: str | None
    system_uuid: str | None
    #: Digest of the hardware, comparable between holders of copies of one state folder.
    machine: str | None
    previous_epoch: str | None
    begun_for: str | None
    agent_version: str
    first: datetime
    last: datetime
    #: Reports that were taken.
    reports: int
    #: One of those between whom the identity was found forked.
    forked: bool


class Holders(BaseModel):
    """A source with all who hold its identity, or did."""

    uid: str
    hostname: str
    #: live, silent, quarantined, new, split, image, retired.
    state: str
    quarantine_reason: str | None
    ci: CiRef | None
    #: The open finding of a clone or roll-back.
    finding: int | None
    holders: list[HolderRow]
    #: Identities that those who held it were given, or are to be given.
    given: list[OwnRef]


def holders_of(session: Session, source: Source, now_ms: int) -> Holders:
    """Return who holds an identity."""
    binding = bindings.of_source(session, source.id)
    ci = session.get(Ci, binding.ci_id) if binding is not None else None
    keys = [f"{kind}:{source.uid}" for kind in ("clone", "roll-back")]
    finding = select(Finding.id).where(col(Finding.key).in_(keys), col(Finding.closed_ms).is_(None))
    return Holders(
        uid=source.uid,
        hostname=source.hostname,
        state=state_of(source, now_ms),
        quarantine_reason=source.quarantine_reason,
        ci=CiRef(uid=ci.uid, name=ci.name) if ci is not None else None,
        finding=session.exec(finding.order_by(col(Finding.key))).first(),
        holders=[_row(one) for one in holders.of_source(session, source)],
        given=_given(session, source),
    )


def _row(one: Holder) -> HolderRow:
    said = one.claims
    return HolderRow(
        epoch=one.epoch,
        state=one.state,
        hostname=said.get("hostname"),
        addresses=[str(peer[0]) for peer in one.peers],
        macs=list(said.get("macs", ())),
        machine_id=said.get("machine_id"),
        system_uuid=said.get("system_uuid"),
        machine=one.machine or None,
        previous_epoch=one.previous_epoch or None,
        begun_for=one.begun_for or None,
        agent_version=one.agent_version,
        first=moment(one.first_ms),
        last=moment(one.last_ms),
        reports=one.reports,
        forked=one.forked,
    )


def _given(session: Session, source: Source) -> list[OwnRef]:
    query = (
        select(OwnIdentity, Source, Ci)
        .join(Source, col(Source.id) == col(OwnIdentity.source_id))
        .outerjoin(Binding, (col(Binding.source_id) == col(Source.id)) & col(Binding.until_ms).is_(None))
        .outerjoin(Ci, col(Ci.id) == col(Binding.ci_id))
        .where(OwnIdentity.of_source_id == source.id)
        .order_by(col(OwnIdentity.id))
        .limit(1000)
    )
    return [
        OwnRef(
            uid=own.uid,
            own_as=row.own_as,
            epoch=row.epoch,
            given=moment_or_none(row.given_ms),
            ci=CiRef(uid=ci.uid, name=ci.name) if ci is not None else None,
        )
        for row, own, ci in session.exec(query)
    ]
