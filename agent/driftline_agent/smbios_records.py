"""The SMBIOS table in the words of dmidecode(8), so that the same functions make facts of either.

Source: SMBIOS specification (DMTF DSP0134) 3.7, section 7.
"""

from collections.abc import Callable
from typing import NamedTuple

from driftline_agent import smbios_names as names
from driftline_agent.host import Host
from driftline_agent.smbios import TABLE, Structure, parse

BIOS, SYSTEM, BOARD, CHASSIS, PROCESSOR, MODULE, PORT, SLOT, ONBOARD, OEM = 0, 1, 2, 3, 4, 6, 8, 9, 10, 11
ARRAY, MEMORY, BATTERY, IPMI, POWER, ONBOARD_EXTENDED, TPM = 16, 17, 22, 38, 39, 41, 43

_PCMCIA = 7
_MOST_STRUCTURES = 10_000


class Record(NamedTuple):
    """One structure as dmidecode prints it: type, lines ``name: value``, and the lists below lines without a value."""

    type: int
    values: dict[str, str]
    lists: dict[str, list[str]]


def read(host: Host) -> tuple[bytes, list[Record]]:
    """Return the table and its structures; none where there is no table. Decoded once as long as the table is the same.

    :raises UnreadableError: where it may not be read.
    """
    table = host.read_bytes(TABLE) or b""
    known: tuple[bytes, list[Record]] | None = host.kept.get("smbios")
    if known is None or known[0] != table:
        known = host.kept["smbios"] = (table, decode(table))
    return known


def decode(table: bytes) -> list[Record]:
    """Return those structures of a table that facts are made of, in its order."""
    out: list[Record] = []
    for structure in parse(table):
        if structure.type in _FIELDS:
            found = _FIELDS[structure.type](structure)
            values = {name: value for name, value in found.items() if value}
            lists = {"Strings": list(structure.strings)} if structure.type == OEM else {}
            if structure.type == ONBOARD:
                out.extend(_onboard(structure))
            else:
                out.append(Record(structure.type, values, lists))
        if len(out) > _MOST_STRUCTURES:
            break
    return out


def _unit(number: int | None, unit: str, *, nothing: frozenset[int] = frozenset({0})) -> str:
    return "" if number is None or number in nothing else f"{number} {unit}"


def _bios(s: Structure) -> dict[str, str]:
    size = s.number(9)
    extended = s.number(0x18, 2)
    if size == 0xFF and extended is not None:
        rom = _unit((extended & 0x3FFF) << (30 if extended >> 14 == 1 else 20), "bytes")
    else:
        rom = "" if size is None else f"{(size + 1) * 64} kB"
    out = {"Vendor": s.text(4), "Version": s.text(5), "Release Date": s.text(8), "ROM Size": rom}
    for name, offset in (("BIOS Revision", 0x14), ("Firmware Revision", 0x16)):
        major, minor = s.number(offset), s.number(offset + 1)
        if major is not None and minor is not None and (major, minor) != (0xFF, 0xFF):
            out[name] = f"{major}.{minor}"
    return out


def _system(s: Structure) -> dict[str, str]:
    raw = s.data[8:24]
    uuid = ""
    if len(raw) == 16 and raw.strip(b"\0") and raw.strip(b"\xff"):
        parts = raw[3::-1], raw[5:3:-1], raw[7:5:-1], raw[8:10], raw[10:]
        uuid = "-".join(part.hex() for part in parts)
    return {
        "Manufacturer": s.text(4), "Product Name": s.text(5), "Version": s.text(6), "Serial Number": s.text(7),
        "UUID": uuid, "SKU Number": s.text(0x19), "Family": s.text(0x1A),
    }  # fmt: skip


def _board(s: Structure) -> dict[str, str]:
    return {
        "Manufacturer": s.text(4), "Product Name": s.text(5), "Version": s.text(6), "Serial Number": s.text(7),
        "Asset Tag": s.text(8), "Location In Chassis": s.text(0x0A),
        "Type": names.BOARD_TYPES.get(s.number(0x0D) or 0, ""),
    }  # fmt: skip


