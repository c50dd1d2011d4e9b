"""Facts of SMBIOS structures, whether decoded from a table or printed by dmidecode(8)."""

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from google.protobuf.message import Message

from driftline import late
from driftline.v1.facts_pb2 import (
    Battery,
    ExpansionSlot,
    FurtherBoard,
    Hardware,
    MemoryModule,
    OnboardDevice,
    Port,
    PowerSupply,
    ProcessorSocket,
    Tpm,
)
from driftline_agent import jedec
from driftline_agent import smbios_records as smbios
from driftline_agent.dmi_text import parse_date, parse_name, parse_text, parse_uuid
from driftline_agent.smbios_names import CHASSIS_ALIASES, CHASSIS_TYPES
from driftline_agent.smbios_records import Record

M = TypeVar("M", bound=Message)

_UNITS = {
    "bytes": 1,
    "b": 1,
    "kb": 1 << 10,
    "k": 1 << 10,
    "mb": 1 << 20,
    "mbyte": 1 << 20,
    "gb": 1 << 30,
    "tb": 1 << 40,
}
_NUMBER = late.pattern(r"\s*(\d{1,15}(?:\.\d{1,6})?)\s*([A-Za-z/]*)")
#: A flash memory on the board is no main memory.
_FLASH = frozenset({"ROM", "Flash"})
_LONGEST_OEM_STRING = 64


def of(records: Iterable[Record], *types: int) -> list[Record]:
    """Return the records of some types."""
    return [record for record in records if record.type in types]


def size_of(text: str) -> int:
    """Return bytes: ``8192 MB``, ``1 GB``, ``1024Mbyte``; 0 where there is none."""
    found = _NUMBER.match(text)
    size = int(float(found[1]) * _UNITS.get(found[2].lower(), 0)) if found else 0
    return size if size < 1 << 60 else 0


def number_of(text: str | None) -> int | None:
    """Return the whole number that a text begins with, None where there is none or it is 0."""
    found = _NUMBER.match(text or "")
    return int(float(found[1])) or None if found else None


def frequency_of(text: str | None) -> int | None:
    """Return Hz of ``2400 MHz``."""
    number = number_of(text)
    return None if number is None else number * 1_000_000


def _put(message: Message, field: str, value: int | bool | None) -> None:
    if value is not None and value < 1 << 62:
        try:
            setattr(message, field, value)
        except ValueError:  # larger than the field: no such machine
            return


def _yes(text: str | None) -> bool | None:
    return {"yes": True, "no": False, "enabled": True, "disabled": False}.get((text or "").strip().lower())


def unique(messages: Iterable[M], name: str, *more: str, fallback: str) -> list[M]:
    """Return elements sorted by their keys; one whose name is taken, as on boards that name all alike, gets a ``+``."""
    found: dict[tuple[str, ...], M] = {}
    for message in messages:
        key = tuple(getattr(message, field) for field in (*more, name))
        while key in found or not any(key):
            setattr(message, name, f"{getattr(message, name) or fallback}+")
            key = tuple(getattr(message, field) for field in (*more, name))
        found[key] = message
    return [found[key] for key in sorted(found)]


def system(records: Iterable[Record], out: Hardware) -> None:
    """Fill in system, board, chassis and firmware."""
    for record in of(records, smbios.SYSTEM)[:1]:
        get = record.values.get
        out.system.manufacturer = parse_text(get("Manufacturer"))
        out.system.product = parse_text(get("Product Name"))
        out.system.version = parse_text(get("Version"))
        out.system.serial_number = parse_text(get("Serial Number"))
        out.system.uuid = parse_uuid(get("UUID"))
        out.system.sku = parse_text(get("SKU Number"))
        out.system.family = parse_text(get("Family"))
    for record in of(records, smbios.BOARD)[:1]:
        get = record.values.get
        out.board.manufacturer = parse_text(get("Manufacturer"))
        out.board.product = parse_text(get("Product Name"))
        out.board.version = parse_text(get("Version"))
        out.board.serial_number = parse_text(get("Serial Number"))
        out.board.asset_tag = parse_text(get("Asset Tag"))
    for record in of(records, smbios.CHASSIS)[:1]:
        get = record.values.get
        out.chassis.manufacturer = parse_text(get("Manufacturer"))
        out.chassis.type = chassis_type(get("Type", ""))
        out.chassis.serial_number = parse_text(get("Serial Number"))
        out.chassis.asset_tag = parse_text(get("Asset Tag"))
        out.chassis.version = parse_text(get("Version"))
    for record in of(records, smbios.BIOS)[:1]:
        get = record.values.get
        out.firmware.vendor = parse_text(get("Vendor"))
        out.firmware.version = parse_text(get("Version"))
        out.firmware.date = parse_date(get("Release Date"))
        out.firmware.release = parse_text(get("BIOS Revision"))
        out.firmware.controller_release = parse_text(get("Firmware Revision"))
        if "UEFI is supported" in record.lists.get("Characteristics", ()):
            out.firmware.type = "uefi"  # it need not have started by it, but nothing better is known of a recording


