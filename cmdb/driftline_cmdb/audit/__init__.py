"""The audit trail: decisions, append-only, chained by hashes, its head signed (design section 5).

``chain`` and ``signing`` are pure, and with them ``verify``, which runs where there is neither database nor server; so
this module loads nothing of the database before it is used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel import Session


def record(session: "Session", actor: str, action: str, subject: str, detail: dict[str, Any], now_ms: int) -> None:
    """Add one decision, in the transaction that carries it out.

    :param actor: the person's name, or ``driftline``.
    :param action: dotted, in the past: ``baseline.approved``.
    :param subject: what it was done to: ``baseline golden v1``.
    :param detail: what a reviewer needs; never a secret.
    """
    from driftline_cmdb.tables.audit import AuditEntry  # here: see the module's docstring

    session.add(AuditEntry(at_ms=now_ms, actor=actor, action=action, subject=subject, detail=detail))


def record_all(
    session: "Session", actor: str, decisions: "Sequence[tuple[str, str, dict[str, Any]]]", now_ms: int
) -> None:
    """Add many decisions at once, in their order; all the rest as :func:`record`.

    :param decisions: action, subject and detail of each.
    """
    from sqlalchemy import insert  # here, both: see the module's docstring

    from driftline_cmdb.tables.audit import AuditEntry

    rows = [
        {"at_ms": now_ms, "actor": actor, "action": action, "subject": subject, "detail": detail}
        for action, subject, detail in decisions
    ]
    session.flush()  # what was added before stays before
    if rows:
        session.execute(insert(AuditEntry), rows)
