"""`driftline device`: devices that run no agent, who may speak for them, and what was seen on networks."""

from typing import Annotated, Any

import typer

from driftline_server.cli.client import connect, part
from driftline_server.cli.output import Json, Limit, Sort, moment, more, pairs, print_json, state, table, title

group = typer.Typer(help="Devices that run no agent: an agent of their site speaks for them.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Address, name, name of the CI, or uid of a device.")]
Reason = Annotated[str, typer.Option(help="Why.", prompt=True)]
Site = Annotated[str, typer.Option(help="The site.")]
OfSite = Annotated[str | None, typer.Option("--site", help="Only of this site.")]
Agent = Annotated[str, typer.Argument(metavar="SOURCE", help="uid or host name of an agent.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="device")


@group.command("list")
def list_devices(
    context: typer.Context,
    search: Annotated[str | None, typer.Argument(help="Text in a name, or the start of the address.")] = None,
    site: OfSite = None,
    which: Annotated[str | None, typer.Option("--state", help="read, problem, no agent, new, or removed.")] = None,
    sort: Sort = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List devices."""
    found = connect(context).get("/devices", q=search, site=site, state=which, sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        (
            "NAME",
            "CI",
            "STATE",
            "SITE",
            "ADDRESS",
            "PROTOCOL",
            "CREDENTIAL",
            "AGENT",
            "GEN",
            "ANSWERED (UTC)",
            "PROBLEM",
        ),
        (
            (
                one["name"],
                one["ci"]["name"] if one["ci"] else None,
                state(one["state"]),
                one["site"],
                one["address"],
                f"{one['protocol']} {one['port']}",
                one["credential"],
                one["agent"],
                one["generation"],
                moment(one["answered"]),
                one["problem"],
            )
            for one in found["items"]
        ),
        empty="no device",
    )
    more(found)


@group.command("show")
def show(context: typer.Context, name: Name, site: OfSite = None, as_json: Json = False) -> None:
    """Show one device: where it is, who speaks for it, and which agents' files name it."""
    _print(connect(context).get(f"/devices/{part(name)}", site=site), as_json)


@group.command("add")
def add(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="An IP address.")],
    site: Site,
    credential: Annotated[str, typer.Option(help="Name that agents have the credential by.")],
    ci: Annotated[str | None, typer.Option("--ci", help="The CI that it is; else that is found out.")] = None,
    port: Annotated[int, typer.Option(help="Port.")] = 161,
    snmp_context: Annotated[str, typer.Option("--context", help="contextName of SNMPv3.")] = "",
    interval: Annotated[int, typer.Option(help="Seconds between two readings.")] = 300,
    as_json: Json = False,
) -> None:
    """Hand a device out to an agent of its site that has the credential."""
    wanted = {"site": site, "address": address, "credential": credential, "ci": ci, "port": port}
    _print(connect(context).post("/devices", {**wanted, "context": snmp_context, "interval_s": interval}), as_json)


@group.command("remove")
def remove(context: typer.Context, name: Name, reason: Reason, site: OfSite = None, as_json: Json = False) -> None:
    """Hand a device out no longer; what is known of it stays."""
    of_site = "" if site is None else f"&site={part(site)}"
    found = connect(context).delete(f"/devices/{part(name)}?reason={part(reason)}{of_site}")
    if as_json:
        print_json(found)
    else:
        typer.echo(f"{found['address']} of site {found['site']} is {found['state']}")


@group.command("read")
def read_now(context: typer.Context, name: Name, site: OfSite = None, as_json: Json = False) -> None:
    """Have its agent read a device now."""
    query = "" if site is None else f"?site={part(site)}"
    found = connect(context).post(f"/devices/{part(name)}/read{query}", {})
    if as_json:
        print_json(found)
    else:
        typer.echo(f"{found['agent']} reads {found['name']} with its next call")


@group.command("allow")
def allow(context: typer.Context, source: Agent, site: Site, reason: Reason, as_json: Json = False) -> None:
    """Let an agent speak for the devices of a site."""
    found = connect(context).post("/device-speakers", {"source": source, "site": site, "reason": reason})
    if as_json:
        print_json(found)
    else:
        typer.echo(f"{found['agent']} ({found['uid']}) may speak for devices of site {found['site']}")


@group.command("forbid")
def forbid(context: typer.Context, source: Agent, site: Site, reason: Reason, as_json: Json = False) -> None:
    """Let an agent speak for the devices of a site no longer; it loses them at once."""
    found = connect(context).post("/device-speakers/forbid", {"source": source, "site": site, "reason": reason})
    if as_json:
        print_json(found)
    else:
        typer.echo(f"{found['source']} speaks for no device of site {found['site']}: {found['leases']} are free")


@group.command("speakers")
def list_speakers(
    context: typer.Context, site: OfSite = None, sort: Sort = None, limit: Limit = 100, as_json: Json = False
) -> None:
    """List the agents that may speak for devices."""
    found = connect(context).get("/device-speakers", site=site, sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("UID", "AGENT", "SITE", "DEVICES", "TAKES MORE", "CALLED (UTC)", "ALLOWED BY", "SINCE (UTC)", "WHY"),
        (
            (
                one["uid"],
                one["agent"],
                one["site"],
                one["devices"],
                "yes" if one["takes_more"] else "no",
                moment(one["called"]),
                one["actor"],
                moment(one["since"]),
                one["reason"],
            )
            for one in found["items"]
        ),
        empty="no agent may speak for devices",
    )
    more(found)


@group.command("sightings")
def list_sightings(
    context: typer.Context,
    search: Annotated[str | None, typer.Argument(help="Text in the name, or the start of an address.")] = None,
    site: OfSite = None,
    sort: Sort = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List what agents saw on their networks, the latest first."""
    found = connect(context).get("/device-sightings", q=search, site=site, sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("ADDRESS", "MAC", "NAME", "ANSWERS", "SITE", "SEEN BY", "FIRST (UTC)", "LAST (UTC)", "DESCRIPTION"),
        (
            (
                one["address"],
                one["mac"],
                one["system_name"],
                ", ".join(one["answers"]),
                one["site"],
                one["agent"],
                moment(one["first_seen"]),
                moment(one["last_seen"]),
                one["description"],
            )
            for one in found["items"]
        ),
        empty="nothing was seen",
    )
    more(found)


def _print(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    pairs(
        [
            ("device", found["name"]),
            ("source", found["uid"]),
            ("ci", f"{found['ci']['name']} ({found['ci']['uid']})" if found["ci"] else None),
            ("state", state(found["state"])),
            ("problem", found["problem"]),
            ("since (UTC)", moment(found["problem_since"])),
            ("site", found["site"]),
            ("address", f"{found['address']} ({found['protocol']} port {found['port']})"),
            ("context", found["context"]),
            ("credential", found["credential"]),
            ("every", f"{found['interval_s']} s"),
            ("agent", f"{found['agent']} ({found['agent_uid']})" if found["agent"] else None),
            ("generation", found["generation"]),
            ("answered (UTC)", moment(found["answered"])),
            ("last report (UTC)", moment(found["seen"])),
            ("handed out by", found["handed_out_by"]),
            ("removed (UTC)", moment(found["removed"])),
        ]
    )
    if found["offers"]:
        title("agents whose files name it")
        rows = ((one["agent"], one["credential"], f"{one['interval_s']} s") for one in found["offers"])
        table(("AGENT", "CREDENTIAL", "EVERY"), rows)
