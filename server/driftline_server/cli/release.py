"""`driftline release`: RFCs that go together through test into production."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from driftline_server.cli.client import connect, fail, part
from driftline_server.cli.output import Json, Limit, Sort, moment, more, pairs, print_json, state, table, title, value

group = typer.Typer(help="Releases: RFCs that go together through test into production.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of a release.")]
Wave = Annotated[int, typer.Argument(help="Number of a wave.")]
Number = Annotated[int, typer.Argument(help="Number of an RFC.")]
Comment = Annotated[str, typer.Option("--comment", help="Why, for whoever reads it later.")]
Review = Annotated[str, typer.Option("--review", help="What was found.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="release")


@group.command("list")
def list_releases(
    context: typer.Context,
    search: Annotated[str | None, typer.Argument(help="Text in the name.")] = None,
    release_state: Annotated[str | None, typer.Option("--state", help="planned, in test, accepted ...")] = None,
    sort: Sort = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List releases, newest first."""
    found = connect(context).get("/releases", q=search, state=release_state, sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("NAME", "STATE", "TYPE", "RFCS", "WAVES", "AUTHOR", "ACCEPTED BY", "PLANNED (UTC)"),
        (
            (
                one["name"],
                state(one["state"]),
                one["kind"],
                one["rfcs"],
                one["waves"],
                one["author"],
                one["accepted_by"],
                moment(one["planned"]),
            )
            for one in found["items"]
        ),
        empty="no release",
    )
    more(found)


