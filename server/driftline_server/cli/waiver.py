"""`driftline waiver`: CIs that may be in production for a time without what its gate asks for."""

from typing import Annotated, Any

import typer

from driftline_server.cli.client import connect, fail
from driftline_server.cli.output import Json, Limit, Sort, moment, more, print_json, state, table

group = typer.Typer(help="Waivers of the production gate.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="Number of a waiver.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="waiver")


@group.command("list")
def list_waivers(
    context: typer.Context,
    search: Annotated[str | None, typer.Argument(help="Text in the CI's name.")] = None,
    waiver_state: Annotated[str | None, typer.Option("--state", help="requested, approved, or over.")] = None,
    sort: Sort = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List waivers, newest first."""
    found = connect(context).get("/waivers", q=search, state=waiver_state, sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("WAIVER", "CI", "STATE", "REASON", "BY", "APPROVED BY", "UNTIL (UTC)"),
        (
            (
                one["id"],
                one["ci"]["name"],
                state(one["state"]),
                one["reason"],
                one["requested_by"],
                one["approved_by"],
                moment(one["until"]),
            )
            for one in found["items"]
        ),
        empty="no waiver",
    )
    more(found)


@group.command("add")
def add(
    context: typer.Context,
    host: Annotated[str, typer.Argument(help="Name or uid of a CI.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it has to be in production without.")],
    span: Annotated[str | None, typer.Option("--for", help="How long: 12h, 7d.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Or until when: 2026-12-01T00:00Z.")] = None,
    as_json: Json = False,
) -> None:
    """Ask for a waiver; somebody else approves it."""
    if (span is None) == (until is None):
        fail("give --for or --until", code=2)
    body = {"ci": host, "reason": reason, "until": until, "expires_in": span}
    _done(connect(context).post("/waivers", body), as_json)


@group.command("approve")
def approve(context: typer.Context, number: Number, as_json: Json = False) -> None:
    """Approve a waiver; who asked for it may not."""
    _done(connect(context).post(f"/waivers/{number}/approve", {}), as_json)


@group.command("end")
def end(
    context: typer.Context,
    number: Number,
    reason: Annotated[str, typer.Option("--reason", help="Why.")] = "",
    as_json: Json = False,
) -> None:
    """End a waiver before its time, or withdraw one."""
    _done(connect(context).post(f"/waivers/{number}/end", {"reason": reason}), as_json)


def _done(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        typer.echo(
            f"waiver {found['id']} of {found['ci']['name']} is {found['state']}, until {moment(found['until'])} UTC"
        )
