"""`driftline audit`: who decided what, and whether that is still what it was."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from driftline_cmdb.audit import verify as verifying
from driftline_server.cli.client import connect, fail
from driftline_server.cli.output import Json, Limit, Sort, moment, more, print_json, table, value

audit = typer.Typer(help="The audit trail: who decided what.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(audit, name="audit")


@audit.command("list")
def list_audit(
    context: typer.Context,
    action: Annotated[str | None, typer.Option(help="rfc.authorised, or what it begins with: rfc.")] = None,
    actor: Annotated[str | None, typer.Option(help="Who.")] = None,
    sort: Sort = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List decisions, newest first."""
    found = connect(context).get("/audit", action=action, actor=actor, sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("WHEN (UTC)", "WHO", "WHAT", "TO WHAT", "DETAIL"),
        (
            (moment(e["at"]), e["actor"], e["action"], e["subject"], value(e["detail"]) if e["detail"] else "")
            for e in found["items"]
        ),
        empty="no entry",
    )
    more(found)


@audit.command("keys")
def keys(context: typer.Context, limit: Limit = 100, as_json: Json = False) -> None:
    """List the public keys with which collectors sign the trail, one ID=KEY a line, and how far each signed."""
    found = connect(context).get("/audit/keys", limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("KEY", "SINCE (UTC)", "HEADS", "SIGNED UP TO", "SIGNED (UTC)"),
        (
            (f"{k['id']}={k['public_key']}", moment(k["since"]), k["heads"], k["signed_position"], moment(k["signed"]))
            for k in found["items"]
        ),
        empty="no collector has a key yet",
    )


@audit.command("export")
def export(
    context: typer.Context,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, - for stdout.")],
    since: Annotated[str | None, typer.Option(help="Begin with the first entry of this time or later.")] = None,
) -> None:
    """Export the sealed trail with its signed heads as JSON lines, for `driftline audit verify`."""
    client = connect(context)
    if str(output) == "-":
        client.download("/audit/export", sys.stdout.buffer, since=since)
        return
    whole = output.with_name(output.name + ".part")  # what is there already stays until the new one is whole
    try:
        with whole.open("wb") as file:
            client.download("/audit/export", file, since=since)
        whole.replace(output)
    except OSError as error:
        fail(f"{output}: {error.strerror}")
    finally:
        whole.unlink(missing_ok=True)
    sys.stderr.write(f"{output} is written; check it with: driftline audit verify {output}\n")


@audit.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(help="What `driftline audit export` wrote.")],
    key: Annotated[
        list[Path] | None, typer.Option("--key", help="File with keys to trust: ID=KEY a line, or the API's answer.")
    ] = None,
    keys: Annotated[list[str] | None, typer.Option("--keys", help="Key to trust, ID=KEY.")] = None,
    head: Annotated[Path | None, typer.Option("--head", help="An older export, which this one must continue.")] = None,
) -> None:
    """Verify an export without server or database. Exit code 0: good; 1: not good, with what and where."""
    try:
        verdict = verifying.verify_files(file, key or (), keys or (), head)
    except (OSError, ValueError) as error:
        fail(str(error), 2)
    typer.echo("\n".join(verifying.words(verdict, str(file))))
    if not verdict.good:
        raise typer.Exit(1)
