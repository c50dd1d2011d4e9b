"""`driftline identity`, `driftline ci merge|split|replace`: which machine is which CI, and how to undo it."""

from typing import Annotated, Any

import typer

from driftline_server.cli.ci import Host, group
from driftline_server.cli.client import connect, part
from driftline_server.cli.output import Json, Limit, Sort, moment, more, pairs, print_json, table, title

identity = typer.Typer(help="Identity: which machine is which CI, decided and undone.", no_args_is_help=True)

Id = Annotated[int, typer.Argument(metavar="ID", help="Id of a question in the queue.")]
Reason = Annotated[str, typer.Option(help="Why.", prompt=True)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(identity, name="identity")


@identity.command("list")
def list_reviews(
    context: typer.Context,
    search: Annotated[str | None, typer.Argument(help="Text in the name of the host or CI.")] = None,
    kind: Annotated[str | None, typer.Option(help="claim, moved, or same name.")] = None,
    state: Annotated[str, typer.Option(help="open, closed, or all.")] = "open",
    sort: Sort = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List the queue: which source may be which CI."""
    found = connect(context).get("/identity/reviews", q=search, kind=kind, state=state, sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("ID", "KIND", "SOURCE", "IS IT THIS CI?", "SCORE", "SINCE (UTC)", "DECIDED"),
        (
            (
                one["id"],
                one["kind"],
                one["hostname"] or one["source"],
                one["ci"]["name"],
                one["score"],
                moment(one["opened"]),
                f"{one['action']}, by {one['actor']}" if one["action"] else "",
            )
            for one in found["items"]
        ),
        empty="nothing waits for a decision",
    )
    more(found)


@identity.command("show")
def show(context: typer.Context, review: Id, as_json: Json = False) -> None:
    """Show both sides of a question, and the evidence with its weights."""
    found = connect(context).get(f"/identity/reviews/{review}")
    if as_json:
        print_json(found)
        return
    left, right = found["left"], found["right"]
    title(f"is {found['hostname'] or found['source']} the CI {found['ci']['name']}?")
    table(("", "SOURCE", "CI"), [(label, _said(left, name), _said(right, name)) for label, name in _SIDES])
    title(f"evidence, {found['score']} points")
    table(
        ("KIND", "THE SOURCE CLAIMS", "THE CI HAS", "POINTS", "WHY"),
        (
            (
                one["kind"],
                one["value"],
                "the same" if one["other_value"] is None else one["other_value"],
                one["weight"],
                one["why"],
            )
            for one in found["pieces"]
        ),
        empty="none on record",
    )
    if found["closed"]:
        decided = f"{found['action']}, by {found['actor']}" if found["action"] else "closed by itself"
        pairs([("decided", decided), ("decision", found["decision"])])
    else:
        title("what may be decided")
        table(("ACTION", "WHAT IT DOES"), ((one["action"], one["does"]) for one in found["choices"]))


_SIDES = (
    ("name", "name"),
    ("status", "status"),
    ("owner", "owner"),
    ("site", "site"),
    ("os", "os"),
    ("machine id", "machine_id"),
    ("serials", "serials"),
    ("macs", "macs"),
    ("addresses", "addresses"),
    ("first seen", "first_seen"),
    ("last seen", "last_seen"),
    ("open drifts", "open_drifts"),
    ("open RFCs", "rfcs"),
)


def _said(side: dict[str, Any], name: str) -> Any:
    said = side[name]
    if name.endswith("_seen"):
        return moment(said)
    return ", ".join(str(one) for one in said) if isinstance(said, list) else said


@identity.command("decide")
def decide(
    context: typer.Context,
    action: Annotated[str, typer.Argument(help='same, clone, replacement, or "retire old".')],
    reviews: Annotated[list[int], typer.Argument(metavar="ID...", help="Ids of questions in the queue.")],
    reason: Reason,
    despite: Annotated[str | None, typer.Option(help="Why it is the same machine although both agents report.")] = None,
    as_json: Json = False,
) -> None:
    """Decide questions of the queue, one after the other; each is answered."""
    client, done = connect(context), []
    wanted = {"action": action, "reason": reason, "despite": despite}
    for review in reviews:
        try:
            one = client.post(f"/identity/reviews/{review}/decide", wanted)
        except typer.Exit:  # it has said why; the others are decided all the same
            continue
        done.append(one)
        if not as_json:
            typer.echo(f"{review}: {one['summary']} (decision {one['id']})")
    if as_json:
        print_json(done)
    if len(done) < len(reviews):
        raise typer.Exit(1)


@identity.command("decisions")
def decisions(
    context: typer.Context,
    search: Annotated[str | None, typer.Argument(help="Text in the name of a CI or in the reason.")] = None,
    action: Annotated[str | None, typer.Option(help="same, clone, merge, split, replace, undo ...")] = None,
    sort: Sort = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List what was decided on identity, newest first."""
    found = connect(context).get("/identity/decisions", q=search, action=action, sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("ID", "WHEN (UTC)", "WHO", "WHAT", "WHY", "UNDONE BY"),
        (
            (one["id"], moment(one["at"]), one["actor"], one["summary"], one["reason"], one["undone_by"])
            for one in found["items"]
        ),
        empty="nothing was decided",
    )
    more(found)


@identity.command("undo")
def undo(
    context: typer.Context,
    decision: Annotated[int, typer.Argument(metavar="DECISION", help="Id of a decision.")],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Set back what a decision did; that is a decision too."""
    _told(connect(context).post(f"/identity/decisions/{decision}/undo", {"reason": reason}), as_json)


@identity.command("shared")
def shared(
    context: typer.Context,
    search: Annotated[str | None, typer.Argument(help="Text in the value.")] = None,
    forget: Annotated[str | None, typer.Option(help="Have this evidence count again: serial:7x3kq2.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why, with --forget.")] = None,
    sort: Sort = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List evidence that so many machines share that it counts for nothing; or have one piece count again."""
    client = connect(context)
    if forget is not None:
        gone = client.post("/identity/shared/forget", {"key": forget, "reason": reason or typer.prompt("Reason")})
        if as_json:
            print_json(gone)
        else:
            typer.echo(f"{gone['key']} counts again")
        return
    found = client.get("/identity/shared", q=search, sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("EVIDENCE", "KIND", "MACHINES", "LEARNT (UTC)", "BY", "NOTE"),
        (
            (one["key"], one["kind"], one["machines"], moment(one["learnt"]), one["by"], one["note"])
            for one in found["items"]
        ),
        empty="every piece of evidence tells machines apart",
    )
    more(found)


@group.command("merge")
def merge(
    context: typer.Context,
    host: Host,
    into: Annotated[str, typer.Argument(metavar="INTO", help="Name or uid of the CI that stands for both.")],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Merge a CI into another: its sources, drifts and RFCs go along, and it can be undone."""
    _told(connect(context).post(f"/cis/{part(host)}/merge", {"into": into, "reason": reason}), as_json)


@group.command("split")
def split(
    context: typer.Context,
    host: Host,
    source: Annotated[str, typer.Option(help="uid of the source, the start of it, or its host name.")],
    reason: Reason,
    name: Annotated[str | None, typer.Option(help="Of the new CI; the source's host name by default.")] = None,
    into: Annotated[str | None, typer.Option(help="A CI on record, instead of a new one.")] = None,
    as_json: Json = False,
) -> None:
    """Let a source of a CI speak for a CI of its own, or for another one."""
    wanted = {"source": source, "name": name, "into": into, "reason": reason}
    _told(connect(context).post(f"/cis/{part(host)}/split", wanted), as_json)


@group.command("replace")
def replace(
    context: typer.Context,
    host: Host,
    serial: Annotated[str, typer.Option(help="Serial number of the new hardware.")],
    rfc: Annotated[int, typer.Option(help="Number of the RFC that allows it.")],
    reason: Annotated[str, typer.Option(help="Why.")] = "replacement by RFC",
    as_json: Json = False,
) -> None:
    """Give a CI other hardware: name, owner, baseline, relations and history stay, the old asset is returned."""
    wanted = {"serial": serial, "rfc": rfc, "reason": reason}
    _told(connect(context).post(f"/cis/{part(host)}/replace", wanted), as_json)


def _told(done: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(done)
        return
    typer.echo(f"{done['summary']} (decision {done['id']}; undo: driftline identity undo {done['id']})")
    if done["note"]:
        typer.echo(done["note"])
