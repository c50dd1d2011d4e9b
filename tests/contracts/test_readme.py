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
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not link.startswith(("http://", "https://")):
            assert (page.parent / link).exists(), link
