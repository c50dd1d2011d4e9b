"""The machine as its maker names it. Source: SMBIOS types 0 to 3 by /sys/class/dmi/id; /sys/firmware/efi."""

from google.protobuf.message import Message

from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_FOLDER = "/sys/class/dmi/id"

#: Message below ``hardware``, field, file.
_FILES = (
    ("system", "manufacturer", "sys_vendor"),
    ("system", "product", "product_name"),
    ("system", "version", "product_version"),
    ("system", "serial_number", "product_serial"),
    ("system", "uuid", "product_uuid"),
    ("system", "sku", "product_sku"),
    ("system", "family", "product_family"),
    ("board", "manufacturer", "board_vendor"),
    ("board", "product", "board_name"),
    ("board", "version", "board_version"),
    ("board", "serial_number", "board_serial"),
    ("board", "asset_tag", "board_asset_tag"),
    ("chassis", "manufacturer", "chassis_vendor"),
    ("chassis", "serial_number", "chassis_serial"),
    ("chassis", "asset_tag", "chassis_asset_tag"),
    ("firmware", "vendor", "bios_vendor"),
    ("firmware", "version", "bios_version"),
    ("firmware", "release", "bios_release"),
)

#: SMBIOS specification 3.7, table 17: system enclosure or chassis types.
_CHASSIS_TYPES = [
    "other",
    "unknown",
    "desktop",
    "low profile desktop",
    "pizza box",
    "mini tower",
    "tower",
    "portable",
    "laptop",
    "notebook",
    "hand held",
    "docking station",
    "all in one",
    "sub notebook",
    "space-saving",
    "lunch box",
    "main server chassis",
    "expansion chassis",
    "sub chassis",
    "bus expansion chassis",
    "peripheral chassis",
    "raid chassis",
    "rack mount chassis",
    "sealed-case pc",
    "multi-system chassis",
    "compact pci",
    "advanced tca",
    "blade",
    "blade enclosure",
    "tablet",
    "convertible",
    "detachable",
    "iot gateway",
    "embedded pc",
    "mini pc",
    "stick pc",
]

#: What makers leave in a field that they did not fill; such a field is absent.
_FILLERS = {
    "to be filled by o.e.m.",
    "default string",
    "not specified",
    "not available",
    "system manufacturer",
    "system product name",
    "system version",
    "system serial number",
    "o.e.m.",
    "n/a",
    "none",
    "unknown",
    "empty",
    "no asset tag",
}


def parse_text(text: str | None) -> str:
    """Return a DMI string, or nothing where the maker left it unfilled."""
    text = (text or "").strip()
    return "" if text.lower() in _FILLERS else text


def parse_chassis_type(code: int | None) -> str:
    """Return the chassis' form by its SMBIOS name; bit 7 only says that it has a lock."""
    index = (code or 0) & 0x7F
    name = _CHASSIS_TYPES[index - 1] if 0 < index <= len(_CHASSIS_TYPES) else ""
    return "" if name == "unknown" else name


def parse_date(text: str | None) -> str:
    """Return a BIOS date (month/day/year) as ISO 8601, or nothing where it is none."""
    parts = (text or "").split("/")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return ""
    month, day, year = (int(part) for part in parts)
    if year < 100:
        year += 1900 if year >= 70 else 2000
    return f"{year:04}-{month:02}-{day:02}" if 1 <= month <= 12 and 1 <= day <= 31 else ""


def collect(host: Host) -> Reading:
    """Read the strings; serial numbers and the UUID are for root only and noted as unreadable for others."""
    reading = Reading()
    hardware = reading.facts.hardware
    for message, field, file in _FILES:
        path = f"hardware.{message}.{field}"
        value = parse_text(reading.text(path, lambda file=file: host.line(f"{_FOLDER}/{file}")))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        below: Message = getattr(hardware, message)
        if value:
            setattr(below, field, value.lower() if field == "uuid" else value)
    hardware.chassis.type = parse_chassis_type(host.number(f"{_FOLDER}/chassis_type"))
    hardware.firmware.date = parse_date(host.line(f"{_FOLDER}/bios_date"))
    hardware.firmware.type = "uefi" if host.exists("/sys/firmware/efi") else "bios"
    return reading


TOPIC = Topic(
    revision=1,
    fills=("hardware.system", "hardware.board", "hardware.chassis", "hardware.firmware"),
    collect=collect,
    applies=lambda host: host.exists(_FOLDER),
)
