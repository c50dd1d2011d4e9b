"""What the page says there is, is what there is."""

import dataclasses
import re
from pathlib import Path

from driftline_collector.metrics import Metrics
from driftline_collector.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "collector.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    text = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


def test_every_setting_is_explained_with_its_default() -> None:
    def shown(field: dataclasses.Field[object]) -> str:
        if field.default is dataclasses.MISSING:
            return "none, must be set"
        return str(field.default) if field.default not in ("", ()) else "empty"

    assert [row[:2] for row in rows("Settings")] == [
        [field.name, shown(field)] for field in dataclasses.fields(Settings)
    ]


def test_every_metric_is_explained() -> None:
    names = set()
    for family in Metrics().registry.collect():
        names.add(family.name + ("_total" if family.type == "counter" else ""))
    assert {row[0] for row in rows("Metrics")} == names


def test_every_command_is_explained() -> None:
    source = Path(__file__).parents[2] / "collector" / "driftline_collector" / "main.py"
    commands = re.findall(r'add_parser\("(\w+)"', source.read_text())
    assert [row[0].split()[1] for row in rows("Commands")] == commands
