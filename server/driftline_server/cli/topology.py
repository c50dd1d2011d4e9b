"""`driftline topology`: which port is connected to which, as a table or as a graph."""

from typing import Annotated, Any

import typer

from driftline_server.cli.client import connect
from driftline_server.cli.output import Json, moment, more, print_json, table, title
from driftline_server.cli.relations import quoted

_Row = dict[str, Any]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("topology")(topology)


def topology(
    context: typer.Context,
    ci: Annotated[str | None, typer.Argument(metavar="[CI]", help="Name or uid of a CI; all by default.")] = None,
    depth: Annotated[int, typer.Option("--depth", min=1, max=20, help="So many links away from it at most.")] = 1,
    site: Annotated[str | None, typer.Option("--site", help="Only with a CI at this location at an end.")] = None,
    as_dot: Annotated[bool, typer.Option("--dot", help="Print a Graphviz graph.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Rows at most.")] = 10_000,
    as_json: Json = False,
) -> None:
    """Show the cables between CIs, and what is seen at their ports that is no CI."""
    client = connect(context)
    links = client.get("/links", ci=ci, depth=depth if ci else None, site=site, limit=limit)
    unknown = client.get("/unknown-ends", ci=ci, site=site, limit=limit)
    if as_json:
        print_json({"links": links["items"], "unknown_ends": unknown["items"]})
    elif as_dot:
        typer.echo(dot(links["items"], unknown["items"]))
    else:
        table(
            ("CI", "PORT", "CI", "PORT", "HOW IT IS KNOWN", "SINCE (UTC)"),
            (
                (
                    one["front"]["name"],
                    one["front_port"],
                    one["behind"]["name"],
                    one["behind_port"],
                    f"{one['by']}; another end says {one['instead']}" if one["instead"] else one["by"],
                    moment(one["since"]),
                )
                for one in links["items"]
            ),
            empty="no link",
        )
        if unknown["items"]:
            title("seen, and no CI")
            table(
                ("CI", "PORT", "NAME", "CHASSIS", "ITS PORT", "ADDRESS", "HOW", "SINCE (UTC)"),
                (
                    (
                        one["ci"]["name"],
                        one["port"],
                        *(one[name] for name in ("name", "chassis_id", "far_port", "address", "by")),
                        moment(one["since"]),
                    )
                    for one in unknown["items"]
                ),
            )
    more(links)
    more(unknown)


def dot(links: list[_Row], unknown: list[_Row]) -> str:
    """Return links as a graph in Graphviz' language; what is no CI is dashed.

    :param links: as the API says them.
    :param unknown: ends that are no CI, as the API says them.
    """
    nodes = {end["uid"]: end["name"] for one in links for end in (one["front"], one["behind"])}
    nodes |= {one["ci"]["uid"]: one["ci"]["name"] for one in unknown}
    lines = [f"  {quoted(uid)} [label={quoted(name)}];" for uid, name in sorted(nodes.items(), key=lambda n: n[1])]
    for one in links:
        ends = f"{quoted(one['front']['uid'])} -- {quoted(one['behind']['uid'])}"
        ports = f"taillabel={quoted(one['front_port'])}, headlabel={quoted(one['behind_port'])}"
        lines.append(f"  {ends} [{ports}, tooltip={quoted(one['by'])}];")
    for one in unknown:
        node = quoted(f"unknown {one['id']}")
        label = one["name"] or one["address"] or one["chassis_id"] or "?"
        lines.append(f"  {node} [label={quoted(label)}, style=dashed];")
        lines.append(f"  {quoted(one['ci']['uid'])} -- {node} [taillabel={quoted(one['port'])}, style=dashed];")
    return "\n".join(["graph topology {", "  node [shape=box];", *lines, "}"])
