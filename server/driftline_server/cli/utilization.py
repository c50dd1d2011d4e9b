"""`driftline utilization`: what a host does, as a table and a plot in the terminal."""

import re
import shutil
import sys
from typing import Annotated, Any

import typer

from driftline_server.cli.ci import Host
from driftline_server.cli.client import connect, part
from driftline_server.cli.output import Json, print_json, table
from driftline_server.quantities import quantity

# Of one plot; more cannot be told apart
_MOST_SERIES = 6
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
#: Metrics that are plotted where none is named.
_PLOTTED = ("system.cpu.utilization", "system.memory.utilization")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("utilization")(utilization)


def utilization(
    context: typer.Context,
    host: Host,
    metric: Annotated[
        list[str] | None, typer.Option("--metric", help="A name, or what it begins with: system.cpu; may be repeated.")
    ] = None,
    since: Annotated[str, typer.Option(help="How far back: 15m, 1h, 7d.")] = "1h",
    plot: Annotated[
        bool, typer.Option("--plot/--no-plot", help="Also plot: what is named, else cpu and memory.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Show what a host does: cpu, memory, load, disks, network."""
    found = connect(context).get(f"/cis/{part(host)}/utilization", metric=metric, since=since)
    if as_json:
        print_json(found)
        return
    series = [one for one in found["series"] if one["points"]]
    table(
        ("METRIC", "OF", "LAST", "MEAN", "LEAST", "MOST"),
        (_row(one) for one in series),
        empty=f"nothing of {', '.join(metric)} in this time; without --metric all there is is shown"
        if metric
        else "nothing has arrived in this time; the first minute comes some seconds after the agent starts",
    )
    if plot:
        wanted = sorted({one["metric"] for one in series}) if metric else _PLOTTED
        for name in wanted:
            _plot(name, [one for one in series if one["metric"] == name])


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    points = one["points"]
    figures = (
        points[-1]["last"],
        sum(point["mean"] for point in points) / len(points),
        min(point["min"] for point in points),
        max(point["max"] for point in points),
    )
    return (one["metric"], one["instance"], *(quantity(figure, one["metric"], one["unit"]) for figure in figures))


def _plot(name: str, series: list[dict[str, Any]]) -> None:
    if not series:
        return
    # Only where needed: the other commands start faster without it
    import plotext  # type: ignore[import-untyped]  # it ships no types

    is_fraction = series[0]["unit"] == "1" and "utilization" in name
    scale = 100.0 if is_fraction else 1.0
    times = sorted({point["at"] for one in series for point in one["points"]})
    position = {at: number for number, at in enumerate(times)}
    figure = plotext.figure
    figure.clear()
    figure.theme("simple" if sys.stdout.isatty() else "colorless")
    for one in series[:_MOST_SERIES]:
        points = one["points"]
        line = figure.signal([position[p["at"]] for p in points], [p["mean"] * scale for p in points]).lines()
        if one["instance"]:
            line.label(one["instance"])
        figure.draw(line)
    if is_fraction:
        figure.ruler("y").lim(0, 100)
    marks = list(range(0, len(times), max(1, len(times) // 6)))
    figure.ruler("x").ticks(marks, [_mark(times[mark], times) for mark in marks])
    figure.title(f"{name} [{'%' if is_fraction else series[0]['unit']}], times in UTC")
    figure.plot_size(min(shutil.get_terminal_size((100, 24)).columns, 110), 14)
    text = str(figure.build())
    sys.stdout.write("\n" + (text if sys.stdout.isatty() else _ESCAPES.sub("", text)) + "\n")


def _mark(at: str, times: list[str]) -> str:
    """Return a time as the plot shows it: the hour within a day, else the day."""
    return at[11:16] if times[0][:10] == times[-1][:10] else at[5:16].replace("T", " ")
