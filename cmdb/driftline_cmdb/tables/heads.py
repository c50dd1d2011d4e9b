"""Signed heads of the audit trail, and the keys that sign them."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import row_id, time_ms


class AuditKey(SQLModel, table=True):
    """The public half of a collector's key; the other half is in the collector's data directory only."""

    #: First 16 hexadecimal digits of the key's SHA-256.
    id: str = Field(primary_key=True)
    #: Ed25519, 32 bytes.
    public_key: bytes
    since_ms: int = time_ms()


class AuditHead(SQLModel, table=True):
    """What a collector saw as the end of the sealed trail, signed."""

    id: int = row_id()
    position: int = Field(index=True, sa_type=BigInteger)
    #: Chain hash of the entry at that position.
    chain: bytes
    at_ms: int = time_ms()
    key_id: str = Field(foreign_key="auditkey.id")
    signature: bytes
