"""The audit trail's chain shows what was changed, cut out or put in between."""

from sqlmodel import col, select

from driftline_cmdb import audit
from driftline_cmdb.database import Database
from driftline_cmdb.tables.audit import AuditEntry


def entries(database: Database) -> list[AuditEntry]:
    with database.read() as session:
        return list(session.exec(select(AuditEntry).order_by(col(AuditEntry.position))))


def test_seals_in_order_and_shows_tampering(database: Database) -> None:
    for number in range(5):
        with database.write() as session:
            audit.record(session, "alice", "rfc.authorised", f"RFC {number}", {"ü": [1, {"b": 2}]}, number)
        if number == 2:
            assert audit.seal(database) == 3
    assert audit.seal(database) == 2
    assert audit.seal(database) == 0
    rows = entries(database)
    assert [row.position for row in rows] == [1, 2, 3, 4, 5]
    assert audit.broken_at(rows) is None
    rows[2].actor = "mallory"
    assert audit.broken_at(rows) == 3
    rows = entries(database)
    assert audit.broken_at(rows[:2] + rows[3:]) == 3
