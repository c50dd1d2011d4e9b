"""`driftline proposal`: services, relations and unmanaged devices that driftline has seen, for people to confirm."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from driftline_server.cli.client import connect, fail
from driftline_server.cli.output import Json, Limit, Sort, moment, more, pairs, print_json, state, table, title

group = typer.Typer(
    help="Proposals: services, relations and unmanaged devices that driftline has seen.", no_args_is_help=True
)

#: What is shown of an unmanaged device.
_DEVICE = ("name", "address", "mac", "site", "credential", "description")

Ids = Annotated[list[int], typer.Argument(metavar="ID...", help="Ids of proposals; all of them are decided, or none.")]
Reason = Annotated[str, typer.Option(help="Why.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="proposal")


@group.command("list")
def list_proposals(
    context: typer.Context,
    kind: Annotated[str | None, typer.Option(help="service, depends on, runs on, infrastructure, or device.")] = None,
    ci: Annotated[str | None, typer.Option("--ci", help="Only with this CI at either end.")] = None,
    which: Annotated[str, typer.Option("--state", help="open, accepted, rejected, ignored, lapsed, or all.")] = "open",
    mine: Annotated[bool, typer.Option("--mine", help="Only of CIs that you own or answer for.")] = False,
    sort: Sort = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List proposals, newest first."""
    found = connect(context).get("/proposals", kind=kind, ci=ci, state=which, mine=mine or None, sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("ID", "KIND", "WHAT", "RESTS ON", "OWNER", "SINCE (UTC)", "SEEN (UTC)", "STATE"),
        (
            (
                one["id"],
                one["kind"],
                one["title"],
                f"{len(one['material'])} CIs" if one["kind"] == "service" else ", ".join(one["material"][:5]),
                one["owner"],
                moment(one["first_seen"]),
                moment(one["last_seen"]),
                state(one["state"]),
            )
            for one in found["items"]
        ),
        empty="no proposal",
    )
    more(found)


@group.command("show")
def show(
    context: typer.Context,
    proposal_id: Annotated[int, typer.Argument(metavar="ID", help="Id of a proposal.")],
    as_json: Json = False,
) -> None:
    """Show one proposal with its evidence."""
    found = connect(context).get(f"/proposals/{proposal_id}")
    if as_json:
        print_json(found)
        return
    said = found["evidence"]
    pairs(
        [
            ("proposal", found["id"]),
            ("kind", found["kind"]),
            ("what", found["title"]),
            ("state", state(found["state"])),
            ("owner", found["owner"]),
            *((name, said.get(name)) for name in ("class", "relation", "rule", "purpose", "cis", "by")),
            *((name, said.get(name)) for name in _DEVICE if found["kind"] == "device"),
            ("since (UTC)", moment(found["first_seen"])),
            ("seen (UTC)", moment(found["last_seen"])),
            ("decided by", found["decided_by"]),
            ("reason", found["reason"]),
        ]
    )
    if said.get("links"):
        title("connections")
        table(
            ("FROM", "UNIT", "TO", "ADDRESS", "PORT", "UNIT"),
            (
                (one["front"], one["front_unit"], one["behind"], one["address"], one["port"], one["behind_unit"])
                for one in said["links"]
            ),
        )
    if said.get("members"):
        title("hosts")
        table(
            ("CI", "PORTS", "KNOWN BY"),
            ((one["ci"], ", ".join(one["ports"]), ", ".join(one["why"])) for one in said["members"]),
        )


