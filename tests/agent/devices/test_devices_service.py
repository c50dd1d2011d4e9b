"""The runtime for devices, from a file to reports: a real snmpd, a collector with real TLS."""

import subprocess
import time
from pathlib import Path

import grpc
import pytest
from tests.agent.fake_collector import FakeCollector
from tests.support import badsnmp, snmpd
from tests.support import device_files as devices

from driftline.v1 import collector_pb2 as wire
from driftline.v1.facts_pb2 import Facts
from driftline_agent.devices.runtime import service


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "FILE_S", 0.1)


def entry(port: int, **more: object) -> dict[str, object]:
    return {"address": "127.0.0.1", "port": port, "credential": "lab", "interval": "1m", **more}


def test_a_device_is_leased_read_and_reported(collector: FakeCollector, tmp_path: Path) -> None:
    with snmpd.serve() as agent:
        path = devices.write(tmp_path, [entry(agent.port, interval="10s")], {"lab": snmpd.COMMUNITY})
        with devices.running(collector, tmp_path, path) as running:
            device = devices.seen(collector, agent.port)
            collector.wait_for(lambda: bool(device.batches) and bool(device.batches[-1].batch.series), 40)
            assert running.limitations() == []
    facts = Facts.FromString(device.applied["interfaces"].content)
    assert "lo" in {one.name for one in (*facts.network.interfaces, *facts.network.passing_interfaces)}
    (leasing,) = collector.named("LeaseDevices")[:1]
    assert leasing.site == "lab"
    assert [(one.target.address, one.target.port, one.credential) for one in leasing.devices] == [
        ("127.0.0.1", agent.port, "lab")
    ]
    assert [list(one.prefixes) for one in leasing.credentials] == [["127.0.0.0/8"]]
    stamps = [request.stamp for name, request in collector.calls if name in ("Announce", "Submit", "SubmitUtilization")]
    assert {(one.device, one.lease) for one in stamps} == {(device.source_id, 1)}
    everything = b"".join(request.SerializeToString() for _, request in collector.calls)
    assert snmpd.COMMUNITY.encode() not in everything
    folder = tmp_path / "state" / "devices" / device.source_id
    assert folder.stat().st_mode & 0o777 == 0o700


def test_another_generation_is_another_epoch(collector: FakeCollector, tmp_path: Path) -> None:
    with snmpd.serve() as agent:
        path = devices.write(tmp_path, [entry(agent.port, interval="10s")], {"lab": snmpd.COMMUNITY})
        with devices.running(collector, tmp_path, path):
            device = devices.seen(collector, agent.port)
            before = stamps(collector)[-1].epoch
            device.generation = 2
            collector.wait_for(lambda: any(one.lease == 2 for one in stamps(collector)), 30)
    after = [one for one in stamps(collector) if one.lease == 2]
    assert {one.epoch for one in after}.isdisjoint({before})
    assert after[0].previous_epoch == before and after[0].begun_for == "lease"


def stamps(collector: FakeCollector) -> list[wire.Stamp]:
    return [request.stamp for name, request in collector.calls if name in ("Announce", "Submit", "SubmitUtilization")]


def test_a_lost_lease_ends_it(collector: FakeCollector, tmp_path: Path) -> None:
    with snmpd.serve() as agent:
        path = devices.write(tmp_path, [entry(agent.port)], {"lab": snmpd.COMMUNITY})
        with devices.running(collector, tmp_path, path):
            device = devices.seen(collector, agent.port)
            folder = tmp_path / "state" / "devices" / device.source_id
            assert folder.is_dir()
            collector.held_by_others.add("127.0.0.1")
            calls = len(collector.named("LeaseDevices"))
            collector.wait_for(lambda: len(collector.named("LeaseDevices")) > calls + 1, 30)
            assert not folder.exists()


