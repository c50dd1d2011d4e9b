"""What rows of HOST-RESOURCES-MIB hrStorageTable stand for. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from driftline_agent.devices.mib import Table, mib
from driftline_agent.devices.snmp import oids
from driftline_agent.topics.filesystems import PASSING

STORAGE = mib(
    "HOST-RESOURCES-MIB",
    "1.3.6.1.2.1.25.2.3.1",
    hrStorageType=2,
    hrStorageDescr=3,
    hrStorageAllocationUnits=4,
    hrStorageSize=5,
    hrStorageUsed=6,
)
#: hrStorageTypes, by the last arc.
_TYPES = {
    1: "other",
    2: "ram",
    3: "virtualMemory",
    4: "fixedDisk",
    5: "removableDisk",
    6: "floppyDisk",
    7: "compactDisc",
    8: "ramDisk",
    9: "flashMemory",
    10: "networkDisk",
}
_TYPES_BASE = oids.parse("1.3.6.1.2.1.25.2.1")
MEMORY = frozenset({"ram", "virtualMemory"})
#: Come and go with what is put in, and with restarts.
_PASSING_TYPES = frozenset({"removableDisk", "floppyDisk", "compactDisc", "ramDisk"})
#: Parts of memory that are counted in another area: they grow and shrink by themselves.
_OF_MEMORY = re.compile(r"buffer|cache|shared|available|pool", re.IGNORECASE)
_SWAP = re.compile(r"\b(swap|page ?file)", re.IGNORECASE)
#: Junos: "/dev/ad0s1a: mounted on: /", FreeBSD-like: "devfs: dev file system, mounted on: /dev".
_MOUNTED_ON = re.compile(r"mounted on:? *(/\S*)$")
#: Windows: "C:\\ Label:System  Serial Number 1a2b3c4d".
_LABEL = re.compile(r"^([A-Z]:\\) +Label:.*$")
#: File systems of the kernel, of sessions, of packages' images, and single files that container managers mount.
_KERNEL = ("/run", "/proc", "/sys", "/dev", "/snap", "/var/lib/snapd", "/var/snap", "/etc", "/media")


@dataclass(frozen=True, slots=True)
class Area:
    """A place to keep data in."""

    #: Mount point, else what it is called.
    name: str
    #: A value of hrStorageTypes; empty where it is the maker's own.
    kind: str
    #: By.
    size: int
    used: int

    @property
    def swap(self) -> bool:
        """Whether it is swap: memory whose size someone decided."""
        return self.kind == "virtualMemory" and bool(_SWAP.search(self.name))


#: Always in memory. What is exactly as large as one of them is so too: /tmp. The table does not tell of file systems.
_IN_MEMORY = frozenset({"/dev", "/dev/shm", "/run", "/run/lock", "/sys/fs/cgroup"})  # noqa: S108  # names only


def _passing(area: Area) -> bool:
    name = area.name
    if area.kind in _PASSING_TYPES or name.startswith(PASSING):
        return True
    if area.kind in (*MEMORY, "other", "") and _OF_MEMORY.search(name):
        return True
    return any(name == top or name.startswith(f"{top}/") for top in _KERNEL)


def _unsigned(number: int) -> int:
    """Return a number of blocks that overflowed Integer32: 8 TB of 4 KB blocks come as a negative one."""
    return number + 2**32 if -(2**31) <= number < 0 else number


def _areas(table: Table) -> Iterator[Area]:
    for _, row in table.rows():
        named, pointed = row.text("hrStorageDescr"), row.oid("hrStorageType") or ()
        unit, size = row.integer("hrStorageAllocationUnits"), row.integer("hrStorageSize")
        if named is None or unit is None or size is None or unit <= 0 or size == 0:
            continue
        kind = _TYPES.get(pointed[-1], "") if oids.within(pointed, _TYPES_BASE) else ""
        mounted, label = _MOUNTED_ON.search(named), _LABEL.match(named)
        name = mounted.group(1) if mounted else label.group(1) if label else named
        total, used = _unsigned(size) * unit, _unsigned(row.integer("hrStorageUsed") or 0) * unit
        if kind == "ramDisk" and "flash" in name.casefold():
            kind = "flashMemory"  # Allied Telesis
        if kind == "other" and _SWAP.match(name):
            kind = "virtualMemory"  # net-snmp: each area of swap, beside all of it
        if 0 < total < 2**63:
            yield Area(name, kind, total, min(max(used, 0), total))


def areas(table: Table) -> list[Area]:
    """Return the areas that stay, sorted by name; of several with one name the largest."""
    all_of_them = list(_areas(table))
    in_memory = {area.size for area in all_of_them if area.name in _IN_MEMORY}
    found: dict[str, Area] = {}
    for area in all_of_them:
        if _passing(area) or (area.name.startswith("/") and area.name != "/" and area.size in in_memory):
            continue
        if area.name not in found or found[area.name].size < area.size:
            found[area.name] = area
    return [found[name] for name in sorted(found)]
