"""The README and the docs name only what is there."""

import re
from pathlib import Path

import pytest

from driftline_server.cli.main import commands

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
README = (ROOT / "README.md").read_text()


def test_every_command_is_one() -> None:
    known = set(commands())
    named = re.findall(r"\.venv/bin/driftline (?:--profile \w+ )?([a-z][a-z-]*(?: [a-z][a-z-]+)?)", README)
    assert len(named) > 8
    for words in named:
        assert words in known or words.split()[0] in known, words


def test_every_target_is_one() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {target for page in PAGES for target in re.findall(r"(?:`|^    )make ([a-z-]+)", page.read_text(), re.M)}
    assert {"up", "test", "wheel"} <= named
    assert named <= targets, named - targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"`[^`\n]*`", "", page.read_text())
    for link in re.findall(r"\]\(([^)#]+)\)", prose):
        if not link.startswith(("http://", "https://")):
            assert (page.parent / link).exists(), link


def test_the_standards_clauses_name_tests_that_are_there() -> None:
    rows = [line for line in (ROOT / "docs/iso-20000.md").read_text().splitlines() if line.startswith("| ")]
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row.rsplit("|", 2)[1])}
    assert len(named) > 20
    tests = ROOT / "tests"
    for name in named:
        assert (tests / name).is_file() or (tests / "cmdb/cases" / name / "case.yaml").is_file(), name


def test_every_command_of_the_guide_is_one() -> None:
    known = set(commands())
    guide = (ROOT / "docs/guide.md").read_text()
    named = re.findall(r"driftline (?:--profile \w+ )?([a-z]+ [a-z][a-z-]+)", guide)
    assert len(named) > 20
    assert set(named) <= known, set(named) - known
