"""`driftline ci create`, `plan`, `relate`, `unrelate`, `relations`: CIs and relations that people put on record."""

from typing import Annotated, Any

import typer

from driftline_server.cli.ci import Host, group
from driftline_server.cli.client import connect, part
from driftline_server.cli.output import Json, Limit, moment, more, print_json, table
from driftline_server.cli.saying import Setting, changed_by

Name = Annotated[str, typer.Argument(help="Name of the new CI.")]
Class = Annotated[str, typer.Option("--class", help="server, network device, service, application, ...")]
Owner = Annotated[str | None, typer.Option(help="Who owns it.")]
Environment = Annotated[str | None, typer.Option(help="production, test, ...")]
Site = Annotated[str | None, typer.Option("--site", help="Its location.")]
Criticality = Annotated[str | None, typer.Option(help="How much depends on it.")]
Kind = Annotated[str, typer.Argument(help='The words between the two: "depends on", "runs on", "connected to", ...')]
Other = Annotated[str, typer.Argument(metavar="CI", help="Name or uid of the other CI.")]


def register(_app: typer.Typer) -> None:
    """Add nothing: the commands belong to `driftline ci`."""


def _create(
    context: typer.Context,
    name: str,
    ci_class: str,
    status: str,
    setting: list[str],
    as_json: bool,
    **values: str | None,
) -> None:
    given = {field: value for field, value in values.items() if value is not None} | changed_by(setting, None, name)
    made = connect(context).post("/cis", {"name": name, "ci_class": ci_class, "status": status, **given})
    if as_json:
        print_json(made)
        return
    typer.echo(f"{made['ci_class']} {made['name']} is {made['status']}: {made['uid']}")
    if status == "planned":
        typer.echo(f"let its agent join with: driftline token create-join --ci {made['name']}")


@group.command("create")
def create(
    context: typer.Context,
    name: Name,
    ci_class: Class,
    status: Annotated[str, typer.Option(help="installed, in production, ...")] = "installed",
    owner: Owner = None,
    environment: Environment = None,
    site: Site = None,
    criticality: Criticality = None,
    setting: Setting = None,
    as_json: Json = False,
) -> None:
    """Put a CI on record that nothing reports of: a service, an application, a switch."""
    more_of_it = {"owner": owner, "environment": environment, "location": site, "criticality": criticality}
    _create(context, name, ci_class, status, setting or [], as_json, **more_of_it)


@group.command("plan")
def plan(
    context: typer.Context,
    name: Name,
    ci_class: Class = "server",
    owner: Owner = None,
    environment: Environment = None,
    site: Site = None,
    criticality: Criticality = None,
    setting: Setting = None,
    as_json: Json = False,
) -> None:
    """Announce a CI that will report later; its first report makes it installed."""
    more_of_it = {"owner": owner, "environment": environment, "location": site, "criticality": criticality}
    _create(context, name, ci_class, "planned", setting or [], as_json, **more_of_it)


@group.command("relate")
def relate(context: typer.Context, host: Host, kind: Kind, other: Other, as_json: Json = False) -> None:
    """Put a relation on record: driftline ci relate web1 "depends on" db1."""
    made = connect(context).post(f"/cis/{part(host)}/relations", {"kind": kind, "to": other})
    if as_json:
        print_json(made)
    else:
        typer.echo(f"{made['front']['name']} {made['kind']} {made['behind']['name']}")


@group.command("unrelate")
def unrelate(context: typer.Context, host: Host, kind: Kind, other: Other, as_json: Json = False) -> None:
    """End a relation."""
    ended = connect(context).delete(f"/cis/{part(host)}/relations?kind={part(kind)}&to={part(other)}")
    if as_json:
        print_json(ended)
    else:
        typer.echo(f"{ended['front']['name']} {ended['kind']} {ended['behind']['name']}: no longer")


@group.command("relations")
def relations(
    context: typer.Context,
    host: Host,
    chains: Annotated[bool, typer.Option("--chains", help="Also those further on, both ways.")] = False,
    as_dot: Annotated[bool, typer.Option("--dot", help="Print all of --chains as a Graphviz graph.")] = False,
    limit: Limit = 1000,
    as_json: Json = False,
) -> None:
    """Show how a CI stands to others."""
    whole = chains or as_dot
    found = connect(context).get(f"/cis/{part(host)}/relations", chains=whole or None, limit=limit)
    if as_json:
        print_json(found["items"])
    elif as_dot:
        typer.echo(dot(found["items"]))
    else:
        table(
            ("CI", "", "CI", "HOW IT IS KNOWN", "SINCE (UTC)"),
            (
                (one["front"]["name"], one["kind"], one["behind"]["name"], one["by"], moment(one["since"]))
                for one in found["items"]
            ),
            empty="no relation",
        )
    more(found)


def dot(rows: list[dict[str, Any]]) -> str:
    """Return relations as a graph in Graphviz' language.

    :param rows: as the API says them.
    """
    nodes = {end["uid"]: end["name"] for one in rows for end in (one["front"], one["behind"])}
    lines = [f"  {quoted(uid)} [label={quoted(name)}];" for uid, name in sorted(nodes.items(), key=lambda n: n[1])]
    lines += [
        f"  {quoted(one['front']['uid'])} -> {quoted(one['behind']['uid'])} [label={quoted(one['kind'])}];"
        for one in rows
    ]
    return "\n".join(["digraph relations {", "  rankdir=LR;", *lines, "}"])


def quoted(text: str) -> str:
    """Return a text as a quoted string of Graphviz' language."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
