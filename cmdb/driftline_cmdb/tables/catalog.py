"""The organisation's own classes and fields, and what was imported of CIs."""

from typing import Any

from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import DocumentVersion, document, time_ms, time_ms_or_none


class CatalogVersion(DocumentVersion, table=True):
    """A version of the catalog document; the newest is in force."""


class CiImport(SQLModel, table=True):
    """A table of CIs as somebody previewed it; it is applied as it was seen, or not at all."""

    #: Of the table, how it was to be read, and what it would have changed, hexadecimal.
    digest: str = Field(primary_key=True)
    author: str
    created_ms: int = time_ms(index=True)
    #: The table, zstd; emptied once it is applied or forgotten.
    content: bytes = b""
    #: How it is read: `driftline_cmdb.cis.importing.Options` as a dict.
    options: dict[str, Any] = document(dict)
    #: What it would have changed, as JSON, zstd: {uid or name: {attribute: [before, after]}}.
    seen: bytes = b""
    applied_by: str | None = None
    applied_ms: int | None = time_ms_or_none()
