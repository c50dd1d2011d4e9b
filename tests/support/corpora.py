"""Recordings that are not part of this repository: they lie beside the checkout, and a test that needs them says so."""

import os
from pathlib import Path

import pytest


def corpus(*names: str) -> Path:
    """Return a folder or file of the corpora; skips the test where there are none.

    They are looked for in DRIFTLINE_CORPORA, and in ``shared/corpora`` beside the checkout or above it.
    """
    given = os.environ.get("DRIFTLINE_CORPORA")
    places = [Path(given)] if given else [folder / "shared/corpora" for folder in Path(__file__).resolve().parents]
    for place in places:
        if place.joinpath(*names).exists():
            return place.joinpath(*names)
    pytest.skip(f"the corpora with {'/'.join(names)} are not there; set DRIFTLINE_CORPORA to their folder")
