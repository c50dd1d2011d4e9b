"""Who holds an identity: one row for each epoch of a source that ever met another one."""

from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import document, row_id, time_ms, time_ms_or_none

#: Of a holder. running: its reports are taken. held: they wait. ended: a later epoch took its place.
HOLDER_STATES = ("running", "held", "ended")


class Holder(SQLModel, table=True):
    """One epoch of a source, as its reports spoke. Of the running one, `Source` knows newer times and addresses."""

    __table_args__ = (UniqueConstraint("source_id", "epoch"),)

    id: int = row_id()
    source_id: int = Field(foreign_key="source.id")
    epoch: str
    #: One of HOLDER_STATES.
    state: str
    first_ms: int = time_ms()
    last_ms: int = time_ms()
    #: [address, since ms], the last one last.
    peers: list[list[Any]] = document(list)
    #: HostClaims as it last said them.
    claims: dict[str, Any] = document(dict)
    agent_version: str = ""
    #: Digest of the hardware, comparable with that of other holders of the same state folder only; empty if not told.
    machine: str = ""
    #: The epoch before, and why this one began, by its own word.
    previous_epoch: str = ""
    begun_for: str = ""
    #: Reports that were taken.
    reports: int = 0
    #: One of those between whom the identity was found forked.
    forked: bool = False


class OwnIdentity(SQLModel, table=True):
    """An identity that one who held another's was given, or is to be given when it comes for it."""

    id: int = row_id()
    #: The identity that was divided.
    of_source_id: int = Field(foreign_key="source.id", index=True)
    #: The epoch that it reported in, or said so.
    epoch: str
    source_id: int = Field(foreign_key="source.id", unique=True)
    #: kept: it keeps the CI. new: a CI of its own. identified: what it claims is weighed as for any new source.
    own_as: str
    #: SHA-256 of the key that came for it; None before.
    key: bytes | None = None
    given_ms: int | None = time_ms_or_none()
