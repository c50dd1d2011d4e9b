"""What a collector does for the record by itself: it signs the audit trail, and verifies when asked."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, select, update
from tests.collector.conftest import Start
from tests.collector.harness import HOUR_MS, MovedClock, agent_of, join_token, packages

from driftline_cmdb.audit import sealing
from driftline_cmdb.audit.export import export
from driftline_cmdb.audit.verify import verify
from driftline_cmdb.integrity import asking
from driftline_cmdb.tables.audit import AuditEntry
from driftline_cmdb.tables.cis import Finding
from driftline_cmdb.tables.heads import AuditHead
from driftline_cmdb.tables.integrity import IntegrityRun
from driftline_collector.collector import Collector
from driftline_collector.errors import AuthorityError
from driftline_collector.signing import Signer


@pytest.fixture
def record_url(database_url: str) -> str:
    return database_url


def until(collector: Collector, found: Callable[[Session], Any]) -> Any:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with collector.database.read() as session:
            value = found(session)
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("not seen")


def sign(collector: Collector) -> None:
    """Do what the jobs do, now."""
    while sealing.seal(collector.database):
        pass
    collector._jobs._records.sign()


def test_the_trail_is_signed_with_a_key_that_stays(start: Start, clock: MovedClock, tmp_path: Path) -> None:
    first = start()
    key = Signer(tmp_path / "collector").key
    join_token(first.database, first.authority.fingerprint)
    sign(first)
    first.stop()
    second = start()
    join_token(second.database, second.authority.fingerprint)
    clock.ahead_ms += HOUR_MS
    sign(second)
    verdict = verify(list(export(second.database, 0)), {key.id: key})
    assert verdict.problems == [] and len(verdict.heads) >= 2 and verdict.heads[-1].position == verdict.last
    for name in ("head.key", "head.json"):
        assert (tmp_path / "collector" / "audit" / name).stat().st_mode & 0o077 == 0


def test_a_trail_written_anew_is_not_signed(start: Start, clock: MovedClock) -> None:
    collector = start()
    join_token(collector.database, collector.authority.fingerprint)
    sign(collector)
    with collector.database.write() as session:
        count = len(session.exec(select(AuditHead)).all())
        session.exec(update(AuditEntry).values(chain=b"x" * 32))
    clock.ahead_ms += HOUR_MS
    join_token(collector.database, collector.authority.fingerprint)
    sign(collector)
    with collector.database.read() as session:
        assert len(session.exec(select(AuditHead)).all()) == count
        message = session.exec(select(Finding.message).where(Finding.kind == "audit broken")).one()
        assert "the trail was written anew" in message


def test_a_changed_memory_of_what_was_signed_is_refused(start: Start, tmp_path: Path) -> None:
    collector = start()
    join_token(collector.database, collector.authority.fingerprint)
    sign(collector)
    collector.stop()
    file = tmp_path / "collector" / "audit" / "head.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"position": 1, "at_ms": 5}))
    with pytest.raises(AuthorityError, match="was changed"):
        Signer(tmp_path / "collector").last()
    (tmp_path / "collector" / "audit" / "head.key").chmod(0o644)
    with pytest.raises(AuthorityError, match="chmod 600"):
        Signer(tmp_path / "collector")


def test_a_verification_that_is_asked_for_is_carried_out(start: Start) -> None:
    collector = start()
    agent_of(collector).submit(packages(("openssl", "1")))
    with collector.database.write() as session:
        run = asking.ask(session, "alice", collector._jobs._clock()).id

    def done(session: Session) -> IntegrityRun | None:
        row = session.get_one(IntegrityRun, run)
        return row if row.ended_ms is not None else None

    row = until(collector, done)
    # one package, and what the record says of a CI that somebody announced and of one that nobody did
    assert (row.state, row.cis, row.cis_accurate, row.elements, row.elements_accurate) == ("done", 1, 1, 3, 3)


def test_the_schedule_asks_by_itself(start: Start, clock: MovedClock) -> None:
    collector = start(integrity_interval_h=1, integrity_unseen_days=1)
    agent_of(collector).submit(packages(("openssl", "1")))
    clock.ahead_ms += 25 * HOUR_MS
    query = select(IntegrityRun).where(col(IntegrityRun.ended_ms).is_not(None))
    row = until(collector, lambda session: session.exec(query).first())
    assert row.asked_by == "schedule"
    with collector.database.read() as session:
        messages = session.exec(select(Finding.message).where(Finding.kind == "integrity")).all()
        assert any("was not seen for 1 days" in message for message in messages)
