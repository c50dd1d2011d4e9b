"""Main memory, its modules, and swap. Source: /sys/devices/system/memory, /proc/meminfo, SMBIOS types 16 and 17."""

import re

from driftline.v1.facts_pb2 import Hardware, Memory, MemoryModule
from driftline_agent import raw, smbios_facts, smbios_records
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.numbers import whole
from driftline_agent.topic import Reading, Topic

_FOLDER = "/sys/devices/system/memory"


def parse_meminfo(text: str) -> dict[str, int]:
    """Return the values of a /proc/meminfo in bytes."""
    out: dict[str, int] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and words[2] == "kB" and (size := whole(words[1], 1 << 52)) is not None:
            out[words[0].rstrip(":")] = size * 1024
    return out


def installed(host: Host, usable: int | None = None) -> int | None:
    """Return the bytes of all memory blocks that are online, or None where the kernel does not tell.

    A large machine has thousands of blocks, so they are asked again only where blocks came or went, or what is usable
    is other than before: a block that goes online or offline changes that.
    """
    size = host.line(f"{_FOLDER}/block_size_bytes")
    if size is None or not re.fullmatch("[0-9a-f]{1,12}", size):
        return None
    blocks = [name for name in host.names(_FOLDER) if name.startswith("memory") and name[6:].isdigit()]
    known: tuple[list[str], int | None, int] | None = host.kept.get("memory.blocks")
    if known is None or known[:2] != (blocks, usable) or usable is None:
        online = sum(host.line(f"{_FOLDER}/{name}/online") == "1" for name in blocks)
        known = host.kept["memory.blocks"] = (blocks, usable, online)
    return known[2] * int(size, 16) or None


def parse_modules(table: bytes) -> list[MemoryModule]:
    """Return the populated slots of an SMBIOS table, sorted by bank and slot."""
    return smbios_facts.modules(smbios_records.decode(table))


def of_table(host: Host) -> Memory:
    """Return modules and arrays as SMBIOS has them; built once as long as the table is the same.

    :raises UnreadableError: where it may not be read.
    """
    table, records = smbios_records.read(host)
    known: tuple[bytes, Memory] | None = host.kept.get("memory")
    if known is None or known[0] != table:
        out = Hardware()
        smbios_facts.memory(records, out)
        known = host.kept["memory"] = (table, out.memory)
    return known[1]


def collect(host: Host) -> Reading:
    """Read what is installed, usable, in which modules, and swap; the modules are for root only."""
    reading = Reading()
    memory = reading.facts.hardware.memory
    values = parse_meminfo(host.read("/proc/meminfo") or "")
    blocks = installed(host, values.get("MemTotal"))
    if blocks is not None:
        memory.installed = blocks
    if "MemTotal" in values:
        memory.usable = values["MemTotal"]
    if "SwapTotal" in values:
        memory.swap = values["SwapTotal"]
    try:
        memory.MergeFrom(of_table(host))
    except UnreadableError as error:
        for field in ("modules", "maximum", "slots", "error_correction"):
            reading.unreadable[f"hardware.memory.{field}"] = str(error)
        return reading
    table, _ = smbios_records.read(host)
    sizes = f"{blocks} {values.get('SwapTotal')}".encode()
    reading.raw = lambda facts: raw.complete(facts, {"hardware.memory": raw.mark(table, sizes)}, b"")
    return reading


TOPIC = Topic(revision=3, fills=("hardware.memory",), collect=collect, events=frozenset({"device"}))