def beyond_strings(records: Iterable[Record], out: Hardware) -> None:
    """Fill in what of system, board, chassis and firmware /sys/class/dmi/id does not have."""
    for record in of(records, smbios.BIOS)[:1]:
        _put(out.firmware, "size", size_of(record.values.get("ROM Size", "")) or None)
    for record in of(records, smbios.BOARD)[:1]:
        out.board.type = parse_text(record.values.get("Type")).lower()
    for record in of(records, smbios.CHASSIS)[:1]:
        _put(out.chassis, "height", number_of(record.values.get("Height")))
        out.chassis.sku = parse_text(record.values.get("SKU Number"))
    strings = {text for record in of(records, smbios.OEM) for texts in record.lists.values() for text in texts}
    out.system.oem_strings.extend(sorted(filter(harmless, (parse_text(text) for text in strings))))
    for position, record in enumerate(of(records, smbios.BOARD), 1):
        get = record.values.get
        board = FurtherBoard(
            position=position,
            manufacturer=parse_text(get("Manufacturer")),
            product=parse_text(get("Product Name")),
            version=parse_text(get("Version")),
            serial_number=parse_text(get("Serial Number")),
            asset_tag=parse_text(get("Asset Tag")),
            type=parse_text(get("Type")).lower(),
            location=parse_text(get("Location In Chassis")),
        )
        if position > 1 and (board.product or board.serial_number):
            out.further_boards.append(board)


def harmless(text: str) -> bool:
    """Tell whether an OEM string may be told: no assignment, no systemd or ignition credential, nothing long."""
    return bool(text) and text.isprintable() and len(text) <= _LONGEST_OEM_STRING and not re.search(r"[=]|^io\.", text)


def chassis_type(text: str) -> str:
    """Return a chassis' form by its SMBIOS name in lower case."""
    low = text.strip().lower()
    low = CHASSIS_ALIASES.get(low, low)
    return low if low in CHASSIS_TYPES.values() else ""


def board_parts(records: list[Record], out: Hardware) -> None:
    """Fill in sockets, slots, connectors, power supplies, on-board devices and the management controller."""
    out.processor_sockets.extend(processors(records))
    out.expansion_slots.extend(slots(records))
    out.ports.extend(ports(records))
    out.power_supplies.extend(power_supplies(records))
    out.onboard_devices.extend(onboard(records))
    for record in of(records, smbios.IPMI)[:1]:
        kind = parse_text(record.values.get("Interface Type")).partition(" (")[0]
        if kind:
            out.management_controller.interface = kind
            out.management_controller.specification = parse_text(record.values.get("Specification Version"))


def processors(records: Iterable[Record]) -> list[ProcessorSocket]:
    """Return the populated sockets."""
    found: list[ProcessorSocket] = []
    for record in of(records, smbios.PROCESSOR):
        get = record.values.get
        status = get("Status", "")
        if status.startswith("Unpopulated") or set(get("Manufacturer", "-")) == {"0"} or is_no_processor(record):
            continue
        socket = ProcessorSocket(
            designation=parse_name(get("Socket Designation")),
            manufacturer=parse_text(get("Manufacturer")),
            model=parse_text(get("Version")),
            family=family_of(get("Family", "")),
            serial_number=parse_text(get("Serial Number")),
            part_number=parse_text(get("Part Number")),
            asset_tag=parse_text(get("Asset Tag")),
            socket=parse_text(get("Upgrade")),
            status=parse_text(status.partition(", ")[2]).lower(),
        )
        # Of the four bytes behind "ID" comes what the line "Signature" says; old versions print that one otherwise.
        words = get("ID", "").split()
        raw = bytes.fromhex("".join(words)) if re.fullmatch(r"[0-9A-Fa-f ]{23}", get("ID", "")) else b""
        signature = smbios.signature_of(int.from_bytes(raw[:4], "little"), get("Manufacturer", ""))
        if signature:
            socket.id = raw[::-1].hex().upper()
            socket.family_number, socket.model_number, socket.stepping = map(str, signature)
        _put(socket, "cores", number_of(get("Core Count")))
        _put(socket, "cores_enabled", number_of(get("Core Enabled")))
        _put(socket, "threads", number_of(get("Thread Count")))
        _put(socket, "max_frequency", frequency_of(get("Max Speed")))
        _put(socket, "boot_frequency", frequency_of(get("Current Speed")))
        _put(socket, "external_clock", frequency_of(get("External Clock")))
        found.append(socket)
    return unique(found, "designation", fallback="socket")