def test_what_is_handed_out_needs_a_credential_of_the_file(collector: FakeCollector, tmp_path: Path) -> None:
    with snmpd.serve() as agent:
        target = wire.DeviceTarget(protocol="snmp", address="127.0.0.1", port=agent.port)
        away = wire.DeviceTarget(protocol="snmp", address="192.0.2.1", port=161)
        leases = {
            "good": ("6cf6b0bb-3f0e-4a5b-9d35-1b6c0d0bb001", target, "lab"),
            "other credential": ("6cf6b0bb-3f0e-4a5b-9d35-1b6c0d0bb002", target, "core"),
            "other place": ("6cf6b0bb-3f0e-4a5b-9d35-1b6c0d0bb003", away, "lab"),
            "no source": ("../../escape", target, "lab"),
        }
        collector.handed = [
            wire.DeviceLease(source_id=source, generation=4, target=where, credential=name, interval_s=60)
            for source, where, name in leases.values()
        ]
        path = devices.write(tmp_path, [], {"lab": snmpd.COMMUNITY})
        with devices.running(collector, tmp_path, path):
            collector.wait_for(lambda: len(collector.named("LeaseDevices")) > 1, 30)
    released = collector.named("LeaseDevices")[1].released
    assert sorted(released) == sorted([leases["no source"][0], leases["other credential"][0], leases["other place"][0]])
    kept = {one.name for one in (tmp_path / "state" / "devices").iterdir() if one.is_dir()}
    assert kept == {leases["good"][0]}
    assert {one.device for one in stamps(collector)} <= {leases["good"][0]}


def test_a_device_that_is_not_there_is_a_problem_and_no_report(collector: FakeCollector, tmp_path: Path) -> None:
    port = snmpd.free_port()
    path = devices.write(tmp_path, [entry(port)], {"lab": snmpd.COMMUNITY}, "limits: {timeout: 200ms, retries: 0}")
    with devices.running(collector, tmp_path, path):
        collector.wait_for(lambda: any(one.problem for one in collector.devices.values()), 30)
    (device,) = collector.devices.values()
    assert device.problem == "no answer"
    assert stamps(collector) == []


def test_reports_wait_for_a_collector(collector: FakeCollector, tmp_path: Path) -> None:
    collector.failures += [("Announce", grpc.StatusCode.UNAVAILABLE)] * 2
    with snmpd.serve() as agent:
        path = devices.write(tmp_path, [entry(agent.port)], {"lab": snmpd.COMMUNITY})
        with devices.running(collector, tmp_path, path):
            device = devices.seen(collector, agent.port)
    assert device.applied["interfaces"].outcome == wire.READ
    assert [name for name, _ in collector.calls].count("Announce") == 3


def test_a_restart_goes_on_where_it_was(collector: FakeCollector, tmp_path: Path) -> None:
    with snmpd.serve() as agent:
        path = devices.write(tmp_path, [entry(agent.port)], {"lab": snmpd.COMMUNITY})
        with devices.running(collector, tmp_path, path):
            device = devices.seen(collector, agent.port)
        submits = len(collector.named("Submit"))
        with devices.running(collector, tmp_path, path):
            collector.wait_for(lambda: bool(device.batches))
        assert len({one.epoch for one in stamps(collector)}) == 1
        assert len(collector.named("Submit")) == submits  # nothing changed: the manifest says so


def test_the_file_is_read_anew(collector: FakeCollector, tmp_path: Path) -> None:
    with snmpd.serve() as agent:
        path = devices.write(tmp_path, [], {"lab": snmpd.COMMUNITY})
        with devices.running(collector, tmp_path, path) as running:
            collector.wait_for(lambda: bool(collector.named("LeaseDevices")))
            devices.write(tmp_path, [entry(agent.port)], {"lab": snmpd.COMMUNITY})
            device = devices.seen(collector, agent.port)
            path.write_text("site: [")
            deadline = time.monotonic() + 10
            while not running.limitations() and time.monotonic() < deadline:
                time.sleep(0.05)
            (words,) = running.limitations()
            assert "devices.yaml" in words and words.endswith("what it said before stays")
            assert device.applied["interfaces"].outcome == wire.READ


TRAP = ["-v2c", "-c", snmpd.COMMUNITY]


def send(folder: Path, port: int, trap: str, program: str = "snmptrap") -> None:
    environment = {"MIBS": "", "SNMP_PERSISTENT_DIR": str(folder), "SNMPCONFPATH": str(folder), "PATH": "/usr/bin:/bin"}
    command = [snmpd.program(program), *TRAP, "-t", "2", "-r", "0", f"127.0.0.1:{port}", "12345", trap]
    subprocess.run(command, env=environment, check=True, capture_output=True)


