"""Properties of the record over random timelines: what happens is explained or open, never lost, in whatever order."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select
from tests.support.timeline import Timeline, clock

from driftline_baseline.compare import compare
from driftline_cmdb.database import Database
from driftline_cmdb.drift.expectation import expected_of
from driftline_cmdb.record import elements_of, find_ci, sources_of
from driftline_cmdb.rfcs import reading, verification
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.elements import Holding
from driftline_cmdb.tables.elements import Path as Path_
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta

HOSTS = ("web1", "web2")
VERSIONS = st.sampled_from(["1", "2", "3"])
STATES = st.fixed_dictionaries(
    {
        "packages": st.dictionaries(st.sampled_from(["a", "b"]), VERSIONS, min_size=1),
        "sysctls": st.dictionaries(st.sampled_from(["x", "y"]), VERSIONS, min_size=1),
    }
)
#: What one host reports, by minute after 09:00.
REPORTS = st.lists(st.tuples(st.integers(0, 300), STATES), max_size=5, unique_by=lambda item: item[0])
LINES = st.sampled_from(
    [
        {"path": "software.packages[dpkg/a/amd64].version", "at_least": "2"},
        {"path": "software.packages[dpkg/*/*].version", "upgrade": True, "origin": "o"},
        {"path": "os.sysctls[x].value", "is": "3"},
        {"path": "software.packages[dpkg/b/amd64]", "absent": True},
        {"path": "software.packages[dpkg/*/*]", "present": True, "origin": "o"},
    ]
)
PLAN = st.tuples(st.lists(LINES, min_size=1, max_size=3, unique_by=lambda line: line["path"]), st.integers(0, 200))
RULE = """
name: upgrades
selector: {ci: [web1, web2]}
hours: {from: "10:00", to: "12:00"}
allow:
  - {path: "software.packages[dpkg/*/*].version", upgrade: true, origin: o}
