"""What commands print: tables for people, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from driftline.sealed import is_sealed

Json = Annotated[bool, typer.Option("--json", help="Print what the API says.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Rows at most.")]
Most = Annotated[int | None, typer.Option("--limit", min=1, help="Rows at most; all of them by default.")]
Sort = Annotated[str | None, typer.Option("--sort", help="Column to sort by; -column for descending.")]

_COLOURS = {
    "open": "red", "missing": "red", "quarantined": "red", "unexpected": "magenta", "changed": "yellow",
    "submitted": "yellow", "silent": "yellow", "draft": "cyan", "in force": "green", "live": "green",
    "assessed": "yellow", "scheduled": "cyan", "implementing": "cyan", "review": "yellow", "authorised": "green",
    "proposed": "yellow", "coming": "cyan", "planned": "cyan", "in test": "yellow", "accepted": "green",
    "in production": "green", "failed": "red", "started": "cyan", "done": "green", "requested": "yellow",
    "approved": "green",
    "closed": "green", "explained": "green", "reverted": "green", "backed out": "green",
}  # fmt: skip


def console() -> Console:
    """Return the console of stdout. Where no terminal is, lines are as long as they need to be."""
    plain = not sys.stdout.isatty()
    return Console(width=10_000 if plain else None, highlight=False, soft_wrap=plain)


def print_json(value: Any) -> None:
    """Print what the API said."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str = "nothing") -> None:
    """Print rows under their column names; `None` is an empty cell."""
    listed = list(rows)
    if not listed:
        sys.stdout.write(f"{empty}\n")
        return
    shown = Table(box=None, header_style="bold", pad_edge=False, show_edge=False)
    for name in columns:
        shown.add_column(name, overflow="fold")
    for row in listed:
        shown.add_row(*(cell if isinstance(cell, Text) else Text("" if cell is None else str(cell)) for cell in row))
    console().print(shown)


def pairs(values: Iterable[tuple[str, Any]]) -> None:
    """Print names and values, one a line; what has no value is left out."""
    kept = [(name, value) for name, value in values if value not in (None, "", [], {})]
    width = max((len(name) for name, _ in kept), default=0)
    out = console()
    for name, value in kept:
        text = value if isinstance(value, Text) else Text(str(value))
        out.print(Text(f"{name:<{width}}  ", "bold") + text)


def title(text: str) -> None:
    """Print a heading."""
    console().print(f"\n[bold]{escape(text)}[/bold]")


def more(answer: dict[str, Any]) -> None:
    """Say on stderr where a list goes on."""
    shown = answer["offset"] + len(answer["items"])
    if shown < answer["total"]:
        sys.stderr.write(f"{shown} of {answer['total']}; more with --limit\n")


def state(name: str) -> Text:
    """Return a state in its colour."""
    return Text(name, _COLOURS.get(name, ""))


def value(found: Any) -> str:
    """Return a fact's value in one line: absent is said, a package is its version, another element ``name=value``."""
    if isinstance(found, dict) and "version" in found:
        return value(found["version"])
    if is_sealed(found):
        return f"secret {found[-8:]}"
    if found is None:
        return "absent"
    if isinstance(found, bool):
        return "yes" if found else "no"
    if isinstance(found, list):
        return ", ".join(map(str, found))
    if isinstance(found, dict):
        return ", ".join(f"{name}={value(one)}" for name, one in found.items()) or "present"
    return str(found)


def moment(text: str | None) -> str:
    """Return a time of the API: ``2026-11-24 05:58:22``, UTC."""
    if not text:
        return ""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def bounds(not_before: str | None, observed: str | None) -> str:
    """Return when a change happened, as far as it is known."""
    if not observed:
        return ""
    return f"{moment(not_before)} .. {moment(observed)}" if not_before else f"until {moment(observed)}"


def evidence(found: dict[str, Any] | None) -> str:
    """Return the transaction that did it: ``apt-get install -y sl (jane)``."""
    if not found:
        return "none"
    who = f" (by {found['requested_by']})" if found["requested_by"] else ""
    return f"{found['command_line'] or found['manager']}{who}"


def print_diff(found: dict[str, Any]) -> None:
    """Print how two contents of a file differ, or why that cannot be told."""
    if found["lines"]:
        sys.stdout.write(f"--- {found['path']} {found['before'] or 'was not there'}\n")
        sys.stdout.write(f"+++ {found['path']} {found['after'] or 'is not there'}\n")
        sys.stdout.write("".join(f"{line}\n" for line in found["lines"]))
    else:
        sys.stdout.write(f"{found['why'] or 'the texts are the same'}\n")
