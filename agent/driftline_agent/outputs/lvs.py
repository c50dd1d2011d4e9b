"""LVM's logical volumes. Source: lvs(8); the letters of an attribute are explained there."""

from driftline.v1.facts_pb2 import Facts, LogicalVolume
from driftline_agent import lvmtable
from driftline_agent.output import Output

_KNOWN = (
    ("lv_name", "vg_uuid", "lv_attr", "lv_size", "lv_uuid", "seg_count"),
    ("lv_name", "vg_name", "lv_attr", "lv_size", "pool_lv", "origin", "data_percent", "metadata_percent"),
    ("lv_name", "vg_name", "lv_attr", "lv_size"),
)
_TYPES = {
    "C": "cache",
    "m": "mirror",
    "M": "mirror",
    "r": "raid",
    "R": "raid",
    "s": "snapshot",
    "S": "snapshot",
    "t": "thin-pool",
    "V": "thin",
}


def type_of(attributes: str, segment: str) -> str:
    """Return a volume's type: as printed, or what the first letter of its attributes says."""
    return segment or _TYPES.get(attributes[:1], "")


def parse(text: str) -> Facts:
    """Return the volumes, sorted by group and name; in brackets stand those that others are made of: left out."""
    found: dict[tuple[str, str], LogicalVolume] = {}
    for row in lvmtable.rows(text, "lv", _KNOWN):
        name, attributes = row.get("lv_name", ""), row.get("lv_attr", "")
        if not name or name.startswith("["):
            continue
        group = row.get("vg_name") or row.get("vg_uuid", "")
        stripes = lvmtable.count(row.get("stripes"))
        found[group, name] = LogicalVolume(
            volume_group=group,
            name=name,
            uuid=row.get("lv_uuid", ""),
            size=lvmtable.size_of(row.get("lv_size")),
            type=type_of(attributes, row.get("segtype", "")),
            segments=lvmtable.count(row.get("seg_count")),
            stripes=stripes,
            attributes=attributes,
            read_only=attributes[1:2] in ("r", "R") if attributes else None,
            origin=row.get("origin", ""),
            pool=row.get("pool_lv", ""),
            active=attributes[4:5] == "a" if len(attributes) > 4 else None,
        )
    facts = Facts()
    facts.storage.logical_volumes.extend(found[key] for key in sorted(found))
    return facts


OUTPUT = Output(
    command="lvs -a --noheading --nosuffix --units M -o lv_name,vg_uuid,lv_attr,lv_size,lv_uuid,seg_count", parse=parse
)