def _chassis(s: Structure) -> dict[str, str]:
    elements = (s.number(0x13) or 0) * (s.number(0x14) or 0)
    return {
        "Manufacturer": s.text(4), "Type": names.CHASSIS_TYPES.get((s.number(5) or 0) & 0x7F, ""),
        "Version": s.text(6), "Serial Number": s.text(7), "Asset Tag": s.text(8),
        "Height": _unit(s.number(0x11), "U"), "SKU Number": s.text(0x15 + elements),
    }  # fmt: skip


def signature_of(eax: int, manufacturer: str) -> tuple[int, int, int] | None:
    """Return family, model and stepping of CPUID leaf 1, as the two makers number them; None of other makers."""
    family, model = (eax >> 8) & 0xF, (eax >> 4) & 0xF
    if manufacturer.startswith(("AMD", "Authentic", "Advanced Micro", "Hygon")):
        if family == 0xF:
            family, model = family + ((eax >> 20) & 0xFF), model + ((eax >> 12) & 0xF0)
    elif manufacturer.startswith(("Intel", "Genuine")):
        family, model = family + ((eax >> 20) & 0xFF), model + ((eax >> 12) & 0xF0)
    else:
        return None
    return (family, model, eax & 0xF) if eax else None


def _processor(s: Structure) -> dict[str, str]:
    family, status, manufacturer = s.number(6) or 0, s.number(0x18) or 0, s.text(7)
    if family == 0xFE:
        family = s.number(0x28, 2) or 0
    name = names.PROCESSOR_FAMILIES.get(family, "")
    if family == 0xBE:  # two makers took the same number
        name = "Core 2" if manufacturer.startswith("Intel") else "K7" if manufacturer.startswith("AMD") else name
    populated = f"Populated, {names.PROCESSOR_STATUS.get(status & 7, '').removeprefix('Populated, ')}"
    out = {
        "Socket Designation": s.text(4), "Family": name, "Manufacturer": manufacturer, "ID": s.data[8:16].hex(" "),
        "Version": s.text(0x10),
        "External Clock": _unit(s.number(0x12, 2), "MHz"), "Max Speed": _unit(s.number(0x14, 2), "MHz"),
        "Current Speed": _unit(s.number(0x16, 2), "MHz"), "Status": populated if status & 0x40 else "Unpopulated",
        "Upgrade": names.PROCESSOR_SOCKETS.get(s.number(0x19) or 0, ""), "Serial Number": s.text(0x20),
        "Asset Tag": s.text(0x21), "Part Number": s.text(0x22),
    }  # fmt: skip
    for label, short, long in (("Core Count", 0x23, 0x2A), ("Core Enabled", 0x24, 0x2C), ("Thread Count", 0x25, 0x2E)):
        count = s.number(short)
        if count == 0xFF:
            count = s.number(long, 2)
        out[label] = "" if not count or count == 0xFFFF else str(count)
    return out


def _module(s: Structure) -> dict[str, str]:
    size = s.number(0x09) or 0
    empty = size & 0x7F in (0x7D, 0x7E, 0x7F)
    kinds = s.number(7, 2) or 0
    return {
        "Socket Designation": s.text(4),
        "Installed Size": "" if empty or size & 0x7F > 40 else f"{1 << (size & 0x7F)} MB",
        "Type": " ".join(name for bit, name in names.MODULE_TYPES.items() if kinds >> bit & 1),
    }  # fmt: skip


def _port(s: Structure) -> dict[str, str]:
    return {
        "Internal Reference Designator": s.text(4),
        "Internal Connector Type": names.CONNECTORS.get(s.number(5) or 0, ""),
        "External Reference Designator": s.text(6),
        "External Connector Type": names.CONNECTORS.get(s.number(7) or 0, ""),
        "Port Type": names.PORTS.get(s.number(8) or 0, ""),
    }


