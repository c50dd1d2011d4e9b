"""Recordings of other machines that stand beside the checkout, not in it: their licences are not ours."""

import os
from pathlib import Path

import pytest

_VARIABLE = "DRIFTLINE_CORPORA"


def corpora(*below: str) -> Path:
    """Return a folder of the corpora; skips the test where it is not there."""
    root = Path(os.environ.get(_VARIABLE) or Path(__file__).parents[3] / "shared/corpora")
    if not root.is_dir():
        root = Path(__file__).parents[4] / "shared/corpora"  # a worktree beside the checkout
    folder = root.joinpath(*below)
    if not folder.exists():
        pytest.skip(f"needs the corpora ({'/'.join(below)}), beside the checkout or where {_VARIABLE} says")
    return folder
