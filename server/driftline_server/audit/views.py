"""What REST and pages show of the keys and heads of the audit trail."""

from base64 import b64encode
from datetime import datetime

from pydantic import BaseModel
from sqlalchemy import and_
from sqlmodel import Session, col, func, select

from driftline_cmdb.tables.heads import AuditHead, AuditKey
from driftline_server.lists import Window, part
from driftline_server.times import moment


class AuditKeyRow(BaseModel):
    """A collector's public key, and how far it signed."""

    #: First 16 hexadecimal digits of the key's SHA-256.
    id: str
    #: Ed25519, base64.
    public_key: str
    since: datetime
    heads: int
    #: Position and time of the last head; None before the first.
    signed_position: int | None
    signed: datetime | None


def list_keys(session: Session, window: Window) -> tuple[list[AuditKeyRow], int]:
    """Return a part of the keys, and how many there are."""
    heads = (
        select(
            AuditHead.key_id,
            func.count().label("heads"),
            func.max(AuditHead.position).label("position"),
            func.max(AuditHead.at_ms).label("at"),
        )
        .group_by(AuditHead.key_id)
        .subquery()
    )
    statement = select(AuditKey, heads.c.heads, heads.c.position, heads.c.at).outerjoin(
        heads, and_(heads.c.key_id == col(AuditKey.id))
    )
    sorts = {"since": AuditKey.since_ms, "id": AuditKey.id, "signed": heads.c.at}
    found, total = part(session, statement, window, sorts, "since", col(AuditKey.id))
    rows = [
        AuditKeyRow(
            id=key.id,
            public_key=b64encode(key.public_key).decode(),
            since=moment(key.since_ms),
            heads=count or 0,
            signed_position=position,
            signed=moment(at) if at is not None else None,
        )
        for key, count, position, at in found
    ]
    return rows, total
