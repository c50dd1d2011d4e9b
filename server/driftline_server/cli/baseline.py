"""`driftline baseline`: what is expected."""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from driftline_server.cli.client import connect, fail, part
from driftline_server.cli.output import Json, Limit, Sort, moment, more, pairs, print_json, state, table, title, value

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
                one["latest"]["captured_from"] or one["latest"]["taken_from"],
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
    name: Annotated[str, typer.Option("--name", help="Name of the baseline; a new version where there is one.")],
    host: Annotated[str | None, typer.Argument(help="Name or uid of a CI; or --group.")] = None,
    a_group: Annotated[
        list[str] | None,
        typer.Option("--group", help="A group instead: role=web (a label), class=server, ci=web1,web2; all must hold."),
    ] = None,
    share: Annotated[float, typer.Option(help="Percent of the group that has to agree.")] = 90,
    leave_out: Annotated[
        bool, typer.Option("--leave-out-drifts", help="Take what is expected where drifts are open.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Capture a baseline from a CI or a group, as a draft that someone else has to approve."""
    if (host is None) == (not a_group):
        fail("name a HOST or a --group to capture from", 2)
    wanted: dict[str, Any] = {"name": name, "leave_out_drifts": leave_out}
    wanted |= {"ci": host} if host is not None else {"group": " ".join(a_group or ()), "share": share}
    found = connect(context).post("/baselines", wanted)
    _done(found, as_json)
    if not as_json:
        _captured(found)


def _captured(found: dict[str, Any]) -> None:
    if found["kept_document"]:
        typer.echo("the document is that of the version before; only what is captured is new")
    for path in found["left_out"]:
        typer.echo(f"left out, because its drift is open: {path}")
    group_found = found["group"]
    if group_found is None:
        return
    typer.echo(f"{group_found['cis']} CIs, {group_found['elements']} elements that enough of them agree on")
    title("proposed to ignore")
    table(
        ("PATH", "WHY"),
        ((one["pattern"], one["reason"]) for one in group_found["ignore"]),
    )
    title("not as most")
    for one in group_found["minorities"]:
        typer.echo(one["words"])


@group.command("create")
def create(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A document (- is stdin); its name is the baseline's.")],
    as_json: Json = False,
) -> None:
    """Draft a new baseline from a document alone: its rules, and nothing captured."""
    _done(connect(context).post("/baselines", {"document": read_document(file)}), as_json)


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
                one["captured_from"] or one["taken_from"],
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
        document = read_document(file)
    else:
        before = client.get(f"/baselines/{part(name)}")["document"]
        document = _edited(before)
        if document == before:
            fail("nothing was changed")
    _done(client.put(f"/baselines/{part(name)}", {"document": document}), as_json)


def read_document(file: Path) -> str:
    """Return what a file or stdin has."""
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file}: {error}")


#: Tells an editor with a YAML language server where the schema is; only while it is edited.
_MODELINE = "# yaml-language-server: $schema=baseline.schema.json\n"


def _edited(document: str) -> str:
    from driftline_baseline import jsonschema  # only where needed: the command starts faster without

    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="driftline-") as directory:
        path = Path(directory) / "baseline.yaml"
        path.with_name("baseline.schema.json").write_text(jsonschema.text())
        path.write_text(document if "yaml-language-server" in document else _MODELINE + document)
        try:
            subprocess.run([*shlex.split(editor), str(path)], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            fail(f"{editor}: {error}; nothing was changed")
        return path.read_text().removeprefix(_MODELINE)


@group.command("approve")
def approve(
    context: typer.Context,
    name: Name,
    version: Version = None,
    at: Annotated[str | None, typer.Option(help="Come into force then: 2026-11-24T22:00Z; at once by default.")] = None,
    as_json: Json = False,
) -> None:
    """Put a draft in force, at once or at a time; its author may not."""
    found = connect(context).post(f"/baselines/{part(name)}/approve", {"version": version, "at": at})
    _done(found, as_json)
    if not as_json:
        for one in found["folded"]:
            typer.echo(f"folds in RFC {one['rfc']}: {one['ci']} {one['path']} = {value(one['after'])}")


@group.command("roll-back")
def roll_back(
    context: typer.Context,
    name: Name,
    to: Annotated[int, typer.Option("--to", help="Number of the version to go back to.")],
    as_json: Json = False,
) -> None:
    """Draft a version that says what an older one said; someone else has to approve it."""
    _done(connect(context).post(f"/baselines/{part(name)}/roll-back", {"to": to}), as_json)


@group.command("promote")
def promote(
    context: typer.Context,
    name: Name,
    to: Annotated[str, typer.Option("--to", help="Name of the other baseline.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="What to change in the selector: environment=production, labels.tier=, ci= ..."),
    ] = None,
    version: Annotated[int | None, typer.Option(help="Number of a version; the one in force by default.")] = None,
    as_json: Json = False,
) -> None:
    """Draft another baseline with the same document and captured set: from test to production."""
    changed = {}
    for setting in settings or ():
        key, equals, wanted = setting.partition("=")
        if not equals:
            fail(f"--set {setting}: write NAME=VALUE, as environment=production", 2)
        changed[key] = wanted
    body = {"to": to, "set": changed, "version": version}
    _done(connect(context).post(f"/baselines/{part(name)}/promote", body), as_json)


@group.command("retire")
def retire(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Take a baseline out of force."""
    _done(connect(context).post(f"/baselines/{part(name)}/retire", {}), as_json)


@group.command("schema")
def schema() -> None:
    """Print the JSON Schema of baseline documents, for editors."""
    from driftline_baseline import jsonschema  # only where needed: the command starts faster without

    typer.echo(jsonschema.text(), nl=False)


def _done(baseline: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(baseline)
        return
    shown = baseline["shown"]
    later = f", in force from {moment(shown['force_at'])} UTC" if shown["state"] == "approved" else ""
    typer.echo(f"baseline {baseline['name']} v{shown['number']} is {shown['state']}{later}")
