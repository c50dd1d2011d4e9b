"""Block devices. Source: lsblk(8) -J, -P, with -b and any columns; without -b sizes are rounded and left out."""

import json
from collections.abc import Iterator
from typing import Any

from driftline import late
from driftline.v1.facts_pb2 import BlockDevice, Facts
from driftline_agent.errors import UnreadableError
from driftline_agent.numbers import whole
from driftline_agent.output import Output
from driftline_agent.outputs.findmnt import unhex

_PAIR = late.pattern(r'([A-Z][A-Z0-9_:%-]{1,20})="([^"]*)"')
#: Field by lsblk's column.
_TEXTS = {
    "TYPE": "type",
    "MODEL": "model",
    "VENDOR": "vendor",
    "SERIAL": "serial_number",
    "WWN": "wwn",
    "REV": "firmware",
    "FSTYPE": "content",
    "UUID": "uuid",
    "LABEL": "label",
    "PTTYPE": "partition_table",
    "PTUUID": "partition_table_uuid",
    "PARTUUID": "partition_uuid",
    "PARTLABEL": "partition_label",
    "PARTTYPE": "partition_type",
    "PARTFLAGS": "partition_flags",
    "TRAN": "transport",
    "HCTL": "address",
    "SCHED": "scheduler",
    "STATE": "state",
}
_NUMBERS = {
    "SIZE": "size",
    "LOG-SEC": "logical_sector_size",
    "PHY-SEC": "physical_sector_size",
    "PARTN": "partition_number",
}
_SWITCHES = {"ROTA": "rotational", "RM": "removable", "RO": "read_only"}

Row = dict[str, str]


def _nested(entries: Any, parent: str, depth: int = 0) -> Iterator[Row]:
    for entry in entries if isinstance(entries, list) and depth < 64 else []:
        if isinstance(entry, dict):
            row = {
                str(key).upper(): _text(value)
                for key, value in entry.items()
                if value is not None and key != "children"
            }
            row.setdefault("PKNAME", parent)
            yield row
            yield from _nested(entry.get("children"), row.get("KNAME") or row.get("NAME", ""), depth + 1)


def _text(value: Any) -> str:
    return ("0", "1")[value] if isinstance(value, bool) else str(value) if isinstance(value, (str, int)) else ""


def _rows(text: str) -> Iterator[Row]:
    if text.lstrip().startswith("{"):
        try:
            told = json.loads(text)
            yield from _nested(told.get("blockdevices") if isinstance(told, dict) else None, "")
        except (ValueError, RecursionError) as error:
            raise UnreadableError(f"no output of lsblk in JSON: {type(error).__name__}") from error
        return
    for line in text.splitlines():
        pairs = _PAIR.findall(line) if len(line) < 8_192 else []
        if pairs:
            yield {key.replace("_", "-"): unhex(value) for key, value in pairs if value}


def parse(text: str) -> Facts:
    """Return the devices, sorted by name; one that stands below several others has them as its members."""
    found: dict[str, BlockDevice] = {}
    for row in _rows(text):
        name = (row.get("KNAME") or row.get("NAME", "")).removeprefix("/dev/")
        if not name:
            continue
        above = row.get("PKNAME", "").removeprefix("/dev/")
        out = found.get(name)
        if out is not None:
            if above and out.type != "part" and above not in out.members:
                out.members.append(above)
            continue
        out = found[name] = BlockDevice(name=name)
        for column, field in _TEXTS.items():
            setattr(out, field, row.get(column, "").strip())
        for column, field in _NUMBERS.items():
            number = whole(row.get(column), (1 << 31) - 1 if column == "PARTN" else 1 << 62)
            if number is not None:
                setattr(out, field, number)
        for column, field in _SWITCHES.items():
            if row.get(column) in ("0", "1"):
                setattr(out, field, row[column] == "1")
        if out.type == "part":
            out.parent = above
        elif above:
            out.members.append(above)
        if row.get("KNAME") and row["KNAME"] != row.get("NAME", ""):
            out.mapped_name = row.get("NAME", "").removeprefix("/dev/mapper/").removeprefix("/dev/")
    if text.strip() and not found:
        raise UnreadableError("no output of lsblk -J or -P: it names no device")
    for out in found.values():
        members = sorted(out.members)
        del out.members[:]
        out.members.extend(members)
    facts = Facts()
    facts.storage.devices.extend(found[name] for name in sorted(found))
    return facts


OUTPUT = Output(command="lsblk -J -b -O", parse=parse)
