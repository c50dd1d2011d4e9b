"""The audit trail."""

from typing import Any

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import document, row_id, time_ms


class AuditEntry(SQLModel, table=True):
    """One decision in the audit trail; sealed rows form a hash chain."""

    id: int = row_id()
    at_ms: int = time_ms()
    actor: str
    #: Dotted: baseline.approved, rfc.authorised, token.created.
    action: str = Field(index=True)
    #: What it was done to: "baseline golden v1", "RFC 1".
    subject: str
    detail: dict[str, Any] = document(dict)
    #: Place in the chain and its hash, set by the sealer; None until then.
    position: int | None = Field(default=None, unique=True, sa_type=BigInteger)
    chain: bytes | None = None