def switch() -> dict[tuple[int, ...], bytes]:
    """Return what a small switch answers: system group, one interface."""
    names = {2: b"Gi0/1", 3: 6, 5: 1000000000, 7: 1, 8: 1}
    rows = {
        (1, 3, 6, 1, 2, 1, 1, 1, 0): badsnmp.octets(b"Switch OS 1.0"),
        (1, 3, 6, 1, 2, 1, 1, 2, 0): badsnmp.oid((1, 3, 6, 1, 4, 1, 99999, 1)),
        (1, 3, 6, 1, 2, 1, 1, 3, 0): badsnmp.integer(12345, 0x43),
        (1, 3, 6, 1, 2, 1, 1, 5, 0): badsnmp.octets(b"sw1"),
    }
    for arc, value in names.items():
        encoded = badsnmp.octets(value) if isinstance(value, bytes) else badsnmp.integer(value)
        rows[1, 3, 6, 1, 2, 1, 2, 2, 1, arc, 1] = encoded
    return rows


def answers(rows: dict[tuple[int, ...], bytes]) -> badsnmp.Script:
    def script(request: badsnmp.Request) -> list[bytes]:
        if request.tag == badsnmp.GET:
            return [request.answer([badsnmp.bind(one, rows.get(one, b"\x80\x00")) for one in request.oids])]
        return [badsnmp.honest(request, badsnmp.table(rows))]

    return script


@pytest.mark.parametrize("program", ["snmptrap", "snmpinform"])
def test_a_trap_has_the_device_read_at_once(collector: FakeCollector, tmp_path: Path, program: str) -> None:
    port, rows = snmpd.free_port(), switch()
    with badsnmp.serve(answers(rows)) as switch1:
        path = devices.write(
            tmp_path,
            [entry(switch1.port, interval="1h")],
            {"lab": snmpd.COMMUNITY},
            f"traps: {{listen: '127.0.0.1:{port}'}}",
        )
        with devices.running(collector, tmp_path, path) as running:
            device = devices.seen(collector, switch1.port)
            before = device.applied["interfaces"]
            rows[1, 3, 6, 1, 2, 1, 2, 2, 1, 7, 1] = badsnmp.integer(2)  # ifAdminStatus: someone shut it down
            time.sleep(1)  # the trap port is bound by then, and nothing more is read
            assert device.applied["interfaces"] is before
            send(tmp_path, port, ".1.3.6.1.6.3.1.1.5.3", program)
            collector.wait_for(lambda: device.applied["interfaces"].digest != before.digest)
            assert running.limitations() == []
    after = device.applied["interfaces"]
    assert after.previous_digest == before.digest
    assert after.previous_observed_at_ms == before.observed_at_ms


def test_a_trap_port_that_is_taken_is_a_limitation(collector: FakeCollector, tmp_path: Path) -> None:
    with snmpd.serve() as agent:
        more = f"traps: {{listen: '127.0.0.1:{agent.port}'}}"
        path = devices.write(tmp_path, [entry(agent.port)], {"lab": snmpd.COMMUNITY}, more)
        with devices.running(collector, tmp_path, path) as running:
            devices.seen(collector, agent.port)
            (words,) = running.limitations()
    assert words.startswith(f"traps on 127.0.0.1 port {agent.port}")


def test_what_is_seen_is_told_of_and_what_answers_in_a_prefix_is_offered(
    collector: FakeCollector, tmp_path: Path
) -> None:
    with badsnmp.serve(answers(switch())) as switch1:
        more = f"discover: {{prefixes: [127.0.0.1/32], ports: [], credentials: [lab], snmp_port: {switch1.port}}}"
        entries = [{"prefix": "127.0.0.0/30", "port": switch1.port, "credential": "lab", "interval": "1h"}]
        path = devices.write(tmp_path, entries, {"lab": snmpd.COMMUNITY}, more)
        with devices.running(collector, tmp_path, path):
            device = devices.seen(collector, switch1.port)
            collector.wait_for(lambda: bool(collector.sightings))
    assert device.target.address == "127.0.0.1"
    (sighting,) = collector.sightings
    assert (sighting.address, sighting.system_name, sighting.credential) == ("127.0.0.1", "sw1", "lab")
    assert collector.named("ReportSightings")[0].site == "lab"
