"""`driftline finding`: what a person should look at that is no drift."""

from typing import Annotated, Any

import typer

from driftline_server.cli.client import connect
from driftline_server.cli.output import Json, Limit, Sort, moment, more, pairs, print_json, table, title, value

finding = typer.Typer(help="Findings: what a person should look at that is no drift.", no_args_is_help=True)

Id = Annotated[int, typer.Argument(metavar="ID", help="Id of a finding.")]
Reason = Annotated[str, typer.Option(help="Why.", prompt=True)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(finding, name="finding")


@finding.command("list")
def list_findings(
    context: typer.Context,
    kind: Annotated[str | None, typer.Option(help="silent, integrity, dropped, clone ...")] = None,
    ci: Annotated[str | None, typer.Option("--ci", help="Only of this CI.")] = None,
    state: Annotated[
        str, typer.Option("--state", help="open, acknowledged, new (nobody acknowledged), closed, or all.")
    ] = "open",
    closed: Annotated[bool, typer.Option("--closed", help="Also closed ones: --state all.")] = False,
    sort: Sort = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List findings, newest first."""
    wanted = "all" if closed else state
    found = connect(context).get("/findings", kind=kind, ci=ci, state=wanted, sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("ID", "KIND", "CI", "SINCE (UTC)", "CLOSED (UTC)", "ACKNOWLEDGED BY", "WHAT"),
        (
            (
                f["id"],
                f["kind"],
                f["ci"]["name"] if f["ci"] else None,
                moment(f["opened"]),
                moment(f["closed"]),
                f["acknowledged_by"],
                f["message"],
            )
            for f in found["items"]
        ),
        empty="no finding",
    )
    more(found)


@finding.command("show")
def show(context: typer.Context, finding_id: Id, as_json: Json = False) -> None:
    """Show one finding: its detail, and what people decided about it."""
    found = connect(context).get(f"/findings/{finding_id}")
    if as_json:
        print_json(found)
    else:
        _show(found)


@finding.command("acknowledge")
def acknowledge(context: typer.Context, finding_id: Id, reason: Reason, as_json: Json = False) -> None:
    """Say that you know; it stays open until what it found is over."""
    found = connect(context).post(f"/findings/{finding_id}/acknowledge", {"reason": reason})
    if as_json:
        print_json(found)
    else:
        _show(found)


@finding.command("close")
def close(context: typer.Context, finding_id: Id, reason: Reason, as_json: Json = False) -> None:
    """Close a finding; those that driftline closes by itself can only be acknowledged."""
    found = connect(context).post(f"/findings/{finding_id}/close", {"reason": reason})
    if as_json:
        print_json(found)
    else:
        _show(found)


def _show(found: dict[str, Any]) -> None:
    pairs(
        [
            ("finding", found["id"]),
            ("kind", found["kind"]),
            ("ci", f"{found['ci']['name']} ({found['ci']['uid']})" if found["ci"] else None),
            ("what", found["message"]),
            ("since (UTC)", moment(found["opened"])),
            ("closed (UTC)", moment(found["closed"])),
            ("detail", value(found["detail"]) if found["detail"] else None),
        ]
    )
    if found["decisions"]:
        title("decisions")
        table(
            ("WHEN (UTC)", "WHO", "WHAT", "WHY"),
            ((moment(d["at"]), d["actor"], d["action"], d["reason"]) for d in found["decisions"]),
        )
