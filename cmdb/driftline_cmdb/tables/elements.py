"""Facts: elements, stored once for the whole fleet, and holdings, who had which when."""

from typing import Any

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import document, partial_index, row_id, time_ms, time_ms_or_none


class Path(SQLModel, table=True):
    """A path of an element, so that holdings carry a number."""

    id: int = row_id()
    text: str = Field(unique=True)


class Element(SQLModel, table=True):
    """A keyed element: IDENTITY and CONFIGURATION fields of one list element or sub-message."""

    id: int = row_id()
    path_id: int = Field(foreign_key="path.id", index=True, sa_type=BigInteger)
    #: The message in canonical form; `driftline.facts.attributes` reads it.
    content: bytes
    #: BLAKE2b-128 over path and content.
    digest: bytes = Field(unique=True)


class Section(SQLModel, table=True):
    """The last known reading of one topic of one source."""

    __table_args__ = (
        UniqueConstraint("source_id", "name"),
        partial_index("section_muted", "id", where="muted"),
    )

    id: int = row_id()
    source_id: int = Field(foreign_key="source.id")
    name: str
    #: Digest of the content that is applied; None where nothing was ever read.
    digest: bytes | None = None
    #: `driftline.schema.FINGERPRINT` when it was applied: another schema reads other facts out of the same content.
    applied_schema: str = ""
    #: Name of the last reading's outcome: READ, ABSENT, UNREADABLE.
    outcome: str = "READ"
    #: Why it could not be read, or only in part.
    reason: str = ""
    #: Attributes that keep an earlier value because they could not be read.
    unreadable: list[str] = document(list)
    topic_revision: int = 0
    #: When the applied content was read.
    observed_ms: int = time_ms()
    #: Since when it cannot be read; None while it can.
    stale_since_ms: int | None = time_ms_or_none()
    #: STATE fields: a serialized Facts, zstd.
    state: bytes = b""
    #: A source of higher rank speaks for the same part of its CI: what this one says does not count.
    muted: bool = False


class Revision(SQLModel, table=True):
    """One section's change as one report brought it: the origin of every value."""

    id: int = row_id()
    source_id: int = Field(foreign_key="source.id", index=True)
    section: str
    epoch: str
    sequence: int
    #: Digest of the section's content.
    digest: bytes
    received_ms: int = time_ms()
    #: The change lies in (after_ms, observed_ms], by the host's clock corrected by skew; after_ms is None for a first.
    after_ms: int | None = time_ms_or_none()
    observed_ms: int = time_ms()
    skew_ms: int = time_ms()
    agent_version: str = ""
    added: int = 0
    removed: int = 0
    #: What is read in another way than before, where it is: ``units revision 3``. Then the host itself need not have
    #: changed (design section 6, rule 13).
    rereading: str = ""
    #: Ids of the paths at which elements came or went; `driftline_cmdb.packing` reads it.
    changed_paths: bytes = b""


class Holding(SQLModel, table=True):
    """A source held an element, from one revision up to another.

    The hottest table: it has no foreign keys, because each would cost a look-up a row; the integrity checks verify its
    references instead.
    """

    __table_args__ = (
        partial_index("holding_open", "source_id", "path_id", where="until_revision IS NULL", unique=True),
        partial_index("holding_closed", "source_id", "path_id", where="until_revision IS NOT NULL"),
    )

    id: int = row_id()
    source_id: int
    section_id: int
    path_id: int = Field(sa_type=BigInteger)
    element_id: int = Field(index=True, sa_type=BigInteger)
    since_revision: int = Field(sa_type=BigInteger)
    until_revision: int | None = Field(default=None, sa_type=BigInteger)


class HostTransaction(SQLModel, table=True):
    """What the host's own logs say happened. Attributes a change, never explains it."""

    __table_args__ = (UniqueConstraint("source_id", "digest"),)

    id: int = row_id()
    source_id: int = Field(foreign_key="source.id", index=True)
    digest: bytes
    manager: str
    command_line: str
    requested_by: str
    #: Corrected by skew.
    started_ms: int = time_ms()
    ended_ms: int = time_ms()
    #: PackageChange messages as dicts with the proto's field names.
    changes: list[dict[str, Any]] = document(list)


class Due(SQLModel, table=True):
    """CIs due for assessment; a row is written in the transaction that makes it due."""

    ci_id: int = Field(primary_key=True, foreign_key="ci.id")
    #: Due from this time on.
    since_ms: int = time_ms()
    #: Compare everything, not only what changed since the last assessment.
    whole: bool = False


class Assessment(SQLModel, table=True):
    """Up to which revision a source's changes have been assessed."""

    source_id: int = Field(primary_key=True, foreign_key="source.id")
    revision_id: int = Field(sa_type=BigInteger)
    assessed_ms: int = time_ms()
    #: The CI that the source spoke for then.
    ci_id: int | None = Field(default=None, foreign_key="ci.id", index=True)
