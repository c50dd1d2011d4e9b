"""`driftline token`, `source`, `status`, `login`."""

import os
import sys
from typing import Annotated

import typer

from driftline_server.cli import profiles
from driftline_server.cli.client import State, connect, fail, open_client, part
from driftline_server.cli.output import Json, Limit, Sort, moment, more, pairs, print_json, state, table

token = typer.Typer(help="Tokens: for agents to join with, and for the API.", no_args_is_help=True)
source = typer.Typer(help="Sources: agents and devices.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(token, name="token")
    app.add_typer(source, name="source")
    app.command("status")(status)
    app.command("login")(login)


def status(context: typer.Context, as_json: Json = False) -> None:
    """Show the state of everything in a few numbers."""
    found = connect(context).get("/overview")
    if as_json:
        print_json(found)
        return
    pairs([(name.replace("_", " "), one) for name, one in found.items() if name != "last_report"])
    pairs([("last report (UTC)", moment(found["last_report"]) or "never")])


@token.command("create-join")
def create_join(
    context: typer.Context,
    uses: Annotated[int, typer.Option(min=1, max=100_000, help="How many agents may join with it.")] = 1,
    lasts: Annotated[str, typer.Option("--for", help="How long it lasts: 1h, 7d.")] = "1h",
    ci: Annotated[str | None, typer.Option("--ci", help="The CI that whoever joins speaks for.")] = None,
    note: Annotated[str, typer.Option(help="What it is for.")] = "",
    as_json: Json = False,
) -> None:
    """Create a token that lets agents enrol; prints it, once."""
    body = {"uses": uses, "expires_in": lasts, "ci": ci, "note": note}
    found = connect(context).post("/join-tokens", body)
    if as_json:
        print_json(found)
    else:
        typer.echo(found["secret"])


@token.command("list")
def list_tokens(
    context: typer.Context,
    join: Annotated[bool, typer.Option("--join", help="The tokens that agents join with, not the API's.")] = False,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List one's own API tokens, or the join tokens."""
    found = connect(context).get("/join-tokens" if join else "/tokens", limit=limit)
    if as_json:
        print_json(found["items"])
    elif join:
        table(
            ("ID", "NOTE", "USES LEFT", "EXPIRES (UTC)", "FOR", "CREATED BY"),
            (
                (
                    t["id"],
                    t["note"],
                    t["uses_left"],
                    moment(t["expires"]),
                    t["ci"]["name"] if t["ci"] else "any host",
                    t["created_by"],
                )
                for t in found["items"]
            ),
            empty="no join token",
        )
    else:
        table(
            ("ID", "NAME", "CREATED (UTC)", "EXPIRES (UTC)", "LAST USED (UTC)"),
            (
                (t["id"], t["name"], moment(t["created"]), moment(t["expires"]) or "never", moment(t["used"]))
                for t in found["items"]
            ),
            empty="no token",
        )


@token.command("delete")
def delete_token(
    context: typer.Context,
    token_id: Annotated[str, typer.Argument(metavar="ID", help="Of an API token, or with --join of a join token.")],
    join: Annotated[bool, typer.Option("--join", help="It is a join token.")] = False,
    as_json: Json = False,
) -> None:
    """Delete a token."""
    found = connect(context).delete(f"/{'join-tokens' if join else 'tokens'}/{part(token_id)}")
    if as_json:
        print_json(found)
    else:
        typer.echo(f"token {token_id} is deleted")


@source.command("list")
def list_sources(
    context: typer.Context,
    search: Annotated[str | None, typer.Argument(help="Text in the host name.")] = None,
    source_state: Annotated[
        str | None, typer.Option("--state", help="live, silent, quarantined, new, split, image, retired.")
    ] = None,
    sort: Sort = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List agents and devices."""
    found = connect(context).get("/sources", q=search, state=source_state, sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("UID", "HOST NAME", "CI", "KIND", "STATE", "LAST CALL (UTC)", "CERTIFICATE UNTIL (UTC)"),
        (
            (
                one["uid"],
                one["hostname"],
                one["ci"]["name"] if one["ci"] else None,
                f"{one['kind']} {one['agent_version']}",
                state(one["state"]),
                moment(one["seen"]),
                moment(one["certificate_until"]),
            )
            for one in found["items"]
        ),
        empty="no source",
    )
    more(found)


@source.command("revoke")
def revoke(
    context: typer.Context,
    uid: Annotated[str, typer.Argument(help="uid of a source.")],
    reason: Annotated[str, typer.Option(help="Why.", prompt=True)],
    as_json: Json = False,
) -> None:
    """Revoke all certificates of a source: it may report nothing more until it enrols anew."""
    found = connect(context).post(f"/sources/{part(uid)}/revoke", {"reason": reason})
    if as_json:
        print_json(found)
    else:
        typer.echo(f"source {uid} is revoked")


@source.command("release")
def release(
    context: typer.Context,
    uid: Annotated[str, typer.Argument(help="uid of a source.")],
    reason: Annotated[str, typer.Option(help="Why.", prompt=True)],
    as_json: Json = False,
) -> None:
    """Take reports of a quarantined source again."""
    found = connect(context).post(f"/sources/{part(uid)}/release", {"reason": reason})
    if as_json:
        print_json(found)
    else:
        typer.echo(f"source {uid} is released")


def login(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="Where the server is: https://driftline.example.net:8080")],
    name: Annotated[str, typer.Option("--name", help="Who you are there.", prompt="Name")],
    ca_file: Annotated[str | None, typer.Option(help="Certificates to trust for this server, PEM.")] = None,
    lasts: Annotated[str, typer.Option("--for", help="How long the token lasts.")] = "90d",
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin.")] = False,
) -> None:
    """Log in: asks for the password, makes a token, and stores it as a profile (--profile names it, else your name)."""
    current = context.find_object(State)
    if current is None:
        raise TypeError("the application sets the state before any command runs")
    try:
        profiles.read(current.profiles)
    except profiles.ProfileError as error:
        fail(str(error))
    password = sys.stdin.readline().rstrip("\n") if password_stdin else typer.prompt("Password", hide_input=True)
    client = open_client(context, profiles.Profile(url, "", ca_file))
    body = {
        "name": name,
        "password": password,
        "token_name": f"driftline on {os.uname().nodename}",
        "expires_in": lasts,
    }
    made = client.post("/login", body)
    profile = current.profile or name
    profiles.store(current.profiles, profile, profiles.Profile(url, made["secret"], ca_file), make_default=False)
    typer.echo(
        f"profile {profile} is stored in {current.profiles}; its token lasts until {moment(made['expires'])} UTC"
    )
