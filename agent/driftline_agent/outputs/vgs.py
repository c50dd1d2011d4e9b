"""LVM's volume groups. Source: vgs(8)."""

from driftline.v1.facts_pb2 import Facts, VolumeGroup
from driftline_agent import lvmtable
from driftline_agent.output import Output

_KNOWN = (
    ("vg_name", "pv_count", "lv_count", "vg_attr", "vg_size", "vg_free", "vg_uuid", "vg_extent_size"),
    ("vg_name", "pv_count", "lv_count", "snap_count", "vg_attr", "vg_size", "vg_free"),
)


def parse(text: str) -> Facts:
    """Return the groups, sorted by name."""
    found: dict[str, VolumeGroup] = {}
    for row in lvmtable.rows(text, "vg", _KNOWN):
        extent = lvmtable.nice_extent(row.get("vg_extent_size"))
        size, free = lvmtable.size_of(row.get("vg_size")), lvmtable.size_of(row.get("vg_free"))
        if extent and size and abs(round(size / extent) * extent - size) <= 5_000:
            size = round(size / extent) * extent
            free = round(free / extent) * extent if free is not None else None
        found[row.get("vg_name", "")] = VolumeGroup(
            name=row.get("vg_name", ""),
            uuid=row.get("vg_uuid", ""),
            size=size,
            free=free,
            extent_size=extent,
            format=row.get("vg_fmt") or row.get("fmt", ""),
            attributes=row.get("vg_attr", ""),
            physical_volumes=lvmtable.count(row.get("pv_count")),
            logical_volumes=lvmtable.count(row.get("lv_count")),
        )
    found.pop("", None)
    facts = Facts()
    facts.storage.volume_groups.extend(found[name] for name in sorted(found))
    return facts


_COLUMNS = "vg_name,pv_count,lv_count,vg_attr,vg_size,vg_free,vg_uuid,vg_extent_size"

OUTPUT = Output(command=f"vgs --noheading --nosuffix --units M -o {_COLUMNS}", parse=parse)
