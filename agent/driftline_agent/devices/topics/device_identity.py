"""What a device is: maker, model, serial number, operating system, name, and its SNMP agent.

How each is read, the device's profile says, and the standard MIBs where it does not.
"""

from collections.abc import Mapping
from ipaddress import ip_address

from driftline.v1.device_pb2 import SnmpEntity
from driftline.v1.facts_pb2 import Facts
from driftline_agent.devices.mib import Row, mib
from driftline_agent.devices.profile import TEXTS, Profile
from driftline_agent.devices.profiles import settle
from driftline_agent.devices.profiling import identify, vendors
from driftline_agent.devices.profiling.identify import Told
from driftline_agent.devices.readout import Readout, System
from driftline_agent.devices.snmp import oids
from driftline_agent.devices.topic import DeviceTopic
from driftline_agent.errors import UnreadableError
from driftline_agent.topic import Reading

#: SNMPv2-MIB (RFC 3418) system group, besides what the poll has asked for already.
SYSTEM = mib("SNMPv2-MIB", "1.3.6.1.2.1.1", sysContact=4, sysLocation=6, sysServices=7)
#: SNMP-FRAMEWORK-MIB (RFC 3411).
ENGINE = mib("SNMP-FRAMEWORK-MIB", "1.3.6.1.6.3.10.2.1", snmpEngineID=1)
#: sysServices: bit of each layer, 2 to the power of L-1.
_LAYERS = {1: "physical", 2: "datalink", 3: "internet", 4: "end-to-end", 7: "applications"}
#: Seconds that sysUpTime and this host's clock may run apart between two polls without the device having started anew.
_APART_S = 30
#: What is kept of a device from one poll to the next: when it started, s since 1970.
_KEPT = "device_identity"
_PATHS = {
    "version": "os.release.version",
    "build": "os.release.description",
    "os_name": "os.release.name",
    "vendor_name": "hardware.system.manufacturer",
    "model": "hardware.system.product",
    "serial_number": "hardware.system.serial_number",
    "hardware_revision": "hardware.system.version",
    "part_number": "hardware.system.sku",
    "firmware": "hardware.firmware.version",
}
_SNMP = {"sysContact": "contact", "sysLocation": "location", "sysServices": "services", "snmpEngineID": "engine_id"}


def host_name(system_name: str) -> str | None:
    """Return sysName without its domain; an address stays whole."""
    name = system_name.strip().rstrip(".")
    try:
        ip_address(name)
    except ValueError:
        return name.partition(".")[0] or None
    return name


def layers(services: int | None) -> list[str]:
    """Return the layers that sysServices names, lowest first."""
    return [] if services is None else [name for layer, name in _LAYERS.items() if services & 1 << layer - 1]


def started_at(system: System, before: int | None) -> int | None:
    """Return when a device started, s since 1970: what was told before where it is the same up to what clocks do."""
    if system.uptime_ticks is None:
        return None
    now = round(system.at_s - system.uptime_ticks / 100)
    return before if before is not None and abs(now - before) <= _APART_S else now


def parse_snmp(system: System, row: Row, profile: str, engine_id: bytes | None, started: int | None) -> SnmpEntity:
    """Return what the SNMP agent says of the device."""
    out = SnmpEntity(
        description=system.description,
        object_id=oids.show(system.object_id) if system.object_id else "",
        contact=row.text("sysContact") or "",
        location=row.text("sysLocation") or "",
        services=layers(row.integer("sysServices")),
        engine_id=(row.octets("snmpEngineID") or engine_id or b"").hex(),
        profile=profile,
        system_name=system.name,
    )
    if started is not None:
        out.started_at = started
    return out


def maker(profile: Profile, system: System, said: str | None) -> str | None:
    """Return who made it.

    It is the profile's word, or what its own sources say, or by sysObjectID, or by the name that sysDescr begins with,
    or what the chassis says. The last comes last: some write the model there.
    """
    by_profile = profile.vendor or (said if "vendor_name" in profile.texts else None)
    return by_profile or vendors.of(system.object_id) or vendors.named(system.description) or said


def emit(facts: Facts, profile: Profile, system: System, told: Told) -> None:
    """Put what a device told into facts; what it did not tell leaves no trace."""
    texts: Mapping[str, str] = told.texts
    name, version = texts.get("os_name", profile.os_name), texts.get("version", "")
    described = (
        " ".join(filter(None, [name, version, texts.get("build", "")]))
        if version and (name or "build" in texts)
        else ""
    )
    facts_of: dict[str, dict[str, str | None]] = {
        "os.release": {"id": profile.os_id, "name": name, "version": version, "description": described},
        "os.host": {"name": host_name(system.name)},
        "hardware.system": {
            "manufacturer": maker(profile, system, texts.get("vendor_name")),
            "product": texts.get("model"),
            "serial_number": texts.get("serial_number"),
            "version": texts.get("hardware_revision"),
            "sku": texts.get("part_number"),
        },
        "hardware.firmware": {"version": texts.get("firmware")},
    }
    for place, fields in facts_of.items():
        section, _, part = place.partition(".")
        for field, text in fields.items():
            if text:
                setattr(getattr(getattr(facts, section), part), field, text)


def _started(readout: Readout) -> int | None:
    """Return when the device started, the same at every poll: sysUpTime and this host's clock run apart."""
    before = readout.kept.get(_KEPT)
    found = started_at(readout.system, before if isinstance(before, int) else None)
    if found is not None:
        readout.kept[_KEPT] = found
    return found


async def read(readout: Readout) -> Reading:
    """Read what the device is."""
    if readout.ended:
        raise UnreadableError(readout.ended)
    profile, system, reading = await settle(readout), readout.system, Reading()
    row, cuts = await readout.scalars(*SYSTEM.values(), *ENGINE.values())
    told = await identify.read(readout, profile, TEXTS)
    emit(reading.facts, profile, system, told)
    entity = parse_snmp(system, row, profile.name, readout.target.engine_id, _started(readout))
    reading.facts.device.snmp.CopyFrom(entity)
    reading.unreadable |= {f"device.snmp.{_SNMP[name]}": why for name, why in cuts.items()}
    reading.unreadable |= {_PATHS[name]: why for name, why in told.unreadable.items()}
    return reading


TOPIC = DeviceTopic(
    revision=1,
    fills=("os.release", "os.host", "hardware.system", "hardware.firmware", "device.snmp"),
    read=read,
    news=frozenset({"restart", "configuration", "hardware"}),
)
