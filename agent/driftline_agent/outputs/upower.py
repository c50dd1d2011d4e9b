"""Facts of what ``upower --dump`` or ``upower --show-info BATTERY`` printed, in any language."""

import re

from driftline import late
from driftline.v1.facts_pb2 import Battery, Facts
from driftline_agent.dmi_text import parse_name, parse_text
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output

_LINE = late.pattern(r"\s*([A-Za-z][A-Za-z -]*):\s+(.*)")


def _battery(fields: dict[str, str]) -> Battery | None:
    # What hangs on a cable or radio (mice, phones, UPSes) supplies no power to the machine.
    if fields.get("power supply") != "yes" or fields.get("present") == "no":
        return None
    battery = Battery(
        name=parse_name(fields.get("native-path", "").rpartition("/")[2]),
        manufacturer=parse_text(fields.get("vendor")),
        model=parse_text(fields.get("model")),
        serial_number=parse_text(fields.get("serial")),
        chemistry=parse_text(fields.get("technology")),
    )
    energy = re.fullmatch(r"(\d{1,6})(?:[.,](\d{1,6}))? Wh", fields.get("energy-full-design", ""))
    if energy:
        battery.capacity = round(float(f"{energy[1]}.{energy[2] or 0}") * 1000)
    return battery if battery.name else None


def parse_batteries(text: str) -> list[Battery]:
    """Return the machine's own batteries, sorted by name."""
    found: dict[str, Battery] = {}
    fields: dict[str, str] = {}
    is_battery = False
    for line in [*text.splitlines(), "Device: "]:
        if line.strip() == "battery" and line[:1].isspace():
            is_battery = True
        elif line.startswith(("Device: ", "Daemon:")):
            battery = _battery(fields) if is_battery else None
            if battery is not None:
                found.setdefault(battery.name, battery)
            fields, is_battery = {}, False
        elif match := _LINE.fullmatch(line):
            fields.setdefault(match[1].strip(), match[2].strip())
    return [found[name] for name in sorted(found)]


def parse(text: str) -> Facts:
    """Return the machine's own batteries."""
    if "native-path:" not in text:
        raise UnreadableError('upower: no line "native-path: ...", so this is not its output')
    facts = Facts()
    facts.hardware.batteries.extend(parse_batteries(text))
    return facts


OUTPUT = Output(command="upower --dump", parse=parse)
