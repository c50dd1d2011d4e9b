"""`driftline rfc`: what a change does while it is carried out: recorded, verified, split, backed out."""

from typing import Annotated, Any

import typer

from driftline_server.cli.ci import Host
from driftline_server.cli.client import connect, part
from driftline_server.cli.output import Json, moment, pairs, print_json, state, table, title
from driftline_server.cli.rfc import Comment, Number, done, group


def register(_app: typer.Typer) -> None:
    """Nothing to add: these commands belong to the group of `rfc`."""


@group.command("verify")
def verify(
    context: typer.Context,
    number: Number,
    status: Annotated[
        str | None, typer.Option(help="Only hosts in this status: failed, 'not started', silent ...")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what became of a change: predicted against actual, host by host."""
    found = connect(context).get(f"/rfcs/{number}/verification", status=status)
    if as_json:
        print_json(found)
        return
    typer.echo(found["text"])
    table(
        ("CI", "STATUS", "DONE", "CONSEQUENTIAL", "MISSING", "EXTRA", "WHY"),
        (
            (
                one["ci"]["name"],
                state(one["status"]),
                one["done"],
                one["consequential"],
                _some(one["missing"]),
                _some(one["extra"]),
                one["why"],
            )
            for one in found["hosts"]
        ),
        empty="no host",
    )


def _some(paths: list[str]) -> str:
    rest = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(paths[:3]) + rest


@group.command("split")
def split(
    context: typer.Context,
    number: Number,
    ci: Annotated[
        list[str], typer.Option("--ci", help="What gets an RFC of its own: names, 'web*', 'environment=test'.")
    ],
    comment: Comment = "",
    as_json: Json = False,
) -> None:
    """Split an undecided RFC, so that each part can be decided differently."""
    made = connect(context).post(f"/rfcs/{number}/split", {"cis": ci, "comment": comment})
    if as_json:
        print_json(made)
    else:
        typer.echo(f"RFC {made['number']} has {made['cis']} CIs of RFC {number} now")


@group.command("back-out-plan")
def back_out_plan(context: typer.Context, number: Number, as_json: Json = False) -> None:
    """Show the steps that bring back the state before, and what an ordered back-out has yet to undo."""
    found = connect(context).get(f"/rfcs/{number}/back-out-plan")
    if as_json:
        print_json(found)
        return
    typer.echo(found["text"] or "nothing to take back is known yet")
    if found["left"]:
        title("still to be undone")
        typer.echo("\n".join(found["left"]))


@group.command("snapshots")
def snapshots(context: typer.Context, number: Number, as_json: Json = False) -> None:
    """Show which states before the change were marked; read one with: driftline ci facts HOST --at TIME."""
    found = connect(context).listing(f"/rfcs/{number}/snapshots", None)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("CI", "STATE AS OF (UTC)", "VERSION OF THE CI"),
        ((one["ci"]["name"], moment(one["at"]), one["ci_version"]) for one in found["items"]),
        empty="no state was marked: it is not authorised yet",
    )


@group.command("emergency")
def emergency(
    context: typer.Context,
    hosts: Annotated[list[str], typer.Option("--hosts", help="CIs: names, 'lb[1-6]', 'role=lb'; may be repeated.")],
    lasts: Annotated[str, typer.Option("--for", help="How long, up to 24h: 2h, 90m.")],
    incident: Annotated[str, typer.Option("--incident", help="Its incident: INC123.")],
    account: Annotated[
        list[str] | None, typer.Option("--account", help="Account under which you work on the hosts; may be repeated.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Declare an emergency: what you change there until its end belongs to its RFC, approved after the fact."""
    wanted: dict[str, Any] = {"cis": hosts, "lasts": lasts, "incident": incident, "accounts": account or []}
    made = connect(context).post("/emergencies", wanted)
    if as_json:
        print_json(made)
        return
    pairs([("emergency", f"RFC {made['number']}: {made['title']}"), ("until (UTC)", moment(made["planned_end"]))])
    typer.echo(
        f"the state before is marked; someone else approves what you did: driftline rfc authorise {made['number']}"
    )


@group.command("record")
def record(
    context: typer.Context,
    host: Host,
    since: Annotated[str, typer.Option(help="When you began: 2026-11-24T14:00Z.")],
    until: Annotated[str | None, typer.Option(help="When you were done, by default now.")] = None,
    as_json: Json = False,
) -> None:
    """Make a change on a test host, then take what changed there as predictions: a line for each --expect."""
    found = connect(context).post(f"/cis/{part(host)}/recording", {"since": since, "until": until})
    if as_json:
        print_json(found["lines"])
    else:
        for one in found["lines"]:
            typer.echo(one["line"])


@group.command("back-out")
def back_out(
    context: typer.Context,
    number: Number,
    review: Annotated[str, typer.Option("--review", help="Why.")],
    as_json: Json = False,
) -> None:
    """Order a change backed out; it is over once the old state is really back."""
    done(connect(context).post(f"/rfcs/{number}/back-out", {"review": review}), as_json)
