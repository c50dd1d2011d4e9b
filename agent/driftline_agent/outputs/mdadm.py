"""Software RAID. Source: mdadm(8) --detail, of one array or several."""

import re

from driftline import late
from driftline.v1.facts_pb2 import Facts, RaidArray
from driftline_agent.errors import UnreadableError
from driftline_agent.numbers import whole
from driftline_agent.output import Output

_FIELD = late.pattern(r"\s*([A-Z][A-Za-z ]{2,24}?)\s*:\s+(\S.{0,200})$")
_MEMBER = late.pattern(r"\s+(?:\d+|-)\s+\d+\s+\d+\s+(\d+|-)\s+(\S.*?)\s+/dev/(\S{1,60})$")
_KEPT = ("active", "inactive", "readonly", "read-auto", "broken", "started", "Not Started", "FAILED")


def parse(text: str) -> Facts:
    """Return the arrays, sorted by name. A device that was removed leaves a line without a name: no member."""
    found: dict[str, RaidArray] = {}
    current: RaidArray | None = None
    for line in text.splitlines():
        if len(line) > 1_000:
            continue
        begun = re.fullmatch(r"/dev/(?:md/)?([\w.:-]{1,60}):", line.strip())
        if begun:
            current = found[begun[1]] = RaidArray(name=begun[1])
            continue
        if current is None:
            continue
        member = _MEMBER.match(line)
        if member:
            words = member[2].replace("active sync", "in_sync").replace("writemostly", "write_mostly").split()
            state = ",".join(word for word in words if not word.startswith("set-"))
            if all(other.name != member[3] for other in current.members):
                current.members.add(name=member[3], slot=whole(member[1], 4096), state=state)
            continue
        field = _FIELD.match(line)
        if field:
            _take(current, field[1], field[2].strip())
    if text.strip() and not found:
        raise UnreadableError("no output of mdadm --detail: no line like /dev/md0:")
    for array in found.values():
        members = sorted(array.members, key=lambda member: member.name)
        del array.members[:]
        array.members.extend(members)
    facts = Facts()
    facts.storage.arrays.extend(found[name] for name in sorted(found))
    return facts


def _take(out: RaidArray, name: str, value: str) -> None:
    number = whole(value.split(" ")[0], 1 << 53)
    if name == "Version":
        out.metadata = value
    elif name == "Raid Level":
        out.level = value
    elif name == "Array Size" and number:
        out.size = number * 1024
    elif name == "Raid Devices" and number is not None and number < 4096:
        out.devices = number
    elif name == "Spare Devices" and number is not None and number < 4096:
        out.spares = number
    elif name == "Chunk Size":
        told = re.match(r"(\d{1,9})([KM])", value)
        if told:
            out.chunk_size = int(told[1]) * (1024 if told[2] == "K" else 1 << 20)
    elif name == "Layout":
        out.layout = value
    elif name == "UUID":
        out.uuid = value.split(" ")[0]
    elif name == "Name":
        out.title = value.partition(" ")[0]
    elif name == "Intent Bitmap":
        out.bitmap = value.lower() if value in ("Internal", "None") else value
    elif name == "State":
        words = [word.strip() for word in value.split(",")]
        out.state = "active" if words[0] in ("clean", "active") else words[0]
        busy = next((word for word in words if word.startswith(("resync", "recover", "check", "reshap"))), "")
        out.activity = {
            "resyncing": "resync",
            "recovering": "recover",
            "checking": "check",
            "reshaping": "reshape",
        }.get(busy.split(" ")[0], "idle")


OUTPUT = Output(command="mdadm --detail ARRAY", parse=parse)
