"""What an ATA disk says of itself. Source: hdparm(8) -I."""

import re
from collections.abc import Iterator

from driftline import late
from driftline.v1.facts_pb2 import BlockDevice, Facts
from driftline_agent.errors import UnreadableError
from driftline_agent.numbers import whole
from driftline_agent.output import Output

_FIELD = late.pattern(r"\s*([A-Za-z][A-Za-z0-9/() =*.-]{2,50}?)\s*[:=]\s*(\S.{0,200})$")
_MAX_LINE = 1_000


def _blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    name, lines = "", list[str]()
    for line in text.splitlines():
        begun = re.fullmatch(r"/dev/(\S{1,60}):", line.strip()) if len(line) < _MAX_LINE else None
        if begun:
            if lines:
                yield name, lines
            name, lines = begun[1], []
        elif len(line) < _MAX_LINE:
            lines.append(line)
    if lines:
        yield name, lines


def _disk(name: str, lines: list[str]) -> BlockDevice | None:
    fields: dict[str, str] = {}
    for line in lines:
        found = _FIELD.match(line)
        if found:
            fields.setdefault(found[1].strip().lower(), found[2].strip())
    if not any(fields.get(key) for key in ("model number", "serial number", "logical unit wwn device identifier")):
        return None
    both = fields.get("logical/physical sector size")
    logical = _bytes(fields.get("logical  sector size") or fields.get("logical sector size") or both)
    physical = _bytes(fields.get("physical sector size") or both) or logical
    sectors = next(
        (
            whole(fields[key].split(" ")[0], 1 << 53)
            for key in (
                "lba48  user addressable sectors",
                "lba    user addressable sectors",
                "lba48 user addressable sectors",
                "lba user addressable sectors",
            )
            if key in fields
        ),
        None,
    )
    size = next(
        (
            whole(text.split(" ")[0], 1 << 43)
            for key, text in fields.items()
            if key.startswith("device size with m = 1000")
        ),
        None,
    )
    wwn = fields.get("logical unit wwn device identifier", "")
    packet = any("ATAPI CD-ROM" in line for line in lines)
    out = BlockDevice(
        name=name or "disk",
        type="rom" if packet else "disk",
        # The table of LBAs is exact; the size beside it is rounded.
        size=sectors * (logical or 512) if sectors else size * 1000**2 if size else None,
        model=fields.get("model number", ""),
        serial_number=fields.get("serial number", ""),
        firmware=fields.get("firmware revision", ""),
        wwn=f"0x{wwn}" if re.fullmatch(r"[0-9a-f]{16}", wwn) else "",
        logical_sector_size=logical,
        physical_sector_size=physical,
        form_factor=fields.get("form factor", "").replace(" inch", " inches"),
    )
    transport = fields.get("transport", "").lower()
    if transport:
        out.transport = (
            "sata" if "sata" in transport or transport.startswith("serial") else "usb" if "usb" in transport else "ata"
        )
    rate = fields.get("nominal media rotation rate", "")
    if rate.startswith("Solid"):
        out.rotational = False
    elif whole(rate, 1 << 20):
        out.rotational, out.rotation_rate = True, int(rate)
    removable = next((line for line in lines if "removable media" in line), "")
    if removable:
        out.removable = "non-removable" not in removable
    return out


def _bytes(text: str | None) -> int | None:
    return whole((text or "").split(" ")[0], 1 << 30) or None


def parse(text: str) -> Facts:
    """Return the disks that say who they are, sorted by name."""
    found = {name: disk for name, lines in _blocks(text) if (disk := _disk(name, lines)) is not None}
    if text.strip() and not found and "/dev/" not in text:
        raise UnreadableError("no output of hdparm -I: it names no model and no serial number")
    facts = Facts()
    facts.storage.devices.extend(sorted(found.values(), key=lambda disk: disk.name))
    return facts


OUTPUT = Output(command="hdparm -I DEVICE", parse=parse)
