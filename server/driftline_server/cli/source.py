"""`driftline source holders`, `split`, `expect`, `retire`: what is done about an identity that several hold."""

from typing import Annotated, Any

import typer

from driftline_server.cli.admin import source
from driftline_server.cli.client import connect, part
from driftline_server.cli.output import Json, moment, pairs, print_json, state, table, title

Uid = Annotated[str, typer.Argument(help="uid of a source.")]
Reason = Annotated[str, typer.Option(help="Why.", prompt=True)]


@source.command("holders")
def show_holders(context: typer.Context, uid: Uid, as_json: Json = False) -> None:
    """Show who reports with an identity: one, or after a copy or a roll-back several."""
    found = connect(context).get(f"/sources/{part(uid)}/holders")
    if as_json:
        print_json(found)
    else:
        _show(found)


@source.command("split")
def split(
    context: typer.Context,
    uid: Uid,
    reason: Reason,
    keep: Annotated[
        str | None,
        typer.Option(help="Epoch, host name or address of the one that keeps the CI; else all are identified anew."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Give each who holds an identity one of its own."""
    found = connect(context).post(f"/sources/{part(uid)}/split", {"keep": keep, "reason": reason})
    if as_json:
        print_json(found)
    else:
        _show(found)


@source.command("expect")
def expect(context: typer.Context, uid: Uid, reason: Reason, as_json: Json = False) -> None:
    """Say that an identity is a golden image's: each machine that comes with it gets one of its own, and a CI."""
    found = connect(context).post(f"/sources/{part(uid)}/expect", {"reason": reason})
    if as_json:
        print_json(found)
    else:
        typer.echo(f"source {uid} is an image's")


@source.command("retire")
def retire(context: typer.Context, uid: Uid, reason: Reason, as_json: Json = False) -> None:
    """Take an identity away from all who hold it."""
    found = connect(context).post(f"/sources/{part(uid)}/retire", {"reason": reason})
    if as_json:
        print_json(found)
    else:
        typer.echo(f"source {uid} is retired")


def _show(found: dict[str, Any]) -> None:
    pairs(
        [
            ("source", found["uid"]),
            ("host name", found["hostname"]),
            ("state", state(found["state"])),
            ("why", found["quarantine_reason"]),
            ("ci", f"{found['ci']['name']} ({found['ci']['uid']})" if found["ci"] else None),
            ("finding", found["finding"]),
        ]
    )
    title("holders")
    table(
        ("EPOCH", "STATE", "HOST NAME", "ADDRESSES", "FIRST (UTC)", "LAST (UTC)", "REPORTS", "MACS", "HARDWARE", "WHY"),
        (
            (
                one["epoch"],
                state(one["state"]),
                one["hostname"],
                ", ".join(one["addresses"]),
                moment(one["first"]),
                moment(one["last"]),
                one["reports"],
                ", ".join(one["macs"]),
                one["machine"],
                one["begun_for"],
            )
            for one in found["holders"]
        ),
        empty="nobody has reported with it",
    )
    if found["given"]:
        title("identities of their own")
        table(
            ("SOURCE", "AS", "CI", "GIVEN (UTC)", "EPOCH"),
            (
                (
                    one["uid"],
                    one["own_as"],
                    one["ci"]["name"] if one["ci"] else None,
                    moment(one["given"]),
                    one["epoch"],
                )
                for one in found["given"]
            ),
        )
