"""`driftline drift`: what is not as expected."""

from typing import Annotated, Any

import typer

from driftline_server.cli.ci import Match
from driftline_server.cli.client import connect
from driftline_server.cli.output import (
    Json,
    Limit,
    Sort,
    bounds,
    evidence,
    more,
    pairs,
    print_json,
    state,
    table,
    value,
)

group = typer.Typer(help="Drift: what is not as expected.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="drift")


@group.command("list")
def list_drifts(
    context: typer.Context,
    ci: Annotated[str | None, typer.Option("--ci", help="Only of this CI.")] = None,
    drift_state: Annotated[
        str, typer.Option("--state", help="open, explained, accepted, reverted, superseded, or all.")
    ] = "open",
    match: Match = None,
    sort: Sort = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List drifts, newest first: what, before and after, when, and which transaction did it."""
    found = connect(context).get("/drifts", ci=ci, state=drift_state, match=match, sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("ID", "CI", "WHAT", "KIND", "BEFORE", "AFTER", "WHEN (UTC)", "EVIDENCE", "STATE", "RFC"),
        (
            (
                one["id"],
                one["ci"]["name"],
                one["what"],
                state(one["kind"]),
                value(one["expected"]),
                value(one["actual"]),
                bounds(one["not_before"], one["observed"]),
                evidence(one["evidence"]),
                state(one["state"]),
                one["rfc"],
            )
            for one in found["items"]
        ),
        empty="no drift",
    )
    more(found)


@group.command("show")
def show(
    context: typer.Context, drift: Annotated[int, typer.Argument(help="Id of a drift.")], as_json: Json = False
) -> None:
    """Show one drift."""
    found = connect(context).get(f"/drifts/{drift}")
    if as_json:
        print_json(found)
    else:
        _show(found)


@group.command("accept")
def accept(
    context: typer.Context,
    drift: Annotated[int, typer.Argument(help="Id of a drift.")],
    reason: Annotated[str, typer.Option(help="Why.", prompt=True)],
    lasts: Annotated[str, typer.Option("--for", help="For how long: 12h, 7d.")] = "7d",
    as_json: Json = False,
) -> None:
    """Accept the value that a drift has, for a time; another value is a new drift."""
    found = connect(context).post(f"/drifts/{drift}/accept", {"reason": reason, "expires_in": lasts})
    if as_json:
        print_json(found)
    else:
        _show(found)


def _show(found: dict[str, Any]) -> None:
    pairs(
        [
            ("drift", found["id"]),
            ("ci", f"{found['ci']['name']} ({found['ci']['uid']})"),
            ("what", found["what"]),
            ("path", found["path"]),
            ("kind", state(found["kind"])),
            ("expected", value(found["expected"])),
            ("actual", value(found["actual"])),
            ("when (UTC)", bounds(found["not_before"], found["observed"])),
            ("evidence", evidence(found["evidence"])),
            ("state", state(found["state"])),
            ("why", found["why"]),
            ("baseline", found["baseline"]),
            ("rfc", found["rfc"]),
            ("came back", found["returns"] or None),
        ]
    )
