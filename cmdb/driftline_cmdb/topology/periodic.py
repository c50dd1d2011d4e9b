"""The job: looks at CIs whose ports or neighbours changed, within a second of the commit that says so."""

import logging

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from driftline_baseline import life_cycle
from driftline_cmdb.database import Database
from driftline_cmdb.errors import CmdbError
from driftline_cmdb.identity.aliases import survivor
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.topology import TopologyDue
from driftline_cmdb.topology import due, keeping, linking

log = logging.getLogger(__name__)

#: CIs of one transaction: it holds SQLite's only write lock.
_BATCH = 10
#: A CI that could not be looked at is tried again after this time, ms.
_RETRY_MS = 60_000


def run(database: Database, now_ms: int, limit: int = 500) -> int:
    """Look at CIs that are due, a few in each transaction; return how many were.

    Any number of collectors may run this beside one PostgreSQL. Where two look at both ends of a cable at the same time
    one of them fails and looks again.
    """
    done = 0
    while done < limit:
        with database.read() as session:
            if not due.is_due(session, now_ms):
                return done
        try:
            with database.write() as session:
                taken = _look(session, now_ms, _BATCH)
        except IntegrityError:
            return done  # another collector was first; what is left is still due
        except (CmdbError, ValueError, TypeError, LookupError):
            log.exception("links could not be looked at together; one by one")
            taken = _one_by_one(database, now_ms)
        if not taken:
            return done
        done += taken
    return done


def _look(session: Session, now_ms: int, batch: int) -> int:
    taken = due.take(session, now_ms, batch)
    found = {ci_id: session.get_one(Ci, ci_id) for ci_id in taken}
    for ci in found.values():
        if ci.merged_into_id is not None or ci.status in life_cycle.GONE:
            keeping.forget(session, ci.id)
    survivors = {ci.id: ci for one in found.values() for ci in [survivor(session, one)]}
    stand = {ci_id: ci for ci_id, ci in survivors.items() if ci.status not in life_cycle.GONE}
    for ci_id in sorted(stand):
        keeping.keep(session, stand[ci_id], now_ms)
    after_ms = min((one for one in taken.values() if one is not None), default=None)
    linking.link(session, {*found, *survivors}, after_ms, now_ms)
    return len(taken)


def _one_by_one(database: Database, now_ms: int) -> int:
    """Look at one CI alone; one that fails again waits."""
    try:
        with database.write() as session:
            return _look(session, now_ms, 1)
    except (CmdbError, ValueError, TypeError, LookupError):
        with database.write() as session:
            query = select(TopologyDue).where(TopologyDue.since_ms <= now_ms).order_by(TopologyDue.id).limit(1)  # type: ignore[arg-type]  # a column
            row = session.exec(query.with_for_update(skip_locked=True)).first()
            if row is not None:
                log.exception("links of a CI could not be looked at", extra={"ci_id": row.ci_id})
                row.since_ms = now_ms + _RETRY_MS
                session.add(row)
        return 1
