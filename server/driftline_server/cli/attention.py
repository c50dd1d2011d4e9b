"""`driftline routing`, `maintenance`, `notification`; who looks after an RFC or a finding; verdicts and precision."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from driftline_server.cli.client import connect, fail, part
from driftline_server.cli.drift import group as drift_group
from driftline_server.cli.finding import finding as finding_group
from driftline_server.cli.output import Json, Limit, Sort, moment, more, pairs, print_json, state, table
from driftline_server.cli.rfc import group as rfc_group

routing = typer.Typer(help="Routing: who is told of what, and how soon.", no_args_is_help=True)
maintenance = typer.Typer(help="Maintenance windows: they hold news, they explain nothing.", no_args_is_help=True)
notification = typer.Typer(help="Notifications: what was sent, what waits.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="Number of an RFC.")]
FindingId = Annotated[int, typer.Argument(help="Id of a finding.")]
Lasts = Annotated[str, typer.Option("--for", help="For how long: 2h, 3d.")]
Reason = Annotated[str, typer.Option(help="Why.", prompt=True)]
To = Annotated[str | None, typer.Option("--to", help="Whom; without it, it is taken from whoever has it.")]


def register(app: typer.Typer) -> None:
    """Add the commands; those of RFCs, findings and drift join the groups of these."""
    app.add_typer(routing, name="routing")
    app.add_typer(maintenance, name="maintenance")
    app.add_typer(notification, name="notification")


@routing.command("show")
def show_routing(
    context: typer.Context,
    version: Annotated[int | None, typer.Option(help="An earlier version.")] = None,
    document: Annotated[bool, typer.Option("--document", help="Only the document, as `set` takes it.")] = False,
    as_json: Json = False,
) -> None:
    """Show the routing document in force."""
    found = connect(context).get("/routing", version=version)
    if as_json:
        print_json(found)
        return
    if not document:
        by = f"{found['author']} at {moment(found['created'])}" if found["created"] else "driftline, as shipped"
        pairs([("version", found["version"]), ("by", by), ("why", found["comment"])])
        _warn(found)
        sys.stdout.write("\n")
    sys.stdout.write(found["document"])


@routing.command("set")
def set_routing(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="YAML; - reads it from stdin.")],
    comment: Annotated[str, typer.Option(help="Why.")] = "",
    as_json: Json = False,
) -> None:
    """Put a routing document in force. What is wrong with it is named by line."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file}: cannot be read: {error}")
    made = connect(context).put("/routing", {"document": text, "comment": comment})
    if as_json:
        print_json(made)
        return
    typer.echo(f"routing v{made['version']} is in force")
    _warn(made)


def _warn(found: dict[str, Any]) -> None:
    if found["unknown_channels"]:
        typer.echo(f"no server sends to {', '.join(found['unknown_channels'])} now: what goes there waits", err=True)


@routing.command("test")
def test_routing(
    context: typer.Context,
    number: Number,
    at: Annotated[str | None, typer.Option(help="As if it happened then: 2026-11-28T03:00Z. Now by default.")] = None,
    kind: Annotated[str, typer.Option(help="The kind of event.")] = "rfc.raised",
    severity: Annotated[str | None, typer.Option(help="info, warning, critical; by default the RFC's own.")] = None,
    as_json: Json = False,
) -> None:
    """Say what would happen to an RFC at a time. Nothing is sent."""
    wanted = {"rfc": number, "at": at, "kind": kind, "severity": severity}
    found = connect(context).post("/routing/test", wanted)
    if as_json:
        print_json(found)
        return
    pairs(
        [
            ("event", f"{found['kind']}, {found['severity']}"),
            ("at (UTC)", moment(found["at"])),
            ("routing", f"v{found['routing_version']}, route {' and '.join(map(str, found['routes']))}"),
            ("held by", found["held_by"]),
            ("pages", ", ".join(found["pages"]) or None),
            ("then", ", ".join(found["escalations"]) or None),
            ("digest", ", ".join(found["digests"]) or None),
            ("dropped", found["dropped"]),
        ]
    )


@routing.command("channels")
def list_channels(context: typer.Context, as_json: Json = False) -> None:
    """List the channels, which servers send to them, and what waits."""
    found = connect(context).get("/channels")
    if as_json:
        print_json(found["items"])
        return
    table(
        ("CHANNEL", "KIND", "SERVERS", "IN USE", "WAITING", "GIVEN UP", "LAST SENT (UTC)"),
        (
            (
                one["name"],
                one["kind"],
                ", ".join(one["servers"]) or "none",
                "yes" if one["in_use"] else "no",
                one["waiting"],
                one["failed"],
                moment(one["last_sent"]),
            )
            for one in found["items"]
        ),
        empty="no channel",
    )