def _bus_address(segment: int | None, bus: int | None, function: int | None) -> str:
    if segment is None or bus is None or function is None or (segment == 0xFFFF and bus == 0xFF and function == 0xFF):
        return ""
    return f"{segment:04x}:{bus:02x}:{function >> 3:02x}.{function & 7}"


def _slot(s: Structure) -> dict[str, str]:
    kind = s.number(5) or 0
    width = names.SLOT_WIDTHS.get(s.number(6) or 0, "")
    first, second = s.number(9), s.number(10)
    number = str(first) if first is not None and kind in names.NUMBERED_SLOTS else ""
    if kind == _PCMCIA and first is not None:
        number = f"Adapter {first}, Socket {second or 0}"
    return {
        "Designation": s.text(4), "Type": f"{width} {names.SLOTS.get(kind, '')}".strip(),
        "Current Usage": names.SLOT_USAGES.get(s.number(7) or 0, ""),
        "Length": names.SLOT_LENGTHS.get(s.number(8) or 0, ""), "ID": number,
        "Bus Address": _bus_address(s.number(0x0D, 2), s.number(0x0F), s.number(0x10)),
    }  # fmt: skip


def _onboard(s: Structure) -> list[Record]:
    out: list[Record] = []
    for offset in range(4, len(s.data) - 1, 2):
        kind = s.data[offset]
        name, enabled = names.ONBOARD_TYPES.get(kind & 0x7F, ""), "Enabled" if kind & 0x80 else "Disabled"
        out.append(Record(ONBOARD, {"Type": name, "Status": enabled, "Description": s.text(offset + 1)}, {}))
    return out


def _array(s: Structure) -> dict[str, str]:
    size = s.number(7, 4)
    if size == 0x80000000:
        size = (s.number(0x0F, 8) or 0) >> 10
    return {
        "Use": names.ARRAY_USES.get(s.number(5) or 0, ""),
        "Error Correction Type": names.ERROR_CORRECTIONS.get(s.number(6) or 0, ""),
        "Maximum Capacity": _unit(size, "kB"), "Number Of Devices": str(s.number(0x0D, 2) or ""),
    }  # fmt: skip


def _size(s: Structure) -> int:
    size = s.number(0x0C, 2)
    if size is None or size == 0xFFFF:
        return 0
    if size == 0x7FFF:
        return ((s.number(0x1C, 4) or 0) & 0x7FFFFFFF) << 20
    return (size & 0x7FFF) << 10 if size & 0x8000 else size << 20


def _speed(s: Structure, offset: int, extended: int) -> str:
    speed = s.number(offset, 2)
    if speed == 0xFFFF:
        speed = (s.number(extended, 4) or 0) & 0x7FFFFFFF
    return _unit(speed, "MT/s")


def _memory(s: Structure) -> dict[str, str]:
    detail = s.number(0x13, 2) or 0
    wrong = frozenset({0, 0xFFFF})
    return {
        "Total Width": _unit(s.number(8, 2), "bits", nothing=wrong),
        "Data Width": _unit(s.number(0x0A, 2), "bits", nothing=wrong), "Size": _unit(_size(s), "bytes"),
        "Form Factor": names.FORM_FACTORS.get(s.number(0x0E) or 0, ""), "Locator": s.text(0x10),
        "Bank Locator": s.text(0x11), "Type": names.MEMORY_TYPES.get(s.number(0x12) or 0, ""),
        "Type Detail": " ".join(name for bit, name in names.MEMORY_DETAILS.items() if detail >> bit & 1),
        "Speed": _speed(s, 0x15, 0x54), "Manufacturer": s.text(0x17), "Serial Number": s.text(0x18),
        "Asset Tag": s.text(0x19), "Part Number": s.text(0x1A), "Rank": str((s.number(0x1B) or 0) & 0xF or ""),
        "Configured Memory Speed": _speed(s, 0x20, 0x58),
        "Configured Voltage": f"{(s.number(0x26, 2) or 0) / 1000:g} V" if s.number(0x26, 2) else "",
    }  # fmt: skip


