"""`driftline ci`: configuration items."""

import sys
from collections import Counter
from typing import Annotated, Any

import typer

from driftline_server.cli.client import connect, fail, part
from driftline_server.cli.output import (
    Json,
    Limit,
    Most,
    Sort,
    bounds,
    evidence,
    moment,
    more,
    pairs,
    print_diff,
    print_json,
    state,
    table,
    title,
    value,
)

group = typer.Typer(help="Configuration items: what is there.", no_args_is_help=True)

Host = Annotated[str, typer.Argument(help="Name or uid of a CI.")]
Match = Annotated[
    list[str] | None,
    typer.Option("--match", help="Pattern of paths: software.packages[dpkg/openssl*]; may be repeated."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="ci")


@group.command("list")
def list_cis(
    context: typer.Context,
    search: Annotated[str | None, typer.Argument(help="Text in the name.")] = None,
    status: Annotated[str | None, typer.Option(help="in production, in maintenance, silent, retired, ...")] = None,
    drifting: Annotated[bool, typer.Option("--drifting", help="Only those with open drifts.")] = False,
    silent: Annotated[bool, typer.Option("--silent", help="Only those of which nothing was heard lately.")] = False,
    merged: Annotated[bool, typer.Option("--merged", help="Those that were merged into another, instead.")] = False,
    ci_class: Annotated[str | None, typer.Option("--class", help="server, service, ...")] = None,
    field: Annotated[list[str] | None, typer.Option("--field", help="cost_centre=4711, team=web*; may repeat.")] = None,
    sort: Sort = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List configuration items."""
    found = connect(context).get(
        "/cis",
        q=search,
        status=status,
        drifting=drifting or None,
        silent=silent or None,
        merged=merged or None,
        ci_class=ci_class,
        sort=sort,
        limit=limit,
        **_fields(field or []),
    )
    if as_json:
        print_json(found["items"])
        return
    table(
        ("NAME", "OS", "STATUS", "VERSION", "OPEN DRIFTS", "LAST SEEN (UTC)", "UID"),
        (
            (
                ci["name"],
                ci["os"],
                state(ci["status"]),
                ci["version"],
                ci["open_drifts"],
                moment(ci["last_seen"]),
                ci["uid"],
            )
            for ci in found["items"]
        ),
        empty="no CI fits",
    )
    more(found)


def _fields(wanted: list[str]) -> dict[str, str]:
    for one in wanted:
        if "=" not in one:
            fail(f'--field: "{one}" is not name=value', 2)
    return {f"field.{one.partition('=')[0].removeprefix('field.')}": one.partition("=")[2] for one in wanted}


@group.command("show")
def show(context: typer.Context, host: Host, as_json: Json = False) -> None:
    """Show a CI: what it is, who answers for it, which sources speak for it."""
    ci = connect(context).get(f"/cis/{part(host)}")
    if as_json:
        print_json(ci)
        return
    pairs(
        [
            ("name", ci["name"]),
            ("uid", ci["uid"]),
            ("class", ci["ci_class"]),
            ("status", state(ci["status"])),
            ("set to", ci["life_cycle"] if ci["life_cycle"] != ci["status"] else ""),
            ("ended by", ended(ci["ended_by"])),
            ("version", ci["version"]),
            ("os", ci["os"]),
            ("owner", _named(ci, ci["owner"])),
            ("responsible", _named(ci, ci["responsible"])),
            ("environment", ci["environment"]),
            ("location", _named(ci, ci["location"])),
            ("criticality", ci["criticality"]),
            ("services", ", ".join(ci["services"])),
            ("labels", ", ".join(f"{name}={one}" for name, one in ci["labels"].items())),
            *((one["name"].replace("_", " "), one["shown"]) for one in ci["said"]["own"]),
            ("open drifts", ci["open_drifts"]),
            ("first seen", moment(ci["first_seen"])),
            ("last seen", moment(ci["last_seen"])),
            ("merged into", _ref(ci["identity"]["merged_into"])),
            ("stands for", ", ".join(_ref(one) for one in ci["identity"]["merged"])),
        ]
    )
    title("sources")
    table(
        (
            "UID",
            "KIND",
            "HOST NAME",
            "STATE",
            "LAST CALL (UTC)",
            "RANK",
            "SINCE (UTC)",
            "UNTIL (UTC)",
            "MUTED SECTIONS",
            "WHY",
        ),
        (
            (
                one["uid"],
                f"{one['kind']} {one['agent_version']}",
                one["hostname"],
                state(one["state"]),
                moment(one["seen"]),
                one["rank"],
                moment(one["since"]),
                moment(one["until"]),
                len(one["muted"]) or "",
                one["reason"],
            )
            for one in ci["sources"] + ci["former_sources"]
        ),
    )
    if len(ci["sources"]) > 1:
        title("whose word counts")
        table(
            ("SOURCE", "SPEAKS FOR"),
            ((f"{one['hostname']} ({one['uid'][:8]})", _parts(one["speaks_for"])) for one in ci["sources"]),
        )
    if ci["identity"]["assets"]:
        title("hardware")
        table(
            ("SERIAL NUMBER", "MODEL", "STATUS", "SINCE (UTC)", "UNTIL (UTC)", "RFC"),
            (
                (
                    one["serial_number"],
                    " ".join(filter(None, (one["manufacturer"], one["model"]))),
                    state(one["status"]),
                    moment(one["since"]),
                    moment(one["until"]),
                    one["rfc"],
                )
                for one in ci["identity"]["assets"]
            ),
        )
    if ci["relations"]:
        title("relations")
        table(("CI", "", "CI"), ((one["front"]["name"], one["kind"], one["behind"]["name"]) for one in ci["relations"]))
    if ci["links"]:
        title("links")
        rows = ci["links"]
        columns = ("CI", "PORT", "CI", "PORT")
        table(columns, ((r["front"]["name"], r["front_port"], r["behind"]["name"], r["behind_port"]) for r in rows))
    if ci["findings"]:
        title("findings")
        table(("KIND", "SINCE (UTC)", "WHAT"), ((f["kind"], moment(f["opened"]), f["message"]) for f in ci["findings"]))


def _named(ci: dict[str, Any], text: str | None) -> str | None:
    """Return a text, with the uid of the CI that it names."""
    found = ci["said"]["named"].get(text)
    return f"{text} ({found['uid']})" if found else text


def _parts(families: list[str]) -> str:
    """Return families as the sections that they are of, each with how many: ``network (5)``."""
    count = Counter(family.partition(".")[0] for family in families)
    return ", ".join(f"{section} ({number})" for section, number in sorted(count.items())) or "nothing"


def _ref(ci: dict[str, str] | None) -> str:
    return f"{ci['name']} ({ci['uid']})" if ci else ""


def ended(decision: dict[str, Any] | None) -> str:
    """Return in words who took a CI out of use."""
    if decision is None:
        return ""
    return f"{decision['actor']}, {moment(decision['at'])} UTC: {decision['reason']} (it was {decision['before']})"


FileOf = Annotated[str, typer.Argument(metavar="PATH", help="Path of a configuration file: /etc/ssh/sshd_config.")]


@group.command("file")
def file(
    context: typer.Context,
    host: Host,
    path: FileOf,
    at: Annotated[str | None, typer.Option(help="As it was then: 2026-11-24T05:58Z.")] = None,
    digest: Annotated[str | None, typer.Option(help="The content with this digest, whenever it was.")] = None,
    as_json: Json = False,
) -> None:
    """Print what a configuration file of a CI says, its secrets taken out."""
    found = connect(context).get(f"/cis/{part(host)}/files/text", file=path, at=at, digest=digest)
    if as_json:
        print_json(found)
    elif found["text"] is None:
        fail(f"{path}: there is no text: {found['withheld']}")
    else:
        sys.stdout.write(found["text"])


@group.command("diff")
def diff(
    context: typer.Context,
    host: Host,
    path: FileOf,
    before: Annotated[str | None, typer.Option(help="Digest of the one; the last but one by default.")] = None,
    after: Annotated[str | None, typer.Option(help="Digest of the other; the last by default.")] = None,
    as_json: Json = False,
) -> None:
    """Show how two contents of a configuration file differ, secrets taken out; the last two by default."""
    found = connect(context).get(f"/cis/{part(host)}/files/diff", file=path, before=before, after=after)
    if as_json:
        print_json(found)
    else:
        print_diff(found)


@group.command("facts")
def facts(
    context: typer.Context,
    host: Host,
    match: Match = None,
    at: Annotated[str | None, typer.Option(help="As they were then: 2026-11-24T05:58Z.")] = None,
    limit: Most = None,
    as_json: Json = False,
) -> None:
    """Show the facts of a CI, one path and value a line."""
    found = connect(context).listing(f"/cis/{part(host)}/facts", limit, match=match, at=at)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("PATH", "VALUE", "SINCE (UTC)"),
        (
            (
                one["path"] + (" (stale)" if one["stale"] else ""),
                value(one["value"]),
                moment(one["since"]) or one["nature"],
            )
            for one in found["items"]
        ),
        empty="no fact matches",
    )
    more(found)


@group.command("expected")
def expected(
    context: typer.Context, host: Host, match: Match = None, limit: Most = None, as_json: Json = False
) -> None:
    """Show what is expected of a CI, and who says so: which baseline or RFC, since when, approved by whom."""
    found = connect(context).listing(f"/cis/{part(host)}/expected", limit, match=match)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("PATH", "EXPECTED", "ACTUAL", "AS EXPECTED", "SAYS WHO", "SINCE (UTC)", "APPROVED BY"),
        (
            (
                one["path"],
                one["rule"] or value(one["expected"]),
                value(one["actual"]),
                state("yes" if one["holds"] else "no"),
                one["says"],
                moment(one["since"]),
                one["approved_by"],
            )
            for one in found["items"]
        ),
        empty="nothing is expected there: no baseline watches it",
    )
    more(found)


@group.command("history")
def history(
    context: typer.Context,
    host: Host,
    match: Match = None,
    before: Annotated[int | None, typer.Option(help="Only changes of earlier revisions.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Reports to look at.")] = 100,
    as_json: Json = False,
) -> None:
    """Show what changed on a CI, newest first, and what did it."""
    found = connect(context).get(f"/cis/{part(host)}/history", match=match, before=before, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("WHEN (UTC)", "PATH", "BEFORE", "AFTER", "EVIDENCE", "REVISION"),
        (
            (
                bounds(one["not_before"], one["observed"]),
                one["path"],
                value(one["before"]),
                value(one["after"]),
                evidence(one["evidence"]),
                one["revision"],
            )
            for one in found["items"]
        ),
        empty="no change",
    )
    if found["next_before"]:
        sys.stderr.write(f"older changes with --before {found['next_before']}\n")
