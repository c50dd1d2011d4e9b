"""`driftline baseline`: what a version changes and would do, and what baselines cover."""

from typing import Annotated, Any

import typer

from driftline_server.cli.baseline import Name, Version, group
from driftline_server.cli.client import connect, fail, part
from driftline_server.cli.output import Json, pairs, print_json, state, table, title, value


def register(_app: typer.Typer) -> None:
    """Nothing to add: the commands stand in the group of `baseline`."""


@group.command("diff")
def diff(
    context: typer.Context,
    name: Name,
    before: Annotated[int | None, typer.Option(help="Number of a version; the one before by default.")] = None,
    after: Annotated[int | None, typer.Option(help="Number of a version; the newest by default.")] = None,
    as_json: Json = False,
) -> None:
    """Compare two versions: rules, and what they captured."""
    client = connect(context)
    newest = after if after is not None else client.get(f"/baselines/{part(name)}")["latest"]["number"]
    oldest = before if before is not None else newest - 1
    if oldest < 1:
        fail(f"baseline {name} has one version only; there is nothing to compare with")
    found = client.get(f"/baselines/{part(name)}/diff", before=oldest, after=newest)
    if as_json:
        print_json(found)
        return
    columns = ("CHANGE", "WHAT", f"V{oldest}", f"V{newest}")
    title("document")
    table(
        columns,
        ((f"{one['part']} {one['change']}", one["path"], one["before"], one["after"]) for one in found["rules"]),
        empty="no rule differs",
    )
    title("captured")
    table(
        columns,
        ((one["change"], one["path"], value(one["before"]), value(one["after"])) for one in found["pins"]),
        empty="nothing captured differs",
    )


@group.command("dry-run")
def dry_run(
    context: typer.Context,
    name: Name,
    version: Version = None,
    most: Annotated[int, typer.Option(min=1, help="CIs to compare at most.")] = 1000,
    as_json: Json = False,
) -> None:
    """Say which drifts a version would open and close if it came into force now; nothing is written."""
    found = connect(context).get(f"/baselines/{part(name)}/dry-run", version=version, most=most)
    if as_json:
        print_json(found)
        return
    typer.echo(found["summary"])
    for heading, rows in (("would open", found["opens"]), ("would close", found["closes"])):
        if rows:
            title(heading)
            _drifts(rows)
    if found["folded"]:
        title("folds in")
        for one in found["folded"]:
            typer.echo(f"RFC {one['rfc']}: {one['ci']} {one['path']} = {value(one['after'])}")
    if found["conflicts"]:
        title("cannot be approved: it contradicts other baselines")
        table(
            ("PATH", "BASELINE", "SAYS", "BASELINE", "SAYS"),
            (
                (one["path"], one["lower"], one["lower_rule"], one["upper"], one["upper_rule"])
                for one in found["conflicts"]
            ),
        )


def _drifts(rows: list[dict[str, Any]]) -> None:
    table(
        ("CI", "PATH", "EXPECTED", "ACTUAL", "SEVERITY", "WHY"),
        (
            (one["ci"], one["path"], value(one["expected"]), value(one["actual"]), state(one["severity"]), one["why"])
            for one in rows
        ),
    )


@group.command("coverage")
def coverage(
    context: typer.Context,
    ci: Annotated[str | None, typer.Option(help="Name or uid: only of this CI.")] = None,
    as_json: Json = False,
) -> None:
    """Show CIs without a baseline, attributes that nobody watches, and baselines that match no CI."""
    found = connect(context).get("/baselines/coverage", ci=ci)
    if as_json:
        print_json(found)
        return
    pairs(
        [
            ("CIs", found["cis"]),
            ("without a baseline", ", ".join(found["uncovered"]) or "none"),
            ("watched attributes", f"{found['watched']} of {found['attributes']} ({found['share']:.1%})"),
            ("baselines that match no CI", ", ".join(found["unmatched"]) or "none"),
        ]
    )
    title("by section of facts")
    table(
        ("SECTION", "ATTRIBUTES", "WATCHED", "SHARE"),
        ((one["section"], one["attributes"], one["watched"], f"{one['share']:.1%}") for one in found["sections"]),
    )
    title("nobody watches")
    table(
        ("PATH", "ATTRIBUTES"),
        ((one["path"], one["attributes"]) for one in found["unwatched"]),
        empty="everything is watched",
    )
