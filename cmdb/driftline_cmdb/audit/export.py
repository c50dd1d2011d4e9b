"""Exports the trail as JSON lines: a header, the entries in their order, each head after its entry, an end line.

An export is a stretch without gaps: from the first entry at or after a time up to the last sealed one.
"""

import itertools
import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any

from sqlmodel import col, func, select

from driftline_cmdb.audit.chain import START
from driftline_cmdb.audit.sealing import last_sealed
from driftline_cmdb.database import Database
from driftline_cmdb.tables.audit import AuditEntry
from driftline_cmdb.tables.heads import AuditHead, AuditKey

VERSION = 1
_CHUNK = 1000


def export(database: Database, now_ms: int, since_ms: int | None = None) -> Iterator[str]:
    """Yield the lines of an export. Each thousand entries are a read of their own: no transaction lasts for long.

    :param since_ms: begin at the first entry of this time or later; at the first of all by default.
    """
    with database.read() as session:
        end = last_sealed(session)
        last, first = (end[0] if end else 0), 1
        if since_ms is not None:
            sealed = (col(AuditEntry.position).is_not(None), AuditEntry.at_ms >= since_ms)
            first = session.exec(select(func.min(AuditEntry.position)).where(*sealed)).one() or last + 1
        before = session.exec(select(AuditEntry.chain).where(AuditEntry.position == first - 1)).first()
        keys = [
            {"id": key.id, "public_key": b64encode(key.public_key).decode()}
            for key in session.exec(select(AuditKey).order_by(col(AuditKey.since_ms), col(AuditKey.id)))
        ]
        # Those that are signed from now on are of entries that this export may not have.
        newest = session.exec(select(func.max(AuditHead.id))).one() or 0
    yield _line(
        {
            "driftline_audit": VERSION,
            "first": first,
            "last": last,
            "previous": (before or START).hex(),
            "exported_ms": now_ms,
            "keys": keys,
        }
    )
    entries = heads = 0
    for start in range(first, last + 1, _CHUNK):
        end_of_chunk = min(last, start + _CHUNK - 1)
        signed = _heads(database, start, end_of_chunk, newest)
        for row in _entries(database, start, end_of_chunk):
            entries += 1
            yield _line(row)
            for head in signed.pop(row["position"], ()):
                heads += 1
                yield _line(head)
        # Heads of entries that are not there any more must show.
        for head in itertools.chain.from_iterable(signed.values()):
            heads += 1
            yield _line(head)
    for head in itertools.chain.from_iterable(_heads(database, max(first, last + 1), None, newest).values()):
        heads += 1
        yield _line(head)
    yield _line({"end": {"entries": entries, "heads": heads}})


def _entries(database: Database, first: int, last: int) -> Iterator[dict[str, Any]]:
    with database.read() as session:
        query = (
            select(AuditEntry)
            .where(col(AuditEntry.position) >= first, col(AuditEntry.position) <= last)
            .order_by(col(AuditEntry.position))
        )
        rows = session.exec(query).all()
    for row in rows:
        yield {
            "position": row.position,
            "at_ms": row.at_ms,
            "actor": row.actor,
            "action": row.action,
            "subject": row.subject,
            "detail": row.detail,
            "chain": (row.chain or b"").hex(),
        }


def _heads(database: Database, first: int, last: int | None, newest: int) -> dict[int, list[dict[str, Any]]]:
    """Return the heads of a stretch by position."""
    with database.read() as session:
        query = select(AuditHead).where(AuditHead.position >= first, AuditHead.id <= newest)
        if last is not None:
            query = query.where(AuditHead.position <= last)
        rows = session.exec(query.order_by(col(AuditHead.position), col(AuditHead.id))).all()
    found: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        head = {
            "position": row.position,
            "chain": row.chain.hex(),
            "at_ms": row.at_ms,
            "key_id": row.key_id,
            "signature": row.signature.hex(),
        }
        found.setdefault(row.position, []).append({"head": head})
    return found


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n"
