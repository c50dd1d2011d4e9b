"""Recordings that are no part of this repository: in the folder that DRIFTLINE_CORPORA names, or beside it."""

import os
from pathlib import Path

import pytest

_HERE = Path(__file__).resolve().parents[2]


def folder(name: str) -> Path:
    """Return a corpus' folder; the test is skipped where it is not there."""
    named = os.environ.get("DRIFTLINE_CORPORA")
    places = [Path(named)] if named else [above / "shared" / "corpora" for above in _HERE.parents]
    for place in places:
        if (place / name).is_dir():
            return place / name
    pytest.skip(f"no corpus {name} in {places[0]}; name its folder's parent in DRIFTLINE_CORPORA")