def is_no_processor(record: Record) -> bool:
    """Tell whether there is nothing in the socket although its status does not say so."""
    get = record.values.get
    return not record.values.get("Status") and parse_text(get("Version")) + parse_text(get("Manufacturer")) == ""


def family_of(text: str) -> str:
    """Return a processor's family; what older versions of dmidecode could not name is absent."""
    text = parse_text(text)
    return "" if text.lower() in ("other", "unknown") or "OUT OF SPEC" in text else text.removesuffix(" processor")


def slots(records: Iterable[Record]) -> list[ExpansionSlot]:
    """Return the slots for cards."""
    found: list[ExpansionSlot] = []
    for record in of(records, smbios.SLOT):
        get = record.values.get
        kind = parse_text(get("Type"))
        slot = ExpansionSlot(
            designation=parse_name(get("Designation")),
            type="" if kind == "Other" else kind,
            id=parse_name(get("ID")),
            address=parse_name(get("Bus Address")).lower(),
            length=parse_text(get("Length")).lower().replace("other", ""),
        )
        _put(slot, "in_use", {"In Use": True, "Available": False}.get(get("Current Usage", "")))
        found.append(slot)
    return unique(found, "designation", fallback="slot")


def ports(records: Iterable[Record]) -> list[Port]:
    """Return the connectors, in the order of the table."""
    found: list[Port] = []
    for position, record in enumerate(of(records, smbios.PORT), 1):
        get = record.values.get
        found.append(
            Port(
                position=position,
                internal_name=parse_name(get("Internal Reference Designator")),
                external_name=parse_name(get("External Reference Designator")),
                internal_connector=parse_name(get("Internal Connector Type")),
                external_connector=parse_name(get("External Connector Type")),
                type=parse_name(get("Port Type")),
            )
        )
    return found


def power_supplies(records: Iterable[Record]) -> list[PowerSupply]:
    """Return the power supplies that are present."""
    found: list[PowerSupply] = []
    for record in of(records, smbios.POWER):
        get = record.values.get
        status = get("Status", "")
        supply = PowerSupply(
            location=parse_text(get("Location")),
            name=parse_text(get("Name")),
            manufacturer=parse_text(get("Manufacturer")),
            serial_number=parse_text(get("Serial Number")),
            part_number=parse_text(get("Model Part Number")),
            asset_tag=parse_text(get("Asset Tag")),
            revision=parse_text(get("Revision")),
            type=parse_text(get("Type")),
            status=parse_text(status.partition(", ")[2].lower()),
        )
        if status.startswith("Not Present") or not supply.ListFields():
            continue
        watts = re.fullmatch(r"(\d{1,3})\.(\d{3}) W", get("Max Power Capacity", ""))  # dmidecode up to 2.9: as if mW
        _put(supply, "power", int(watts[1] + watts[2]) if watts else number_of(get("Max Power Capacity")))
        _put(supply, "hot_replaceable", _yes(get("Hot Replaceable")))
        _put(supply, "plugged", _yes(get("Plugged")))
        found.append(supply)
    return unique(found, "name", "location", fallback="power supply")


def onboard(records: Iterable[Record]) -> list[OnboardDevice]:
    """Return the devices of the board, in the order of the table."""
    extended = of(records, smbios.ONBOARD_EXTENDED)
    found: list[OnboardDevice] = []
    for position, record in enumerate(extended or of(records, smbios.ONBOARD), 1):
        get = record.values.get
        kind = parse_text(get("Type"))
        device = OnboardDevice(
            position=position,
            name=parse_name(get("Reference Designation") or get("Description")),
            type="" if kind == "Other" else kind,
            address=parse_name(get("Bus Address")).lower(),
        )
        _put(device, "enabled", _yes(get("Status")))
        found.append(device)
    return found


def batteries(records: Iterable[Record]) -> list[Battery]:
    """Return the batteries that the firmware tells of."""
    found: list[Battery] = []
    for record in of(records, smbios.BATTERY):
        get = record.values.get
        battery = Battery(
            name=parse_name(get("Location")),
            manufacturer=parse_text(get("Manufacturer")),
            model=parse_text(get("Name")),
            serial_number=parse_text(get("Serial Number")),
            chemistry=parse_text(get("Chemistry")) or parse_text(get("SBDS Chemistry")),
            manufactured=battery_date(get("Manufacture Date") or get("SBDS Manufacture Date") or ""),
        )
        code = get("SBDS Serial Number", "")
        if not battery.serial_number and re.fullmatch(r"[0-9A-Fa-f]{1,8}", code) and int(code, 16):
            battery.serial_number = str(int(code, 16))
        _put(battery, "capacity", number_of(get("Design Capacity")))
        _put(battery, "voltage", number_of(get("Design Voltage")))
        if battery.model or battery.serial_number or battery.HasField("capacity"):
            found.append(battery)
    return unique(found, "name", fallback="battery")


