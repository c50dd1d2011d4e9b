"""What a device heard by CDP, spelled as lldpd spells it: chassis and system by the device id, port by its name.

Source: CISCO-CDP-MIB cdpCacheTable; cdp.c of lldpd.
"""

from collections.abc import Iterator, Mapping

from driftline.v1.facts_pb2 import LldpNeighbour
from driftline_agent.devices.mib import Row, Table, mib
from driftline_agent.devices.mibs import lldp_ids
from driftline_agent.devices.snmp import textual

CACHE = mib(
    "CISCO-CDP-MIB",
    "1.3.6.1.4.1.9.9.23.1.2.1.1",
    cdpCacheAddressType=3,
    cdpCacheAddress=4,
    cdpCacheVersion=5,
    cdpCacheDeviceId=6,
    cdpCacheDevicePort=7,
    cdpCachePlatform=8,
    cdpCacheCapabilities=9,
    cdpCacheVTPMgmtDomain=10,
    cdpCacheNativeVLAN=11,
    cdpCacheDuplex=12,
    cdpCachePrimaryMgmtAddrType=19,
    cdpCachePrimaryMgmtAddr=20,
)
#: Bits of the capabilities that lldpd tells of, and its names.
_CAPABILITIES = {0x01: "Router", 0x02: "Bridge", 0x08: "Bridge", 0x10: "Station", 0x40: "Repeater"}
#: CiscoNetworkProtocol -> InetAddressType, and the octets of each.
_FAMILIES = {(1, 4): 1, (20, 16): 2}


def heard(table: Table, names: Mapping[int, str]) -> Iterator[LldpNeighbour]:
    """Yield neighbours, in the order of the table, whose index is ifIndex and the neighbour's number."""
    for index, row in table.rows():
        device = lldp_ids.words(row.octets("cdpCacheDeviceId") or b"")
        if len(index) != 2 or not device:
            continue
        out = LldpNeighbour(
            interface=names.get(index[0], ""),
            chassis_id=device,
            port_id=lldp_ids.words(row.octets("cdpCacheDevicePort") or b""),
            protocol=_protocol(row),
            system_name=device,
            system_description=_description(row),
            management_addresses=sorted(_addresses(row)),
            capabilities=_capabilities(row.octets("cdpCacheCapabilities") or b""),
        )
        out.port_description = out.port_id
        vlan = row.integer("cdpCacheNativeVLAN")
        if vlan is not None and 0 < vlan < 4095:
            out.port_vlan = vlan
        yield out


def _protocol(row: Row) -> str:
    """Return CDPv2 where the neighbour sent what only version 2 has; the MIB does not tell the version."""
    newer = row.octets("cdpCacheVTPMgmtDomain") or row.integer("cdpCacheNativeVLAN")
    # unknown(1) of those that sent none
    return "CDPv2" if newer or row.integer("cdpCacheDuplex") in (2, 3) else "CDPv1"


def _description(row: Row) -> str:
    platform = lldp_ids.words(row.octets("cdpCachePlatform") or b"")
    version = lldp_ids.words(row.octets("cdpCacheVersion") or b"")
    return f"{platform} running on\n{version}" if platform and version else platform or version


def _addresses(row: Row) -> set[str]:
    out: set[str] = set()
    for name in ("cdpCacheAddress", "cdpCachePrimaryMgmtAddr"):
        octets = row.octets(name) or b""
        family = _FAMILIES.get((row.integer(f"{name}Type") or 0, len(octets)))
        if family and any(octets) and (address := textual.inet_address(family, octets)):
            out.add(address)
    return out


def _capabilities(octets: bytes) -> list[str]:
    bits = int.from_bytes(octets) if len(octets) <= 4 else 0
    return sorted({name for bit, name in _CAPABILITIES.items() if bits & bit})
