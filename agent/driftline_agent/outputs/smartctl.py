"""What a disk is. Source: smartctl(8) -i, -a, -x; its health and counters are no facts."""

import json
import re
from typing import Any

from driftline import late
from driftline.v1.facts_pb2 import BlockDevice, Facts
from driftline_agent.errors import UnreadableError
from driftline_agent.numbers import whole
from driftline_agent.output import Output

_FIELD = late.pattern(r"([A-Za-z][A-Za-z0-9 /_.()]{1,40}):\s+(\S.{0,200})$")
_BYTES = late.pattern(r"[\d,.'\s\u00a0\u202f]{1,40}(?=\s+bytes)")
_TRANSPORTS = {
    "sas": "sas",
    "fibre": "fc",
    "fc": "fc",
    "iscsi": "iscsi",
    "usb": "usb",
    "parallel scsi": "spi",
    "srp": "srp",
}


def _number(text: str) -> int | None:
    digits = re.sub(r"\D", "", text)
    return whole(digits, 1 << 62)


def _transport(fields: dict[str, str]) -> str:
    told = fields.get("transport protocol", "").lower()
    for word, transport in _TRANSPORTS.items():
        if told.startswith(word):
            return transport
    if "sata version is" in fields:
        return "sata"
    if "nvme version" in fields or "number of namespaces" in fields:
        return "nvme"
    if "ata version is" in fields:
        return "ata"
    return ""


def _name(text: str, command_device: str = "") -> str:
    # "=== START OF ..." names no device; a shell's prompt or smartctl's own first line may.
    found = re.search(r"(?m)^(?:[#$] ?)?(?:sudo )?smartctl .*?/dev/(?:disk/[\w-]+/)?([\w:!-]+)\s*$", text)
    return found[1] if found else command_device


def _from_json(text: str) -> dict[str, str]:
    try:
        told: Any = json.loads(text)
        device = told.get("device", {})
        fields = {
            "name": str(device.get("name", "")).rpartition("/")[2],
            "protocol": str(device.get("protocol", "")),
            "device model": str(told.get("model_name", "")) or str(told.get("scsi_model_name", "")),
            "vendor": str(told.get("vendor", told.get("scsi_vendor", ""))),
            "product": str(told.get("product", told.get("scsi_product", ""))),
            "serial number": str(told.get("serial_number", "")),
            "firmware version": str(told.get("firmware_version", told.get("scsi_revision", ""))),
            "user capacity": f"{told.get('user_capacity', {}).get('bytes', '')} bytes",
            "logical block size": str(told.get("logical_block_size", "")),
            "physical block size": str(told.get("physical_block_size", "")),
            "rotation rate": str(told.get("rotation_rate", "")),
            "form factor": str(told.get("form_factor", {}).get("name", "")),
        }
        if isinstance(told.get("wwn"), dict):
            wwn = told["wwn"]
            fields["lu wwn device id"] = f"{int(wwn['naa']):x}{int(wwn['oui']):06x}{int(wwn['id']):09x}"
        if "sata_version" in told:
            fields["sata version is"] = "SATA"
        if fields["protocol"] == "NVMe":
            fields["nvme version"] = "NVMe"
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UnreadableError(f"no output of smartctl in JSON: {type(error).__name__}") from error
    return {name: value for name, value in fields.items() if value}


def _from_text(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("=== START OF READ SMART DATA"):
            break
        found = _FIELD.match(line.strip()) if len(line) < 1_000 else None
        if found:
            fields.setdefault(found[1].strip().lower(), found[2].strip())
    if re.search(r"(?m)^/dev/\S+: Unable to detect|^Smartctl open device", text):
        fields.pop("device type", None)
    return fields


def parse(text: str) -> Facts:
    """Return the disk; its name where the output has it, ``disk`` else."""
    stripped = text.strip()
    fields = _from_json(stripped) if stripped.startswith("{") else _from_text(text)
    device = fields.get("device", "")  # before 5.40: "IBM-ESXS ST3300655SS      Version: BA23"
    old = re.fullmatch(r"(\S+)\s+(.*?)\s+Version:\s*(\S+)", device)
    identity = ("serial number", "device model", "model number", "product")
    if not old and not any(name in fields for name in identity):
        if not stripped:
            return Facts()
        raise UnreadableError("no output of smartctl -i: it names no model and no serial number")
    capacity = (
        fields.get("user capacity") or fields.get("total nvm capacity") or fields.get("namespace 1 size/capacity", "")
    )
    size = _BYTES.search(capacity) or re.match(r"[\d,.\s]+(?=\s*\[)", capacity)
    sectors = re.search(r"(\d+) bytes logical, (\d+) bytes physical", fields.get("sector sizes", ""))
    both = re.search(r"(\d+) bytes logical/physical", fields.get("sector size", ""))
    logical = (
        sectors[1]
        if sectors
        else both[1]
        if both
        else fields.get("logical block size") or fields.get("namespace 1 formatted lba size")
    )
    physical = sectors[2] if sectors else both[1] if both else fields.get("physical block size")
    wwn = fields.get("lu wwn device id") or fields.get("logical unit id") or fields.get("logical unit id", "")
    kind = fields.get("device type", "").split(" ")[0].lower()
    out = BlockDevice(
        name=fields.get("name") or _name(text) or "disk",
        type={"": "disk", "cd/dvd": "rom"}.get(kind, kind),
        size=_number(size[0]) or None if size else None,
        vendor=old[1] if old else fields.get("vendor", ""),
        model=old[2] if old else fields.get("device model") or fields.get("model number") or fields.get("product", ""),
        serial_number=fields.get("serial number", ""),
        firmware=old[3] if old else fields.get("firmware version") or fields.get("revision", ""),
        wwn=f"0x{wwn.replace(' ', '').removeprefix('0x').lower()}"
        if re.fullmatch(r"(?:0x)?[0-9a-fA-F ]{16,40}", wwn)
        else wwn,
        transport=_transport(fields),
        form_factor=fields.get("form factor", ""),
        logical_sector_size=_first(logical),
        physical_sector_size=_first(physical) or _first(logical),
    )
    rate = fields.get("rotation rate", "")
    if rate.startswith("Solid State") or rate == "0" or out.transport == "nvme":
        out.rotational = False
    elif _first(rate):
        out.rotational, out.rotation_rate = True, _first(rate) or 0
    facts = Facts()
    facts.storage.devices.append(out)
    return facts


def _first(text: str | None) -> int | None:
    return whole((text or "").split(" ")[0], 1 << 30) or None


OUTPUT = Output(command="smartctl -i DEVICE", parse=parse)