@routing.command("try")
def try_channel(
    context: typer.Context,
    channel: Annotated[str, typer.Argument(help="Name of a channel.")],
    as_json: Json = False,
) -> None:
    """Send a message to a channel that says it is a test."""
    made = connect(context).post(f"/channels/{part(channel)}/test", {})
    if as_json:
        print_json(made)
    else:
        typer.echo(f"{made['uid']} waits to be sent; driftline notification list shows what becomes of it")


@notification.command("list")
def list_notifications(
    context: typer.Context,
    wanted: Annotated[str | None, typer.Option("--state", help="waiting, sent, or failed.")] = None,
    channel: Annotated[str | None, typer.Option(help="Only to this channel.")] = None,
    sort: Sort = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List messages, newest first."""
    found = connect(context).get("/notifications", state=wanted, channel=channel, sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("MADE (UTC)", "CHANNEL", "KIND", "WHAT", "STATE", "TRIES", "NEXT (UTC)", "ERROR"),
        (
            (
                moment(one["created"]),
                one["channel"],
                one["kind"],
                one["title"] or f"{one['events']} events",
                state(one["state"]),
                one["attempts"],
                moment(one["next_try"]),
                one["last_error"],
            )
            for one in found["items"]
        ),
        empty="no notification",
    )
    more(found)


@notification.command("events")
def list_events(
    context: typer.Context,
    kind: Annotated[str | None, typer.Option(help="rfc.raised, or what it begins with: rfc.")] = None,
    wanted: Annotated[str | None, typer.Option("--state", help="new, held, routed, reviewed, or dropped.")] = None,
    sort: Sort = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List what people were told of, or not, and why."""
    found = connect(context).get("/events", kind=kind, state=wanted, sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("WHEN (UTC)", "KIND", "SEVERITY", "WHAT", "STATE", "WHAT BECAME OF IT"),
        (
            (moment(one["at"]), one["kind"], state(one["severity"]), one["title"], state(one["state"]), one["why"])
            for one in found["items"]
        ),
        empty="no event",
    )
    more(found)


@maintenance.command("add")
def add_window(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What is done, in a line.")],
    reason: Reason,
    ci: Annotated[list[str] | None, typer.Option("--ci", help="CIs by name or uid, with wild cards: 'lb*'.")] = None,
    service: Annotated[list[str] | None, typer.Option(help="CIs of a service.")] = None,
    environment: Annotated[list[str] | None, typer.Option(help="CIs of an environment.")] = None,
    owner: Annotated[list[str] | None, typer.Option(help="CIs of an owner.")] = None,
    location: Annotated[list[str] | None, typer.Option(help="CIs of a location.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="CIs with a label: role=web.")] = None,
    start: Annotated[str | None, typer.Option(help="As 2026-11-24T22:00Z; now by default.")] = None,
    end: Annotated[str | None, typer.Option(help="As 2026-11-25T01:00Z.")] = None,
    lasts: Annotated[str | None, typer.Option("--for", help="Instead of the end: 2h.")] = None,
    as_json: Json = False,
) -> None:
    """Announce work: what changes then raises its RFC as always, but the news is one list at the end."""
    wanted = {"ci": ci, "services": service, "environment": environment, "owner": owner, "location": location}
    labels = dict(one.partition("=")[::2] for one in label or [])
    body = {"name": name, "reason": reason, "start": start, "end": end, "lasts": lasts, "labels": labels}
    made = connect(context).post("/maintenance", {**body, **{key: value or [] for key, value in wanted.items()}})
    if as_json:
        print_json(made)
    else:
        typer.echo(f"maintenance window {made['id']} is {made['state']} until {moment(made['end'])}")


@maintenance.command("list")
def list_windows(
    context: typer.Context,
    over: Annotated[bool, typer.Option("--over", help="Also those that are over.")] = False,
    sort: Sort = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List maintenance windows."""
    found = connect(context).get("/maintenance", over=over, sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("ID", "NAME", "CIS", "START (UTC)", "END (UTC)", "STATE", "HOLDS", "BY", "REASON"),
        (
            (
                one["id"],
                one["name"],
                "; ".join(f"{name}: {_listed(wanted)}" for name, wanted in one["selector"].items()),
                moment(one["start"]),
                moment(one["end"]),
                state(one["state"]),
                one["holds"],
                one["created_by"],
                one["reason"],
            )
            for one in found["items"]
        ),
        empty="no maintenance window",
    )
    more(found)


def _listed(wanted: Any) -> str:
    return (
        ", ".join(f"{key}={value}" for key, value in wanted.items()) if isinstance(wanted, dict) else ", ".join(wanted)
    )


@maintenance.command("end")
def end_window(
    context: typer.Context,
    window: Annotated[int, typer.Argument(help="Id of a maintenance window.")],
    as_json: Json = False,
) -> None:
    """End a maintenance window now; its review list follows."""
    made = connect(context).post(f"/maintenance/{window}/end", {})
    if as_json:
        print_json(made)
    else:
        typer.echo(f"maintenance window {made['id']} is over")


def _handled(context: typer.Context, path: str, body: dict[str, Any], as_json: bool) -> None:
    found = connect(context).post(path, body)
    if as_json:
        print_json(found)
        return
    pairs(
        [
            ("acknowledged", found["acknowledged_by"] or "by nobody"),
            ("assigned to", found["assigned_to"] or "nobody"),
            ("snoozed until (UTC)", moment(found["snoozed_until"]) or None),
            ("verdict", found["verdict"] or (found["proposed_verdict"] and f"{found['proposed_verdict']}?") or None),
        ]
    )


@rfc_group.command("acknowledge")
def acknowledge_rfc(context: typer.Context, number: Number, as_json: Json = False) -> None:
    """Take an RFC up, so that nobody else is paged for it."""
    _handled(context, f"/rfcs/{number}/acknowledge", {}, as_json)


@rfc_group.command("assign")
def assign_rfc(context: typer.Context, number: Number, to: To = None, as_json: Json = False) -> None:
    """Give an RFC to a person."""
    _handled(context, f"/rfcs/{number}/assign", {"to": to}, as_json)


@rfc_group.command("snooze")
def snooze_rfc(
    context: typer.Context, number: Number, reason: Reason, lasts: Lasts = "4h", as_json: Json = False
) -> None:
    """Put an RFC off: nobody is told of it before, then again."""
    _handled(context, f"/rfcs/{number}/snooze", {"lasts": lasts, "reason": reason}, as_json)


@rfc_group.command("verdict")
def give_verdict(
    context: typer.Context,
    number: Number,
    verdict: Annotated[str, typer.Argument(help="unauthorised, late-paperwork, or false.")],
    comment: Annotated[str, typer.Option(help="For whoever reads it later.")] = "",
    as_json: Json = False,
) -> None:
    """Say what a change that driftline found turned out to be; it feeds the precision."""
    body = {"verdict": verdict.replace("-", " "), "comment": comment}
    _handled(context, f"/rfcs/{number}/verdict", body, as_json)


@finding_group.command("assign")
def assign_finding(context: typer.Context, finding: FindingId, to: To = None, as_json: Json = False) -> None:
    """Give a finding to a person."""
    _handled(context, f"/findings/{finding}/assign", {"to": to}, as_json)


@finding_group.command("snooze")
def snooze_finding(
    context: typer.Context, finding: FindingId, reason: Reason, lasts: Lasts = "4h", as_json: Json = False
) -> None:
    """Put a finding off: nobody is told of it before, then again."""
    _handled(context, f"/findings/{finding}/snooze", {"lasts": lasts, "reason": reason}, as_json)


@drift_group.command("precision")
def precision(context: typer.Context, as_json: Json = False) -> None:
    """Show how many of the RFCs that driftline raised deserved it, and how fast they came."""
    found = connect(context).get("/precision")
    if as_json:
        print_json(found)
        return
    table(
        ("DAYS", "PRECISION", "NOT FALSE", "WITH VERDICT", "RAISED", "ONLY PROPOSED", "NONE", "MEDIAN S", "P95 S"),
        (
            (
                one["days"],
                "unknown" if one["precision"] is None else f"{100 * one['precision']:.1f} %",
                one["right"],
                one["judged"],
                one["raised"],
                one["proposed"],
                one["without"],
                one["latency_median_s"],
                one["latency_p95_s"],
            )
            for one in found["periods"]
        ),
    )
