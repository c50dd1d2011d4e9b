"""`driftline rule` and `driftline origin`: pre-approved standard changes, and who publishes what."""

import bz2
import gzip
import lzma
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from driftline_server.cli.client import connect, fail, part
from driftline_server.cli.output import Json, Limit, Sort, moment, more, pairs, print_json, state, table, title

group = typer.Typer(help="Standing rules: pre-approved standard changes.", no_args_is_help=True)
origin_group = typer.Typer(help="Origins: what repositories publish.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of a rule.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="rule")
    app.add_typer(origin_group, name="origin")


@group.command("list")
def list_rules(context: typer.Context, sort: Sort = None, limit: Limit = 100, as_json: Json = False) -> None:
    """List all versions of standing rules."""
    found = connect(context).get("/rules", sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("NAME", "VERSION", "STATE", "AUTHOR", "APPROVED BY", "ENDS (UTC)", "EXPLAINED", "LAST (UTC)"),
        (
            (
                one["name"],
                f"v{one['number']}",
                state(one["state"]),
                one["author"],
                one["approved_by"],
                moment(one["expires"]),
                one["hits"],
                moment(one["last_hit"]),
            )
            for one in found["items"]
        ),
        empty="no standing rule",
    )
    more(found)


@group.command("show")
def show(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Show the newest version of a rule: its document, its replay over the past, its uses."""
    found = connect(context).get(f"/rules/{part(name)}")
    if as_json:
        print_json(found)
        return
    pairs(
        [
            ("rule", f"{found['name']} v{found['number']}"),
            ("state", state(found["state"])),
            ("author", found["author"]),
            ("approved by", found["approved_by"]),
            ("ends (UTC)", moment(found["expires"])),
            ("explained", found["hits"]),
            ("replay", found["replay"]["text"] if found["replay"] else "not replayed yet"),
            ("recorded as", ", ".join(f"RFC {number}" for number in found["rfcs"])),
        ]
    )
    title("document")
    typer.echo(found["document"].rstrip("\n"))


@group.command("draft")
def draft(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A rule's document in YAML; - is stdin.")],
    as_json: Json = False,
) -> None:
    """Draft a rule, or the next version of one. Someone else approves it."""
    _done(connect(context).post("/rules", {"document": _read(file)}), as_json)


@group.command("never-again")
def never_again(
    context: typer.Context,
    number: Annotated[int, typer.Argument(help="Number of an RFC that found a change.")],
    name: Annotated[str, typer.Option("--name", help="Name of the rule.")],
    reason: Annotated[str, typer.Option(help="Why such changes are fine.")] = "",
) -> None:
    """Print a rule that would have explained what an RFC found; edit it, then: driftline rule draft."""
    found = connect(context).post(f"/rfcs/{number}/never-again", {"name": name, "reason": reason})
    typer.echo(found["document"].rstrip("\n"))


@group.command("replay")
def replay(
    context: typer.Context,
    name: Name,
    days: Annotated[int, typer.Option(min=1, max=730, help="How far to look back.")] = 90,
    as_json: Json = False,
) -> None:
    """Replay the newest version over the past: what it would have hidden, and what of that turned out to be bad."""
    found = connect(context).post(f"/rules/{part(name)}/replay", {"days": days})
    if as_json:
        print_json(found["replay"])
    else:
        typer.echo(found["replay"]["text"])


@group.command("approve")
def approve(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Put a drafted rule into force; its author may not."""
    _done(connect(context).post(f"/rules/{part(name)}/approve", {}), as_json)


@group.command("retire")
def retire(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Take a rule out of force, or drop its draft."""
    _done(connect(context).post(f"/rules/{part(name)}/retire", {}), as_json)


@origin_group.command("list")
def list_origins(context: typer.Context, sort: Sort = None, limit: Limit = 100, as_json: Json = False) -> None:
    """List origins with how much they are known to publish."""
    found = connect(context).get("/origins", sort=sort, limit=limit)
    if as_json:
        print_json(found["items"])
        return
    table(
        ("ORIGIN", "PACKAGES", "VERSIONS", "LOADED (UTC)"),
        ((one["name"], one["packages"], one["versions"], moment(one["loaded"])) for one in found["items"]),
        empty="no origin is loaded",
    )
    more(found)


@origin_group.command("load")
def load(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the origin, as rules and RFCs call it.")],
    file: Annotated[Path, typer.Argument(help="The repository's own index, a Packages file; - is stdin.")],
    as_json: Json = False,
) -> None:
    """Load what a repository publishes, from its own index, so that no host can forge it."""
    client = connect(context)
    new = sum(client.send(f"/origins/{part(name)}", piece)["new"] for piece in _pieces(_index(file)))
    if as_json:
        print_json({"origin": name, "new": new})
    else:
        typer.echo(f"origin {name}: {new} new versions")


#: First bytes of packed files, and what unpacks them.
_PACKED: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": gzip.decompress,
    b"\xfd7zXZ": lzma.decompress,
    b"BZh": bz2.decompress,
}
_FIELDS = (b"Package:", b"Architecture:", b"Version:")
#: Bytes of one request.
_PIECE = 3_000_000
_LZ4 = b"\x04\x22\x4d\x18"


def _index(file: Path) -> bytes:
    """Return a repository's index, unpacked."""
    try:
        found = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        for first, unpack in _PACKED.items():
            if found.startswith(first):
                return unpack(found)
    except (OSError, EOFError, lzma.LZMAError) as error:
        fail(f"{file}: {error}")
    if found.startswith(_LZ4):
        fail(
            f"{file}: is packed as apt keeps it: /usr/lib/apt/apt-helper cat-file {file} | driftline origin load NAME -"
        )
    return found


def _pieces(index: bytes) -> Iterator[bytes]:
    """Yield an index's stanzas in pieces, with only the fields that say what is published."""
    piece: list[bytes] = []
    size = 0
    for line in [*index.splitlines(), b""]:
        if line and not line.startswith(_FIELDS):
            continue
        piece.append(line)
        size += len(line) + 1
        if not line and size > _PIECE:
            yield b"\n".join(piece) + b"\n"
            piece, size = [], 0
    if size > 1 or not index.strip():
        yield b"\n".join(piece) + b"\n"


def _read(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file}: {error}")


def _done(rule: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(rule)
    else:
        typer.echo(f"rule {rule['name']} v{rule['number']} is {rule['state']}")
