"""Heads: at intervals a collector signs where the sealed trail ends.

Who can write the database can make another trail, with a chain that fits. A collector therefore never signs
a trail that does not continue the last one that it signed, which it remembers outside the database.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import Session, col, select

from driftline_cmdb import audit, continuity
from driftline_cmdb.audit import signing
from driftline_cmdb.audit.chain import START, link
from driftline_cmdb.audit.sealing import last_sealed
from driftline_cmdb.audit.signing import Head, PublicKey
from driftline_cmdb.database import Database
from driftline_cmdb.tables.audit import AuditEntry
from driftline_cmdb.tables.cis import Finding
from driftline_cmdb.tables.heads import AuditHead, AuditKey

#: A head is signed once so many entries were sealed after the last one, or after this time, ms, where there is any.
ENTRIES = 1000
INTERVAL_MS = 3_600_000
_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Broken:
    """The trail does not continue what was signed before."""

    #: The first position that does not fit.
    position: int
    message: str


def publish(database: Database, key: PublicKey, now_ms: int) -> None:
    """Put a collector's public key on record, once; the audit trail says when it came."""
    with database.write() as session:
        if session.get(AuditKey, key.id) is None:
            session.add(AuditKey(id=key.id, public_key=key.raw, since_ms=now_ms))
            audit.record(session, "driftline", "audit_key.added", f"audit key {key.id}", {"key": str(key)}, now_ms)


def due(session: Session, last: Head | None, now_ms: int) -> bool:
    """Tell whether the trail went on for long enough after a head, or does not have it any more."""
    end = last_sealed(session)
    if end is None:
        return last is not None
    if last is None:
        return True
    if session.exec(select(AuditEntry.chain).where(AuditEntry.position == last.position)).first() != last.chain:
        return True
    new = end[0] - last.position
    return new >= ENTRIES or (new > 0 and now_ms >= last.at_ms + INTERVAL_MS)


def sign(database: Database, key: Ed25519PrivateKey, last: Head | None, now_ms: int) -> Head | Broken:
    """Check the trail from the last head on, and sign its end; where it does not continue that head, sign nothing.

    :param last: the last head that this collector signed, from outside the database; None before the first.
    """
    with database.read() as session:
        end = last_sealed(session)
        if last is not None:
            found = session.exec(select(AuditEntry.chain).where(AuditEntry.position == last.position)).first()
            if found is None or end is None:
                reach = f"ends at {end[0]}" if end is not None else "is empty"
                return Broken(
                    last.position, f"position {last.position} was signed, but now the trail {reach}: it was cut"
                )
            if found != last.chain:
                text = f"position {last.position} has another hash than the one signed: the trail was written anew"
                return Broken(last.position, text)
        if end is None:
            return Broken(0, "there is no sealed entry yet")
    at, previous = (last.position, last.chain) if last is not None else (0, START)
    while at < end[0]:
        with database.read() as session:
            query = (
                select(AuditEntry)
                .where(col(AuditEntry.position) > at, col(AuditEntry.position) <= min(end[0], at + _CHUNK))
                .order_by(col(AuditEntry.position))
            )
            entries = session.exec(query).all()
            if not entries:
                return Broken(at + 1, f"position {at + 1} is missing")
            for entry in entries:
                at += 1
                if entry.position != at:
                    return Broken(at, f"position {at} is missing")
                if entry.chain != link(previous, entry):
                    return Broken(at, f"position {at} does not fit its hash: it, or the one before, was changed")
                previous = entry.chain
    head = signing.sign(key, at, previous, now_ms)
    with database.write() as session:
        session.add(
            AuditHead(
                position=head.position, chain=head.chain, at_ms=head.at_ms, key_id=head.key_id, signature=head.signature
            )
        )
    return head


def note(session: Session, key_id: str, broken: Broken | None, now_ms: int) -> None:
    """Open a finding where the trail is broken, close it where it is whole (again)."""
    key = f"audit:{key_id}"
    if broken is not None:
        message = f"the audit trail is not what was signed with key {key_id}: {broken.message}"
        detail = {"position": broken.position, "key": key_id}
        continuity.open_finding(session, "audit broken", key, None, message, detail, now_ms)
        return
    for finding in session.exec(select(Finding).where(Finding.key == key, col(Finding.closed_ms).is_(None))):
        finding.closed_ms = now_ms
        session.add(finding)
