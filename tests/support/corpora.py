"""Recordings that are not part of this repository: they lie beside the checkout, and a test that needs them says so."""

import json
import os
from pathlib import Path
from typing import Any

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


def recording(path: str) -> str:
    """Return what a command printed, by its path below hostcmd/resources."""
    return corpus("hostcmd", "resources", path).read_text(errors="replace")


def expected(name: str) -> Any:
    """Return what the peer made of recordings: hostcmd/expected/NAME.json."""
    return json.loads(corpus("hostcmd", "expected", f"{name}.json").read_text())
