"""`driftline up`: everything on this machine."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("up")(up)


def up(
    data: Annotated[Path, typer.Option(help="Folder for database, keys and logs.")] = Path("var"),
    database: Annotated[str | None, typer.Option(metavar="URL", help="Instead of SQLite in the data folder.")] = None,
    web: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where pages and REST API listen.")] = "127.0.0.1:8080",
    enrol: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where agents enrol.")] = "127.0.0.1:7443",
    report: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where agents report.")] = "127.0.0.1:7444",
    metrics: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where /metrics listens.")] = "127.0.0.1:7445",
    name: Annotated[
        list[str] | None, typer.Option(help="Name or address of this machine, for the collector's certificate.")
    ] = None,
    agent: Annotated[bool, typer.Option(help="Also run an agent for this host.")] = True,
    devices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Devices that this host's agent reads; it may, for its site.")
    ] = None,
) -> None:
    """Run collector, server and an agent for this host until Ctrl-C."""
    # Imported here: the other commands start faster without.
    from driftline_server.up import command

    options = command.Options(data, database, web, enrol, report, metrics, tuple(name or ()), agent, devices)
    raise typer.Exit(command.up(options))
