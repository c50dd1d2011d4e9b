"""`driftline ci edit` and `driftline ci import`: what people say of CIs, one by one or from a table."""

import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from driftline_server.cli.ci import Host, group
from driftline_server.cli.client import Client, connect, fail, part
from driftline_server.cli.output import Json, print_json, table

_TEXTS = ("status", "owner", "responsible", "environment", "location", "criticality")
_NAMES = {"class": "ci_class", "site": "location"}
#: CIs of an import that are printed.
_SHOWN = 50


def register(_app: typer.Typer) -> None:
    """Add nothing: the commands belong to `driftline ci`."""


Setting = Annotated[
    list[str] | None,
    typer.Option("--set", help="owner=dba, label.role=web, field.cost_centre=4711; nothing after = clears."),
]


@group.command("edit")
def edit(context: typer.Context, host: Host, setting: Setting = None, as_json: Json = False) -> None:
    """Set what people say of a CI: owner, responsible, environment, site, class, status, services, labels, fields."""
    client = connect(context)
    if not setting:
        fail("nothing is set; write --set owner=dba", 2)
    made = client.patch(f"/cis/{part(host)}", changed_by(setting, client, host))
    if as_json:
        print_json(made)
    else:
        typer.echo(f"{made['name']}: set {', '.join(one.partition('=')[0] for one in setting)}")


def changed_by(settings: list[str], client: Client | None, host: str) -> dict[str, Any]:
    """Return the body that settings mean.

    :param client: asked for the labels there are, where one is set; None: there are none yet.
    """
    body: dict[str, Any] = {}
    labels: dict[str, str | None] = {}
    for one in settings:
        name, equals, value = one.partition("=")
        name = _NAMES.get(name, name)
        if not equals:
            fail(f'"{one}" is not name=value', 2)
        if name.startswith("field."):
            body.setdefault("fields", {})[name[6:]] = value or None
        elif name.startswith("label."):
            labels[name[6:]] = value or None
        elif name == "services":
            body[name] = [word.strip() for word in value.split(",") if word.strip()]
        elif name in (*_TEXTS, "ci_class"):
            body[name] = value or None
        else:
            fail(f'"{name}" is none of class, {", ".join(_TEXTS)}, services, label.NAME, field.NAME', 2)
    if labels:
        before = client.get(f"/cis/{part(host)}")["labels"] if client is not None else {}
        body["labels"] = {name: value for name, value in {**before, **labels}.items() if value is not None}
    return body


@group.command("import")
def import_cis(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV in UTF-8; - reads it from stdin.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    create: Annotated[bool, typer.Option("--create", help="Make CIs that are not on record.")] = False,
    match: Annotated[str | None, typer.Option(help="name, uid, serial or fqdn; the surest column by default.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="Found out by the first line by default; tab is \\t.")] = None,
    clear: Annotated[str, typer.Option(help="A cell that takes a value away; an empty one leaves it.")] = "-",
    seen: Annotated[str | None, typer.Option(help="Import just what a dry run showed: its digest.")] = None,
    as_json: Json = False,
) -> None:
    """Set what people say of CIs from a table: all rows, or none."""
    client = connect(context)
    if not seen:
        try:
            content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        except OSError as error:
            fail(f"{file}: cannot be read: {error}")
        _say(f"{file}: {len(content):,} bytes; checking", as_json)
        wanted = {"match": match, "delimiter": delimiter, "clear": clear}
        given = {name: value for name, value in wanted.items() if value is not None}
        asked = urlencode({**given, "create": create, "dry_run": True})
        found = client.send(f"/cis/import?{asked}", content, method="POST", media_type="text/csv")
        _print(found, file, as_json, whole=dry_run)
        if dry_run or not found["cis"]:
            return
        seen = str(found["digest"])
        _say(f"writing {found['changed'] + found['created']:,} CIs", as_json)
    done = client.send(f"/cis/import/{part(seen)}", b"", method="POST", media_type="text/csv")
    if as_json:
        print_json(done)
    else:
        typer.echo(f"imported: {done['changed']} changed, {done['created']} new, {done['unchanged']} as they were")


def _say(text: str, as_json: bool) -> None:
    if not as_json:
        sys.stderr.write(f"{text} ...\n")


def _print(found: dict[str, Any], file: str, as_json: bool, *, whole: bool) -> None:
    """Print what a table would change; end where it has errors."""
    if found["errors"]:
        if as_json:
            print_json(found)
        for one in found["errors"]:
            sys.stderr.write(f"{file}:{one['line']}: {one['message']}\n")
        fail(f"{len(found['errors'])} errors, so nothing is imported")
    if as_json:
        if whole:
            print_json(found)
        return
    if found["ignored"]:
        sys.stderr.write(f"not imported: {', '.join(found['ignored'])}\n")
    for one in found["warnings"]:
        sys.stderr.write(f"warning: {one}\n")
    shown = found["cis"] if whole else found["cis"][:_SHOWN]
    if shown:
        rows = [
            (ci["line"], ci["name"] + (" (new)" if ci["new"] else ""), one["attribute"], one["before"], one["after"])
            for ci in shown
            for one in ci["changes"]
        ]
        table(("LINE", "CI", "WHAT", "BEFORE", "AFTER"), rows)
    if len(shown) < len(found["cis"]):
        typer.echo(f"... and {len(found['cis']) - len(shown)} more CIs")
    typer.echo(f"{found['changed']} change, {found['created']} new, {found['unchanged']} as they are")
    if whole and found["cis"]:
        typer.echo(f"import just this with --seen {found['digest']}")
