"""`driftline rfc`: requests for change."""

from typing import Annotated, Any

import typer

from driftline_server.cli.client import connect, fail
from driftline_server.cli.output import (
    Json,
    Limit,
    Sort,
    bounds,
    evidence,
    moment,
    more,
    pairs,
    print_json,
    state,
    table,
    title,
    value,
)

group = typer.Typer(help="Requests for change.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="Number of an RFC.")]
Comment = Annotated[str, typer.Option("--comment", help="Why, for whoever reads it later.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="rfc")


@group.command("list")
def list_rfcs(
    context: typer.Context,
    rfc_state: Annotated[
        str | None, typer.Option("--state", help="A state, or waiting: where someone has to decide.")
    ] = None,
    sort: Sort = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List RFCs, newest first."""
    found = connect(context).get("/rfcs", state=rfc_state, sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("RFC", "TITLE", "STATE", "TYPE", "CIS", "REQUESTER", "RAISED (UTC)"),
        (
            (
                one["number"],
                one["title"],
                state(_shown_state(one)),
                one["kind"],
                one["cis"],
                one["requester"],
                moment(one["created"]),
            )
            for one in found["items"]
        ),
        empty="no RFC",
    )
    more(found)


def _shown_state(rfc: dict[str, Any]) -> str:
    if rfc["ordered"] and not rfc["closed"]:
        return f"{rfc['state']}, to be reverted"
    return f"{rfc['state']}, {rfc['outcome']}" if rfc["outcome"] else str(rfc["state"])


@group.command("show")
def show(context: typer.Context, number: Number, as_json: Json = False) -> None:
    """Show an RFC: before and after, CIs, time bounds, evidence, decisions."""
    found = connect(context).get(f"/rfcs/{number}")
    if as_json:
        print_json(found)
    else:
        _show(found)


def _show(rfc: dict[str, Any]) -> None:
    pairs(
        [
            ("rfc", rfc["number"]),
            ("title", rfc["title"]),
            ("state", state(_shown_state(rfc))),
            ("type", rfc["kind"]),
            ("priority", rfc["priority"]),
            ("requester", rfc["requester"]),
            ("raised (UTC)", moment(rfc["created"])),
            ("changed (UTC)", bounds(rfc["not_before"], rfc["observed"])),
            ("cause", rfc["cause"]),
            ("scope", rfc["scope"]),
            ("description", rfc["description"]),
        ]
    )
    title("what changed")
    table(
        ("CI", "WHAT", "BEFORE", "AFTER", "STATE", "PATH"),
        (
            (d["ci"]["name"], d["what"], value(d["before"]), value(d["after"]), state(d["state"]), d["path"])
            for d in rfc["deltas"]
        ),
    )
    title("evidence")
    table(
        ("WHEN (UTC)", "WHAT"),
        ((bounds(one["started"], one["ended"]), evidence(one)) for one in rfc["evidence"]),
        empty="the hosts' logs do not say what did it",
    )
    title("decisions")
    table(
        ("WHEN (UTC)", "WHO", "WHAT", "STATE", "COMMENT"),
        ((moment(d["at"]), d["actor"], d["action"], state(d["to_state"]), d["comment"]) for d in rfc["decisions"]),
    )


@group.command("authorise")
def authorise(
    context: typer.Context,
    number: Number,
    comment: Comment = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Authorise what an RFC found changed: it joins the expected state.

    Shows what is authorised, asks, and sends the digest of what it showed: if more joined meanwhile, it is refused.
    """
    client = connect(context)
    seen = client.get(f"/rfcs/{number}")
    if not as_json:
        _show(seen)
    if not yes:
        cis = sorted({delta["ci"]["name"] for delta in seen["deltas"]})
        question = f"Authorise {len(seen['deltas'])} deltas on {', '.join(cis)}?"
        if not typer.confirm(question, err=True):
            fail("nothing was authorised")
    _done(client.post(f"/rfcs/{number}/authorise", {"scope": seen["scope"], "comment": comment}), as_json)


@group.command("revert")
def revert(context: typer.Context, number: Number, comment: Comment = "", as_json: Json = False) -> None:
    """Order what an RFC found changed put back; it stays open until that is seen."""
    _done(connect(context).post(f"/rfcs/{number}/revert", {"comment": comment}), as_json)


@group.command("cancel")
def cancel(context: typer.Context, number: Number, comment: Comment = "", as_json: Json = False) -> None:
    """Cancel a planned RFC."""
    _done(connect(context).post(f"/rfcs/{number}/cancel", {"comment": comment}), as_json)


def _done(rfc: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(rfc)
    else:
        typer.echo(f"RFC {rfc['number']} is {_shown_state(rfc)}")
