"""`driftline ci rank`, and the sources as `driftline ci show` prints them: who speaks for a CI, and who did."""

from typing import Annotated

import typer

from driftline_server.cli.ci import Host, group
from driftline_server.cli.client import connect, part
from driftline_server.cli.output import Json, print_json


def register(_app: typer.Typer) -> None:
    """Add nothing: the command belongs to `driftline ci`."""


@group.command("rank")
def rank(
    context: typer.Context,
    host: Host,
    number: Annotated[int, typer.Argument(metavar="RANK", help="0 to 1000; the higher one speaks first.")],
    source: Annotated[str, typer.Option("--source", help="Uid of a source that speaks for it, or the start of one.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept in the audit trail.")],
    as_json: Json = False,
) -> None:
    """Set which source of a CI speaks first, where several say anything of the same part."""
    path = f"/cis/{part(host)}/sources/{part(source)}/rank"
    found = connect(context).put(path, {"rank": number, "reason": reason})
    if as_json:
        print_json(found)
        return
    typer.echo(f"{found['kind']} {found['hostname'] or found['uid']} speaks in rank {found['rank']} now")
    for one in found["muted"]:
        typer.echo(f"{one['section']} does not count: {', '.join(one['by'])} speaks for {', '.join(one['families'])}")
