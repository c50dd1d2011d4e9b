"""Ends of cables that contradict each other for longer than it takes to read both: a finding that closes by itself."""

from collections.abc import Mapping

from sqlmodel import Session, col, select

from driftline_baseline.topology.links import GRACE_MS, Found, Link
from driftline_cmdb.continuity import open_finding
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.cis import Finding
from driftline_cmdb.tables.topology import TopologyLink
from driftline_cmdb.topology import wording

KIND = "cable disputed"


def settle(session: Session, rows: Mapping[Link, TopologyLink], found: Mapping[Link, Found], now_ms: int) -> None:
    """Open, bring up to date and close the findings of some links.

    :param rows: links on record, those that have just ended among them.
    :param found: links that are there now.
    """
    known: dict[str, Finding] = {}
    for part in chunks(sorted(_key(row) for row in rows.values())):
        query = select(Finding).where(col(Finding.key).in_(part), col(Finding.closed_ms).is_(None))
        known.update((one.key, one) for one in session.exec(query))
    disputed = {link: row for link, row in rows.items() if link in found and _is_disputed(found[link], now_ms)}
    for link, row in rows.items():
        finding = known.get(_key(row))
        if finding is not None and (link not in found or found[link].instead is None):
            finding.closed_ms = now_ms
            session.add(finding)
    if not disputed:
        return
    texts = {link: _text(row) for link, row in disputed.items()}
    names = wording.names_in(session, texts.values())
    for link, row in disputed.items():
        message, finding = wording.named(texts[link], names), known.get(_key(row))
        detail = {"link": row.id, "since_ms": found[link].disputed_ms}
        if finding is None:
            open_finding(session, KIND, _key(row), row.front_ci_id, message, detail, now_ms)
        elif finding.message != message:
            finding.message, finding.detail = message, detail
            session.add(finding)


def _key(row: TopologyLink) -> str:
    return f"{KIND}:{row.id}"


def _is_disputed(one: Found, now_ms: int) -> bool:
    return one.disputed_ms is not None and now_ms >= one.disputed_ms + GRACE_MS


def _text(row: TopologyLink) -> str:
    return (
        f"{{{row.front_ci_id}}} {row.front_port} - {{{row.behind_ci_id}}} {row.behind_port} is on record by {row.by}, "
        f"and another end says {row.instead}: look where the cable is, and whether both are still read"
    )