@group.command("show")
def show(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Show a release: RFCs, waves, criteria, the last check, the result."""
    found = connect(context).get(f"/releases/{part(name)}")
    if as_json:
        print_json(found)
        return
    promotes = f"{found['promotes']} to {found['promoted'] or found['promote_to']}" if found["promotes"] else None
    pairs(
        [
            ("release", found["name"]),
            ("state", state(found["state"])),
            ("type", found["kind"]),
            ("author", found["author"]),
            ("planned (UTC)", moment(found["planned"])),
            ("description", found["description"]),
            ("accepted by", found["accepted_by"]),
            ("promotes", promotes),
            ("result", found["result"]),
            ("review", found["review"]),
            ("possible", ", ".join(found["possible"])),
        ]
    )
    title("waves")
    table(
        ("WAVE", "NAME", "ENVIRONMENT", "STATE", "CIS", "STARTED (UTC)", "SELECTOR"),
        (
            (
                one["number"],
                one["name"],
                one["environment"],
                state(one["state"]),
                one["count"],
                moment(one["started"]),
                one["selector"].strip(),
            )
            for one in found["wave_list"]
        ),
        empty="none",
    )
    title("RFCs")
    table(
        ("RFC", "TITLE", "STATE", "STARTED (UTC)"),
        ((one["number"], one["title"], state(one["state"]), moment(one["started"])) for one in found["rfc_list"]),
        empty="none",
    )
    if found["criteria"]:
        title("acceptance criteria")
        typer.echo(found["criteria"].rstrip("\n"))
    if found["checks"]:
        title("last check")
        _print_check(found["checks"][0])


@group.command("create")
def create(
    context: typer.Context,
    name: Name,
    kind: Annotated[str, typer.Option("--type", help="major, minor, or emergency.")] = "minor",
    planned: Annotated[str | None, typer.Option(help="When: 2026-11-24T22:00Z.")] = None,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    criteria: Annotated[Path | None, typer.Option(help="YAML: rules that must hold in test; - is stdin.")] = None,
    promote: Annotated[str | None, typer.Option(help="A baseline that acceptance promotes.")] = None,
    to: Annotated[str | None, typer.Option(help="Name of the baseline that it is promoted to.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="What to change in its selector: environment=production.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Plan a release."""
    body: dict[str, Any] = {"name": name, "kind": kind, "description": description}
    if planned is not None:
        body["planned"] = planned
    if criteria is not None:
        body["criteria"] = _read(criteria)
    if promote is not None or to is not None:
        body |= {"promotes": promote, "promote_to": to, "promote_set": _settings(settings or [])}
    _done(connect(context).post("/releases", body), as_json)


@group.command("add")
def add(context: typer.Context, name: Name, number: Number, as_json: Json = False) -> None:
    """Add an RFC; from then on only the release's waves start it."""
    _done(connect(context).post(f"/releases/{part(name)}/rfcs", {"number": number}), as_json)


@group.command("remove")
def remove(context: typer.Context, name: Name, number: Number, as_json: Json = False) -> None:
    """Take out an RFC that no wave has started; it goes its own way again."""
    _done(connect(context).delete(f"/releases/{part(name)}/rfcs/{number}"), as_json)


@group.command("wave")
def wave(
    context: typer.Context,
    name: Name,
    environment: Annotated[str, typer.Option("--environment", help="test, or production.")],
    selector: Annotated[str | None, typer.Option("--selector", help='As a baseline\'s: "environment: test".')] = None,
    cis: Annotated[list[str] | None, typer.Option("--ci", help="Instead of a selector; may be repeated.")] = None,
    wave_name: Annotated[str, typer.Option("--name", help="What to call it.")] = "",
    start: Annotated[str | None, typer.Option(help="When it is planned: 2026-11-24T22:00Z.")] = None,
    end: Annotated[str | None, typer.Option(help="When it is to be over.")] = None,
    as_json: Json = False,
) -> None:
    """Add a wave: CIs that are changed together."""
    if (selector is None) == (not cis):
        fail("give --selector or --ci", code=2)
    chosen = selector if selector is not None else "\n".join(["ci:", *(f"- {_quoted(one)}" for one in cis or [])])
    body = {"environment": environment, "selector": chosen, "name": wave_name, "start": start, "end": end}
    _done(connect(context).post(f"/releases/{part(name)}/waves", body), as_json)


@group.command("drop-wave")
def drop_wave(context: typer.Context, name: Name, number: Wave, as_json: Json = False) -> None:
    """Take out a wave that has not started."""
    _done(connect(context).delete(f"/releases/{part(name)}/waves/{number}"), as_json)


@group.command("criteria")
def criteria(
    context: typer.Context,
    name: Name,
    file: Annotated[Path | None, typer.Argument(help="YAML: a list of a baseline's rules; - is stdin.")] = None,
    as_json: Json = False,
) -> None:
    """Set the acceptance criteria, or without a file print them."""
    client = connect(context)
    if file is not None:
        _done(client.patch(f"/releases/{part(name)}", {"criteria": _read(file)}), as_json)
        return
    found = client.get(f"/releases/{part(name)}")
    if as_json:
        print_json(found)
    else:
        typer.echo(found["criteria"].rstrip("\n") or "none yet")


@group.command("check")
def check(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Compare the criteria with what the CIs of the test waves are now. Exit code 1 where they do not hold."""
    found = connect(context).post(f"/releases/{part(name)}/check", {})
    if as_json:
        print_json(found)
    else:
        _print_check(found)
    if not found["passed"]:
        raise typer.Exit(1)


@group.command("accept")
def accept(context: typer.Context, name: Name, comment: Comment = "", as_json: Json = False) -> None:
    """Let a release into production: its criteria must hold now, and its author may not."""
    _done(connect(context).post(f"/releases/{part(name)}/accept", {"comment": comment}), as_json)


@group.command("start")
def start_wave(context: typer.Context, name: Name, number: Wave, comment: Comment = "", as_json: Json = False) -> None:
    """Start a wave: marks the state of its CIs, and begins the RFCs that change them."""
    _done(connect(context).post(f"/releases/{part(name)}/waves/{number}/start", {"comment": comment}), as_json)


@group.command("end")
def end_wave(context: typer.Context, name: Name, number: Wave, comment: Comment = "", as_json: Json = False) -> None:
    """Say that a wave is done."""
    _done(connect(context).post(f"/releases/{part(name)}/waves/{number}/end", {"comment": comment}), as_json)


@group.command("snapshot")
def snapshot(
    context: typer.Context,
    name: Name,
    ci: Annotated[str | None, typer.Option("--ci", help="What of this one differs now.")] = None,
    as_json: Json = False,
) -> None:
    """List the CIs whose state before the release is marked, or with --ci what differs from it now."""
    base = f"/releases/{part(name)}/snapshot"
    found = connect(context).get(base if ci is None else f"{base}/{part(ci)}")
    if as_json:
        print_json(found)
    elif ci is None:
        table(
            ("CI", "STATE OF (UTC)", "VERSION"),
            ((one["ci"]["name"], moment(one["at"]), one["version"]) for one in found["items"]),
            empty="no wave has started",
        )
    else:
        table(
            ("PATH", "BEFORE", "NOW"),
            ((one["path"], value(one["before"]), value(one["now"])) for one in found["differences"]),
            empty="nothing differs",
        )


@group.command("reverse-plan")
def reverse_plan(
    context: typer.Context,
    name: Name,
    file: Annotated[Path | None, typer.Option("--file", help="Set it from a file; - is stdin.")] = None,
    draft: Annotated[bool, typer.Option("--draft", help="Draft it anew from the RFCs' back-out plans.")] = False,
    as_json: Json = False,
) -> None:
    """Print the plan back; it is drafted from the RFCs' back-out plans, the last RFC first."""
    client = connect(context)
    if file is not None or draft:
        text = _read(file) if file is not None else None
        client.patch(f"/releases/{part(name)}", {"reverse_plan": text})
    found = client.get(f"/releases/{part(name)}/reverse-plan")
    if as_json:
        print_json(found)
    else:
        typer.echo(found["text"].rstrip("\n"))


@group.command("close")
def close(context: typer.Context, name: Name, review: Review = "", as_json: Json = False) -> None:
    """Close it; what came of it is kept, every count with its denominator."""
    _done(connect(context).post(f"/releases/{part(name)}/close", {"review": review}), as_json)


@group.command("fail")
def fail_release(
    context: typer.Context,
    name: Name,
    review: Annotated[str, typer.Option("--review", help="What failed.")],
    as_json: Json = False,
) -> None:
    """Say that it has failed; what was not started stays held."""
    _done(connect(context).post(f"/releases/{part(name)}/fail", {"review": review}), as_json)


@group.command("cancel")
def cancel(context: typer.Context, name: Name, review: Review = "", as_json: Json = False) -> None:
    """Cancel one that has not reached production; its RFCs stay held until they are taken out."""
    _done(connect(context).post(f"/releases/{part(name)}/cancel", {"review": review}), as_json)


def _print_check(found: dict[str, Any]) -> None:
    said = "passed" if found["passed"] else "not passed"
    stale = "" if found["current"] else " (before the last change of the release)"
    typer.echo(f"{said}{stale}: {moment(found['at'])}, {found['reporting']} of {found['cis']} reporting")
    for one in found["results"]:
        typer.echo(f"{'ok  ' if one['holds'] else 'FAIL'} {one['text']}")
        for named in one["named"]:
            typer.echo(f"       {named['ci']}: {named['why']}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _settings(words: list[str]) -> dict[str, str]:
    found = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            fail(f'--set: "{word}" is not NAME=VALUE', code=2)
        found[name] = text
    return found


def _read(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file}: {error}")


def _done(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        typer.echo(f"release {found['name']} is {found['state']}: {found['rfcs']} RFCs, {found['waves']} waves")
