"""`driftline ci retire`, `reinstate`, `dispose`: decisions on the end of a CI's life."""

from typing import Annotated

import typer

from driftline_server.cli.ci import Host, group
from driftline_server.cli.client import connect, part
from driftline_server.cli.output import Json, print_json

Reason = Annotated[str, typer.Option(help="Why, for whoever reads it later.")]


def register(_app: typer.Typer) -> None:
    """Add nothing: the commands belong to `driftline ci`."""


def _decide(
    context: typer.Context, host: str, decision: str, body: dict[str, object], said: str, as_json: bool
) -> None:
    found = connect(context).post(f"/cis/{part(host)}/{decision}", body)
    if as_json:
        print_json(found)
    else:
        typer.echo(f"{found['name']} {said.format(status=found['life_cycle'])}")


@group.command("retire")
def retire(
    context: typer.Context,
    host: Host,
    reason: Reason,
    even_so: Annotated[bool, typer.Option("--even-so", help="Although others depend on it.")] = False,
    as_json: Json = False,
) -> None:
    """Take a CI out of use: nothing is expected of it, its sources may not report, its open drifts close."""
    body: dict[str, object] = {"reason": reason, "even_so": even_so}
    _decide(context, host, "retire", body, "is {status}; its agent may be stopped", as_json)


@group.command("reinstate")
def reinstate(context: typer.Context, host: Host, reason: Reason, as_json: Json = False) -> None:
    """Bring a retired CI back to what it was; its agent needs no new enrolment."""
    _decide(context, host, "reinstate", {"reason": reason}, "is {status} again", as_json)


@group.command("dispose")
def dispose(context: typer.Context, host: Host, reason: Reason, as_json: Json = False) -> None:
    """Have a CI gone for good: certificates of its sources are revoked."""
    _decide(context, host, "dispose", {"reason": reason}, "is {status}; its certificates are revoked", as_json)
