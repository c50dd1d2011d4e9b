"""A real collector in this process, with real TLS and a real SQLite file."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.collector.harness import Agent, MovedClock, agent_of

from driftline_collector.collector import Collector
from driftline_collector.settings import Address, Settings

Start = Callable[..., Collector]


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def record_url(tmp_path: Path) -> str:
    """The record's database: SQLite; a module whose tests should meet PostgreSQL too returns `database_url` here."""
    (tmp_path / "record").mkdir()
    return f"sqlite:///{tmp_path}/record/driftline.db"


@pytest.fixture
def start(tmp_path: Path, record_url: str, clock: MovedClock) -> Iterator[Start]:
    """Start a collector; further settings may be given."""
    running: list[Collector] = []

    def start(**more: Any) -> Collector:
        free = Address("127.0.0.1", 0)
        collector = Collector(
            Settings(
                database=record_url,
                data=tmp_path / "collector",
                **{"enrol_listen": free, "report_listen": free, "metrics_listen": free, **more},
            ),
            clock,
        )
        running.append(collector)
        collector.start()
        return collector

    yield start
    for collector in running:
        collector.stop()


@pytest.fixture
def collector(start: Start) -> Collector:
    return start()


@pytest.fixture
def agent(collector: Collector) -> Agent:
    """An agent that has joined."""
    return agent_of(collector)


@pytest.fixture
def database_away(collector: Collector, tmp_path: Path) -> Callable[[], AbstractContextManager[None]]:
    """Take the collector's database away while a block runs: no file can be opened, as on a disk that went away."""

    @contextmanager
    def away() -> Iterator[None]:
        here, there = tmp_path / "record", tmp_path / "away"
        here.rename(there)
        collector.database.close()
        yield
        there.rename(here)

    return away
