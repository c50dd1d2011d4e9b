"""What ``zpool list -H -p`` and ``zfs list -H -p`` print: fields by tabs, numbers in bytes.

Source: zpool-list(8), zfs-list(8).
"""

from collections.abc import Iterable, Iterator

from driftline.v1.facts_pb2 import ZfsDataset, ZfsPool
from driftline_agent.errors import UnreadableError

POOL = ("name", "guid", "size", "health", "ashift", "autoexpand", "autotrim", "version")
DATASET = (
    "name",
    "type",
    "mountpoint",
    "volsize",
    "quota",
    "reservation",
    "recordsize",
    "compression",
    "encryption",
    "origin",
    "readonly",
)
#: As size_of understands them: zpool and zfs without -p write 9.50G, by 1024.
_UNITS = {"B": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}


def rows(text: str, columns: Iterable[str]) -> Iterator[dict[str, str]]:
    """Yield the rows by column name; a first row with names in capitals says which columns there are.

    Absent values (``-``, ``none``) are left out.
    """
    names = [name.lower() for name in columns]
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and lines[0].split()[0] == "NAME":
        names = lines.pop(0).lower().split()
    for line in lines:
        values = line.split("\t") if "\t" in line else line.split(None, len(names) - 1)
        row = {name: value.strip() for name, value in zip(names, values, strict=False)}
        if row.get("name") not in (None, "", "-", "none"):
            yield {name: value for name, value in row.items() if value not in ("-", "none", "")}


def size_of(text: str | None) -> int | None:
    """Return bytes where they are written out; None for rounded ones, which would be wrong."""
    return int(text) if text and text.isascii() and text.isdigit() and 0 < len(text) < 19 else None


def _switch(text: str | None) -> bool | None:
    return None if text not in ("on", "off") else text == "on"


def parse_pools(text: str) -> list[ZfsPool]:
    """Return the pools, sorted by name."""
    found: dict[str, ZfsPool] = {}
    for row in rows(text, POOL):
        ashift = size_of(row.get("ashift"))
        found[row["name"]] = ZfsPool(
            name=row["name"],
            guid=row.get("guid", ""),
            size=size_of(row.get("size")),
            health=row.get("health", ""),
            ashift=ashift if ashift and ashift < 64 else None,
            autoexpand=_switch(row.get("autoexpand")),
            autotrim=_switch(row.get("autotrim")),
            version=row.get("version", ""),
        )
    return [found[name] for name in sorted(found)]


def parse_datasets(text: str) -> list[ZfsDataset]:
    """Return filesystems and volumes, sorted by name; snapshots and bookmarks are left out."""
    found: dict[str, ZfsDataset] = {}
    for row in rows(text, DATASET):
        name, kind = row["name"], row.get("type", "")
        if "@" in name or "#" in name or kind in ("snapshot", "bookmark"):
            continue
        found[name] = ZfsDataset(
            name=name,
            type=kind,
            mount_point=row.get("mountpoint", ""),
            volume_size=size_of(row.get("volsize")),
            quota=size_of(row.get("quota")) or None,
            reservation=size_of(row.get("reservation") or row.get("reserv")) or None,
            record_size=size_of(row.get("recordsize") or row.get("recsize")),
            compression=row.get("compression") or row.get("compress", ""),
            encryption=row.get("encryption", ""),
            origin=row.get("origin", ""),
            read_only=_switch(row.get("readonly") or row.get("rdonly")),
        )
    return [found[name] for name in sorted(found)]


def expect(found: bool, text: str, command: str) -> None:
    """Raise where a text that is not empty had nothing in it.

    :raises UnreadableError: it is no output of the command.
    """
    if not found and text.strip():
        raise UnreadableError(f"no output of {command}: no row of it could be read")
