"""What is on block devices. Source: blkid(8), as it prints by itself, with -o export, -o udev or -o full."""

import re

from driftline import late
from driftline.v1.facts_pb2 import BlockDevice, Facts
from driftline_agent.disks import parse_encoded
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output

_PAIR = late.pattern(r'([A-Z][A-Z0-9_]{1,40})="((?:[^"\\]|\\.)*)"')


def _device(path: str, tags: dict[str, str]) -> BlockDevice | None:
    name = path.removeprefix("/dev/")
    if not name or not tags:
        return None
    mapped = name.removeprefix("mapper/") if name.startswith("mapper/") else ""
    return BlockDevice(
        name=mapped or name,
        mapped_name=mapped,
        content=tags.get("TYPE") or tags.get("ID_FS_TYPE", ""),
        uuid=tags.get("UUID") or tags.get("ID_FS_UUID", ""),
        label=tags.get("LABEL") or parse_encoded(tags.get("ID_FS_LABEL_ENC", "")),
        partition_uuid=tags.get("PARTUUID") or tags.get("ID_PART_ENTRY_UUID", ""),
        partition_label=tags.get("PARTLABEL") or parse_encoded(tags.get("ID_PART_ENTRY_NAME", "")),
        partition_table=tags.get("PTTYPE") or tags.get("ID_PART_TABLE_TYPE", ""),
        partition_table_uuid=tags.get("PTUUID") or tags.get("ID_PART_TABLE_UUID", ""),
    )


def parse(text: str) -> Facts:
    """Return the devices, sorted by name."""
    found: dict[str, BlockDevice] = {}
    path, tags = "", dict[str, str]()

    def end() -> None:
        device = _device(path, tags)
        if device is not None:
            found[device.name] = device

    for line in text.splitlines():
        if len(line) > 8_192:
            continue
        begun = re.match(r"(/dev/[^:\s]{1,255}): ", line + " ")
        if begun:
            end()
            path, tags = begun[1], {key: re.sub(r"\\(.)", r"\1", value) for key, value in _PAIR.findall(line)}
        else:
            key, equals, value = line.partition("=")
            if not line.strip():
                end()
                path, tags = "", {}
            elif equals and key == "DEVNAME":
                end()
                path, tags = value.strip('"'), {}
            elif equals and key.isidentifier():
                tags[key] = re.sub(r"\\(.)", r"\1", value)
    end()
    if text.strip() and not found:
        raise UnreadableError("no output of blkid: no line like /dev/sda1: TYPE=...")
    facts = Facts()
    facts.storage.devices.extend(found[name] for name in sorted(found))
    return facts


OUTPUT = Output(command="blkid", parse=parse)