def _battery(s: Structure) -> dict[str, str]:
    capacity, voltage = s.number(0x0A, 2) or 0, s.number(0x0C, 2)
    day = s.number(0x12, 2) or 0
    return {
        "Location": s.text(4), "Manufacturer": s.text(5), "Manufacture Date": s.text(6), "Serial Number": s.text(7),
        "Name": s.text(8), "Chemistry": names.BATTERY_CHEMISTRIES.get(s.number(9) or 0, ""),
        "Design Capacity": _unit(capacity * (s.number(0x15) or 1), "mWh"), "Design Voltage": _unit(voltage, "mV"),
        "SBDS Serial Number": "" if s.text(7) or not s.number(0x10, 2) else f"{s.number(0x10, 2):04X}",
        "SBDS Manufacture Date": f"{1980 + (day >> 9)}-{day >> 5 & 0xF:02}-{day & 0x1F:02}"
        if day and not s.text(6) else "", "SBDS Chemistry": s.text(0x14),
    }  # fmt: skip


def _ipmi(s: Structure) -> dict[str, str]:
    version = s.number(5)
    return {
        "Interface Type": names.IPMI_INTERFACES.get(s.number(4) or 0, ""),
        "Specification Version": f"{version >> 4}.{version & 0xF}" if version else "",
    }


def _power(s: Structure) -> dict[str, str]:
    bits = s.number(0x0E, 2)
    out = {
        "Location": s.text(5), "Name": s.text(6), "Manufacturer": s.text(7), "Serial Number": s.text(8),
        "Asset Tag": s.text(9), "Model Part Number": s.text(0x0A), "Revision": s.text(0x0B),
        "Max Power Capacity": _unit(s.number(0x0C, 2), "W", nothing=frozenset({0, 0x8000})),
    }  # fmt: skip
    if bits is not None:
        status = names.POWER_SUPPLY_STATUS.get(bits >> 7 & 7, "Present, Unknown")
        out["Status"] = status if bits & 2 else "Not Present"
        out["Type"] = names.POWER_SUPPLY_TYPES.get(bits >> 10 & 0xF, "")
        out["Plugged"] = "No" if bits & 4 else "Yes"
        out["Hot Replaceable"] = "Yes" if bits & 1 else "No"
    return out


def _onboard_extended(s: Structure) -> dict[str, str]:
    kind = s.number(5) or 0
    return {
        "Reference Designation": s.text(4), "Type": names.ONBOARD_TYPES.get(kind & 0x7F, ""),
        "Status": "Enabled" if kind & 0x80 else "Disabled",
        "Bus Address": _bus_address(s.number(7, 2), s.number(9), s.number(0x0A)),
    }  # fmt: skip


def _tpm(s: Structure) -> dict[str, str]:
    major, minor, firmware = s.number(8) or 0, s.number(9) or 0, s.number(0x0A, 4) or 0
    if major == 1:
        release = f"{s.number(0x0C) or 0}.{s.number(0x0D) or 0}"
    else:
        release = f"{firmware >> 16}.{firmware & 0xFFFF}" if firmware else ""
    vendor = s.data[4:8].decode("latin-1").strip("\0 ")
    return {
        "Vendor ID": vendor if vendor.isprintable() else "",
        "Specification Version": f"{major}.{minor}" if major else "",
        "Firmware Revision": release, "Description": s.text(0x12),
    }  # fmt: skip


def _nothing(_: Structure) -> dict[str, str]:
    return {}


_FIELDS: dict[int, Callable[[Structure], dict[str, str]]] = {
    BIOS: _bios, SYSTEM: _system, BOARD: _board, CHASSIS: _chassis, PROCESSOR: _processor, MODULE: _module,
    PORT: _port, SLOT: _slot, ONBOARD: _nothing, OEM: _nothing, ARRAY: _array, MEMORY: _memory, BATTERY: _battery,
    IPMI: _ipmi, POWER: _power, ONBOARD_EXTENDED: _onboard_extended, TPM: _tpm,
}  # fmt: skip
