"""BGP: who the device speaks it with.

Source: BGP4-MIB (RFC 4273), which has IPv4 neighbours only; before it MIBs that have all: CISCO-BGP4-MIB
cbgpPeer2Table, ARISTA-BGP4V2-MIB, CUMULUS-BGPUN-MIB. Of a neighbour that several have, the first one's word counts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from driftline.v1.device_pb2 import BgpPeer
from driftline_agent.devices.mib import MibObject, Row, Table, mib
from driftline_agent.devices.mibs.marks import note_cuts, note_values
from driftline_agent.devices.readout import Readout
from driftline_agent.devices.snmp import textual
from driftline_agent.devices.snmp.indexes import Shape, decode
from driftline_agent.devices.snmp.values import Kind
from driftline_agent.devices.topic import DeviceTopic
from driftline_agent.errors import UnreadableError
from driftline_agent.topic import Reading

_SCALARS = mib("BGP4-MIB", "1.3.6.1.2.1.15", bgpLocalAs=2, bgpIdentifier=4)
_STATES = {1: "idle", 2: "connect", 3: "active", 4: "opensent", 5: "openconfirm", 6: "established"}
_STOPPED, _STARTED = 1, 2
#: What may be missing where a column could not be read, by the end of its name.
_FIELDS = {
    "RemoteAs": "remote_as",
    "AdminStatus": "enabled",
    "HoldTimeConfigured": "hold_time",
    "KeepAliveConfigured": "keep_alive",
}


@dataclass(frozen=True, slots=True)
class _Source:
    """A table of neighbours: its columns are the prefix and State, AdminStatus, RemoteAs, ..., whatever the MIB."""

    prefix: str
    #: Of the index; the neighbour's address is the last part.
    index: Sequence[Shape]
    objects: Mapping[str, MibObject]
    #: Names of the columns that differ.
    identifier: str = "RemoteIdentifier"


_SOURCES = (
    _Source(
        "cbgpPeer2",
        (Shape.INET_ADDRESS,),
        mib(
            "CISCO-BGP4-MIB",
            "1.3.6.1.4.1.9.9.187.1.2.5.1",
            cbgpPeer2State=3,
            cbgpPeer2AdminStatus=4,
            cbgpPeer2LocalAddr=6,
            cbgpPeer2RemoteAs=11,
            cbgpPeer2RemoteIdentifier=12,
            cbgpPeer2HoldTimeConfigured=23,
            cbgpPeer2KeepAliveConfigured=24,
        ),
    ),
    _Source(
        "aristaBgp4V2Peer",
        (Shape.INTEGER, Shape.INET_ADDRESS),
        mib(
            "ARISTA-BGP4V2-MIB",
            "1.3.6.1.4.1.30065.4.1.1",
            aristaBgp4V2PeerLocalAddr="2.1.3",
            aristaBgp4V2PeerRemoteAs="2.1.10",
            aristaBgp4V2PeerRemoteIdentifier="2.1.11",
            aristaBgp4V2PeerAdminStatus="2.1.12",
            aristaBgp4V2PeerState="2.1.13",
            aristaBgp4V2PeerHoldTimeConfigured="5.1.2",
            aristaBgp4V2PeerKeepAliveConfigured="5.1.3",
        ),
    ),
    _Source(
        "bgpPeer",
        (Shape.IP_ADDRESS,),
        mib(
            "CUMULUS-BGPUN-MIB",
            "1.3.6.1.4.1.40310.4.3.1.1",
            bgpPeerState=2,
            bgpPeerAdminStatus=3,
            bgpPeerLocalAddr=5,
            bgpPeerRemoteAs=9,
        ),
    ),
    _Source(
        "bgpPeer",
        (Shape.IP_ADDRESS,),
        mib(
            "BGP4-MIB",
            "1.3.6.1.2.1.15.3.1",
            bgpPeerIdentifier=1,
            bgpPeerState=2,
            bgpPeerAdminStatus=3,
            bgpPeerLocalAddr=5,
            bgpPeerRemoteAs=9,
            bgpPeerHoldTimeConfigured=20,
            bgpPeerKeepAliveConfigured=21,
        ),
        identifier="Identifier",
    ),
)


def peers(table: Table, source: _Source) -> Iterator[BgpPeer]:
    """Yield the neighbours of a table."""
    for index, row in table.rows():
        try:
            address = decode(index, source.index)[-1]
        except ValueError:
            continue
        if isinstance(address, str) and address:
            yield _peer(address, row, source)


def _peer(address: str, row: Row, source: _Source) -> BgpPeer:
    prefix = source.prefix
    out = BgpPeer(
        address=address,
        state=_STATES.get(row.integer(f"{prefix}State") or 0, ""),
        identifier=_address(row, f"{prefix}{source.identifier}"),
        local_address=_address(row, f"{prefix}LocalAddr"),
    )
    remote = row.integer(f"{prefix}RemoteAs")
    if remote is not None and 0 < remote < 1 << 32:
        out.remote_as = remote
    admin = row.integer(f"{prefix}AdminStatus")
    if admin in (_STOPPED, _STARTED):
        out.enabled = admin == _STARTED
    for column, field in (("HoldTimeConfigured", "hold_time"), ("KeepAliveConfigured", "keep_alive")):
        time = row.integer(f"{prefix}{column}")
        if time is not None and 0 <= time <= 0xFFFF:
            setattr(out, field, time)
    return out


def _address(row: Row, name: str) -> str:
    """Return an address that came as IpAddress, as octets or as text; empty where it is none or all zero."""
    found = row.address(name)
    if found is None and row.kind(name) is Kind.OCTETS:
        octets = row.octets(name) or b""
        found = textual.inet_address({4: 1, 16: 2}.get(len(octets), 16), octets)
    return "" if found in (None, "0.0.0.0", "::") else found  # noqa: S104  # an address that means none


async def _read(readout: Readout) -> Reading | None:
    reading = Reading()
    row, cuts = await readout.scalars(*_SCALARS.values())
    found: dict[str, BgpPeer] = {}
    tables = []
    for source in _SOURCES:
        table = await readout.table(*source.objects.values())
        tables.append(table)
        fields = {f"{source.prefix}{column}": field for column, field in _FIELDS.items()}
        note_values(reading, "device.bgp.peers[*]", table.cuts, fields)
        for peer in peers(table, source):
            found.setdefault(peer.address, peer)
    note_cuts(reading, "device.bgp.peers[*]", *tables)
    bgp = reading.facts.device.bgp
    if local := row.integer("bgpLocalAs"):
        bgp.local_as = local & 0xFFFFFFFF  # an AS of four octets comes as a negative number
    bgp.identifier = _address(row, "bgpIdentifier") if local or found else ""
    bgp.peers.extend(found[address] for address in sorted(found))
    why = next(iter((*cuts.values(), *reading.unreadable.values())), "")
    if not local and not found:
        if why:
            raise UnreadableError(why)
        return None
    note_values(reading, "device.bgp", cuts, {"bgpLocalAs": "local_as", "bgpIdentifier": "identifier"})
    return reading


TOPIC = DeviceTopic(
    revision=1, fills=("device.bgp",), read=_read, news=frozenset({"neighbour", "restart", "configuration"})
)
