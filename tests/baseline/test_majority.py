"""What most of a group agree on, and what naturally differs."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.baseline.test_algebra import ATTRIBUTES, NAMES, differences, path

from driftline_baseline.capture import MOVES_BY_ITSELF, draft_for, with_reasons
from driftline_baseline.document import Selector
from driftline_baseline.expected import Expected, Layer
from driftline_baseline.majority import Majority, Minority, Seen, majority
from driftline_baseline.reading import parse
from driftline_baseline.values import Attributes, encode

Hosts = list[dict[str, dict[str, str]]]


def seen(hosts: Hosts) -> list[Seen]:
    found: dict[str, dict[str, tuple[Attributes, int]]] = {}
    for host in hosts:
        for where, attributes in host.items():
            key = str(encode(attributes))
            count = found.setdefault(where, {}).get(key, (attributes, 0))[1]
            found[where][key] = (attributes, count + 1)
    return [Seen(where, list(variants.values())) for where, variants in found.items()]


def expected(found: Majority) -> Expected:
    ignore = MOVES_BY_ITSELF | dict(found.ignore)
    document = draft_for("group", Selector({"class": ("server",)}), ignore)
    layer = Layer(document, found.pinned.get, "group v1", 1, 0, frozenset(found.pinned))
    return Expected.of([layer], [])


def test_what_differs_by_nature_is_ignored_and_what_is_odd_is_named() -> None:
    hosts: Hosts = [
        {
            "os.host": {"name": f"web{n}", "machine_id": f"{n}", "time_zone": "UTC" if n else "CET"},
            "network.interfaces[eth0]": {"mac": f"52:54:00:00:00:0{n}", "mtu": "1500"},
            f"network.interfaces[eth0].addresses[192.0.2.{n}/24]": {"scope": "global"},
            path("openssl"): {"version": "3.0.14" if n != 7 else "3.0.11"},
            path("curl"): {"version": "1" if n < 5 else "2"},
            "network.interfaces[veth1]": {"mac": str(n)},
            **({path("sl"): {"version": "5"}} if n == 3 else {}),
            **({path("bash"): {"version": "5"}} if n != 4 else {}),
        }
        for n in range(10)
    ]
    found = majority(seen(hosts), 10, 90)
    assert found.pinned["os.host"] == {"time_zone": "UTC"}
    assert found.pinned[path("openssl")] == {"version": "3.0.14"}
    assert found.pinned[path("bash")] == {"version": "5"}
    assert path("sl") not in found.pinned and "network.interfaces[veth1]" not in found.pinned
    assert found.ignore["os.host.machine_id"] == "identity, another on each host (10 on 10)"
    assert found.ignore["os.host.name"] == "differs from host to host: 10 values on 10"
    assert found.ignore["network.interfaces[eth0].addresses[*]"] == "each host has its own: 10 on 10"
    assert found.ignore[f"{path('curl')}.version"] == "the hosts disagree, say what is meant: 1 on 5, 2 on 5"
    assert found.undecided == [f"{path('curl')}.version"]
    assert set(found.minorities) == {
        Minority("os.host.time_zone", "changed", '"UTC"', 1),
        Minority(f"{path('openssl')}.version", "changed", '"3.0.14"', 1),
        Minority(path("sl"), "unexpected", None, 1),
        Minority(path("bash"), "missing", '{"version":"5"}', 1),
    }
    want = expected(found)
    (layer,) = want.layers
    text = with_reasons(layer.document, MOVES_BY_ITSELF | dict(found.ignore))
    assert parse(text) == layer.document
    assert "# the hosts disagree, say what is meant: 1 on 5, 2 on 5" in text
    assert differences(want, hosts[0]) != [] and differences(want, hosts[1]) == []
    assert [d.path for d in differences(want, hosts[7])] == [f"{path('openssl')}.version"]


@settings(deadline=None)
@given(st.dictionaries(NAMES.map(path), ATTRIBUTES, min_size=1), st.integers(2, 20), st.integers(51, 100))
def test_a_group_that_agrees_is_captured_whole(state: dict[str, dict[str, str]], count: int, share: int) -> None:
    found = majority(seen([state] * count), count, share)
    assert found.pinned == state and not found.ignore and not found.minorities
    assert differences(expected(found), state) == []


@settings(deadline=None)
@given(st.lists(st.dictionaries(NAMES.map(path), ATTRIBUTES), min_size=2, max_size=6), st.integers(51, 100))
def test_what_differs_from_the_majority_is_named_as_a_minority(hosts: Hosts, share: int) -> None:
    """Nothing is drift on approval that the capture did not name."""
    found = majority(seen(hosts), len(hosts), share)
    named = {one.path for one in found.minorities}
    for host in hosts:
        assert {difference.path for difference in differences(expected(found), host)} <= named
