"""Who asks for runs, and who takes them: through the record, so that a server needs no collector."""

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select

from driftline_cmdb import audit
from driftline_cmdb.database import Database
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.integrity import IntegrityRun

SCHEDULE = "schedule"
#: A collector that did not speak of its run for this long is there no more.
DEAD_MS = 1_800_000


def unfinished(session: Session) -> IntegrityRun | None:
    """Return the run that waits or runs."""
    return session.exec(select(IntegrityRun).where(col(IntegrityRun.ended_ms).is_(None))).first()


def ask(session: Session, actor: str, now_ms: int) -> IntegrityRun:
    """Ask for a run; where one waits or runs already, that one is it."""
    run = unfinished(session)
    if run is None:
        run = IntegrityRun(asked_by=actor, asked_ms=now_ms)
        session.add(run)
        session.flush()
        audit.record(session, actor, "integrity.asked", f"integrity run {run.id}", {}, now_ms)
    return run


def waiting(session: Session, now_ms: int, interval_ms: int) -> bool:
    """Tell whether `take` would find something to do; a look that writes nothing."""
    run = unfinished(session)
    if run is not None:
        return run.state == "asked" or now_ms - (run.alive_ms or run.asked_ms) > DEAD_MS
    return _due(session, now_ms, interval_ms)


def take(database: Database, now_ms: int, interval_ms: int) -> int | None:
    """Take a run that was asked for, or is due by the schedule; None where there is none. Only one collector gets it.

    A run whose collector is there no more is failed first.
    """
    try:
        with database.write() as session:
            run = unfinished(session)
            if run is not None and run.state == "running" and now_ms - (run.alive_ms or run.asked_ms) > DEAD_MS:
                run.state, run.ended_ms, run.error = "failed", now_ms, "the collector that ran it stopped"
                session.add(run)
                session.flush()
                run = None
            if run is None:
                if not _due(session, now_ms, interval_ms):
                    return None
                run = IntegrityRun(asked_by=SCHEDULE, asked_ms=now_ms)
                session.add(run)
                session.flush()
            taken = session.execute(
                update(IntegrityRun)
                .where(col(IntegrityRun.id) == run.id, col(IntegrityRun.state) == "asked")
                .values(state="running", started_ms=now_ms, alive_ms=now_ms)
            )
            return run.id if taken.rowcount == 1 else None  # type: ignore[attr-defined]  # a statement's result has it
    except IntegrityError:  # another collector was quicker
        return None


def give_up(database: Database, run_id: int, now_ms: int, why: str) -> None:
    """End a run that cannot go on."""
    with database.write() as session:
        run = session.get_one(IntegrityRun, run_id)
        run.state, run.ended_ms, run.error = "failed", now_ms, why
        session.add(run)


def _due(session: Session, now_ms: int, interval_ms: int) -> bool:
    """Tell whether the schedule wants a run: an interval after the last began, or after the first CI was seen."""
    last = session.exec(select(func.max(IntegrityRun.asked_ms))).one()
    if last is None:
        last = session.exec(select(Ci.first_seen_ms).order_by(col(Ci.id)).limit(1)).first()
    return last is not None and now_ms - last >= interval_ms
