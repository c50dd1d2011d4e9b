"""What configuration files say, by the digest that the facts name; secrets are taken out on the host."""

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import partial_index, row_id, time_ms


class FileText(SQLModel, table=True):
    """The text of one content of a file, or why there is none.

    A text that is the digest's whole content is everybody's. Any other is believed for the source that sent it only: no
    host may say what another host's file says.
    """

    __table_args__ = (
        UniqueConstraint("source_id", "digest"),
        partial_index("filetext_shared", "digest", where="shared", unique=True),
    )

    id: int = row_id()
    #: As in the facts: ``files.files[...].digest``, or ``.sealed_digest``.
    digest: str
    #: Who sent it.
    source_id: int = Field(foreign_key="source.id")
    #: Its SHA-256 is the digest.
    shared: bool
    #: zstd; None where there is none.
    content: bytes | None = None
    #: Why there is none.
    withheld: str = ""
    redacted: bool = False
    #: Revision of the agent's rules for redaction.
    rules: int = 0
    #: Bytes of the text.
    size: int = 0
    received_ms: int = time_ms()
