"""Captured cases: a folder below cases/<topic>/ with a host's files (`root`), what comes of them, and their origin.

To add one: put the folder there and run ``UPDATE_CASES=1 pytest tests/agent/test_cases.py``, then read the difference.
"""

import gzip
import os
import shutil
from pathlib import Path

import pytest

from driftline_agent import show
from driftline_agent.host import Host
from driftline_agent.inventory import read_topic
from driftline_agent.topic import all_topics

CASES = Path(__file__).parent / "cases"
FOLDERS = sorted(path for topic in CASES.iterdir() for path in topic.iterdir())


def result_of(case: Path, scratch: Path) -> str:
    """Return what a case's topic reads: reason, what is unreadable, and the attributes."""
    root = scratch / "root"
    shutil.copytree(case / "root", root, symlinks=True)
    for packed in root.rglob("*.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    name = case.parent.name
    result = read_topic(name, all_topics()[name], Host(str(root)), bytes(32))
    lines = [f"# {result.section.reason}"] if result.section.reason else []
    lines += [f"# unreadable: {path}" for path in result.section.unreadable]
    if result.reading is not None:
        lines += show.as_flat(result.reading.facts)
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("case", FOLDERS, ids=[f"{path.parent.name}-{path.name}" for path in FOLDERS])
def test_case(case: Path, tmp_path: Path) -> None:
    found, expected = result_of(case, tmp_path), case / "expected.tsv"
    if os.environ.get("UPDATE_CASES"):
        expected.write_text(found)
    assert found == expected.read_text()
    assert (case / "ORIGIN").read_text().strip()
