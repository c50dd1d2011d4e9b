"""`driftline catalog`: classes of CIs, and fields of the organisation's own."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from driftline_server.cli.client import connect, fail
from driftline_server.cli.output import Json, Limit, moment, more, pairs, print_json, table, title

group = typer.Typer(help="What a CI can be: classes, and fields of this organisation's own.", no_args_is_help=True)

File = Annotated[str, typer.Argument(metavar="FILE", help="YAML; - reads it from stdin.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="catalog")


@group.command("show")
def show(
    context: typer.Context,
    version: Annotated[int | None, typer.Option(help="An earlier version.")] = None,
    document: Annotated[bool, typer.Option("--document", help="Only the document, as `apply` takes it.")] = False,
    as_json: Json = False,
) -> None:
    """Show the classes and fields that CIs can have."""
    found = connect(context).get("/catalog", version=version)
    if as_json:
        print_json(found)
        return
    if document:
        sys.stdout.write(found["document"])
        return
    by = f"{found['author']} at {moment(found['created'])}" if found["created"] else "driftline, as shipped"
    pairs([("version", found["version"]), ("by", by), ("why", found["comment"])])
    title("classes")
    table(
        ("CLASS", "A KIND OF", "REPORTS", "CIS", "FIELDS", "MEANING"),
        (
            (
                one["name"],
                one["based_on"],
                "expected" if one["reports"] else "",
                one["cis"] or "",
                ", ".join(one["fields"]),
                one["meaning"],
            )
            for one in found["classes"]
        ),
    )
    title("fields")
    table(
        ("FIELD", "OF", "TYPE", "MUST", "MEANING"),
        (
            (one["name"], ", ".join(one["of"]) or "all classes", _type(one), _must(one), one["description"])
            for one in found["fields"]
        ),
    )


def _type(one: dict[str, Any]) -> str:
    more_of_it = one["unit"] or (f"to a {one['to']}" if one["to"] else "") or ", ".join(one["choices"])
    return f"{one['type']} ({more_of_it})" if more_of_it else str(one["type"])


def _must(one: dict[str, Any]) -> str:
    parts = ["be given"] if one["required"] else []
    parts += ["be unique"] if one["unique"] else []
    return ", ".join([*parts, f"match {one['pattern']}"] if one["pattern"] else parts)


@group.command("check")
def check(context: typer.Context, file: File, as_json: Json = False) -> None:
    """Say what a document would change, and which CIs would no longer fit. Exit code 1 where it would be refused."""
    found = connect(context).post("/catalog/check", {"document": _read(file)})
    if as_json:
        print_json(found)
    else:
        for one in found["changes"] or ["no class or field changes"]:
            typer.echo(one)
        for one in found["lacking"]:
            dots = " ..." if one["cis"] > len(one["names"]) else ""
            typer.echo(f"{one['cis']} CIs lack {one['field']}, which is required: {', '.join(one['names'])}{dots}")
        if found["broken"]:
            title("would no longer fit")
            rows = ((one["name"], one["attribute"], one["value"], one["why"]) for one in found["broken"])
            table(("CI", "WHAT", "VALUE", "WHY"), rows)
    if found["broken"]:
        raise typer.Exit(1)


@group.command("apply")
def apply(
    context: typer.Context,
    file: File,
    comment: Annotated[str, typer.Option(help="Why.")] = "",
    as_json: Json = False,
) -> None:
    """Put a document in force. Refused where CIs would no longer fit."""
    made = connect(context).put("/catalog", {"document": _read(file), "comment": comment})
    if as_json:
        print_json(made)
    else:
        typer.echo(f"catalog v{made['version']} is in force")


@group.command("history")
def history(context: typer.Context, limit: Limit = 100, as_json: Json = False) -> None:
    """List the versions of the document."""
    found = connect(context).get("/catalog/history", limit=limit)
    if as_json:
        print_json(found["items"])
        return
    rows = ((f"v{one['version']}", moment(one["created"]), one["author"], one["comment"]) for one in found["items"])
    table(("VERSION", "SINCE (UTC)", "BY", "WHY"), rows)
    more(found)


@group.command("schema")
def schema() -> None:
    """Print the JSON Schema of catalog documents, for editors."""
    from driftline_baseline.catalog import jsonschema  # only where needed: the command starts faster without

    typer.echo(jsonschema.text(), nl=False)


def _read(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file}: cannot be read: {error}")
