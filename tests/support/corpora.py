"""Recordings of real hosts beside the checkout: they have licences of their own and are never copied here."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

_CHECKOUT = Path(__file__).parents[2]


def corpus(name: str) -> Path:
    """Return a corpus' folder, or skip the test where it is not on this machine.

    :param name: ``hostcmd``, ``facterdb`` and the like.
    """
    told = os.environ.get("DRIFTLINE_CORPORA")
    places = [Path(told)] if told else [parent / "shared/corpora" for parent in _CHECKOUT.parents]
    for place in places:
        if (place / name).is_dir():
            return place / name
    pytest.skip(f"no recordings: shared/corpora/{name} beside the checkout, or DRIFTLINE_CORPORA, is not there")


def recording(path: str) -> str:
    """Return a recorded command output of the corpus hostcmd: ``generic/dmidecode/linux-1``."""
    return (corpus("hostcmd") / "resources" / path).read_text(errors="replace")


def expected(name: str) -> Any:
    """Return what a peer made of the recordings: ``tasks__inventory__generic__dmidecode__bios``."""
    return json.loads((corpus("hostcmd") / f"expected/{name}.json").read_text())
