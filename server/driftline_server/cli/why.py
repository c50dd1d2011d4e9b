"""`driftline ci why`: which sources speak for a CI, by which evidence, and who else has the same."""

from typing import Annotated, Any

import typer

from driftline_server.cli.ci import Host, group
from driftline_server.cli.client import connect, part
from driftline_server.cli.output import Json, moment, print_json, table, title


def register(_app: typer.Typer) -> None:
    """Add nothing: the command belongs to `driftline ci`."""


@group.command("why")
def why(
    context: typer.Context,
    host: Host,
    other: Annotated[
        str | None, typer.Option("--with", metavar="CI", help="Compare with this CI, piece by piece.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show why a CI is what it is: its sources, their evidence, and which other CIs have the same."""
    found = connect(context).get(f"/cis/{part(host)}/why", **{"with": other})
    if as_json:
        print_json(found)
    elif found["compared"] is not None:
        _print_comparison(found["ci"]["name"], found["compared"])
    else:
        for source in found["sources"]:
            _print_source(source)
        if not found["sources"]:
            typer.echo(f"no source speaks for {found['ci']['name']}")


def _print_comparison(name: str, found: dict[str, Any]) -> None:
    words = "a match" if found["score"] >= found["threshold"] else "no match"
    other = found["ci"]["name"]
    typer.echo(f"{name} and {other}: score {found['score']}, {words} ({found['threshold']} is one)")
    table(
        ("EVIDENCE", name, other, "WEIGHT", "WHY"),
        (
            (piece["kind"], piece["value"], piece["other_value"], piece["weight"], piece["why"])
            for piece in found["pieces"]
        ),
        empty="they have nothing in common, and nothing contradicts",
    )


def _print_source(source: dict[str, Any]) -> None:
    title(f"{source['kind']} {source['hostname']} ({source['uid']})")
    typer.echo(f"since {moment(source['since'])}: {source['reason']}")
    made = source["decision"]
    if made is not None:
        typer.echo(f"{made['action']} by {made['actor']} at {moment(made['at'])}: {made['reason']}")
    table(
        ("EVIDENCE", "VALUE", "WEIGHT", "KNOWN OF IT", "ALSO CLAIMED BY"),
        (
            (one["kind"], one["value"], one["weight"], _known(one), ", ".join(map(_other, one["others"])))
            for one in source["evidence"]
        ),
        empty="it claims nothing",
    )


def _known(one: dict[str, Any]) -> str | None:
    if one["shared"] is not None:
        return f"shared by {one['shared']['machines']} CIs ({one['shared']['by']}, key {one['key']})"
    return None if one["junk"] is None else f"does not count: {one['junk']}"


def _other(other: dict[str, Any]) -> str:
    return f"{other['ci']['name']} (score {other['score']})"