@group.command("accept")
def accept(
    context: typer.Context,
    ids: Ids,
    reason: Reason = "",
    name: Annotated[str | None, typer.Option(help="Of a device: its name.")] = None,
    ci_class: Annotated[str | None, typer.Option("--class", help="Of a device: class of its CI.")] = None,
    site: Annotated[str | None, typer.Option(help="Of a device: the site whose agents read it.")] = None,
    address: Annotated[str | None, typer.Option(help="Of a device: the address that it is read at.")] = None,
    credential: Annotated[
        str | None, typer.Option(help="Of a device: name of the credential that it is read with; empty for none.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Put what is proposed on record, as your decision. What you do not say of a device is as it was seen."""
    said = {"name": name, "ci_class": ci_class, "site": site, "address": address, "credential": credential}
    device = {field: value for field, value in said.items() if value is not None}
    _decide(context, ids, "accept", reason, as_json, device)


@group.command("reject")
def reject(
    context: typer.Context,
    ids: Ids,
    reason: Annotated[str, typer.Option(help="Why it is not so.", prompt=True)],
    as_json: Json = False,
) -> None:
    """Say that it is not so; it is not proposed again unless it rests on something else."""
    _decide(context, ids, "reject", reason, as_json)


@group.command("reopen")
def reopen(context: typer.Context, ids: Ids, reason: Reason = "", as_json: Json = False) -> None:
    """Take a rejection back."""
    _decide(context, ids, "reopen", reason, as_json)


def _decide(
    context: typer.Context,
    ids: list[int],
    decision: str,
    reason: str,
    as_json: bool,
    device: dict[str, str] | None = None,
) -> None:
    wanted: dict[str, Any] = {"ids": ids, "decision": decision, "reason": reason}
    if device:
        wanted["device"] = device
    found = connect(context).post("/proposals/decide", wanted)
    if as_json:
        print_json(found["items"])
        return
    for one in found["items"]:
        typer.echo(f"proposal {one['id']} is {one['state']}: {one['title']}")


@group.command("ignore")
def ignore(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Why nothing is to be proposed there.", prompt=True)],
    network: Annotated[str, typer.Option(help="An address or a network: 192.0.2.0/24.")] = "",
    port: Annotated[str, typer.Option(help="9100, tcp/9100 or udp/161.")] = "",
    as_json: Json = False,
) -> None:
    """Never propose anything from connections to an address, a network or a port."""
    found = connect(context).post("/proposal-ignores", {"network": network, "port": port, "reason": reason})
    _ignored(found, "is never proposed", as_json)


@group.command("ignored")
def ignored(context: typer.Context, sort: Sort = None, limit: Limit = 100, as_json: Json = False) -> None:
    """List what is never proposed."""
    found = connect(context).get("/proposal-ignores", sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("ID", "NETWORK", "PORT", "BY", "SINCE (UTC)", "WHY"),
        (
            (
                one["id"],
                one["network"] or "any",
                one["port"] or "any",
                one["actor"],
                moment(one["since"]),
                one["reason"],
            )
            for one in found["items"]
        ),
        empty="nothing is left out",
    )
    more(found)


@group.command("unignore")
def unignore(
    context: typer.Context,
    ignore_id: Annotated[int, typer.Argument(metavar="ID", help="Id, as `driftline proposal ignored` lists it.")],
    as_json: Json = False,
) -> None:
    """Propose from such connections again."""
    _ignored(connect(context).delete(f"/proposal-ignores/{ignore_id}"), "is proposed again", as_json)


def _ignored(found: dict[str, Any], what: str, as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        typer.echo(f"{found['network'] or 'any address'} {found['port'] or 'any port'} {what}")


@group.command("rules")
def rules(
    context: typer.Context,
    file: Annotated[Path | None, typer.Option("--set", help="Put this document in force; - is stdin.")] = None,
    comment: Annotated[str, typer.Option(help="Why, with --set.")] = "",
    version: Annotated[int | None, typer.Option(help="An earlier version; 0 is what is shipped.")] = None,
    as_json: Json = False,
) -> None:
    """Print the rules by which services are proposed, or put others in force."""
    client = connect(context)
    if file is not None:
        found = client.put("/service-rules", {"document": _read(file), "comment": comment})
    else:
        found = client.get("/service-rules", version=version)
    if as_json:
        print_json(found)
    elif file is not None:
        typer.echo(f"service rules v{found['number']} are in force")
    else:
        typer.echo(found["document"].rstrip("\n"))


def _read(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file}: {error}")
