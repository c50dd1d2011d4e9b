"""`driftline`: the command for people and programs, over the REST API only."""

import importlib
import os
import pkgutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from driftline_server.cli import profiles
from driftline_server.cli.client import State

app = typer.Typer(
    name="driftline",
    help="What is there, what of it changed without approval, and when it runs out of capacity.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def options(
    context: typer.Context,
    profile: Annotated[str | None, typer.Option("--profile", help="The profile to use, not the default one.")] = None,
) -> None:
    """Keep the global options for the commands."""
    context.obj = State(profiles.path_of(os.environ), profile)


def _register() -> None:
    """Have every module of this package add its commands."""
    for module in sorted(pkgutil.iter_modules([str(Path(__file__).parent)]), key=lambda found: found.name):
        if module.name not in ("main", "entry"):
            register = getattr(importlib.import_module(f"driftline_server.cli.{module.name}"), "register", None)
            if register is not None:
                register(app)


_register()


def main() -> None:
    """Run from the command line."""
    try:
        app()
    except BrokenPipeError:  # the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def commands() -> list[str]:
    """Return every command by its words: ``rfc authorise``. For the test of the docs."""
    found: list[str] = []

    def walk(command: Any, words: str) -> None:
        below = getattr(command, "commands", None)
        if below is None:
            found.append(words)
        else:
            for name, one in below.items():
                walk(one, f"{words} {name}".strip())

    walk(typer.main.get_command(app), "")
    return sorted(found)


if __name__ == "__main__":
    main()
