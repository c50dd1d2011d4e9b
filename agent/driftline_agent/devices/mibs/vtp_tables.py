"""VLANs of Cisco's IOS, which has no Q-BRIDGE-MIB: CISCO-VTP-MIB, CISCO-VLAN-MEMBERSHIP-MIB.

A port is a trunk where someone made it one (on, onNoNegotiate). One that negotiates is counted by its access VLAN
while it has one: whether it is a trunk just now is nobody's decision.
"""

from collections.abc import Iterator, Mapping

from driftline.v1.device_pb2 import Vlan
from driftline_agent.devices.mib import Row, Table, mib

VLANS = mib("CISCO-VTP-MIB", "1.3.6.1.4.1.9.9.46.1.3.1.1", vtpVlanState=2, vtpVlanType=3, vtpVlanName=4)
ACCESS = mib("CISCO-VLAN-MEMBERSHIP-MIB", "1.3.6.1.4.1.9.9.68.1.2.2.1", vmVlanType=1, vmVlan=2)
TRUNKS = mib(
    "CISCO-VTP-MIB",
    "1.3.6.1.4.1.9.9.46.1.6.1.1",
    vlanTrunkPortVlansEnabled=4,
    vlanTrunkPortNativeVlan=5,
    vlanTrunkPortDynamicState=13,
    vlanTrunkPortVlansEnabled2k=17,
    vlanTrunkPortVlansEnabled3k=18,
    vlanTrunkPortVlansEnabled4k=19,
)
_ETHERNET, _STATIC = 1, 1
_ON, _ON_NO_NEGOTIATE = 1, 5
#: Bits of each of the four columns: VLAN 0 is the most significant bit of the first octet.
_BITS = 1024


def vlans(table: Table, access: Table, trunks: Table, names: Mapping[int, str]) -> list[Vlan]:
    """Return the VLANs by id. Those of token ring and FDDI, which every device has, are left out."""
    by_id: dict[int, Vlan] = {}
    for index, row in table.rows():
        if len(index) == 2 and 0 < index[1] < 4095 and row.integer("vtpVlanType") in (None, _ETHERNET):
            by_id.setdefault(index[1], Vlan(id=index[1], name=row.text("vtpVlanName") or ""))
    members: dict[int, set[str]] = {number: set() for number in by_id}
    tagged: dict[int, set[str]] = {number: set() for number in by_id}
    trunk_names: set[str] = set()
    for name, row in _named(trunks, names):
        if row.integer("vlanTrunkPortDynamicState") not in (_ON, _ON_NO_NEGOTIATE):
            continue
        trunk_names.add(name)
        native = row.integer("vlanTrunkPortNativeVlan")
        for number in _enabled(row) & members.keys():
            members[number].add(name)
            if number != native:
                tagged[number].add(name)
    for name, row in _named(access, names):
        vlan = row.integer("vmVlan")
        if vlan in members and name not in trunk_names and row.integer("vmVlanType") in (None, _STATIC):
            members[vlan].add(name)
    for number, one in by_id.items():
        one.ports.extend(sorted(members[number]))
        one.tagged.extend(sorted(tagged[number]))
    return [by_id[number] for number in sorted(by_id)]


def _named(table: Table, names: Mapping[int, str]) -> Iterator[tuple[str, Row]]:
    for index, row in table.rows():
        if len(index) == 1 and index[0] in names:
            yield names[index[0]], row


def _enabled(row: Row) -> set[int]:
    out: set[int] = set()
    for at, suffix in enumerate(("", "2k", "3k", "4k")):
        octets = (row.octets(f"vlanTrunkPortVlansEnabled{suffix}") or b"")[: _BITS // 8]
        out |= {
            at * _BITS + 8 * place + bit
            for place, octet in enumerate(octets)
            for bit in range(8)
            if octet & 0x80 >> bit
        }
    return out
