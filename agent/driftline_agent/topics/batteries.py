"""Batteries that the machine runs on. Source: /sys/class/power_supply, SMBIOS type 22 where the kernel knows none.

Levels, wear and whether the mains is on are measurements and no facts.
"""

from driftline.v1.facts_pb2 import Battery
from driftline_agent import smbios_facts, smbios_records
from driftline_agent.dmi_text import parse_text
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_FOLDER = "/sys/class/power_supply"
_MICRO = 1000


def parse_battery(name: str, fields: dict[str, str]) -> Battery | None:
    """Return a battery of the fields of its uevent; None where it is no battery of the machine itself."""
    get = fields.get
    # A mouse's or a phone's has the scope Device, and comes and goes.
    if (
        get("POWER_SUPPLY_TYPE") != "Battery"
        or get("POWER_SUPPLY_SCOPE") == "Device"
        or get("POWER_SUPPLY_PRESENT") == "0"
    ):
        return None
    battery = Battery(
        name=name,
        manufacturer=parse_text(get("POWER_SUPPLY_MANUFACTURER")),
        model=parse_text(get("POWER_SUPPLY_MODEL_NAME")),
        serial_number=parse_text(get("POWER_SUPPLY_SERIAL_NUMBER")),
        chemistry=parse_text(get("POWER_SUPPLY_TECHNOLOGY")),
    )
    numbers = {
        key: int(value) for key, value in fields.items() if value.isascii() and value.isdigit() and len(value) < 13
    }
    voltage = numbers.get("POWER_SUPPLY_VOLTAGE_MIN_DESIGN", 0) // _MICRO  # mV
    energy = numbers.get("POWER_SUPPLY_ENERGY_FULL_DESIGN", 0) // _MICRO  # mW.h
    charge = numbers.get("POWER_SUPPLY_CHARGE_FULL_DESIGN", 0) // _MICRO  # mA.h
    capacity = energy or charge * voltage // _MICRO
    if 0 < voltage < 1 << 31:
        battery.voltage = voltage
    if 0 < capacity < 1 << 31:
        battery.capacity = capacity
    return battery


def collect(host: Host) -> Reading:
    """Read the kernel's batteries, else the firmware's; the latter is for root only."""
    reading = Reading()
    out = reading.facts.hardware.batteries
    for name in host.names(_FOLDER):
        lines = (host.read(f"{_FOLDER}/{name}/uevent") or "").splitlines()
        battery = parse_battery(name, {key: value for key, _, value in (line.partition("=") for line in lines)})
        if battery is not None:
            out.append(battery)
    if not out and host.exists("/sys/class/dmi/id"):
        try:
            out.extend(smbios_facts.batteries(smbios_records.read(host)[1]))
        except UnreadableError as error:
            reading.unreadable["hardware.batteries"] = str(error)
    return reading


TOPIC = Topic(
    revision=1,
    fills=("hardware.batteries",),
    collect=collect,
    applies=lambda host: host.exists(_FOLDER) or host.exists("/sys/class/dmi/id"),
    events=frozenset({"device"}),
)
