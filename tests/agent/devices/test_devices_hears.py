"""What the runtime hears of devices: traps by what they are signed with, and neighbours that nobody named."""

import logging
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tests.agent.fake_collector import FakeCollector
from tests.support import badsnmp, snmpd
from tests.support import device_files as devices

from driftline.v1.collector_pb2 import READ, Section
from driftline_agent.devices.runtime.outbox import Finished, Outbox
from driftline_agent.devices.snmp.credentials import Auth, Privacy

ENGINE = "80001f8880deadbeef02"
LINK_DOWN = ".1.3.6.1.6.3.1.1.5.3"
ARP = (1, 3, 6, 1, 2, 1, 4, 22, 1)


def send(folder: Path, port: int, *words: str) -> None:
    environment = {"MIBS": "", "SNMP_PERSISTENT_DIR": str(folder), "SNMPCONFPATH": str(folder), "PATH": "/usr/bin:/bin"}
    head, rest = words[:-1], words[-1].split()
    command = [snmpd.program("snmptrap"), *head, "-t", "2", "-r", "0", f"127.0.0.1:{port}", *rest]
    subprocess.run(command, env=environment, check=True, capture_output=True)


def until(what: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "did not come"
        time.sleep(0.2)


def sources(caplog: pytest.LogCaptureFixture) -> set[str]:
    """Return the devices that traps were heard of."""
    return {vars(one)["device"] for one in caplog.records if one.getMessage() == "trap"}


def small(addresses: Mapping[str, str] = {}, neighbours: Mapping[str, str] = {}) -> badsnmp.Script:
    """Answer as a switch with one interface, and addresses and neighbours on it."""
    rows = {
        (1, 3, 6, 1, 2, 1, 1, 1, 0): badsnmp.octets(b"Switch OS 1.0"),
        (1, 3, 6, 1, 2, 1, 1, 2, 0): badsnmp.oid((1, 3, 6, 1, 4, 1, 99999, 1)),
        (1, 3, 6, 1, 2, 1, 1, 3, 0): badsnmp.integer(12345, 0x43),
        (1, 3, 6, 1, 2, 1, 1, 5, 0): badsnmp.octets(b"sw1"),
        (1, 3, 6, 1, 2, 1, 2, 2, 1, 2, 1): badsnmp.octets(b"Gi0/1"),
        (1, 3, 6, 1, 2, 1, 2, 2, 1, 3, 1): badsnmp.integer(6),
    }
    for address, mask in addresses.items():
        arcs = tuple(map(int, address.split(".")))
        rows[1, 3, 6, 1, 2, 1, 4, 20, 1, 1, *arcs] = badsnmp.tlv(0x40, bytes(arcs))
        rows[1, 3, 6, 1, 2, 1, 4, 20, 1, 2, *arcs] = badsnmp.integer(1)
        rows[1, 3, 6, 1, 2, 1, 4, 20, 1, 3, *arcs] = badsnmp.tlv(0x40, bytes(map(int, mask.split("."))))
    for address, mac in neighbours.items():
        arcs = (1, *map(int, address.split(".")))
        rows[*ARP, 2, *arcs] = badsnmp.octets(bytes.fromhex(mac.replace(":", "")))
        rows[*ARP, 4, *arcs] = badsnmp.integer(3)

    def script(request: badsnmp.Request) -> list[bytes]:
        if request.tag == badsnmp.GET:
            return [request.answer([badsnmp.bind(one, rows.get(one, b"\x80\x00")) for one in request.oids])]
        return [badsnmp.honest(request, badsnmp.table(rows))]

    return script


def test_a_signed_trap_is_known_by_its_engine(
    collector: FakeCollector, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "driftline_agent.devices")
    user, port = snmpd.user(Auth.SHA256, Privacy.AES128), snmpd.free_port()
    words = ["-v3", "-u", user.name, "-l", "authPriv", "-a", "SHA-256", "-A", user.auth_passphrase]
    words += ["-x", "AES", "-X", user.privacy_passphrase, "-e", f"0x{ENGINE}", f"12345 {LINK_DOWN}"]
    with snmpd.serve(f"exactEngineID 0x{ENGINE}") as agent:
        path = tmp_path / "devices.yaml"
        path.touch(0o600)
        path.write_text(f"""
site: lab
credentials:
  lab: {{version: 3, user: {user.name}, auth: SHA-256, auth_passphrase: {user.auth_passphrase}, privacy: AES,
        privacy_passphrase: {user.privacy_passphrase}, prefixes: ["::1/128"]}}
devices: [{{address: "::1", port: {agent.port}, credential: lab, interval: 1h}}]
traps: {{listen: "127.0.0.1:{port}"}}
""")
        with devices.running(collector, tmp_path, path) as running:
            device = devices.seen(collector, agent.port, "::1")

            def heard() -> bool:  # from 127.0.0.1, where no device is
                send(tmp_path, port, *words)
                return bool(sources(caplog))

            until(heard, 10)  # long before what may send traps is looked at anew
            assert running.limitations() == []
    assert sources(caplog) == {device.source_id}


def test_a_trap_is_known_by_another_address_of_the_device(
    collector: FakeCollector, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "driftline_agent.devices")
    port = snmpd.free_port()
    with badsnmp.serve(small({"192.0.2.7": "255.255.255.0"})) as one, badsnmp.serve(small()) as other:
        entries = [
            {"address": "127.0.0.1", "port": at.port, "credential": "lab", "interval": "1h"} for at in (one, other)
        ]
        more = f"traps: {{listen: '127.0.0.1:{port}'}}"
        path = devices.write(tmp_path, entries, {"lab": snmpd.COMMUNITY}, more)
        with devices.running(collector, tmp_path, path):
            device = devices.seen(collector, one.port)
            devices.seen(collector, other.port)

            def heard() -> bool:
                send(tmp_path, port, "-v1", "-c", snmpd.COMMUNITY, ".1.3.6.1.4.1.9.1.1 192.0.2.7 2 0 12345")
                return bool(sources(caplog))

            until(heard)
    assert sources(caplog) == {device.source_id}


def test_neighbours_of_devices_are_proposed_within_the_prefixes(collector: FakeCollector, tmp_path: Path) -> None:
    neighbours = {"192.0.2.2": "00:50:56:00:00:02", "192.0.2.77": "00:50:56:00:00:77"}
    with badsnmp.serve(small(neighbours=neighbours)) as switch:
        entries = [{"address": "127.0.0.1", "port": switch.port, "credential": "lab", "interval": "1h"}]
        more = "discover: {prefixes: [192.0.2.0/30], ports: [], rate: 200}"
        path = devices.write(tmp_path, entries, {"lab": snmpd.COMMUNITY}, more)
        with devices.running(collector, tmp_path, path):
            device = devices.seen(collector, switch.port)

            def told() -> bool:
                collector.read_once = [device.source_id]  # its neighbours count after the first pass of discovery
                return bool(collector.sightings)

            until(told)
            calls = len(collector.named("LeaseDevices"))
            collector.wait_for(lambda: len(collector.named("LeaseDevices")) > calls + 2)
    (sighting,) = collector.sightings
    assert (sighting.address, sighting.mac, list(sighting.answers)) == ("192.0.2.2", "00:50:56:00:00:02", ["arp"])
    assert sighting.seen_at_ms > 0


def test_a_restart_knows_when_sections_were_read(tmp_path: Path) -> None:
    names = {"interfaces", "arp"}
    outbox = Outbox(tmp_path / "one", "one", 1, names)
    assert outbox.read_at_ms == {}
    read = Section(name="arp", outcome=READ, observed_at_ms=1234, digest=b"x" * 16)
    outbox.put(Finished([read, Section(name="interfaces", observed_at_ms=1234, outcome=3)]))
    assert Outbox(tmp_path / "one", "one", 1, names).read_at_ms == {"arp": 1234}
    assert Outbox(tmp_path / "one", "one", 3, names).read_at_ms == {}  # another agent spoke for it meanwhile
