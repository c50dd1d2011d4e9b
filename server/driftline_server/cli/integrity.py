"""`driftline integrity`: verification of the record; `driftline ci attest`: verification by hand."""

from typing import Annotated, Any

import typer

from driftline_server.cli.ci import Host
from driftline_server.cli.ci import group as ci_group
from driftline_server.cli.client import connect, part
from driftline_server.cli.output import Json, Limit, Sort, moment, more, pairs, print_json, state, table, title

group = typer.Typer(help="Verification of the record: is what is recorded right?", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="integrity")


@group.command("run")
def run(context: typer.Context, as_json: Json = False) -> None:
    """Ask for a verification; a collector takes it within ten seconds. One that waits or runs already is it."""
    found = connect(context).post("/integrity/runs", {})
    if as_json:
        print_json(found)
    else:
        typer.echo(f"integrity run {found['id']} is {found['state']}; see driftline integrity show {found['id']}")


@group.command("list")
def list_runs(context: typer.Context, sort: Sort = None, limit: Limit = 100, as_json: Json = False) -> None:
    """List verifications, newest first, with the accuracy that each found."""
    found = connect(context).get("/integrity/runs", sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("RUN", "STATE", "ASKED BY", "BEGAN (UTC)", "CIS ACCURATE", "ELEMENTS ACCURATE", "DEFICIENCIES"),
        (
            (
                r["id"],
                state(r["state"]),
                r["asked_by"],
                moment(r["started"]),
                _share(r["cis"]),
                _share(r["elements"]),
                r["deficient"],
            )
            for r in found["items"]
        ),
        empty="the record was not verified yet",
    )
    more(found)


@group.command("show")
def show(
    context: typer.Context, run_id: Annotated[int, typer.Argument(metavar="RUN", help="A run.")], as_json: Json = False
) -> None:
    """Show a verification: what each check examined and found."""
    found = connect(context).get(f"/integrity/runs/{run_id}")
    if as_json:
        print_json(found)
        return
    pairs(
        [
            ("run", found["id"]),
            ("state", state(found["state"])),
            ("asked by", f"{found['asked_by']}, {moment(found['asked'])}"),
            ("began (UTC)", moment(found["started"])),
            ("ended (UTC)", moment(found["ended"])),
            ("cis accurate", _share(found["cis"])),
            ("elements accurate", _share(found["elements"])),
            ("failed", found["error"]),
        ]
    )
    title("checks")
    table(
        ("CHECK", "EXAMINED", "DEFICIENT", "FINDINGS", "TOOK", "WHAT IS RIGHT"),
        (
            (c["name"], c["examined"], c["deficient"], c["findings"], f"{c['took_ms']} ms", _says(c))
            for c in found["checks"]
        ),
        empty="no check has ended yet",
    )


@group.command("attestations")
def attestations(
    context: typer.Context,
    search: Annotated[str | None, typer.Argument(help="Text in the name of the CI.")] = None,
    sort: Sort = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List when a person last verified each CI by hand."""
    found = connect(context).get("/attestations", q=search, sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("CI", "STATUS", "LAST ATTESTED (UTC)", "BY", "WHAT WAS LOOKED AT"),
        ((one["ci"], one["status"], moment(one["at"]) or "never", one["actor"], one["note"]) for one in found["items"]),
        empty="no CI fits",
    )
    more(found)


@ci_group.command("attest")
def attest(
    context: typer.Context,
    host: Host,
    note: Annotated[str, typer.Option(help="What you looked at, and how.", prompt=True)],
    as_json: Json = False,
) -> None:
    """Record that you looked at the CI itself, and that the record of it is right."""
    found = connect(context).post(f"/cis/{part(host)}/attest", {"note": note})
    if as_json:
        print_json(found)
    else:
        typer.echo(f"{found['ci']} is attested by {found['actor']} at version {found['attested_version']}")


def _share(found: dict[str, Any] | None) -> str | None:
    if found is None:
        return None
    return f"{100 * found['share']:.4f} % ({found['accurate']} of {found['examined']})"


def _says(check: dict[str, Any]) -> str:
    words = [check["meaning"], *check["notes"]]
    if not check["applied"]:
        words.append("There is nothing to look at.")
    if check["error"]:
        words.append(f"FAILED: {check['error']}")
    return " ".join(words)
