"""Recordings of real devices, walked whole: both transports tell the same, and what the recording says."""

import asyncio
from collections.abc import Iterator

import pytest
from tests.support import badsnmp, recorded
from tests.support.corpora import corpus

from driftline_agent.devices.snmp import transport
from driftline_agent.devices.snmp.columns import Quirk
from driftline_agent.devices.snmp.credentials import Community
from driftline_agent.devices.snmp.transport import Target
from driftline_agent.devices.snmp.values import Kind
from driftline_agent.devices.snmp.walk import Patience, Walk, Walker

#: Small ones of many vendors, and two large ones; pysnmp takes a second for some hundred variables.
NAMES = (
    "allied_alliedware",
    "beagleboard",
    "brother_hl5370dw",
    "comware_hpe5900",
    "edgecos_es3510ma",
    "fibrolan-metrostar_1",
    "genieatm",
    "netonix_wispswitch",
    "routeros_rb760igs",
    "sharp_mxm266nv",
    "vrp_ar169sfp",
    "weos_ddw-225",
)
LARGE = ("arista_eos_vrf", "timos_7705")


@pytest.fixture(scope="module")
def recordings() -> dict[str, dict[badsnmp.Arcs, bytes]]:
    folder = corpus("snmp")
    return {name: recorded.read(folder / f"{name}.snmprec") for name in (*NAMES, *LARGE)}


@pytest.fixture(scope="module")
def port(recordings: dict[str, dict[badsnmp.Arcs, bytes]]) -> Iterator[int]:
    with recorded.serve(recordings) as served:
        yield served


def walked(port: int, community: str, name: str, version: int = 2) -> Walk:
    async def run() -> Walk:
        session = await transport.connect(Target("127.0.0.1", Community(version, community), port), name)
        try:
            # lldpMIB is below 1.0, all else below 1.3
            return await Walker(session, patience=Patience(timeout_s=10)).columns([(1, 0), (1, 3)])
        finally:
            await session.close()

    return asyncio.run(run())


@pytest.mark.parametrize("name", NAMES)
def test_the_same_over_both_transports(port: int, name: str) -> None:
    native, pysnmp = walked(port, name, "native"), walked(port, name, "pysnmp")
    assert (native.cuts, pysnmp.cuts) == ((), ())
    assert native.variables == pysnmp.variables


@pytest.mark.parametrize("name", (*NAMES, *LARGE))
def test_whole(port: int, recordings: dict[str, dict[badsnmp.Arcs, bytes]], name: str) -> None:
    found, wanted = walked(port, name, "native"), recordings[name]
    assert (found.cuts, found.quirks - {Quirk.MIXED_TYPES}) == ((), frozenset())
    assert [var.oid for var in found.variables] == sorted(wanted)
    # A float within an Opaque has a kind of its own
    assert [var.kind if var.kind < 256 else Kind.OPAQUE for var in found.variables] == [
        wanted[oid][0] for oid in sorted(wanted)
    ]


def test_whole_with_version_1(port: int, recordings: dict[str, dict[badsnmp.Arcs, bytes]]) -> None:
    found = walked(port, "genieatm", "native", version=1)
    assert ([var.oid for var in found.variables], found.cuts) == (sorted(recordings["genieatm"]), ())