def battery_date(text: str) -> str:
    """Return a day of manufacture as ISO 8601: the specification leaves its form to the maker."""
    text = text.strip()
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return text
    if found := re.fullmatch(r"(\d{4})/(\d{1,2})/(\d{1,2})", text):
        return f"{found[1]}-{int(found[2]):02}-{int(found[3]):02}"
    return parse_date(text)


def memory(records: list[Record], out: Hardware) -> None:
    """Fill in the modules and the arrays that they are in."""
    out.memory.modules.extend(modules(records))
    arrays = [r for r in of(records, smbios.ARRAY) if r.values.get("Use", "System Memory") == "System Memory"]
    _put(out.memory, "maximum", sum(size_of(r.values.get("Maximum Capacity", "")) for r in arrays) or None)
    _put(out.memory, "slots", sum(number_of(r.values.get("Number Of Devices")) or 0 for r in arrays) or None)
    corrections = sorted({parse_text(r.values.get("Error Correction Type")) for r in arrays} - {""})
    out.memory.error_correction = ", ".join(corrections)


def modules(records: Iterable[Record]) -> list[MemoryModule]:
    """Return the populated slots; by type 6 where the machine is so old that it has no type 17."""
    found: list[MemoryModule] = []
    for record in of(records, smbios.MEMORY):
        get = record.values.get
        size, kind = size_of(get("Size", "")), parse_text(get("Type"))
        if not size or kind in _FLASH:
            continue
        module = MemoryModule(
            bank=parse_name(get("Bank Locator")),
            slot=parse_name(get("Locator")),
            size=size,
            type="" if kind == "Other" or "OUT OF SPEC" in kind else kind,
            manufacturer=jedec.maker_of(parse_text(get("Manufacturer"))),
            serial_number=parse_text(get("Serial Number")),
            asset_tag=parse_text(get("Asset Tag")),
            part_number=jedec.text_of(parse_text(get("Part Number"))),
            form_factor=parse_text(get("Form Factor")).replace("Other", ""),
            features=features_of(get("Type Detail", "")),
        )
        _put(module, "speed", number_of(get("Speed")))
        configured = get("Configured Memory Speed") or get("Configured Clock Speed")
        _put(module, "configured_speed", number_of(configured))
        _put(module, "rank", number_of(get("Rank")))
        _put(module, "data_width", number_of(get("Data Width")))
        _put(module, "total_width", number_of(get("Total Width")))
        volts = re.match(r"\d+(\.\d+)?", get("Configured Voltage", ""))
        _put(module, "voltage", round(float(volts[0]) * 1000) or None if volts else None)
        found.append(module)
    if not found:
        for record in of(records, smbios.MODULE):
            get = record.values.get
            size = size_of(get("Installed Size", "") or get("Enabled Size", ""))
            words = parse_text(get("Type")).split()
            if size:
                module = MemoryModule(slot=parse_name(get("Socket Designation")), size=size)
                module.form_factor = next((word for word in words if word in ("DIMM", "SIMM")), "")
                module.type = next((word for word in words if word in ("SDRAM", "EDO", "FPM")), "")
                found.append(module)
    return unique(found, "slot", "bank", fallback="slot")


_FEATURES = late.pattern(
    r"Fast-paged|Static Column|Pseudo-static|RAMBus|Synchronous|CMOS|EDO|Window DRAM|Cache DRAM|Non-Volatile"
    r"|Registered \(Buffered\)|Unbuffered \(Unregistered\)|LRDIMM"
)


def features_of(text: str) -> list[str]:
    """Return the features of a module's type detail, sorted."""
    return sorted(set(_FEATURES.findall(text)))


def tpm(records: Iterable[Record], out: Tpm) -> None:
    """Fill in what SMBIOS tells of the TPM."""
    for record in of(records, smbios.TPM)[:1]:
        get = record.values.get
        out.version = parse_text(get("Specification Version"))
        out.manufacturer = parse_text(get("Vendor ID"))
        out.firmware = parse_text(get("Firmware Revision"))
        out.description = parse_text(get("Description"))


#: What a recorded table gives, section by section.
ALL: tuple[Callable[[list[Record], Hardware], None], ...] = (system, beyond_strings, board_parts, memory)
