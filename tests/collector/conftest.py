"""A real collector in this process, with real TLS and a real SQLite file."""

from collections.abc import Callable, Iterator
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
def start(tmp_path: Path, clock: MovedClock) -> Iterator[Start]:
    """Start a collector; further settings may be given."""
    running: list[Collector] = []

    def start(**more: Any) -> Collector:
        free = Address("127.0.0.1", 0)
        collector = Collector(
            Settings(
                database=f"sqlite:///{tmp_path}/driftline.db",
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
