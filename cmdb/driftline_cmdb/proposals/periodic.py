"""The job: looks at CIs of which something changed, a bounded number at a time, beside ingest."""

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from driftline_cmdb import continuity
from driftline_cmdb.database import Database
from driftline_cmdb.packing import chunks
from driftline_cmdb.proposals import dependencies, documents, looking, proposing, unmanaged
from driftline_cmdb.tables.cis import Ci, Finding, Relation
from driftline_cmdb.tables.proposals import Proposal, SeenLink

#: CIs of one run, and of one transaction: it holds SQLite's only write lock.
LIMIT = 500
_BATCH = 25
#: What has not been seen for so long is forgotten, ms.
_KEPT_MS = 90 * 86_400_000
#: A CI whose report is not older is one of which one would know that it still talks to another, ms.
_HEARD_MS = 2 * 86_400_000
#: Kind of the findings about relations whose connections are not seen any more.
UNSEEN = "unseen dependency"


def run(database: Database, now_ms: int, limit: int = LIMIT) -> int:
    """Look at CIs of which something changed and propose what follows; return how many were looked at."""
    with database.read() as session:
        newest = documents.in_force(session)
        rules = documents.parsed(newest.document)
        wanted = looking.due(session, newest.number, now_ms, limit)
    done = 0
    try:
        for part in chunks(wanted, _BATCH):
            with database.write() as session:
                left = looking.look(session, part, rules, newest.number, now_ms)
                proposing.propose(session, [one.ci_id for one in part], rules, now_ms, left)
            done += len(part)
        _settle(database, now_ms)
        propose_devices(database, now_ms)
    except IntegrityError:
        return done  # another collector looked at the same ones and was first
    return done


def propose_devices(database: Database, now_ms: int) -> None:
    """Propose devices that are on the network and not on record; writes only where there is something new."""
    with database.read() as session:
        wanted = unmanaged.is_due(session, now_ms)
    if wanted:
        with database.write() as session:
            unmanaged.propose(session, now_ms)


def _settle(database: Database, now_ms: int) -> None:
    """Forget what is old, and tell of accepted relations that nothing is seen of; writes only where there is some."""
    with database.read() as session:
        gone, unseen, over = looking.gone(session), _unseen(session, now_ms), _over(session, now_ms)
        old = select(SeenLink.id).where(col(SeenLink.until_ms) < now_ms - _KEPT_MS)
        if not gone and not unseen and not over and session.exec(old.limit(1)).first() is None:
            return
    with database.write() as session:
        looking.forget(session, gone)
        session.execute(delete(SeenLink).where(col(SeenLink.until_ms) < now_ms - _KEPT_MS))
        for proposal, ci in _unseen(session, now_ms):
            days = (now_ms - proposal.last_seen_ms) // 86_400_000
            message = (
                f"{proposal.title}: no such connection has been seen for {days} days; driftline ci unrelate ends it"
            )
            detail = {"proposal": proposal.id, "seen_ms": proposal.last_seen_ms, "ports": proposal.material}
            continuity.open_finding(session, UNSEEN, _key(proposal), ci.id, message, detail, now_ms)
        for finding in _over(session, now_ms):
            finding.closed_ms = now_ms
            session.add(finding)


def _key(proposal: Proposal) -> str:
    return f"unseen:{proposal.id}"


def _accepted(now_ms: int) -> SelectOfScalar[Proposal]:
    """Return accepted relations, still on record, of which nothing was seen for long."""
    return (
        select(Proposal)
        .join(
            Relation,
            (col(Relation.from_ci_id) == col(Proposal.front_ci_id))
            & (col(Relation.to_ci_id) == col(Proposal.behind_ci_id))
            & (col(Relation.kind) == col(Proposal.kind))
            & col(Relation.until_ms).is_(None),
        )
        .where(
            Proposal.state == "accepted",
            Proposal.kind == "depends on",
            Proposal.last_seen_ms < now_ms - dependencies.UNSEEN_MS,
        )
        .order_by(col(Proposal.id))
    )


def _open_findings(session: Session) -> dict[str, Finding]:
    query = select(Finding).where(Finding.kind == UNSEEN, col(Finding.closed_ms).is_(None))
    return {finding.key: finding for finding in session.exec(query)}


def _unseen(session: Session, now_ms: int) -> list[tuple[Proposal, Ci]]:
    """Return those that are to be told of, each with the CI in front: one of the two ends is heard of."""
    told = _open_findings(session)
    out = []
    for proposal in session.exec(_accepted(now_ms)):
        ends = [session.get_one(Ci, one) for one in (proposal.front_ci_id, proposal.behind_ci_id)]
        heard = any((ci.last_seen_ms or 0) > now_ms - _HEARD_MS for ci in ends)
        if heard and _key(proposal) not in told:
            out.append((proposal, ends[0]))
    return out


def _over(session: Session, now_ms: int) -> list[Finding]:
    """Return open findings whose connections are seen again, or whose relation is off the record."""
    told = _open_findings(session)
    if not told:
        return []
    still = {_key(proposal) for proposal in session.exec(_accepted(now_ms))}
    return [finding for key, finding in sorted(told.items()) if key not in still]
