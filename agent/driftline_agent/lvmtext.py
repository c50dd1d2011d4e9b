"""LVM's text metadata, as vgcfgbackup(8) writes it to /etc/lvm/backup.

Source: lvm2, lib/format_text/{export,import_vsn1}.c and lib/metadata/segtype.h; a brace opens a section, ``=`` gives a
string, number or list. The line with the command that made it is not looked at.
"""

from typing import Any

from driftline import late
from driftline.v1.facts_pb2 import LogicalVolume, Storage

_TOKEN = late.pattern(r'"((?:[^"\\\n]|\\.)*)"|(#[^\n]*)|([A-Za-z0-9_.+-]+)|([{}\[\]=])')
_MAX_DEPTH = 16
_SECTOR = 512
#: No device is larger.
_MAX = 1 << 62

Section = dict[str, Any]


def parse(text: str) -> Section:
    """Return the sections as dicts; strings, numbers and lists as such. Whatever is broken is left out."""
    out: Section = {}
    stack = [out]
    name, assigned = "", False
    values: list[Any] | None = None
    for string, comment, word, mark in _TOKEN.findall(text):
        if comment:
            continue
        if mark == "{":
            below: Section = {}
            if len(stack) < _MAX_DEPTH:
                stack[-1][name] = below
            stack.append(below)
            assigned = False
        elif mark == "}":
            if len(stack) > 1:
                stack.pop()
        elif mark == "=":
            assigned = True
        elif mark == "[":
            values = []
        elif mark == "]":
            stack[-1][name], values, assigned = values or [], None, False
        else:
            value = int(word) if word.isascii() and word.isdigit() and len(word) < 19 else word or string
            if values is not None:
                values.append(value)
            elif assigned:
                stack[-1][name], assigned = value, False
            else:
                name = str(value)
    return out


def _sections(above: Section, name: str) -> Section:
    found = above.get(name)
    return {key: value for key, value in found.items() if isinstance(value, dict)} if isinstance(found, dict) else {}


def _number(section: Section, name: str) -> int:
    found = section.get(name)
    return found if isinstance(found, int) else 0


def _text(section: Section, name: str) -> str:
    found = section.get(name)
    return found if isinstance(found, str) else ""


def _words(section: Section, name: str) -> list[str]:
    found = section.get(name)
    return sorted({item for item in found if isinstance(item, str)}) if isinstance(found, list) else []


def _segments(volume: Section) -> list[Section]:
    found = [value for name, value in volume.items() if name.startswith("segment") and isinstance(value, dict)]
    return sorted(found, key=lambda segment: _number(segment, "start_extent"))


def type_of(segment: Section) -> str:
    """Return a segment's type as lvs(8) prints it."""
    kind = _text(segment, "type")
    if kind == "striped":
        return "striped" if _number(segment, "stripe_count") > 1 else "linear"
    return kind


def read(text: str) -> Storage:
    """Return the volume groups, devices and visible volumes of a backup of LVM's metadata; sorted by key."""
    out = Storage()
    for name, group in parse(text).items():
        if isinstance(group, dict) and _text(group, "id") and "extent_size" in group:
            _read_group(out, name, group)
    return out


def _read_group(out: Storage, name: str, group: Section) -> None:
    extent = _number(group, "extent_size") * _SECTOR
    volumes, devices = _sections(group, "logical_volumes"), _sections(group, "physical_volumes")
    used = dict.fromkeys(devices, 0)
    for volume in volumes.values():
        for segment in _segments(volume):
            stripes = segment.get("stripes")
            if isinstance(stripes, list):
                share = _number(segment, "extent_count") // max(len(stripes) // 2, 1)
                for device in stripes[::2]:
                    if device in used:
                        used[device] += share
    total = free = 0
    for key, device in sorted(devices.items(), key=lambda item: _text(item[1], "device")):
        extents = _number(device, "pe_count")
        total, free = total + extents, free + extents - used[key]
        if _text(device, "device") and extents * extent < _MAX:
            out.physical_volumes.add(
                name=_text(device, "device"),
                uuid=_text(device, "id"),
                volume_group=name,
                volume_group_uuid=_text(group, "id"),
                size=extents * extent,
                free=max(extents - used[key], 0) * extent,
                format=_text(group, "format") or "lvm2",
                extents=extents,
                extent_size=extent,
            )
    shown = _visible(volumes)
    if total * extent >= _MAX:
        return
    out.volume_groups.add(
        name=name,
        uuid=_text(group, "id"),
        size=total * extent,
        free=max(free, 0) * extent,
        extent_size=extent,
        format=_text(group, "format") or "lvm2",
        physical_volumes=len(devices),
        logical_volumes=len(shown),
        tags=_words(group, "tags"),
    )
    for volume_name in sorted(shown):
        volume = _read_volume(volume_name, shown[volume_name], extent)
        if volume.size < _MAX:
            volume.volume_group = name
            out.logical_volumes.append(volume)
    _name_snapshots(out, volumes)


def _visible(volumes: Section) -> Section:
    return {name: volume for name, volume in volumes.items() if "VISIBLE" in _words(volume, "status")}


def _read_volume(name: str, volume: Section, extent: int) -> LogicalVolume:
    segments = _segments(volume)
    first: Section = segments[0] if segments else {}
    size = sum(_number(segment, "extent_count") for segment in segments) * extent
    out = LogicalVolume(
        name=name,
        uuid=_text(volume, "id"),
        size=min(size, _MAX),
        type=type_of(first),
        segments=len(segments),
        read_only="WRITE" not in _words(volume, "status"),
        origin=_text(first, "origin"),
        pool=_text(first, "thin_pool") or _text(first, "cache_pool"),
        tags=_words(volume, "tags"),
    )
    stripes = _number(first, "stripe_count")
    if 1 <= stripes < 1 << 16:
        out.stripes = stripes
    if out.type == "striped" and 0 < _number(first, "stripe_size") < 1 << 40:
        out.stripe_size = _number(first, "stripe_size") * _SECTOR
    return out


def _name_snapshots(out: Storage, volumes: Section) -> None:
    """A snapshot (not a thin one) stands in a hidden volume that names the origin and the store of what changed."""
    for volume in volumes.values():
        for segment in _segments(volume):
            if _text(segment, "type") == "snapshot":
                for found in out.logical_volumes:
                    if found.name == _text(segment, "cow_store"):
                        found.type, found.origin = "snapshot", _text(segment, "origin")
