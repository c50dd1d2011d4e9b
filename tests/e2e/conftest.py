"""A running site, and what needs root."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.site import Site, site


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Site]:
    """`driftline up` with this host's agent."""
    if os.geteuid() != 0:
        pytest.skip("installs packages and makes namespaces: needs root; run: sudo make test")
    with site(tmp_path) as started:
        yield started
