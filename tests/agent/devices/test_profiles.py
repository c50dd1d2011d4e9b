"""Profiles: each loads, knows its own examples and no other's, and a broken one is refused by name and place."""

import asyncio
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench import agreement
from tests.support import badsnmp, readouts, recorded
from tests.support.corpora import corpus
from tests.support.readouts import Polled

from driftline_agent.devices import profiles
from driftline_agent.devices.profile import STANDARD, Example, Profile
from driftline_agent.devices.profiling import profile_reference, vendors
from driftline_agent.devices.profiling.profile_file import load
from driftline_agent.devices.readout import System
from driftline_agent.devices.snmp import transport
from driftline_agent.devices.snmp.credentials import Community
from driftline_agent.devices.snmp.transport import Target
from driftline_agent.devices.snmp.values import Oid
from driftline_agent.devices.snmp.walk import Walker
from driftline_agent.devices.topic import all_topics
from driftline_agent.errors import ConfigError

TOPICS = {name: all_topics()[name] for name in ("device_identity", "health", "interfaces", "entities")}
EXAMPLES = [
    pytest.param(profile, example, id=f"{profile.name}-{at}")
    for profile in profiles.all_profiles().values()
    for at, example in enumerate(profile.examples)
]
#: Fields that agree with a peer, at least, over all recordings. Raise it; where it must be lowered, say why.
FLOOR = {
    ("librenms", "model"): 24,
    ("librenms", "version"): 27,
    ("librenms", "serial"): 20,
    ("librenms", "interfaces"): 26,
    ("librenms", "entities"): 14,
    ("glpi", "vendor"): 10,
    ("glpi", "model"): 10,
    ("glpi", "version"): 9,
    ("glpi", "serial"): 14,
    ("glpi", "interfaces"): 29,
    ("glpi", "entities"): 14,
}


def system(description: str, object_id: Oid | None) -> System:
    return System(description, object_id, "", None, 0)


def served(example: Example) -> dict[badsnmp.Arcs, bytes]:
    """Return what a device like the example answers."""
    rows: dict[badsnmp.Arcs, bytes] = {(1, 3, 6, 1, 2, 1, 1, 1, 0): badsnmp.tlv(4, example.description.encode())}
    if example.object_id:
        rows[1, 3, 6, 1, 2, 1, 1, 2, 0] = badsnmp.oid(example.object_id)
    for oid, said in example.objects.items():
        rows[oid] = badsnmp.integer(said) if isinstance(said, int) else badsnmp.tlv(4, said.encode())
    return rows


def polled(example: Example) -> Polled:
    with recorded.serve({"one": served(example)}) as port:
        return asyncio.run(readouts.polled(port, "one", TOPICS))


@pytest.mark.parametrize(("profile", "example"), EXAMPLES)
def test_knows_its_own_examples(profile: Profile, example: Example) -> None:
    found = polled(example)
    assert found.profile.name == profile.name
    told = found.facts
    texts = {
        "version": told.os.release.version,
        "model": told.hardware.system.product,
        "serial_number": told.hardware.system.serial_number,
        "hardware_revision": told.hardware.system.version,
        "part_number": told.hardware.system.sku,
        "firmware": told.hardware.firmware.version,
        "build": told.os.release.description,
        "os_name": told.os.release.name,
        "vendor_name": told.hardware.system.manufacturer,
    }
    for name, expected in example.expected.items():
        assert expected in texts[name] if name == "build" else expected == texts[name], name
    if profile.vendor:
        assert told.hardware.system.manufacturer == profile.vendor


@pytest.mark.parametrize(("profile", "example"), EXAMPLES)
def test_no_other_profile_knows_them_as_well(profile: Profile, example: Example) -> None:
    ranks: dict[str, profiles.Rank] = {}
    for rank, one, _ in profiles.ranked(system(example.description, example.object_id)):
        ranks.setdefault(one.name, rank)
    if profile.name in ranks:
        assert [name for name, rank in ranks.items() if rank >= ranks[profile.name]] == [profile.name]


def test_every_profile_has_an_example_and_a_maker() -> None:
    without = [one.name for one in profiles.all_profiles().values() if not one.examples]
    assert set(without) == {STANDARD.name, "efficientip"}  # what EfficientIP's MIB says is not public
    for one in profiles.all_profiles().values():
        assert one.name == STANDARD.name or one.matches, one.name


