"""`driftline rfc`: what moves an RFC on, and what is around it."""

from typing import Annotated

import typer

from driftline_server.cli.client import connect, fail, part
from driftline_server.cli.output import Json, moment, pairs, print_json, table, title
from driftline_server.cli.rfc import Comment, Number, done, group, predictions

Risk = Annotated[str | None, typer.Option("--risk-level", help="low, medium or high.")]


def register(_app: typer.Typer) -> None:
    """Nothing to add: these commands belong to the group of `rfc`."""


@group.command("draft")
def draft(
    context: typer.Context,
    heading: Annotated[str, typer.Argument(metavar="TITLE", help="What is to be changed, in a line.")],
    ci: Annotated[list[str] | None, typer.Option("--ci", help="A CI that is changed; may be repeated.")] = None,
    expect: Annotated[
        list[str] | None, typer.Option("--expect", help="What it will be, as with plan; may be repeated.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Keep a change as a draft; edit it, then submit it."""
    wanted = {"title": heading, "predictions": predictions(ci or [], expect or []), "draft": True}
    done(connect(context).post("/rfcs", wanted), as_json)


@group.command("edit")
def edit(
    context: typer.Context,
    number: Number,
    heading: Annotated[str | None, typer.Option("--title", help="What is to be changed, in a line.")] = None,
    ci: Annotated[list[str] | None, typer.Option("--ci", help="With --expect: the CIs, all anew.")] = None,
    expect: Annotated[list[str] | None, typer.Option("--expect", help="What they will be, all anew.")] = None,
    start: Annotated[str | None, typer.Option(help="Of the window, as 2026-11-24T22:00Z.")] = None,
    end: Annotated[str | None, typer.Option(help="Of the window.")] = None,
    kind: Annotated[str | None, typer.Option(help="standard, normal or emergency.")] = None,
    priority: Annotated[str | None, typer.Option(help="low, medium or high.")] = None,
    risk_level: Risk = None,
    implementer: Annotated[str | None, typer.Option(help="Who does it.")] = None,
    description: Annotated[str | None, typer.Option(help="What is done.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why it is needed.")] = None,
    effect_of_not_doing: Annotated[str | None, typer.Option(help="What happens otherwise.")] = None,
    risk: Annotated[str | None, typer.Option(help="What can go wrong.")] = None,
    impact_text: Annotated[str | None, typer.Option("--impact", help="Whom it concerns.")] = None,
    benefit: Annotated[str | None, typer.Option(help="What it is good for.")] = None,
    cost: Annotated[str | None, typer.Option(help="What it costs.")] = None,
    test_plan: Annotated[str | None, typer.Option(help="How it is tested.")] = None,
    back_out: Annotated[str | None, typer.Option(help="How it is taken back.")] = None,
    as_json: Json = False,
) -> None:
    """Change a draft; what is not given stays as it is."""
    given = {
        "title": heading, "start": start, "end": end, "kind": kind, "priority": priority, "risk_level": risk_level,
        "implementer": implementer, "description": description, "reason": reason,
        "effect_of_not_doing": effect_of_not_doing, "risk": risk, "impact": impact_text, "benefit": benefit,
        "cost": cost, "test_plan": test_plan, "back_out_plan": back_out,
    }  # fmt: skip
    wanted: dict[str, object] = {name: text for name, text in given.items() if text is not None}
    if ci or expect:
        wanted["predictions"] = predictions(ci or [], expect or [])
    if not wanted:
        fail("nothing to change was given; driftline rfc edit --help lists what can be", code=2)
    done(connect(context).patch(f"/rfcs/{number}", wanted), as_json)


@group.command("submit")
def submit(context: typer.Context, number: Number, as_json: Json = False) -> None:
    """Submit a draft, to be assessed and authorised."""
    done(connect(context).post(f"/rfcs/{number}/submit", {}), as_json)


@group.command("assess")
def assess(
    context: typer.Context,
    number: Number,
    risk_level: Risk = None,
    risk: Annotated[str | None, typer.Option(help="What can go wrong.")] = None,
    impact_text: Annotated[str | None, typer.Option("--impact", help="Whom it concerns.")] = None,
    comment: Comment = "",
    as_json: Json = False,
) -> None:
    """Write down an RFC's risk and impact."""
    wanted = {"risk_level": risk_level, "risk": risk, "impact": impact_text, "comment": comment}
    done(connect(context).post(f"/rfcs/{number}/assess", wanted), as_json)


@group.command("reject")
def reject(
    context: typer.Context,
    number: Number,
    comment: Annotated[str, typer.Option("--comment", help="Why, for whoever requested it.")],
    as_json: Json = False,
) -> None:
    """Reject a planned RFC."""
    done(connect(context).post(f"/rfcs/{number}/reject", {"comment": comment}), as_json)


@group.command("schedule")
def schedule(
    context: typer.Context,
    number: Number,
    start: Annotated[str, typer.Option(help="Of the window, as 2026-11-24T22:00Z.")],
    end: Annotated[str | None, typer.Option(help="Of the window.")] = None,
    comment: Comment = "",
    as_json: Json = False,
) -> None:
    """Give an authorised RFC another window."""
    wanted = {"start": start, "end": end, "comment": comment}
    done(connect(context).post(f"/rfcs/{number}/schedule", wanted), as_json)


@group.command("start")
def start_now(context: typer.Context, number: Number, comment: Comment = "", as_json: Json = False) -> None:
    """Begin an RFC before its window; an emergency also before it is approved."""
    done(connect(context).post(f"/rfcs/{number}/start", {"comment": comment}), as_json)


@group.command("close")
def close(
    context: typer.Context,
    number: Number,
    outcome: Annotated[
        str, typer.Option(help="successful, 'successful with problems', failed, or 'backed out'.")
    ] = "successful",
    review: Annotated[str, typer.Option(help="What the review found.")] = "",
    as_json: Json = False,
) -> None:
    """Close a planned RFC with its review."""
    done(connect(context).post(f"/rfcs/{number}/close", {"outcome": outcome, "review": review}), as_json)


@group.command("reopen")
def reopen(context: typer.Context, number: Number, comment: Comment = "", as_json: Json = False) -> None:
    """Open an RFC again that was backed out."""
    done(connect(context).post(f"/rfcs/{number}/reopen", {"comment": comment}), as_json)


@group.command("comment")
def comment_on(
    context: typer.Context,
    number: Number,
    text: Annotated[str, typer.Argument(help="What is to be said.")],
    as_json: Json = False,
) -> None:
    """Say something about an RFC."""
    found = connect(context).post(f"/rfcs/{number}/comments", {"text": text})
    if as_json:
        print_json(found)
    else:
        typer.echo(f"RFC {number} has {len(found['comments'])} comments")


@group.command("link")
def link(
    context: typer.Context,
    number: Number,
    kind: Annotated[str, typer.Argument(help="incident, problem, rfc or url.")],
    target: Annotated[str, typer.Argument(help="An id, a number or an address.")],
    as_json: Json = False,
) -> None:
    """Link an RFC to an incident, a problem, another RFC, or an address."""
    found = connect(context).post(f"/rfcs/{number}/links", {"kind": kind, "target": target})
    if as_json:
        print_json(found)
    else:
        links = ", ".join(f"{one['kind']} {one['target']}" for one in found["links"])
        typer.echo(f"RFC {number} is linked to {links}")


@group.command("conflicts")
def conflicts(context: typer.Context, number: Number, as_json: Json = False) -> None:
    """Show freezes and other changes at the time of an RFC."""
    found = connect(context).get(f"/rfcs/{number}/conflicts")
    if as_json:
        print_json(found["items"])
        return
    table(
        ("KIND", "NAME", "TITLE", "CI", "BY", "FROM (UTC)", "TO (UTC)"),
        (
            (
                one["kind"],
                one["name"],
                one["title"],
                one["ci"]["name"],
                one["on"]["name"] if one["on"] else None,
                moment(one["start"]) or "any time",
                moment(one["end"]) or "any time",
            )
            for one in found["items"]
        ),
        empty="no conflict",
    )


@group.command("impact")
def impact(context: typer.Context, number: Number, as_json: Json = False) -> None:
    """Show what depends on the CIs of an RFC, each with the way."""
    found = connect(context).get(f"/rfcs/{number}/impact")
    if as_json:
        print_json(found)
        return
    pairs([("impact", found["summary"]), ("services", ", ".join(found["services"]))])
    title("dependants")
    table(
        ("CI", "CLASS", "HOW"),
        (
            (
                one["ci"]["name"],
                one["ci_class"],
                ", ".join(f"{step['relation']} {step['ci']['name']}" for step in one["chain"]),
            )
            for one in found["dependants"]
        ),
        empty="none is known",
    )


@group.command("history")
def history(context: typer.Context, number: Number, as_json: Json = False) -> None:
    """Show all that happened to an RFC, in the order of time."""
    found = connect(context).get(f"/rfcs/{number}/history")
    if as_json:
        print_json(found["items"])
        return
    table(
        ("WHEN (UTC)", "KIND", "WHO", "WHAT"),
        ((moment(one["at"]), one["kind"], one["actor"], one["text"]) for one in found["items"]),
    )


@group.command("from-template")
def from_template(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of a standard change's template.")],
    ci: Annotated[list[str], typer.Option("--ci", help="A CI that is changed, by name or uid; may be repeated.")],
    values: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A value that it asks for; may be repeated.")
    ] = None,
    start: Annotated[str | None, typer.Option(help="Of the window, as 2026-11-24T22:00Z.")] = None,
    end: Annotated[str | None, typer.Option(help="Of the window.")] = None,
    despite_conflicts: Annotated[
        bool, typer.Option("--despite-conflicts", help="Other changes at the same time are known.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a standard change: its template's approver has approved it beforehand."""
    settings = {}
    for text in values or []:
        key, sign, value = text.partition("=")
        if not sign:
            fail(f'--set: "{text}" is not NAME=VALUE', code=2)
        settings[key] = value
    body = {"cis": ci, "settings": settings, "start": start, "end": end, "despite_conflicts": despite_conflicts}
    made = connect(context).post(f"/rfc-templates/{part(name)}/use", body)
    if as_json:
        print_json(made)
    else:
        typer.echo(f"RFC {made['number']} ({made['title']}) is {made['state']}")
