"""A running site."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.site import Site, needs_root, site


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Site]:
    """`driftline up` with this host's agent."""
    needs_root()
    with site(tmp_path) as started:
        yield started
