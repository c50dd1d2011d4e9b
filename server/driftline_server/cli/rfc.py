"""`driftline rfc`: requests for change."""

from typing import Annotated, Any

import typer

from driftline_baseline.errors import DocumentError
from driftline_baseline.file_content import digests_of
from driftline_baseline.template import prediction
from driftline_server.cli.client import Client, connect, fail, part
from driftline_server.cli.output import (
    Json,
    Limit,
    Sort,
    bounds,
    evidence,
    moment,
    more,
    pairs,
    print_diff,
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
    if rfc["state"] in ("submitted", "assessed") and rfc.get("approved"):
        return f"{rfc['state']}, {rfc['approved']} of {rfc['needs']['approvers']} approvals"
    if rfc["ordered"] and not rfc["closed"]:
        return f"{rfc['state']}, to be {'reverted' if rfc['ordered'] == 'revert' else 'backed out'}"
    return f"{rfc['state']}, {rfc['outcome']}" if rfc["outcome"] else str(rfc["state"])


@group.command("show")
def show(
    context: typer.Context,
    number: Number,
    diff: Annotated[
        bool, typer.Option("--diff", help="Also how configuration files differ, secrets taken out.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show an RFC: before and after, CIs, time bounds, evidence, decisions."""
    client = connect(context)
    found = client.get(f"/rfcs/{number}")
    if as_json:
        print_json(found)
        return
    _show(found)
    if diff:
        _show_diffs(client, found)


def _show_diffs(client: Client, rfc: dict[str, Any]) -> None:
    """Show how files differ that the RFC tells of; equal changes of several CIs once."""
    seen: set[tuple[Any, ...]] = set()
    for delta in rfc["deltas"]:
        told = digests_of(delta["path"], delta["before"], delta["after"])
        if told is None or told in seen:
            continue
        seen.add(told)
        path, before, after = told
        title(f"{delta['ci']['name']}: {path}")
        print_diff(client.get(f"/cis/{part(delta['ci']['uid'])}/files/diff", file=path, before=before, after=after))


def _show(rfc: dict[str, Any]) -> None:
    pairs(
        [
            ("rfc", rfc["number"]),
            ("title", rfc["title"]),
            ("state", state(_shown_state(rfc))),
            ("type", rfc["kind"]),
            ("risk", rfc["risk_level"]),
            ("approvals", f"{rfc['approved']} of {rfc['needs']['approvers']}{_approvers(rfc)}"),
            ("approve by (UTC)", moment(rfc["approve_by"]) if not rfc["authorised"] else ""),
            ("window (UTC)", _window(rfc)),
            ("implementer", rfc["implementer"]),
            ("master", f"{rfc['external_system']} {rfc['external_id']}" if rfc["external_id"] else ""),
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
    if rfc["origin"] == "driftline" or rfc["evidence"]:
        title("evidence")
        table(
            ("WHEN (UTC)", "WHAT"),
            ((bounds(one["started"], one["ended"]), evidence(one)) for one in rfc["evidence"]),
            empty="the hosts' logs do not say what did it",
        )
    if rfc["present"]:
        title("who was there (not: who did it)")
        table(
            ("CI", "WHEN (UTC)", "WHO", "KIND", "WHAT", "LOG"),
            (
                (
                    one["ci"]["name"],
                    f"{moment(one['started'])} .. {moment(one['ended']) if one['ended'] else ''}",
                    f"{one['who'] or 'not told'}{', alone' if one['alone'] else ''}",
                    one["kind"],
                    one["what"],
                    one["log"],
                )
                for one in rfc["present"]
            ),
        )
    title("decisions")
    table(
        ("WHEN (UTC)", "WHO", "WHAT", "STATE", "COMMENT"),
        ((moment(d["at"]), d["actor"], d["action"], state(d["to_state"]), d["comment"]) for d in rfc["decisions"]),
    )


def _approvers(rfc: dict[str, Any]) -> str:
    said = [
        one["person"] if one["counts"] else f"{one['person']} (does not count any more: the RFC has changed since)"
        for one in rfc["approvals"]
    ]
    return f": {', '.join(said)}" if said else ""


def _window(rfc: dict[str, Any]) -> str:
    if not rfc["planned_start"] and not rfc["planned_end"]:
        return ""
    return f"{moment(rfc['planned_start']) or 'any time'} .. {moment(rfc['planned_end']) or 'any time'}"


def _after(delta: dict[str, Any]) -> str:
    """Return what a delta makes of its place: what was found or has come, else what is predicted."""
    waits = delta["predicted"] is not None and delta["state"] != "settled"
    return str(delta["predicted"]) if waits else value(delta["after"])


@group.command("plan")
def plan(
    context: typer.Context,
    heading: Annotated[str, typer.Argument(metavar="TITLE", help="What is to be changed, in a line.")],
    ci: Annotated[
        list[str],
        typer.Option(
            "--ci",
            help="What is changed: a CI by name or uid, 'web*', or 'environment=production role=web'; may be repeated.",
        ),
    ],
    expect: Annotated[
        list[str],
        typer.Option(
            "--expect",
            help="What it will be, on each CI: 'PATH at_least 3.0.14', 'PATH is VALUE', 'PATH one_of A,B', "
            "'PATH matches REGEX', 'PATH present', 'PATH absent'; for a wave with wild cards in the path, as "
            "'software.packages[dpkg/*/*].version upgrade from debian-security'; may be repeated.",
        ),
    ],
    start: Annotated[str | None, typer.Option(help="Of the window, as 2026-11-24T22:00Z.")] = None,
    end: Annotated[str | None, typer.Option(help="Of the window.")] = None,
    reason: Annotated[str, typer.Option(help="Why it is needed.")] = "",
    risk: Annotated[str, typer.Option(help="What can go wrong.")] = "",
    risk_level: Annotated[str, typer.Option("--risk-level", help="low, medium or high.")] = "medium",
    kind: Annotated[
        str, typer.Option(help="normal or emergency; driftline rfc from-template makes standard ones.")
    ] = "normal",
    implementer: Annotated[str | None, typer.Option(help="Who does it.")] = None,
    back_out: Annotated[str, typer.Option(help="How it is taken back.")] = "",
    as_json: Json = False,
) -> None:
    """Submit a change before it is made. Once authorised, what it predicts is explained when it happens."""
    wanted = {
        "title": heading,
        "predictions": predictions(ci, expect),
        "start": start,
        "end": end,
        "kind": kind,
        "reason": reason,
        "risk": risk,
        "risk_level": risk_level,
        "implementer": implementer,
        "back_out_plan": back_out,
    }
    made = connect(context).post("/rfcs", wanted)
    if as_json:
        print_json(made)
    else:
        typer.echo(f"RFC {made['number']} is submitted; someone else authorises it: driftline rfc authorise")


def predictions(cis: list[str], texts: list[str]) -> list[dict[str, Any]]:
    """Return what each of some CIs will be, as the API takes it."""
    found = []
    for text in texts:
        try:
            found.append(prediction(text))
        except DocumentError as error:
            fail(f"--expect: {error}", code=2)
    return [
        {
            "ci": ci,
            "path": one.path,
            "kind": one.kind,
            "operand": list(one.operand) if isinstance(one.operand, tuple) else one.operand,
            "origin": one.origin,
        }
        for ci in cis
        for one in found
    ]


@group.command("authorise")
def authorise(
    context: typer.Context,
    number: Number,
    comment: Comment = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    supersedes: Annotated[
        int | None, typer.Option(help="An RFC whose open predictions on the same paths this one replaces.")
    ] = None,
    despite_freeze: Annotated[
        str | None, typer.Option(metavar="REASON", help="Why it is done although its CIs are frozen.")
    ] = None,
    despite_conflicts: Annotated[
        bool, typer.Option("--despite-conflicts", help="Other changes at the same time are known.")
    ] = False,
    on_behalf_of: Annotated[
        str | None, typer.Option(metavar="PERSON", help="Who approved in the system that is its master.")
    ] = None,
    verdict: AVerdict = None,
    as_json: Json = False,
) -> None:
    """Authorise an RFC: what it changes, or found changed, joins the expected state.

    Shows what is authorised, asks, and sends the digest of what it showed: if more joined meanwhile, it is refused.
    """
    client = connect(context)
    seen = client.get(f"/rfcs/{number}")
    if not as_json:
        _show(seen)
        _show_around(client, number)
    if not yes:
        cis = sorted({delta["ci"]["name"] for delta in seen["deltas"]})
        question = f"Authorise {len(seen['deltas'])} deltas on {', '.join(cis)}?"
        if not typer.confirm(question, err=True):
            fail("nothing was authorised")
    body = {
        "scope": seen["scope"],
        "supersedes": supersedes,
        "despite_freeze": despite_freeze,
        "despite_conflicts": despite_conflicts,
        "on_behalf_of": on_behalf_of,
        **_said(comment, verdict),
    }
    done(client.post(f"/rfcs/{number}/authorise", body), as_json)


def _show_around(client: Client, number: int) -> None:
    """Show what an approver should know beside the RFC itself: what depends on it, and what conflicts with it."""
    title("impact")
    typer.echo(client.get(f"/rfcs/{number}/impact")["summary"])
    for one in client.get(f"/rfcs/{number}/conflicts")["items"]:
        typer.echo(f"conflict: {one['text']}")


@group.command("revert")
def revert(
    context: typer.Context, number: Number, comment: Comment = "", verdict: AVerdict = None, as_json: Json = False
) -> None:
    """Order what an RFC found changed put back; it stays open until that is seen."""
    done(connect(context).post(f"/rfcs/{number}/revert", _said(comment, verdict)), as_json)


@group.command("cancel")
def cancel(context: typer.Context, number: Number, comment: Comment = "", as_json: Json = False) -> None:
    """Cancel a planned RFC."""
    done(connect(context).post(f"/rfcs/{number}/cancel", {"comment": comment}), as_json)


def _said(comment: str, verdict: str | None) -> dict[str, str | None]:
    return {"comment": comment, "verdict": verdict.replace("-", " ") if verdict else None}


def done(rfc: dict[str, Any], as_json: bool) -> None:
    """Say where an RFC stands after a step."""
    if as_json:
        print_json(rfc)
    else:
        typer.echo(f"RFC {rfc['number']} is {_shown_state(rfc)}")
