"""`driftline utilization`: what a host does, as a table and a plot in the terminal."""

import shutil
import sys
from typing import Annotated, Any

import typer

from driftline_server.cli.ci import Host
from driftline_server.cli.client import connect, part
from driftline_server.cli.output import Json, print_json, table
from driftline_server.quantities import quantity

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
        empty="nothing has arrived in this time; the first minute comes about a minute after the agent starts",
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
    import plotext

    scale = 100.0 if series[0]["unit"] == "1" and "utilization" in name else 1.0
    unit = "%" if scale == 100.0 else series[0]["unit"]
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.date_form("H:M")
    for one in series[:6]:
        times = [point["at"][11:16] for point in one["points"]]
        plotext.plot(times, [point["mean"] * scale for point in one["points"]], label=one["instance"] or None)
    if scale == 100.0:
        plotext.ylim(0, 100)
    plotext.plot_size(min(shutil.get_terminal_size((100, 24)).columns, 110), 14)
    plotext.title(f"{name} [{unit}], times in UTC")
    sys.stdout.write("\n" + plotext.build() + "\n")
