"""`driftline policy`, `template`, `freeze`: what governs changes."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from driftline_server.cli.client import connect, fail, part
from driftline_server.cli.output import Json, Limit, Sort, moment, more, pairs, print_json, state, table, title

policy = typer.Typer(help="Policies: who has to agree to a change, what production asks for.", no_args_is_help=True)
template = typer.Typer(help="Templates of standard changes.", no_args_is_help=True)
freeze = typer.Typer(help="Change freezes.", no_args_is_help=True)

#: approval: who has to agree to a change; gate: what a CI in production must have.
POLICIES = ("approval", "gate")

Policy = Annotated[str, typer.Argument(help="Which policy: approval or gate.")]
File = Annotated[Path, typer.Argument(help="The YAML document; - is stdin.")]
Name = Annotated[str, typer.Argument(help="Its name.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(policy, name="policy")
    app.add_typer(template, name="template")
    app.add_typer(freeze, name="freeze")


def _read(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file}: {error}")


def _path(which: str) -> str:
    if which not in POLICIES:
        fail(f'there is no policy "{which}"; there are {" and ".join(POLICIES)}', code=2)
    return f"/policies/{which}"


@policy.command("show")
def show_policy(context: typer.Context, which: Policy = "approval", as_json: Json = False) -> None:
    """Show the policy in force, and its versions."""
    found = connect(context).get(_path(which))
    if as_json:
        print_json(found)
        return
    pairs([("policy", f"v{found['number']}" if found["number"] else "as shipped")])
    title("versions")
    table(
        ("VERSION", "STATE", "AUTHOR", "CREATED (UTC)", "CONFIRMED BY"),
        (
            (f"v{one['number']}", state(one["state"]), one["author"], moment(one["created"]), one["confirmed_by"])
            for one in found["versions"]
        ),
        empty="none was set yet",
    )
    title("document")
    typer.echo(found["document"].rstrip("\n"))


@policy.command("set")
def set_policy(context: typer.Context, which: Policy, file: File, as_json: Json = False) -> None:
    """Propose a policy; another admin or approver confirms it."""
    found = connect(context).put(_path(which), {"document": _read(file)})
    if as_json:
        print_json(found)
        return
    number = found["versions"][0]["number"]
    typer.echo(f"policy v{number} is proposed; someone else confirms it: driftline policy confirm {which} {number}")


@policy.command("confirm")
def confirm_policy(
    context: typer.Context,
    which: Policy,
    number: Annotated[int, typer.Argument(help="Number of the proposed version.")],
    as_json: Json = False,
) -> None:
    """Put a proposed policy in force; its author may not."""
    found = connect(context).post(f"{_path(which)}/confirm", {"number": number})
    if as_json:
        print_json(found)
    else:
        typer.echo(f"policy v{found['number']} is in force")


@template.command("list")
def list_templates(context: typer.Context, sort: Sort = None, limit: Limit = 100, as_json: Json = False) -> None:
    """List templates of standard changes."""
    found = connect(context).get("/rfc-templates", sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("NAME", "VERSION", "STATE", "TITLE", "NEEDS", "AUTHOR", "APPROVED BY"),
        (
            (
                one["name"],
                f"v{one['number']}",
                state(one["state"]),
                one["title"],
                ", ".join(one["parameters"]),
                one["author"],
                one["approver"],
            )
            for one in found["items"]
        ),
        empty="no template",
    )
    more(found)


@template.command("show")
def show_template(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Show the newest version of a template."""
    found = connect(context).get(f"/rfc-templates/{part(name)}")
    if as_json:
        print_json(found)
        return
    _said(found)
    typer.echo(found["document"].rstrip("\n"))


@template.command("write")
def write_template(context: typer.Context, name: Name, file: File, as_json: Json = False) -> None:
    """Draft a template, or its next version, from a file."""
    _done(connect(context).put(f"/rfc-templates/{part(name)}", {"document": _read(file)}), as_json)


@template.command("approve")
def approve_template(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Put a draft in force: changes made from it are approved by you. Its author may not."""
    _done(connect(context).post(f"/rfc-templates/{part(name)}/approve", {}), as_json)


@template.command("retire")
def retire_template(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Take a template out of force, or drop its draft."""
    _done(connect(context).post(f"/rfc-templates/{part(name)}/retire", {}), as_json)


def _done(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        _said(found)


def _said(found: dict[str, Any]) -> None:
    typer.echo(f"template {found['name']} v{found['number']} is {found['state']}")


@freeze.command("list")
def list_freezes(
    context: typer.Context,
    over: Annotated[bool, typer.Option("--over", help="Also those that are over.")] = False,
    sort: Sort = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List change freezes."""
    found = connect(context).get("/freezes", over=over, sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("NAME", "CIS", "FROM (UTC)", "TO (UTC)", "STATE", "REASON", "BY"),
        (
            (
                one["name"],
                one["selector"],
                moment(one["start"]),
                moment(one["end"]),
                state(one["state"]),
                one["reason"],
                one["created_by"],
            )
            for one in found["items"]
        ),
        empty="no freeze",
    )
    more(found)


@freeze.command("add")
def add_freeze(
    context: typer.Context,
    name: Name,
    start: Annotated[str, typer.Option(help="When it begins, as 2026-11-24T22:00Z.")],
    end: Annotated[str, typer.Option(help="When it ends.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    selector: Annotated[
        str, typer.Option(help="Which CIs, as a baseline's selector: 'environment: production'; all: every CI.")
    ] = "all",
    as_json: Json = False,
) -> None:
    """Add a change freeze."""
    body = {"name": name, "selector": selector, "start": start, "end": end, "reason": reason}
    found = connect(context).post("/freezes", body)
    if as_json:
        print_json(found)
    else:
        typer.echo(f"freeze {found['name']} is {found['state']}")


@freeze.command("end")
def end_freeze(
    context: typer.Context,
    name: Name,
    reason: Annotated[str, typer.Option(help="Why it ends before its time.")] = "",
    as_json: Json = False,
) -> None:
    """End a freeze before its time."""
    found = connect(context).post(f"/freezes/{part(name)}/end", {"reason": reason})
    if as_json:
        print_json(found)
    else:
        typer.echo(f"freeze {found['name']} is {found['state']}")