def test_an_unknown_device_is_read_by_the_standard_mibs() -> None:
    example = Example(
        "made here", (1, 3, 6, 1, 4, 1, 8691, 7, 9), "EDS318P 18-Port Smart Switch, Version 1.1.1.9", {}, {}
    )
    found = polled(example)
    assert (found.profile.name, found.facts.hardware.system.manufacturer) == ("standard", "Moxa")
    assert found.facts.hardware.system.product == "EDS318P"
    assert found.facts.os.release.version == "1.1.1.9"


@pytest.mark.parametrize(
    "description",
    ["", "edge router in the cellar", "labbdds01", "Firewall Test150", "10.1.2.3", "Linux box 4.19.0 #1 armv7l"],
)
def test_what_says_nothing_gives_nothing(description: str) -> None:
    found = polled(Example("made here", (1, 3, 6, 1, 4, 1, 99999, 1), description, {}, {}))
    assert not found.facts.HasField("hardware")
    assert not found.facts.os.HasField("release")


def test_the_maker_by_enterprise_number() -> None:
    assert vendors.of((1, 3, 6, 1, 4, 1, 2356, 11)) == "Lancom Systems"
    assert [vendors.of(oid) for oid in (None, (1, 3), (1, 3, 6, 1, 4, 1, 8072, 3))] == [None, None, None]


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("Cisco Secure Access Control System 5.3", "Cisco"),
        ("PALO ALTO NETWORKS Panorama", "Palo Alto Networks"),
        ("Hewlett Packard Enterprise something", "Hewlett Packard Enterprise"),
        ("Linux cisco 5.10", None),
        ("Hardware: Intel64 Family 6", None),
        ("Intelligent Switch", None),
        ("", None),
    ],
)
def test_the_maker_whose_name_begins_sysdescr(description: str, expected: str | None) -> None:
    assert vendors.named(description) == expected


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ({(1, 3, 6, 1, 2, 1, 43, 5, 1, 1, 1, 1): 1}, "printer"),
        ({(1, 3, 6, 1, 2, 1, 33, 1, 2, 1, 0): 2}, "power device"),
        ({(1, 3, 6, 1, 2, 1, 2, 1, 0): 2}, "network device"),
    ],
)
def test_the_standard_mibs_tell_the_class_of_an_unknown_device(objects: dict[Oid, int], expected: str) -> None:
    found = polled(Example("made up", (1, 3, 6, 1, 4, 1, 99999), "a thing", objects, {}))
    assert found.profile.ci_class == expected


def test_the_longest_sysobjectid_wins_then_sysdescr() -> None:
    def name(description: str, *object_id: int) -> str:
        return profiles.find(system(description, (1, 3, 6, 1, 4, 1, *object_id))).name

    assert name("Cisco Controller", 9, 1, 1069) == "cisco-wlc"
    assert name("Cisco IOS Software, C2960", 9, 1, 1208) == "cisco-ios"
    assert name("", 9, 1, 1208) == "cisco-ios"
    assert name("", 9, 12, 3, 1, 3, 1812) == "cisco-nxos"
    assert name("Cumulus Linux 4.2", 8072, 3, 2, 10) == "cumulus-linux"
    assert name("Linux web01 5.10", 8072, 3, 2, 10) == "net-snmp-linux"


def test_the_list_in_the_docs_is_up_to_date() -> None:
    page = Path(__file__).parents[3] / "docs/device-profiles.md"
    assert page.read_text() == profile_reference.reference()


