"""The audit trail is whole, and every head fits it."""

from collections.abc import Iterator

from sqlalchemy import func
from sqlmodel import Session, col, select

from driftline_cmdb.audit.chain import START, link
from driftline_cmdb.audit.sealing import last_sealed
from driftline_cmdb.audit.signing import Head, PublicKey
from driftline_cmdb.integrity.look import Batch, Deficiency, Look
from driftline_cmdb.tables.audit import AuditEntry
from driftline_cmdb.tables.heads import AuditHead, AuditKey

MEANING = (
    "The audit trail has no gap, every entry fits its hash, every signed head fits the trail, nothing waits unsealed."
)

_SIZE = 1000


def applies(session: Session) -> bool:
    """Tell whether anything was decided yet."""
    return session.exec(select(AuditEntry.id).limit(1)).first() is not None


def examine(look: Look) -> Iterator[Batch]:
    """Walk along the chain, then over the heads."""
    yield from _entries(look)
    yield from _heads(look)
    with look.read() as session:
        late = (col(AuditEntry.position).is_(None), AuditEntry.at_ms < look.now_ms - look.limits.unsealed_ms)
        count = session.exec(select(func.count()).select_from(AuditEntry).where(*late)).one()
    if count:
        text = f"{count} entries of the audit trail are not sealed after an hour: does a collector run?"
        yield Batch(0, [Deficiency("unsealed", text, count=count)])


def _entries(look: Look) -> Iterator[Batch]:
    with look.read() as session:
        end = last_sealed(session)
    at, previous = 0, START
    while end is not None and at < end[0]:
        with look.read() as session:
            query = (
                select(AuditEntry)
                .where(col(AuditEntry.position) > at, col(AuditEntry.position) <= end[0])
                .order_by(col(AuditEntry.position))
                .limit(_SIZE)
            )
            entries = session.exec(query).all()
        if not entries:  # cut while this ran; the heads below show it
            return
        found = []
        for entry in entries:
            position = entry.position or 0
            if position != at + 1:
                text = f"the audit trail lacks positions {at + 1} to {position - 1}"
                found.append(Deficiency(f"gap:{at + 1}", text, count=position - at - 1))
            if entry.chain != link(previous, entry):
                text = (
                    f"position {position} of the audit trail does not fit its hash: it, or the one before, was changed"
                )
                found.append(Deficiency(f"entry:{position}", text))
            at, previous = position, entry.chain or START
        yield Batch(len(entries), found)


def _heads(look: Look) -> Iterator[Batch]:
    with look.read() as session:
        keys = {key.id: PublicKey(key.public_key) for key in session.exec(select(AuditKey))}
    after = 0
    while True:
        with look.read() as session:
            query = (
                select(AuditHead, AuditEntry.chain)
                .outerjoin(AuditEntry, col(AuditEntry.position) == col(AuditHead.position))
                .where(AuditHead.id > after)
                .order_by(col(AuditHead.id))
                .limit(_SIZE)
            )
            rows = session.exec(query).all()
        if not rows:
            return
        after = rows[-1][0].id
        found = []
        for row, chain in rows:
            head = Head(row.position, row.chain, row.at_ms, row.key_id, row.signature)
            if row.key_id not in keys or not keys[row.key_id].signed(head):
                why = f"is not signed with key {row.key_id}"
            elif chain is None:
                why = "is of an entry that is not there: the trail was cut"
            elif chain != row.chain:
                why = "was signed over another hash: the trail was written anew"
            else:
                continue
            found.append(Deficiency(f"head:{row.id}", f"the head at position {row.position} {why}"))
        yield Batch(len(rows), found)
