"""CIs that are silent for a month: driftline deletes none, but asks whether they are to be retired."""

from collections.abc import Mapping, Sequence

from sqlmodel import Session, col, select

from driftline_baseline.silence import moment
from driftline_cmdb.attention import events
from driftline_cmdb.database import Database
from driftline_cmdb.tables.cis import UNSEEN_STATUSES, Ci, Finding
from driftline_cmdb.tables.silence import SilentCi

KIND = "long silent"
#: A CI is silent for long after this time, ms.
LONG_MS = 30 * 86_400_000
_NAMED = 20


def ask(database: Database, now_ms: int) -> int:
    """Open a finding for each cause of silence that lasts for a month, keep the open ones right, close those over.

    :return: how many were opened.
    """
    with database.read() as session:
        wanted, there = _wanted(session, now_ms), _open(session)
        if {key: _words(ones) for key, ones in wanted.items()} == {key: one.message for key, one in there.items()}:
            return 0
    opened = 0
    with database.write() as session:
        wanted, there = _wanted(session, now_ms), _open(session)
        for key, finding in there.items():
            if key not in wanted:
                finding.closed_ms = now_ms
                session.add(finding)
        for key, ones in wanted.items():
            known = there.get(key)
            finding = known or Finding(kind=KIND, key=key, message="", opened_ms=now_ms)
            finding.ci_id = ones[0][0].id if len(ones) == 1 else None
            finding.message = _words(ones)
            finding.detail = {
                "since_ms": min(since_ms for _, since_ms in ones),
                "cis": len(ones),
                "names": [ci.name for ci, _ in ones[:_NAMED]],
            }
            session.add(finding)
            if known is None:
                session.flush()
                events.emit_finding(session, finding, now_ms)
                opened += 1
    return opened


def _wanted(session: Session, now_ms: int) -> dict[str, list[tuple[Ci, int]]]:
    """Return CIs that are silent for long, with since when, by the finding that there is to be for their cause."""
    query = (
        select(Ci, SilentCi.since_ms, Finding.key)
        .join(SilentCi, col(SilentCi.ci_id) == col(Ci.id))
        .join(Finding, col(Finding.id) == col(SilentCi.finding_id))
        .where(col(SilentCi.until_ms).is_(None), SilentCi.since_ms <= now_ms - LONG_MS)
        .where(col(Ci.status).not_in(UNSEEN_STATUSES))
    )
    found: dict[str, list[tuple[Ci, int]]] = {}
    for ci, since_ms, key in session.exec(query.order_by(Ci.name, col(Ci.id))):
        found.setdefault(f"long {key}", []).append((ci, since_ms))
    return found


def _open(session: Session) -> Mapping[str, Finding]:
    query = select(Finding).where(Finding.kind == KIND, col(Finding.closed_ms).is_(None))
    return {finding.key: finding for finding in session.exec(query)}


def _words(ones: Sequence[tuple[Ci, int]]) -> str:
    since = moment(min(since_ms for _, since_ms in ones))
    name = ones[0][0].name
    if len(ones) == 1:
        return f"{name} is silent since {since}: retire it? driftline ci retire {name} --reason TEXT"
    return (
        f"{name} and {len(ones) - 1} more are silent since {since} or later: retire them? "
        "driftline ci retire HOST --reason TEXT; driftline ci list --status silent shows them"
    )
