"""Facts of what ``ddcprobe`` (read-edid, xresprobe) printed: the display that the firmware saw."""

import re

from driftline.v1.facts_pb2 import Display, Facts
from driftline_agent.dmi_text import parse_text
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output

_NO_SERIALS = frozenset({0, 0x01010101, 0xFFFFFFFF})


def parse_fields(text: str) -> dict[str, str]:
    """Return the lines ``name: value``; of several the last that says something counts."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and value.strip():
            fields[name.strip()] = value.strip()
    return fields


def parse(text: str) -> Facts:
    """Return the display, in the terms of EDID; ddcprobe names no connector."""
    fields = parse_fields(text)
    eisa = re.fullmatch(r"([A-Z]{3})([0-9A-Fa-f]{1,4})", fields.get("eisa", ""))
    if "edid" not in fields or not eisa:
        raise UnreadableError(
            'ddcprobe: no lines "edid: ..." and "eisa: ACI22ab", so this is not its output, or there is no display'
        )
    product = eisa[2].lower().zfill(4)
    display = Display(manufacturer=eisa[1], product_code=product)
    display.model = parse_text(fields.get("monitorname")) or parse_text(fields.get("monitorid")) or product
    code = int(fields["serial"], 16) if re.fullmatch(r"[0-9A-Fa-f]{1,8}", fields.get("serial", "")) else 0
    display.serial_code = "" if code in _NO_SERIALS else f"{code:08x}"
    display.serial_number = parse_text(fields.get("monitorserial")) or (str(code) if display.serial_code else "")
    if made := re.fullmatch(r"(\d{1,3}) (\d{4})", fields.get("manufacture", "")):
        week = int(made[1])
        display.manufactured = made[2] + (f"-W{week:02}" if 1 <= week <= 54 else "")
    if size := re.fullmatch(r"(\d{1,4}) (\d{1,4})", fields.get("screensize", "")):
        display.width, display.height = int(size[1]) * 10, int(size[2]) * 10
    if timing := re.fullmatch(r"(\d+x\d+)@\d+", fields.get("dtiming", "")):
        display.resolution = timing[1]
    facts = Facts()
    facts.hardware.displays.append(display)
    return facts


OUTPUT = Output(command="ddcprobe", parse=parse)
