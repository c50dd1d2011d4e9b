"""Hours, times of day and zones as YAML documents write them."""

from datetime import time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from driftline_baseline.hours import DAYS, Hours, days_of
from driftline_baseline.yaml_reader import YamlReader


def read_hours(reader: YamlReader, node: yaml.Node, where: str = "hours", zone: str = "UTC") -> Hours:
    """Read hours of the week: ``{days: [mon-thu, sat], from: "22:00", to: "04:00", zone: Europe/Zurich}``.

    :param zone: the one that counts where none stands there.
    """
    found = reader.mapping(node, where, ("days", "from", "to", "zone"))
    days = frozenset(range(7))
    if "days" in found:
        words = reader.texts(found["days"], f"{where}.days")
        named = days_of(words)
        if named is None:
            bad = next(word for word in words if days_of([word]) is None)
            mend = f'"{bad}" is not one of {", ".join(DAYS)}, or a span as mon-fri'
            raise reader.fail(found["days"], f"{where}.days", mend)
        days = named
    start = read_time(reader, found["from"], f"{where}.from") if "from" in found else time(0)
    end = read_time(reader, found["to"], f"{where}.to") if "to" in found else None
    if start == end:
        raise reader.fail(node, where, "covers no time; leave out from and to for whole days")
    return Hours(days, start, end, read_zone(reader, found["zone"], f"{where}.zone") if "zone" in found else zone)


def read_zone(reader: YamlReader, node: yaml.Node, where: str) -> str:
    """Read the name of a time zone."""
    zone = reader.text(node, where)
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise reader.fail(node, where, f'"{zone}" is no time zone, as Europe/Zurich') from error
    return zone


def read_time(reader: YamlReader, node: yaml.Node, where: str) -> time:
    """Read a time of day; YAML takes some of them for numbers unless they are quoted."""
    text = reader.plain(node)
    try:
        return time.fromisoformat(text if len(text) == 5 else "")
    except (TypeError, ValueError) as error:
        raise reader.fail(node, where, f'{text!r} is no time of day; write it in quotes, as "08:30"') from error
