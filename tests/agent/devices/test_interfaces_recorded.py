"""Interfaces of recorded devices, beside what LibreNMS makes of the same recordings."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import badsnmp, readouts, recorded
from tests.support.corpora import corpus

from driftline import facts
from driftline.v1.facts_pb2 import Interface
from driftline_agent.devices.topic import Measured
from driftline_agent.devices.topics import arp, interfaces

#: Port of LibreNMS that is not in the recording's ifTable: it is from the maker's own MIB.
_BY_THE_MAKER = {"timos_7705": {3, 4, 6, 7, 8, 9, 10, 1280}}
#: Interfaces that LibreNMS leaves out: telephone lines, bonds without members, a port that is not there.
_MORE = {"audiocodes_mp118": 8, "linksys-ss_lgs318p": 5, "timos_7705": 1}
#: Two of one name, and one description.
_RENAMED = {"linksys-ss_lgs318p": {100000, 300000}}


@pytest.fixture(scope="module")
def folder() -> Path:
    return corpus("snmp")


@pytest.fixture(scope="module")
def recordings(folder: Path) -> dict[str, dict[badsnmp.Arcs, bytes]]:
    return {path.stem: recorded.read(path) for path in sorted(folder.glob("*.snmprec"))}


@pytest.fixture(scope="module")
def port(recordings: dict[str, dict[badsnmp.Arcs, bytes]]) -> Iterator[int]:
    with recorded.serve(recordings) as served:
        yield served


def told(port: int, name: str) -> tuple[dict[int, Interface], Measured]:
    """Return a device's interfaces by index, checked for what must hold of every device's."""

    async def run() -> tuple[dict[int, Interface], Measured]:
        async with readouts.readout(port, name) as readout:
            reading, neighbours = await interfaces.read(readout), await arp.read(readout)
            if neighbours is not None:
                facts.elements(neighbours.facts)
            if reading is None:
                return {}, await interfaces.measure(readout)
            facts.elements(reading.facts)
            network = reading.facts.network
            assert all(path.endswith(".master") for path in reading.unreadable)
            found = [*network.interfaces, *network.passing_interfaces]
            return {one.index: one for one in found}, await interfaces.measure(readout)

    return asyncio.run(run())


def differences(one: Interface, theirs: dict[str, Any]) -> list[str]:
    """Return what LibreNMS says otherwise, but for what it makes up (an alias, where there is none)."""
    out = []
    speed = int(theirs["ifSpeed"] or 0)
    if one.type == "loopback" or one.link in ("down", "notpresent", "lowerlayerdown"):
        speed = one.speed  # a number that nothing was agreed on
    alias = theirs["ifAlias"] if theirs["ifAlias"] not in (theirs["ifName"], theirs["ifDescr"]) else ""
    mac = (theirs["ifPhysAddress"] or "").replace("000000000000", "")
    pairs = {
        "name": (one.name, theirs["ifName"]),
        "mac": ((one.mac or one.mac_in_use).replace(":", ""), mac.lower()),
        "mtu": (one.mtu or one.mtu_in_use, int(theirs["ifMtu"] or 0)),
        "alias": (one.alias, alias or ""),
        "speed": (one.speed, speed),
        "link": (one.link, (theirs["ifOperStatus"] or "").lower().replace("unknown", "")),
        "enabled": (one.enabled, theirs["ifAdminStatus"] == "up"),
    }
    for field, (ours, expected) in pairs.items():
        if ours != expected:
            out.append(f"{one.index} {field}: {ours!r}, LibreNMS {expected!r}")
    return out


def test_every_one_beside_librenms(port: int, recordings: dict[str, Any], folder: Path) -> None:
    found: dict[str, list[str]] = {}
    for name in recordings:
        ours, measured = told(port, name)
        assert len(measured.counters) + len(measured.shares) <= 8 * len(ours)
        expected = json.loads((folder / f"{name}.json").read_text())
        ports = ((expected.get("ports") or {}).get("poller") or {}).get("ports") or []
        theirs = {one["ifIndex"]: one for one in ports if one["ifIndex"] not in _BY_THE_MAKER.get(name, ())}
        missing = [f"{index} is missing" for index in theirs.keys() - ours.keys()]
        if len(ours) - len(theirs) != _MORE.get(name, 0):
            missing.append(f"{len(ours)} interfaces, LibreNMS {len(theirs)}")
        lines = [line for index in ours.keys() & theirs.keys() for line in differences(ours[index], theirs[index])]
        renamed = {f"{index} name:" for index in _RENAMED.get(name, ())}
        found[name] = missing + [line for line in lines if not line.startswith(tuple(renamed or {"-"}))]
    assert len(found) >= 30
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_what_stands_on_what(port: int) -> None:
    arista = {one.name: one for one in told(port, "arista_eos_vrf")[0].values()}
    assert [arista[name].master for name in ("Ethernet1", "Ethernet23", "Ethernet24")] == [
        "Port-Channel101",
        "Port-Channel1",
        "Port-Channel1",
    ]
    assert (arista["Vlan4094"].type, arista["Vlan4094"].vlan_id) == ("vlan", 4094)
    fortigate = {one.name: one for one in told(port, "fortigate_60fospfv3")[0].values()}
    assert (fortigate["Printers"].type, fortigate["Printers"].parent) == ("vlan", "Bond")
    assert (fortigate["a"].master, fortigate["OSPF Link A"].parent) == ("Bond", "wan2")
    edgecos = {one.name: one for one in told(port, "edgecos_es3510ma")[0].values()}
    assert (edgecos["VLAN1170"].vlan_id, list(edgecos["VLAN1"].lower)) == (1170, ["Port10", "Port9"])


def addresses(expected: Any) -> set[tuple[int, str]]:
    """Return the addresses that LibreNMS found, with ifIndex."""
    out = set()
    for family, key in (("ipv4", "ipv4_address"), ("ipv6", "ipv6_compressed")):
        for rows in ((expected.get(f"{family}-addresses") or {}).get("discovery") or {}).values():
            out |= {(one["ifIndex"], f"{one[key]}/{one[f'{family}_prefixlen']}") for one in rows if one.get(key)}
    return out


def test_addresses(port: int, recordings: dict[str, Any], folder: Path) -> None:
    found = {}
    for name in recordings:
        ours = {
            (index, entry.address)
            for index, one in told(port, name)[0].items()
            for entry in (*one.addresses, *one.automatic_addresses)
        }
        theirs = addresses(json.loads((folder / f"{name}.json").read_text()))
        # Of its own address every device has one; where it tells no mask, LibreNMS makes one up
        both = [{one for one in those if not one[1].startswith(("127.0.0.1", "::1/"))} for those in (ours, theirs)]
        found[name] = both[1] - both[0], both[0] - both[1]
    assert {name: those for name, those in found.items() if any(those)} == {}
