"""Recordings of real devices: parts, sensors, storage and supplies against what LibreNMS and glpi-agent say."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from tests.support import recorded
from tests.support.corpora import corpus
from tests.support.readouts import poll

from driftline_agent.devices.topics import entities, host_resources, installed_software, poe, printer, ups

NAMES = (
    *("allied_alliedware", "arista_eos_vrf", "arubaos-cx_10.10", "audiocodes_mp118", "beagleboard", "bluecatnetworks"),
    *("boss_ers3510", "broadworks_broadsoft", "brother_hl5370dw", "comware_hpe5900", "cumulus_cumulus"),
    *("dlink_dgs-1510-28xmp-me", "eaton-mgeups_9pxle", "eatonupsm2_9px+empg2", "edgecos_es3510ma"),
    *("fibrolan-metrostar_1", "fortigate_60fospfv3", "fs-switch_s3900", "genieatm", "linksys-ss_lgs318p"),
    *("microsemitime", "netonix_wispswitch", "opengear_cm81xx", "routeros_rb760igs", "scalance_xc206-2sfp"),
    *("sharp_mxm266nv", "solidserver_dnsdhcp", "timos_7705", "vrp_ar169sfp", "weos_ddw-225"),
)
TOPICS = {
    "entities": entities.TOPIC,
    "host_resources": host_resources.TOPIC,
    "installed_software": installed_software.TOPIC,
    "poe": poe.TOPIC,
    "printer": printer.TOPIC,
    "ups": ups.TOPIC,
}
#: LibreNMS's columns -> ours.
FIELDS = {
    "entPhysicalClass": "class",
    "entPhysicalName": "name",
    "entPhysicalDescr": "description",
    "entPhysicalSerialNum": "serial_number",
    "entPhysicalModelName": "model",
    "entPhysicalMfgName": "manufacturer",
    "entPhysicalHardwareRev": "hardware_revision",
    "entPhysicalFirmwareRev": "firmware_revision",
    "entPhysicalSoftwareRev": "software_revision",
    "entPhysicalAlias": "alias",
    "entPhysicalAssetID": "asset_tag",
}
#: Where LibreNMS takes parts from the maker's own MIB, or writes the maker's own words over them.
OWN_MIB = {
    # it writes 1.0 as each hardware revision, the board's number as the maker, and one version as both
    "timos_7705": {"class", "manufacturer", "hardware_revision", "software_revision"},
    "vrp_ar169sfp": {"model", "description"},
}
CLASSES = {
    "temperature": "hw.temperature",
    "voltage": "hw.voltage",
    "current": "hw.current",
    "power": "hw.power",
    "fanspeed": "hw.fan_speed",
    "dbm": "hw.optical_power",
}
#: File systems of memory that LibreNMS keeps.
IN_MEMORY = re.compile(r"/(run|dev|tmp|etc/machine-id|var/volatile)\b.*")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    folder = corpus("snmp")
    with recorded.serve({name: recorded.read(folder / f"{name}.snmprec") for name in NAMES}) as served:
        yield served


@cache
def theirs(name: str) -> Any:
    return json.loads(corpus("snmp", f"{name}.json").read_text())


def discovered(name: str, module: str, table: str) -> list[dict[str, Any]]:
    """Return what LibreNMS discovered."""
    found: list[dict[str, Any]] = theirs(name).get(module, {}).get("discovery", {}).get(table, [])
    return found


def test_all_of_them_are_here() -> None:
    assert set(NAMES) == {path.stem for path in corpus("snmp").glob("*.snmprec")}


@pytest.mark.parametrize("name", NAMES)
def test_every_topic_reads_every_device_the_same_twice(port: int, name: str) -> None:
    for topic in TOPICS.values():
        (first, _), (second, _) = poll(port, name, topic), poll(port, name, topic)
        assert (first is None) == (second is None)
        if first is not None and second is not None:
            assert first.unreadable == second.unreadable == {}
            assert first.facts.SerializeToString() == second.facts.SerializeToString()
            assert first.facts.ListFields()


@pytest.mark.parametrize("name", NAMES)
def test_parts_are_what_librenms_says(port: int, name: str) -> None:
    wanted = discovered(name, "entity-physical", "entPhysical")
    reading, _ = poll(port, name, entities.TOPIC)
    found = {one.index: one for one in reading.facts.device.components} if reading else {}
    other = OWN_MIB.get(name, set())
    assert found.keys() <= {one["entPhysicalIndex"] for one in wanted} or not wanted
    for one in wanted:
        part = found.get(one["entPhysicalIndex"])
        if part is None:
            # SR OS's "chassis 1" is a row of LibreNMS's own making
            assert one["entPhysicalClass"] in ("sensor", "container") or (name, one["entPhysicalIndex"]) == (
                "timos_7705",
                1,
            )
            continue
        for theirs_, ours in FIELDS.items():
            said = " ".join((one[theirs_] or "").split())
            if ours not in other:
                assert getattr(part, ours) == ("" if said in ("N/A", "unknown") else said), (theirs_, part.place)


def test_parts_are_as_many_as_glpi_says(port: int) -> None:
    for name in NAMES:
        kinds = re.findall(
            r"<COMPONENT>.*?</COMPONENT>", corpus("snmp", f"{name}.glpi-netinventory.xml").read_text(), re.DOTALL
        )
        wanted = [kind for kind in kinds if not re.search("<TYPE>(sensor|container)</TYPE>", kind)]
        if not kinds:
            continue
        reading, _ = poll(port, name, entities.TOPIC)
        components = reading.facts.device.components if reading else ()
        assert len([one for one in components if getattr(one, "class") != "container"]) == len(wanted), name


@pytest.mark.parametrize("name", ["arista_eos_vrf", "arubaos-cx_10.10", "cumulus_cumulus"])
def test_sensors_measure_what_librenms_says(port: int, name: str) -> None:
    wanted = [
        (CLASSES[one["sensor_class"]], round(one["sensor_current"], 2))
        for one in discovered(name, "sensors", "sensors")
        if one["sensor_oid"].startswith(".1.3.6.1.2.1.99.") and one["sensor_class"] in CLASSES
    ]
    _, measured = poll(port, name, entities.TOPIC)
    assert len(wanted) > 1
    assert sorted((metric.name, round(value, 2)) for metric, value in measured.gauges.items()) == sorted(wanted)


@pytest.mark.parametrize("name", NAMES)
def test_storage_is_what_librenms_says(port: int, name: str) -> None:
    wanted = {
        (one["storage_descr"], one["storage_size"])
        for one in discovered(name, "storage", "storage")
        if one.get("type") == "hrstorage" and not IN_MEMORY.fullmatch(one["storage_descr"])
    }
    reading, _ = poll(port, name, host_resources.TOPIC)
    areas = reading.facts.device.storage_areas if reading else ()
    found = {(one.name, one.size) for one in areas if one.type not in ("ram", "virtualMemory")}
    if name == "allied_alliedware":
        found.remove(("512kb BBR/NVS", 501760))  # of type other, which LibreNMS leaves out
    if name == "solidserver_dnsdhcp":
        wanted.add(("/tmp", 2079879168))  # of a disk of its own
    assert found == wanted


@pytest.mark.parametrize("name", ["brother_hl5370dw", "sharp_mxm266nv"])
def test_supplies_and_trays_are_what_librenms_says(port: int, name: str) -> None:
    wanted = discovered(name, "printer-supplies", "printer_supplies")
    reading, measured = poll(port, name, printer.TOPIC)
    assert reading is not None
    device = reading.facts.device.printer
    supplies = {(one.type, one.description.partition(" #")[0]) for one in device.supplies}
    assert {(one["supply_type"], one["supply_descr"]) for one in wanted if one["supply_type"] != "input"} <= supplies
    assert {one["supply_descr"] for one in wanted if one["supply_type"] == "input"} <= {
        one.name for one in device.trays
    }
    shares = {metric.instance: value for metric, value in measured.gauges.items()}
    # Where the device says no capacity LibreNMS takes 100; we do not say what nobody said.
    known = {one.description: one.capacity for one in device.supplies if one.HasField("capacity")}
    told = [one for one in wanted if one["supply_capacity"] == known.get(one["supply_descr"])]
    assert told
    assert {one["supply_descr"]: one["supply_current"] / 100 for one in told} == {
        instance: pytest.approx(value, abs=0.006) for instance, value in shares.items()
    }
