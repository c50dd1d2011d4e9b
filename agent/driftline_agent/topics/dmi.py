"""The machine as its maker built it. Source: SMBIOS by /sys/class/dmi/id and /sys/firmware/dmi; /sys/firmware/efi.

Where there is no SMBIOS (Arm boards, POWER, IBM Z): the device tree, /proc/cpuinfo, /proc/sysinfo.
"""

from google.protobuf.message import Message

from driftline.v1.facts_pb2 import Facts, Hardware
from driftline_agent import cpuinfo, raw, smbios_facts, smbios_records
from driftline_agent.dmi_text import parse_date, parse_text, parse_uuid
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.smbios_names import CHASSIS_TYPES
from driftline_agent.topic import Reading, Topic

_FOLDER = "/sys/class/dmi/id"
_BMC = "/sys/class/ipmi/ipmi0/device/bmc"
_TREE = "/proc/device-tree"
_EFI = "/sys/firmware/efi/efivars"
#: EFI's global variables, UEFI specification 2.10, section 3.3.
_GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"

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
    ("chassis", "version", "chassis_version"),
    ("chassis", "serial_number", "chassis_serial"),
    ("chassis", "asset_tag", "chassis_asset_tag"),
    ("firmware", "vendor", "bios_vendor"),
    ("firmware", "version", "bios_version"),
    ("firmware", "release", "bios_release"),
    ("firmware", "controller_release", "ec_firmware_release"),
)
_OF_TABLE = (
    "hardware.processor_sockets", "hardware.expansion_slots", "hardware.ports", "hardware.power_supplies",
    "hardware.onboard_devices", "hardware.management_controller", "hardware.further_boards",
)  # fmt: skip


def parse_chassis_type(code: int | None) -> str:
    """Return the chassis' form by its SMBIOS name; bit 7 only says that it has a lock."""
    return CHASSIS_TYPES.get((code or 0) & 0x7F, "")


def parse_variable(data: bytes | None) -> bool | None:
    """Return what an EFI variable of one byte says; four bytes of attributes stand before it."""
    return None if data is None or len(data) != 5 or data[4] > 1 else bool(data[4])


def parse_sysinfo(text: str, out: Hardware) -> None:
    """Fill in what IBM Z tells of itself: s390's /proc/sysinfo, lines ``Name: value``."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip(), value.strip())
    out.system.manufacturer = fields.get("Manufacturer", "")
    out.system.product = fields.get("Type", "")
    out.system.version = fields.get("Model", "")
    out.system.serial_number = parse_text(fields.get("Sequence Code"))


def _without_smbios(host: Host, reading: Reading) -> None:
    hardware = reading.facts.hardware
    sysinfo = host.read("/proc/sysinfo")
    if sysinfo is not None:
        parse_sysinfo(sysinfo, hardware)
        return
    cpuinfo.board_of(host.read("/proc/cpuinfo") or "", hardware)
    tree = {name: (host.line(f"{_TREE}/{name}") or "").strip("\0") for name in ("model", "serial-number", "system-id")}
    hardware.system.product = tree["model"] or hardware.system.product
    serial = parse_text(tree["serial-number"]) or parse_text(tree["system-id"])
    hardware.system.serial_number = serial or hardware.system.serial_number
    if not hardware.system.manufacturer and hardware.system.product.startswith("IBM,"):
        hardware.system.manufacturer = "IBM"


def _start(host: Host, reading: Reading) -> None:
    firmware = reading.facts.hardware.firmware
    uefi = host.exists("/sys/firmware/efi")
    if uefi or host.exists(_FOLDER):
        firmware.type = "uefi" if uefi else "bios"
    if uefi:
        for field, name in (("secure_boot", "SecureBoot"), ("setup_mode", "SetupMode")):
            try:
                value = parse_variable(host.read_bytes(f"{_EFI}/{name}-{_GLOBAL}"))
            except UnreadableError as error:
                reading.unreadable[f"hardware.firmware.{field}"] = str(error)
                continue
            if value is not None:
                setattr(firmware, field, value)


def _management_controller(host: Host, reading: Reading) -> None:
    """Read what the kernel's driver knows of the BMC, where it is loaded."""
    for field, file in (
        ("firmware", "firmware_revision"),
        ("manufacturer_id", "manufacturer_id"),
        ("product_id", "product_id"),
    ):
        text = reading.text(
            f"hardware.management_controller.{field}",
            lambda file=file: host.line(f"{_BMC}/{file}"),  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        )
        if text:
            setattr(reading.facts.hardware.management_controller, field, text)


def of_table(host: Host) -> Hardware:
    """Return what only the table has; built once as long as the table is the same.

    :raises UnreadableError: where it may not be read.
    """
    table, records = smbios_records.read(host)
    known: tuple[bytes, Hardware] | None = host.kept.get("dmi")
    if known is None or known[0] != table:
        out = Hardware()
        smbios_facts.beyond_strings(records, out)
        smbios_facts.board_parts(records, out)
        known = host.kept["dmi"] = (table, out)
    return known[1]


def collect(host: Host) -> Reading:
    """Read strings and table; serial numbers, the UUID and the table are for root only and noted as unreadable else."""
    reading = Reading(Facts())
    hardware = reading.facts.hardware
    _start(host, reading)
    _management_controller(host, reading)
    if not host.exists(_FOLDER):
        _without_smbios(host, reading)
        return reading
    strings: list[bytes] = []
    for message, field, file in _FILES:
        path = f"hardware.{message}.{field}"
        text = reading.text(path, lambda file=file: host.line(f"{_FOLDER}/{file}"))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        strings.append(text.encode())
        value = parse_uuid(text) if field == "uuid" else parse_text(text)
        if value:
            below: Message = getattr(hardware, message)
            setattr(below, field, value)
    hardware.chassis.type = parse_chassis_type(host.number(f"{_FOLDER}/chassis_type"))
    hardware.firmware.date = parse_date(host.line(f"{_FOLDER}/bios_date"))
    try:
        hardware.MergeFrom(of_table(host))
    except UnreadableError as error:
        reading.unreadable.update(dict.fromkeys(_OF_TABLE, str(error)))
        for path in ("system.oem_strings", "board.type", "chassis.height", "chassis.sku", "firmware.size"):
            reading.unreadable[f"hardware.{path}"] = str(error)
        return reading
    table, _ = smbios_records.read(host)
    firmware = f"{hardware.firmware.secure_boot} {hardware.firmware.setup_mode}".encode()
    found = {"hardware.firmware": raw.mark(table, *strings, firmware)}
    reading.raw = lambda facts: raw.complete(facts, found, raw.mark(table, *strings))
    return reading


TOPIC = Topic(
    revision=2,
    fills=("hardware.system", "hardware.board", "hardware.chassis", "hardware.firmware", *_OF_TABLE),
    collect=collect,
    applies=lambda host: any(map(host.exists, (_FOLDER, _TREE, "/proc/sysinfo", "/sys/firmware/efi"))),
)
