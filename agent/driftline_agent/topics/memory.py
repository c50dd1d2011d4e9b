"""Main memory, its modules, and swap. Source: /sys/devices/system/memory, /proc/meminfo, SMBIOS type 17."""

from driftline.v1.facts_pb2 import MemoryModule
from driftline_agent import smbios
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.numbers import whole
from driftline_agent.topic import Reading, Topic
from driftline_agent.topics.dmi import parse_text

_FOLDER = "/sys/devices/system/memory"
_MEMORY_DEVICE = 17
#: SMBIOS specification 3.7, table 78: memory device types. 1 and 2 are "other" and "unknown".
_TYPES = {
    3: "DRAM", 4: "EDRAM", 5: "VRAM", 6: "SRAM", 7: "RAM", 8: "ROM", 9: "Flash", 15: "SDRAM", 18: "DDR", 19: "DDR2",
    20: "DDR2 FB-DIMM", 24: "DDR3", 25: "FBD2", 26: "DDR4", 27: "LPDDR", 28: "LPDDR2", 29: "LPDDR3", 30: "LPDDR4",
    31: "Logical non-volatile device", 32: "HBM", 33: "HBM2", 34: "DDR5", 35: "LPDDR5", 36: "HBM3",
}  # fmt: skip
_FLASH = frozenset({8, 9})


def parse_meminfo(text: str) -> dict[str, int]:
    """Return the values of a /proc/meminfo in bytes."""
    out: dict[str, int] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and words[2] == "kB" and (size := whole(words[1], 1 << 52)) is not None:
            out[words[0].rstrip(":")] = size * 1024
    return out


def installed(host: Host) -> int | None:
    """Return the bytes of all memory blocks that are online, or None where the kernel does not tell."""
    size = whole(host.line(f"{_FOLDER}/block_size_bytes"), 1 << 40, 16)
    if size is None:
        return None
    online = 0
    for name in host.names(_FOLDER):
        if name.startswith("memory") and name[6:].isdigit():
            online += host.line(f"{_FOLDER}/{name}/online") == "1"
    return online * size or None


def size_of(device: smbios.Structure) -> int:
    """Return the bytes of a memory device, 0 where the slot is empty or nobody knows."""
    size = device.number(0x0C, 2)
    if size is None or size == 0xFFFF:
        return 0
    if size == 0x7FFF:
        return ((device.number(0x1C, 4) or 0) & 0x7FFFFFFF) << 20
    return (size & 0x7FFF) << 10 if size & 0x8000 else size << 20


def speed_of(device: smbios.Structure, offset: int, extended: int) -> int | None:
    """Return a data rate, MT/s, or None where nobody knows."""
    speed = device.number(offset, 2)
    if speed == 0xFFFF:
        speed = (device.number(extended, 4) or 0) & 0x7FFFFFFF
    return speed or None


def parse_modules(table: bytes) -> list[MemoryModule]:
    """Return the populated slots of an SMBIOS table, sorted by bank and slot."""
    found: dict[tuple[str, str], MemoryModule] = {}
    for device in smbios.parse(table):
        size = size_of(device) if device.type == _MEMORY_DEVICE else 0
        kind = device.number(0x12) or 0
        if not size or kind in _FLASH:
            continue
        module = MemoryModule(
            bank=parse_text(device.text(0x11)),
            slot=parse_text(device.text(0x10)),
            size=size,
            type=_TYPES.get(kind, ""),
            manufacturer=parse_text(device.text(0x17)),
            serial_number=parse_text(device.text(0x18)),
            asset_tag=parse_text(device.text(0x19)),
            part_number=parse_text(device.text(0x1A)),
        )
        speed, configured = speed_of(device, 0x15, 0x54), speed_of(device, 0x20, 0x58)
        if speed is not None:
            module.speed = speed
        if configured is not None:
            module.configured_speed = configured
        key = module.bank, module.slot
        while key in found or not any(key):  # some boards give all their slots one name, or none
            module.slot = f"{key[1] or 'slot'}+"
            key = module.bank, module.slot
        found[key] = module
    return [found[key] for key in sorted(found)]


def collect(host: Host) -> Reading:
    """Read what is installed, usable, in which modules, and swap; the modules are for root only."""
    reading = Reading()
    memory = reading.facts.hardware.memory
    values = parse_meminfo(host.read("/proc/meminfo") or "")
    blocks = installed(host)
    if blocks is not None:
        memory.installed = blocks
    if "MemTotal" in values:
        memory.usable = values["MemTotal"]
    if "SwapTotal" in values:
        memory.swap = values["SwapTotal"]
    try:
        memory.modules.extend(parse_modules(host.read_bytes(smbios.TABLE) or b""))
    except UnreadableError as error:
        reading.unreadable["hardware.memory.modules"] = str(error)
    return reading


TOPIC = Topic(revision=2, fills=("hardware.memory",), collect=collect)