expires: 2090-01-01
"""
#: Each example runs a whole site, so they are few; the seed moves with every run.
SITE = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@contextmanager
def a_site(template: Path) -> Iterator[Timeline]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "driftline.db"
        shutil.copy(template, path)
        database = Database(f"sqlite:///{path}")
        yield Timeline(database)
        database.close()


def minute(number: int) -> str:
    return f"{9 + number // 60:02}:{number % 60:02}"


def begin(first: dict[str, Any], plan: Any, rule: bool) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = [{"at": "07:00", "report": {"host": host, **first}} for host in HOSTS]
    for host in HOSTS:
        steps.append({"at": "07:01", "capture": {"host": host, "name": host, "by": "alice"}})
        steps.append({"at": "07:02", "approve": {"name": host, "by": "bob"}})
    steps.append({"at": "07:03", "origin": {"name": "o", "publishes": {"a": "2", "b": "3"}}})
    if rule:
        steps.append({"at": "07:04", "rule": {"by": "alice", "document": RULE}})
        steps.append({"at": "07:05", "approve_rule": {"name": "upgrades", "by": "bob"}})
    if plan is not None:
        lines, start = plan
        window = {"start": minute(start), "end": minute(start + 60)}
        steps.append({"at": "07:06", "plan": {"hosts": list(HOSTS), "by": "alice", "predict": lines, **window}})
        steps.append({"at": "07:07", "authorise": {"rfc": 1, "by": "bob"}})
    return steps


def told(host: str, reports: list[tuple[int, Any]]) -> list[tuple[int, dict[str, Any]]]:
    return [(at, {"host": host, "read_at": minute(at), **state}) for at, state in sorted(reports, key=lambda r: r[0])]


def end(timeline: Timeline, plan: Any) -> None:
    """Judge the plan at the end of its window, as the job does, long after everything."""
    if plan is not None:
        with timeline.database.write() as session:
            verification.end_window(session, reading.find_rfc(session, 1), clock("23:58"))
        timeline.run({"steps": [{"at": "23:59", "wait": {}}]})


def what_differs(database: Database) -> set[tuple[str, str, str | None]]:
    """Compare every CI whole, apart from the pipeline that keeps drifts."""
    found = set()
    with database.read() as session:
        for host in HOSTS:
            ci = find_ci(session, host)
            expected = expected_of(session, ci)
            held = elements_of(session, ci.id, expected.named_paths() | _held_paths(session, ci.id))
            for path in sorted(expected.named_paths() | held.keys()):
                found |= {(host, item.path, item.actual) for item in compare(expected, path, held.get(path))}
    return found


def _held_paths(session: Any, ci_id: int) -> set[str]:
    query = (
        select(Path_.text)
        .join(Holding, Holding.path_id == Path_.id)  # type: ignore[arg-type]  # a column
        .where(Holding.source_id.in_(sources_of(session, ci_id)))  # type: ignore[attr-defined]  # a column
    )
    return set(session.exec(query))


def drifts(database: Database, *states: str) -> set[tuple[str, str, str | None]]:
    with database.read() as session:
        query = select(Drift, Ci.name).join(Ci, Ci.id == Drift.ci_id)  # type: ignore[arg-type]  # a column
        return {(name, drift.path, drift.actual) for drift, name in session.exec(query) if drift.state in states}


@pytest.fixture(scope="module")
def template(_sqlite_template: Path) -> Path:
    return _sqlite_template


@SITE
@given(first=STATES, one=REPORTS, two=REPORTS, plan=st.none() | PLAN, rule=st.booleans())
def test_what_differs_is_open_and_what_is_explained_has_a_reason(
    template: Path, first: Any, one: Any, two: Any, plan: Any, rule: bool
) -> None:
    with a_site(template) as timeline:
        timeline.run({"steps": begin(first, plan, rule)})
        for at, report in sorted(told("web1", one) + told("web2", two), key=lambda item: item[0]):
            timeline.run({"steps": [{"at": minute(at), "report": report}]})
        end(timeline, plan)
        assert drifts(timeline.database, "open", "accepted") == what_differs(timeline.database)
        with timeline.database.read() as session:
            for drift in session.exec(select(Drift).where(Drift.state == "explained")):
                assert drift.explained_by_id is not None
                rfc = session.get_one(Rfc, drift.explained_by_id)
                assert rfc.origin == "rule" if plan is None else rfc.number == 1 or rfc.origin == "rule"
                joined = select(RfcDelta.after).where(
                    RfcDelta.rfc_id == rfc.id, RfcDelta.ci_id == drift.ci_id, RfcDelta.path == drift.path
                )
                assert session.exec(joined).one() is not None or drift.actual is None
        if plan is None and not rule:
            assert drifts(timeline.database, "explained") == set()


@SITE
@given(first=STATES, one=REPORTS, two=REPORTS, plan=st.none() | PLAN, rule=st.booleans(), random=st.randoms())
def test_the_order_of_arrival_changes_nothing(
    template: Path, first: Any, one: Any, two: Any, plan: Any, rule: bool, random: Any
) -> None:
    """Hosts' reports come in another order, hours late; each host's own come in its order, as its spool keeps them."""
    results = []
    for late in (False, True):
        with a_site(template) as timeline:
            timeline.run({"steps": begin(first, plan, rule)})
            queues = [told("web1", one), told("web2", two)]
            if late:
                while any(queues):
                    queue = random.choice([queue for queue in queues if queue])
                    timeline.run({"steps": [{"at": "20:00", "report": queue.pop(0)[1]}]})
            else:
                for at, report in sorted(queues[0] + queues[1], key=lambda item: item[0]):
                    timeline.run({"steps": [{"at": minute(at), "report": report}]})
            end(timeline, plan)
            results.append((drifts(timeline.database, "open"), drifts(timeline.database, "explained")))
    assert results[0] == results[1]


@SITE
@given(first=STATES, one=REPORTS.filter(bool))
def test_revert_after_any_change_leaves_nothing(template: Path, first: Any, one: Any) -> None:
    with a_site(template) as timeline:
        timeline.run({"steps": begin(first, None, False)})
        for at, report in told("web1", one):
            timeline.run({"steps": [{"at": minute(at), "report": report}]})
        timeline.run({"steps": [{"at": "20:00", "report": {"host": "web1", **first}}]})
        assert drifts(timeline.database, "open") == set() == what_differs(timeline.database)
        with timeline.database.read() as session:
            assert {rfc.state for rfc in session.exec(select(Rfc))} <= {"backed out", "cancelled"}
