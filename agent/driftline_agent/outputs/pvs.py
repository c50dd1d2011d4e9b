"""LVM's physical volumes. Source: pvs(8)."""

from driftline.v1.facts_pb2 import Facts, PhysicalVolume
from driftline_agent import lvmtable
from driftline_agent.output import Output

_KNOWN = (
    ("pv_name", "fmt", "pv_attr", "pv_size", "pv_free", "pv_uuid", "pv_pe_count", "vg_uuid"),
    ("pv_name", "vg_name", "fmt", "pv_attr", "pv_size", "pv_free"),
    ("pv_name", "vg_name", "fmt", "pv_attr", "pv_size", "pv_free", "pv_uuid"),
)


def _whole(size: int | None, extent: int | None) -> int | None:
    return round(size / extent) * extent if size and extent else size


def parse(text: str) -> Facts:
    """Return the devices, sorted by name."""
    found: dict[str, PhysicalVolume] = {}
    for row in lvmtable.rows(text, "pv", _KNOWN):
        extents = lvmtable.count(row.get("pv_pe_count"))
        size, extent = lvmtable.exact(lvmtable.size_of(row.get("pv_size")), extents)
        found[row.get("pv_name", "")] = PhysicalVolume(
            name=row.get("pv_name", ""),
            uuid=row.get("pv_uuid", ""),
            volume_group=row.get("vg_name", ""),
            volume_group_uuid=row.get("vg_uuid", ""),
            size=size,
            free=_whole(lvmtable.size_of(row.get("pv_free")), extent),
            format=row.get("pv_fmt") or row.get("fmt", ""),
            attributes=row.get("pv_attr", ""),
            extents=extents,
            extent_size=extent,
        )
    found.pop("", None)
    facts = Facts()
    facts.storage.physical_volumes.extend(found[name] for name in sorted(found))
    return facts


_COLUMNS = "pv_name,pv_fmt,pv_attr,pv_size,pv_free,pv_uuid,pv_pe_count,vg_uuid"

OUTPUT = Output(command=f"pvs --noheading --nosuffix --units M -o {_COLUMNS}", parse=parse)
