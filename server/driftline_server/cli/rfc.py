"""`driftline rfc`: requests for change."""

import re
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
AVerdict = Annotated[
    str | None,
    typer.Option("--verdict", help="What it turned out to be: unauthorised, late-paperwork, or false."),
]
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
            (d["ci"]["name"], d["what"], value(d["before"]), _after(d), state(d["state"]), d["path"])
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


def _after(delta: dict[str, Any]) -> str:
    """Return what a delta makes of its place: what was found or has come, else what is predicted."""
    waits = delta["predicted"] is not None and delta["state"] != "settled"
    return str(delta["predicted"]) if waits else value(delta["after"])


_EXPECT = re.compile(r"(?P<path>\S+) (?P<kind>is|one_of|at_least|matches|present|absent)(?: (?P<operand>.+))?")


@group.command("plan")
def plan(
    context: typer.Context,
    heading: Annotated[str, typer.Argument(metavar="TITLE", help="What is to be changed, in a line.")],
    ci: Annotated[list[str], typer.Option("--ci", help="A CI that is changed, by name or uid; may be repeated.")],
    expect: Annotated[
        list[str],
        typer.Option(
            "--expect",
            help="What it will be, on each CI: 'PATH at_least 3.0.14', 'PATH is VALUE', 'PATH one_of A,B', "
            "'PATH matches REGEX', 'PATH present', 'PATH absent'; may be repeated.",
        ),
    ],
    start: Annotated[str | None, typer.Option(help="Of the window, as 2026-11-24T22:00Z.")] = None,
    end: Annotated[str | None, typer.Option(help="Of the window.")] = None,
    reason: Annotated[str, typer.Option(help="Why it is needed.")] = "",
    risk: Annotated[str, typer.Option(help="What can go wrong.")] = "",
    back_out: Annotated[str, typer.Option(help="How it is taken back.")] = "",
    as_json: Json = False,
) -> None:
    """Submit a change before it is made. Once authorised, what it predicts is explained when it happens."""
    predictions = [{"ci": one, **_prediction(text)} for one in ci for text in expect]
    wanted = {"title": heading, "predictions": predictions, "start": start, "end": end, "reason": reason, "risk": risk}
    made = connect(context).post("/rfcs", {**wanted, "back_out_plan": back_out})
    if as_json:
        print_json(made)
    else:
        typer.echo(f"RFC {made['number']} is submitted; someone else authorises it: driftline rfc authorise")


def _prediction(text: str) -> dict[str, Any]:
    found = _EXPECT.fullmatch(text.strip())
    if found is None:
        fail(f'--expect: "{text}" is not PATH at_least|is|one_of|matches|present|absent [VALUE]', code=2)
    operand: str | list[str] | None = found["operand"]
    if found["kind"] == "one_of" and operand is not None:
        operand = [one.strip() for one in str(operand).split(",")]
    return {"path": found["path"], "kind": found["kind"], "operand": operand}


@group.command("authorise")
def authorise(
    context: typer.Context,
    number: Number,
    comment: Comment = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    verdict: AVerdict = None,
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
    _done(client.post(f"/rfcs/{number}/authorise", {"scope": seen["scope"], **_said(comment, verdict)}), as_json)


@group.command("revert")
def revert(
    context: typer.Context, number: Number, comment: Comment = "", verdict: AVerdict = None, as_json: Json = False
) -> None:
    """Order what an RFC found changed put back; it stays open until that is seen."""
    _done(connect(context).post(f"/rfcs/{number}/revert", _said(comment, verdict)), as_json)


@group.command("cancel")
def cancel(context: typer.Context, number: Number, comment: Comment = "", as_json: Json = False) -> None:
    """Cancel a planned RFC."""
    _done(connect(context).post(f"/rfcs/{number}/cancel", {"comment": comment}), as_json)


def _said(comment: str, verdict: str | None) -> dict[str, str | None]:
    return {"comment": comment, "verdict": verdict.replace("-", " ") if verdict else None}


def _done(rfc: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(rfc)
    else:
        typer.echo(f"RFC {rfc['number']} is {_shown_state(rfc)}")