def test_the_page_for_developers_shows_a_profile_that_loads(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs/dev/add-a-device-profile.md"
    path = tmp_path / "acme.yaml"
    path.write_text(textwrap.dedent(page.read_text().split("```yaml\n")[1].split("```")[0]))
    profile = load(path)
    assert profile.examples[0].expected == {"version": "4.2"}
    assert set(profile.gauges) == {"cpu", "memory"}


def test_settings_bound_what_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "weak.yaml"
    path.write_text("match: [{object_id: [1.3.6.1.4.1.99999]}]\nsettings: {most_variables: 5, bulk: false}")

    async def run() -> Walker:
        session = await transport.connect(Target("127.0.0.1", Community(2, "x"), 9))
        try:
            walker = Walker(session)
            load(path).settings.apply(walker)
            return walker
        finally:
            await session.close()

    walker = asyncio.run(run())
    known = walker.repetitions
    assert (walker.bulk, known.value, known.most, known.ceiling) == (False, 5, 5, 5)


BROKEN = {
    "vendor: 5": 'vendor: "5" is not a text',
    "vendor: A\nvendor: B": '"vendor" stands twice',
    "vender: A": 'the file: "vender" is not known here',
    "class: toaster": '"toaster" is not a class',
    "match: [{}]": "matches every device",
    "match: [{object_id: [1.3.x]}]": "match[0].object_id[0]",
    "version: [{description: 'Version \\S+'}]": "has no group",
    "version: [{description: '(a+)+x'}]": "repeats a group without end",
    "version: [{description: '(a'}]": "is not a regular expression",
    "version: [{oid: 1.3.6.1}]": "is not one source",
    "version: [{object: ifDescr, oid: 1.3.6.1}]": "is not the name of a MIB's object",
    "version: [{object: IF-MIB::ifDescr}]": "lacks oid",
    "version: [{chassis: colour}]": "is none of",
    "version: [{description: '(a)', template: '{2}'}]": "names a group that the pattern has not",
    "cpu: [{used: {object: A::b, oid: 1.3.6.1}}]": '"used" is not known here',
    "memory: [{used: {object: A::b, oid: 1.3.6.1}}]": "measures nothing",
    "settings: {most_variables: 0}": "is not between 1 and 1000",
    "[]": "is not a mapping",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert BROKEN[text] in str(caught.value)


@pytest.fixture
def no_own() -> Iterator[None]:
    yield
    profiles.forget_own()


def test_an_operators_own_folder(tmp_path: Path, no_own: None) -> None:
    (tmp_path / "acme.yaml").write_text("vendor: Acme\nmatch: [{object_id: [1.3.6.1.4.1.30065.1.3011]}]")
    profiles.load_folder(tmp_path)
    assert profiles.find(system("", (1, 3, 6, 1, 4, 1, 30065, 1, 3011, 5))).vendor == "Acme"
    (tmp_path / "bad.yaml").write_text("nonsense: 1")
    with pytest.raises(ConfigError):
        profiles.load_folder(tmp_path)
    with pytest.raises(ConfigError, match="is not a folder"):
        profiles.load_folder(tmp_path / "missing")


@pytest.fixture(scope="module")
def recordings() -> tuple[Path, dict[str, Polled], dict[str, Polled]]:
    folder = corpus("snmp")
    names = sorted(path.stem for path in folder.glob("*.snmprec"))
    served_ = {name: recorded.read(folder / f"{name}.snmprec") for name in names}
    with recorded.serve(served_) as port:
        first, again = ({name: asyncio.run(readouts.polled(port, name, TOPICS)) for name in names} for _ in range(2))
    return folder, first, again


def test_recordings_agree_with_others_as_much_as_before(
    recordings: tuple[Path, dict[str, Polled], dict[str, Polled]],
) -> None:
    folder, first, _ = recordings
    agreed = Counter((one.peer, one.field) for one in agreement.compare(folder, first) if one.verdict == "agree")
    assert {key: agreed[key] for key in FLOOR if agreed[key] < FLOOR[key]} == {}


def test_an_idle_device_says_the_same_twice(recordings: tuple[Path, dict[str, Polled], dict[str, Polled]]) -> None:
    _, first, again = recordings
    for name, one in first.items():
        assert one.facts.SerializeToString() == again[name].facts.SerializeToString(), name
        assert not [path for path in one.unreadable if not path.startswith("network.interfaces[")], name


def test_agreement_over_a_folder_without_answers(tmp_path: Path) -> None:
    (tmp_path / "one.snmprec").write_text("1.3.6.1.2.1.1.1.0|4|Widget\n1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.9.1.1\n")
    polls = asyncio.run(agreement.all_polled(tmp_path, ["one"]))
    assert list(agreement.compare(tmp_path, polls)) == []
    assert any("vendor 'Cisco'" in line for line in agreement.said(polls))


def test_measurements_are_sane(recordings: tuple[Path, dict[str, Polled], dict[str, Polled]]) -> None:
    measured = {name: one.measured.gauges for name, one in recordings[1].items()}
    for name, gauges in measured.items():
        for metric, value in gauges.items():
            assert metric.unit != "1" or 0 <= value <= 1, (name, metric)
            assert metric.name != "hw.temperature" or -60 < value < 250, (name, metric)
    cpus = [name for name, gauges in measured.items() if any(one.name == "system.cpu.utilization" for one in gauges)]
    assert len(cpus) >= 18, cpus
