"""`driftline baseline`: what is expected."""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from driftline_server.cli.ci import Host
from driftline_server.cli.client import connect, fail, part
from driftline_server.cli.output import Json, Limit, Sort, moment, more, pairs, print_json, state, table, title

group = typer.Typer(help="Baselines: what is expected.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of a baseline.")]
Version = Annotated[int | None, typer.Option("--version", help="Number of a version, by default the newest.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="baseline")


@group.command("list")
def list_baselines(context: typer.Context, sort: Sort = None, limit: Limit = 100, as_json: Json = False) -> None:
    """List baselines."""
    found = connect(context).get("/baselines", sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("NAME", "IN FORCE", "NEWEST", "STATE", "AUTHOR", "APPROVED BY", "CAPTURED FROM", "CHANGED (UTC)"),
        (
            (
                one["name"],
                f"v{one['in_force']}" if one["in_force"] else "none",
                f"v{one['latest']['number']}",
                state(one["latest"]["state"]),
                one["latest"]["author"],
                one["latest"]["approved_by"],
                one["latest"]["captured_from"],
                moment(one["latest"]["created"]),
            )
            for one in found["items"]
        ),
        empty="no baseline",
    )
    more(found)


@group.command("capture")
def capture(
    context: typer.Context,
    host: Host,
    name: Annotated[str, typer.Option("--name", help="Name of the baseline; a new version where there is one.")],
    as_json: Json = False,
) -> None:
    """Capture a baseline from a CI, as a draft that someone else has to approve."""
    _done(connect(context).post("/baselines", {"ci": host, "name": name}), as_json)


@group.command("show")
def show(
    context: typer.Context,
    name: Name,
    version: Version = None,
    only_document: Annotated[
        bool, typer.Option("--document", help="Print only the document, as edit takes it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show a baseline: its versions and the document of one."""
    found = connect(context).get(f"/baselines/{part(name)}", version=version)
    if only_document:
        typer.echo(found["document"].rstrip("\n"))
        return
    if as_json:
        print_json(found)
        return
    shown = found["shown"]
    pairs([("baseline", f"{found['name']} v{shown['number']}"), ("state", state(shown["state"]))])
    title("versions")
    table(
        ("VERSION", "STATE", "AUTHOR", "CREATED (UTC)", "APPROVED BY", "APPROVED (UTC)", "CAPTURED FROM"),
        (
            (
                f"v{one['number']}",
                state(one["state"]),
                one["author"],
                moment(one["created"]),
                one["approved_by"],
                moment(one["approved"]),
                one["captured_from"],
            )
            for one in found["versions"]
        ),
    )
    title("document")
    typer.echo(found["document"].rstrip("\n"))


@group.command("edit")
def edit(
    context: typer.Context,
    name: Name,
    file: Annotated[
        Path | None, typer.Option("--file", help="Take this document (- is stdin) instead of starting an editor.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Edit a baseline's document: a new draft version. Starts $VISUAL or $EDITOR."""
    client = connect(context)
    if file is not None:
        try:
            document = sys.stdin.read() if str(file) == "-" else file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            fail(f"{file}: {error}")
    else:
        before = client.get(f"/baselines/{part(name)}")["document"]
        document = _edited(before)
        if document == before:
            fail("nothing was changed")
    _done(client.put(f"/baselines/{part(name)}", {"document": document}), as_json)


def _edited(document: str) -> str:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="driftline-") as directory:
        path = Path(directory) / "baseline.yaml"
        path.write_text(document)
        try:
            subprocess.run([*shlex.split(editor), str(path)], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            fail(f"{editor}: {error}; nothing was changed")
        return path.read_text()


@group.command("approve")
def approve(context: typer.Context, name: Name, version: Version = None, as_json: Json = False) -> None:
    """Put a draft in force; its author may not."""
    _done(connect(context).post(f"/baselines/{part(name)}/approve", {"version": version}), as_json)


@group.command("retire")
def retire(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Take a baseline out of force."""
    _done(connect(context).post(f"/baselines/{part(name)}/retire", {}), as_json)


def _done(baseline: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(baseline)
    else:
        typer.echo(f"baseline {baseline['name']} v{baseline['shown']['number']} is {baseline['shown']['state']}")
