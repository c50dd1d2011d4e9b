"""Fragments: what reports said, until their hour is sealed."""

from collections.abc import Sequence

from sqlalchemy import insert
from sqlmodel import Session, SQLModel

from driftline.v1.utilization_pb2 import UtilizationBatch
from driftline_cmdb.tables import utilization as _registers  # noqa: F401  # puts the table into the metadata
from driftline_cmdb.utilization.batch import CheckedBatch, check

FRAGMENTS = SQLModel.metadata.tables["utilizationfragment"]
_INSERT = insert(FRAGMENTS)


def append(session: Session, source_id: int, batch: UtilizationBatch | CheckedBatch, received_ms: int) -> None:
    """Store a batch inside the caller's transaction: one row, and one more for each further hour that it touches.

    :param received_ms: the collector's clock, ms since 1970.
    :raises BatchError: where the batch was not checked before and breaks a rule.
    """
    checked = batch if isinstance(batch, CheckedBatch) else check(batch, received_ms)
    if checked.parts:
        rows: Sequence[dict[str, object]] = [
            {"source_id": source_id, "last_minute": last, "received_ms": received_ms, "data": data}
            for last, data in checked.parts
        ]
        session.connection().execute(_INSERT, rows)
