"""One poll of one device: real ones, bad ones, dead ones, and those that refuse."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.support import badsnmp, device_files, recorded, snmpd
from tests.support.corpora import corpus

from driftline.v1.collector_pb2 import ABSENT, READ, UNREADABLE
from driftline_agent.devices import profiles
from driftline_agent.devices.runtime.failures import NotReadError
from driftline_agent.devices.runtime.keyring import Keyring
from driftline_agent.devices.runtime.poll import Learned, Place, Polled, Wanted, poll
from driftline_agent.devices.settings.config import Limits
from driftline_agent.devices.snmp.credentials import Auth, Community, Credential, User
from driftline_agent.devices.topic import DeviceTopic, all_topics
from driftline_agent.errors import UnreadableError
from driftline_agent.main import main

QUICK = Limits(timeout_s=0.2, retries=1, poll_s=10.0)
PUBLIC = Community(2, "public")


class Known:
    """Credentials by name; what was forgotten is noted."""

    def __init__(self, **credentials: Credential) -> None:
        self._credentials = credentials
        self.forgotten: list[str] = []

    def credential(self, name: str) -> Credential:
        if name not in self._credentials:
            raise UnreadableError(f"credential {name}: no such file")
        return self._credentials[name]

    def forget(self, name: str) -> None:
        self.forgotten.append(name)


def polled(
    port: int,
    known: Known,
    names: Sequence[str] = ("lab",),
    limits: Limits = QUICK,
    learned: Learned | None = None,
    topics: dict[str, DeviceTopic] | None = None,
) -> Polled:
    chosen = dict(all_topics()) if topics is None else topics
    place = Place("127.0.0.1", port, "", tuple(names))
    wanted = Wanted(chosen, list(chosen.values()))
    return asyncio.run(poll(place, wanted, Keyring(known), limits, learned or Learned(), bytes(32)))


def test_a_real_device() -> None:
    with snmpd.serve() as agent:
        found = polled(agent.port, Known(lab=Community(2, snmpd.COMMUNITY)), limits=Limits())
    assert found.system.name == "agent of the tests" and not found.ended
    assert {one.section.outcome for one in found.results} >= {READ}
    assert all(one.section.outcome != UNREADABLE for one in found.results)
    assert found.measured.counters


def test_the_next_credential_where_one_is_refused() -> None:
    wrong = User("user-SHA", Auth.SHA1, "not the passphrase")
    with snmpd.serve() as agent:
        known = Known(old=wrong, lab=Community(2, snmpd.COMMUNITY))
        learned = Learned()
        found = polled(agent.port, known, ("old", "lab"), Limits(), learned, {})
        assert (found.credential, known.forgotten) == ("lab", ["old"])
        known.forgotten.clear()
        assert polled(agent.port, known, ("old", "lab"), Limits(), learned, {}).credential == "lab"
        assert known.forgotten == []  # the one that is good is asked first
        with pytest.raises(NotReadError, match=r"^the credential old is refused$"):
            polled(agent.port, known, ("old",), Limits(), Learned(), {})


def test_a_credential_that_cannot_be_had_is_named() -> None:
    with pytest.raises(NotReadError, match="credential gone: no such file"):
        polled(9, Known(), ("gone",))


def test_a_dead_device_costs_a_question_or_two() -> None:
    with badsnmp.serve(lambda request: []) as dead:
        learned = Learned()
        with pytest.raises(NotReadError, match=r"^no answer$"):
            polled(dead.port, Known(lab=PUBLIC), learned=learned)
        assert len(dead.requests) == 2 and learned.silences == 1
        with pytest.raises(NotReadError, match=r"^no answer$"):
            polled(dead.port, Known(lab=PUBLIC), learned=learned)
        assert len(dead.requests) == 3  # known to be dead: asked once
        learned.silences = 6
        with pytest.raises(NotReadError, match=r"^no answer$"):
            polled(dead.port, Known(lab=PUBLIC), learned=learned)
        assert len(dead.requests) == 5  # now and then with patience: it may be slow


SYSTEM = {(1, 3, 6, 1, 2, 1, 1, arc, 0): value for arc, value in {
    1: badsnmp.octets(b"A device"), 2: badsnmp.oid((1, 3, 6, 1, 4, 1, 99999, 1)),
    3: badsnmp.integer(4711, 0x43), 5: badsnmp.octets(b"odd1"),
}.items()}  # fmt: skip
ROWS = {
    **SYSTEM,
    (1, 3, 6, 1, 2, 1, 2, 2, 1, 2, 1): badsnmp.octets(b"port 1"),
    (1, 3, 6, 1, 2, 1, 2, 2, 1, 3, 1): badsnmp.integer(6),
}
ARP = (1, 3, 6, 1, 2, 1, 4)


def right(request: badsnmp.Request) -> bytes:
    if request.tag == badsnmp.GET:
        return request.answer([badsnmp.bind(one, ROWS.get(one, b"\x80\x00")) for one in request.oids])
    return badsnmp.honest(request, badsnmp.table(ROWS))


def silent_to_ip_mib(request: badsnmp.Request) -> list[bytes]:
    return [] if any(one[:7] == ARP for one in request.oids) else [right(request)]


def test_one_silent_table_does_not_end_the_poll() -> None:
    with badsnmp.serve(silent_to_ip_mib) as odd:
        found = polled(odd.port, Known(lab=PUBLIC), limits=Limits(timeout_s=0.05, retries=0, poll_s=30))
    by_name = {one.name: one.section for one in found.results}
    assert by_name["arp"].outcome == UNREADABLE and "silent" in by_name["arp"].reason
    assert by_name["interfaces"].outcome == READ
    assert any("addresses" in path for path in by_name["interfaces"].unreadable)


def test_a_device_that_dies_on_the_way_keeps_what_is_not_asked_any_more() -> None:
    count = 0

    def script(request: badsnmp.Request) -> list[bytes]:
        nonlocal count
        count += 1
        return [right(request)] if count < 4 else []

    with badsnmp.serve(script) as dying:
        found = polled(dying.port, Known(lab=PUBLIC), limits=Limits(timeout_s=0.05, retries=0, poll_s=30))
    assert found.ended
    assert len(found.results) < len([one for one in all_topics().values() if one.read])


def test_what_a_device_has_nothing_of_is_one_question_and_seen_when_it_comes() -> None:
    rows = dict(ROWS)

    def script(request: badsnmp.Request) -> list[bytes]:
        if request.tag == badsnmp.GET:
            return [request.answer([badsnmp.bind(one, rows.get(one, b"\x80\x00")) for one in request.oids])]
        return [badsnmp.honest(request, badsnmp.table(rows))]

    learned = Learned()
    with badsnmp.serve(script) as small:
        first = polled(small.port, Known(lab=PUBLIC), learned=learned)
        second = polled(small.port, Known(lab=PUBLIC), learned=learned)
        assert second.requests < first.requests / 2
        assert [one.section.digest for one in first.results] == [one.section.digest for one in second.results]
        rows[1, 3, 6, 1, 2, 1, 25, 6, 3, 1, 2, 7] = badsnmp.octets(b"bash-5.1")  # hrSWInstalledName
        rows[1, 3, 6, 1, 2, 1, 33, 1, 2, 1, 0] = badsnmp.integer(2)  # upsBatteryStatus
        rows[1, 3, 6, 1, 2, 1, 33, 1, 1, 1, 0] = badsnmp.octets(b"APC")  # upsIdentManufacturer
        third = polled(small.port, Known(lab=PUBLIC), learned=learned)
    found = {one.name: one.section.outcome for one in third.results}
    assert found["installed_software"] == READ and found["ups"] == READ
    before = {one.name: one.section.outcome for one in second.results}
    assert before["installed_software"] == before["ups"] == ABSENT


def test_a_profile_s_settings_bound_what_is_asked(tmp_path: Path) -> None:
    (tmp_path / "weak.yaml").write_text(
        "match: [{object_id: [1.3.6.1.4.1.99999]}]\nsettings: {most_variables: 5, bulk: false}"
    )
    profiles.load_folder(tmp_path)
    try:
        with badsnmp.serve(lambda request: [right(request)]) as weak:
            polled(weak.port, Known(lab=PUBLIC), limits=Limits(poll_s=60))
    finally:
        profiles.forget_own()
    assert badsnmp.GET_BULK not in {one.tag for one in weak.requests}
    assert max(len(one.oids) for one in weak.requests) <= 5


def test_started_at_is_kept_for_each_device() -> None:
    ticks = 100_000

    def script(request: badsnmp.Request) -> list[bytes]:
        rows = {**ROWS, (1, 3, 6, 1, 2, 1, 1, 3, 0): badsnmp.integer(ticks, 0x43)}
        if request.tag == badsnmp.GET:
            return [request.answer([badsnmp.bind(one, rows.get(one, b"\x80\x00")) for one in request.oids])]
        return [badsnmp.honest(request, badsnmp.table(rows))]

    def started(learned: Learned) -> int:
        topics = {"device_identity": all_topics()["device_identity"]}
        found = polled(device.port, Known(lab=PUBLIC), learned=learned, topics=topics)
        reading = found.results[0].reading
        assert reading is not None
        return reading.facts.device.snmp.started_at

    one, two = Learned(), Learned()
    with badsnmp.serve(script) as device:
        before = started(one)
        ticks += 1500  # its clock runs away: by 15 s
        assert started(one) == before
        assert started(two) < before - 10


def test_a_topic_that_fails_harms_no_other() -> None:
    async def fails(_: object) -> None:
        raise KeyError("a bug")

    async def nothing(_: object) -> None:
        return None

    topics = {"a": DeviceTopic(1, ("device",), fails), "b": DeviceTopic(1, ("device",), nothing)}
    with badsnmp.serve(lambda request: [right(request)]) as device:
        found = polled(device.port, Known(lab=PUBLIC), topics=topics)
    assert [(one.name, one.section.outcome, one.section.reason) for one in found.results] == [
        ("a", UNREADABLE, "KeyError: 'a bug'"),
        ("b", 2, ""),
    ]


def test_nothing_of_the_kind_is_not_said_where_a_table_was_cut() -> None:
    from driftline_agent.devices.mib import mib
    from driftline_agent.devices.readout import Readout

    objects = mib("IP-MIB", "1.3.6.1.2.1.4.22.1", ipNetToMediaPhysAddress=2)

    async def careless(readout: Readout) -> None:
        await readout.table(*objects.values())

    with badsnmp.serve(silent_to_ip_mib) as odd:
        found = polled(odd.port, Known(lab=PUBLIC), topics={"a": DeviceTopic(1, ("device",), careless)})
    assert found.results[0].section.outcome == UNREADABLE


def test_recordings_of_real_devices_are_read_without_an_error() -> None:
    folder = corpus("snmp")
    files = sorted(folder.rglob("*.snmprec"), key=lambda path: path.stat().st_size)[:6]
    known = {path.stem.replace("-", "_"): path for path in files}
    with recorded.serve({name: recorded.read(path) for name, path in known.items()}) as port:
        for name in known:
            learned = Learned()
            found = polled(port, Known(lab=Community(2, name)), limits=Limits(), learned=learned)
            reasons = [one.section.reason for one in found.results if one.section.outcome == UNREADABLE]
            assert not [reason for reason in reasons if "Error:" in reason], (name, reasons)
            again = polled(port, Known(lab=Community(2, name)), limits=Limits(), learned=learned)
            assert [one.section.digest for one in found.results] == [one.section.digest for one in again.results], name


def test_devices_read_and_record(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("LAB_COMMUNITY", snmpd.COMMUNITY)
    with snmpd.serve() as agent:
        port = str(agent.port)
        by_hand = ["127.0.0.1", "--port", port, "--community-env", "LAB_COMMUNITY"]
        assert main(["devices", "read", *by_hand, "--flat", "--topic", "interfaces"]) == 0
        out, err = capsys.readouterr()
        assert "interfaces[lo].mtu\t65536" in out and "measured.system.network" in out
        assert "read in" in err and snmpd.COMMUNITY not in out + err
        path = device_files.write(
            tmp_path, [{"address": "127.0.0.1", "port": port, "credential": "lab"}], {"lab": snmpd.COMMUNITY}
        )
        assert main(["devices", "read", "127.0.0.1", "--devices", str(path), "--json"]) == 0
        assert '"measured"' in capsys.readouterr().out
        assert main(["devices", "read", "192.0.2.1", "--devices", str(path), "--credential", "lab"]) == 2
        assert 'credential "lab" may not be used at 192.0.2.1' in capsys.readouterr().err
        assert main(["devices", "record", *by_hand]) == 0
        out, err = capsys.readouterr()
    lines = out.splitlines()
    assert len(lines) > 200 and "variables in" in err
    assert "1.3.6.1.2.1.1.5.0|4|agent of the tests" in lines
    assert snmpd.COMMUNITY not in out and not any(
        one.startswith(("1.3.6.1.6.3.16.", "1.3.6.1.6.3.15.")) for one in lines
    )
    recording = tmp_path / "lab.snmprec"
    recording.write_text(out)
    with recorded.serve({"lab": recorded.read(recording)}) as port_:
        found = polled(port_, Known(lab=Community(2, "lab")), limits=Limits())
    assert {one.name: one.section.outcome for one in found.results}["interfaces"] == READ


def test_an_agent_without_devices_imports_nothing_for_them() -> None:
    code = """
import sys
import driftline_agent.main, driftline_agent.commands, driftline_agent.agent
driftline_agent.main._parser()
known = ("driftline_agent.devices", "driftline_agent.devices.arguments")  # of argparse alone
heavy = ("yaml", "pysnmp", "driftline_agent.devices")
print(*[name for name in sys.modules if name.startswith(heavy) and name not in known])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.split() == []
