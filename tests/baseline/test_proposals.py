"""Proposals: who connects to whom, what makes a service, and what tells nothing."""

import pytest

from driftline_baseline import services
from driftline_baseline.errors import DocumentError
from driftline_baseline.proposals import (
    EVERYONE,
    Fleet,
    Known,
    Link,
    Proposed,
    SeenPeer,
    counts,
    dependencies,
    host_of,
    links_of,
    told,
)
from driftline_baseline.services import HostView, Infrastructure, Listener, parse, services_of, shipped

WEB, DB, SHOP = 1, 2, 9
WAITS = {DB: [Listener("tcp", "0.0.0.0", 5432, "postgresql.service"), Listener("tcp", "127.0.0.1", 6379)]}
HOLDS = {"192.0.2.2": {DB}, "192.0.2.1": {WEB}, "192.0.2.9": {3, 4}}


def out(address: str, port: int, ci: int = WEB) -> SeenPeer:
    return SeenPeer(ci, "out", "tcp", address, port, "shop.service")


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        (out("192.0.2.2", 5432), [Link(WEB, DB, "tcp", 5432, "192.0.2.2", "shop.service", "postgresql.service")]),
        (out("192.0.2.2", 5433), []),
        (out("192.0.2.2", 6379), []),  # waits on loopback only
        (out("192.0.2.9", 5432), []),  # two hold it
        (out("203.0.113.1", 443), []),  # nobody holds it
        (out("192.0.2.1", 22), []),  # itself
        (out("*", 5432), []),
        (out("192.0.2.2", 0), []),
        (SeenPeer(DB, "in", "tcp", "192.0.2.1", 5432, "pg"), [Link(WEB, DB, "tcp", 5432, "", "", "pg")]),
        (SeenPeer(WEB, "out", "udp", "192.0.2.2", 5432), []),
    ],
)
def test_links(peer: SeenPeer, expected: list[Link]) -> None:
    assert links_of([peer], HOLDS, WAITS) == expected


def test_both_ends_make_one_link() -> None:
    (link,) = links_of([SeenPeer(DB, "in", "tcp", "192.0.2.1", 5432), out("192.0.2.2", 5432)], HOLDS, WAITS)
    assert link == Link(WEB, DB, "tcp", 5432, "192.0.2.2", "shop.service", "postgresql.service")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "169.254.169.254",
        "172.17.0.1",
        "192.168.122.1",
        "100.64.1.1",
        "fe80::1",
        "::1",
        "ff02::1",
        "x",
        "*",
    ],
)
def test_addresses_that_tell_nothing(address: str) -> None:
    assert not counts(address)


@pytest.mark.parametrize("address", ["10.0.0.5", "192.168.1.1", "172.16.0.1", "2001:db8::1", "203.0.113.1"])
def test_addresses_that_tell_one_from_another(address: str) -> None:
    assert counts(address)


def known(front: int, behind: int, port: int = 5432, protocol: str = "tcp") -> Known:
    return Known(Link(front, behind, protocol, port, "192.0.2.2"), 1, 2)


def proposed(
    links: list[Known],
    clients: dict[tuple[int, str, int], int] | None = None,
    reach: dict[int, int] | None = None,
    at: dict[tuple[int, str], int] | None = None,
    parts: frozenset[tuple[int, int]] = frozenset(),
) -> list[Proposed]:
    infrastructure = Infrastructure({"udp/53": "DNS"}, {"tcp/9100": "monitoring"}, 50, 10)
    fleet = Fleet(100, clients or {}, reach or {})
    return dependencies(links, fleet, infrastructure, lambda *place: (at or {}).get(place), lambda *pair: pair in parts)


def test_all_ports_between_two_are_one_proposal() -> None:
    (one,) = proposed([known(WEB, DB), known(WEB, DB, 6379)])
    assert (one.kind, one.front, one.behind, one.material) == ("depends on", WEB, DB, ("tcp/5432", "tcp/6379"))
    assert (one.since_ms, one.seen_ms) == (1, 2)


def test_a_port_of_a_service_is_the_services() -> None:
    at = {(DB, "tcp/5432"): SHOP}
    found = proposed([known(WEB, DB), known(WEB, DB, 22)], at=at)
    assert [(one.front, one.behind, one.material) for one in found] == [
        (WEB, DB, ("tcp/22",)),
        (WEB, SHOP, ("tcp/5432",)),
    ]
    assert proposed([known(WEB, DB)], at=at, parts=frozenset({(WEB, SHOP)})) == []


def test_what_is_for_everyone() -> None:
    assert [one.key for one in proposed([known(WEB, DB, 53, "udp")])] == ["infrastructure:in:2:udp/53"]
    assert [one.key for one in proposed([known(WEB, DB, 9100)])] == ["infrastructure:out:1:monitoring"]
    assert proposed([known(WEB, DB)], clients={(DB, "tcp", 5432): 50})[0].kind == "depends on"
    (served,) = proposed([known(WEB, DB)], clients={(DB, "tcp", 5432): 51})
    assert (served.key, served.purpose) == ("infrastructure:in:2:tcp/5432", EVERYONE)
    (asking,) = proposed([known(WEB, DB), known(WEB, 3)], reach={WEB: 51})
    assert (asking.key, len(asking.links)) == ("infrastructure:out:1:everyone", 2)


def test_a_container_runs_on_the_one_host_with_its_hardware() -> None:
    assert host_of(1, ["uuid:a"], {"uuid:a": {2}}) == (2, "uuid:a")
    assert host_of(1, ["uuid:a"], {"uuid:a": {1, 2}}) == (2, "uuid:a")
    assert host_of(1, ["uuid:a"], {"uuid:a": {2, 3}}) is None
    assert host_of(1, ["uuid:a", "b"], {"uuid:a": {2}, "b": {3}}) is None
    assert host_of(1, ["uuid:a"], {}) is None


def test_how_it_is_known() -> None:
    link = Link(WEB, DB, "tcp", 5432, "10.0.0.5", "shop.service")
    one = Proposed("depends on", "k", WEB, DB, ("tcp/5432",), (Known(link, 1, 2),))
    assert told(one, {WEB: "web1", DB: "db1"}.__getitem__) == "seen: tcp 10.0.0.5:5432 from web1 (shop.service)"


def names(document: str, **view: object) -> list[str]:
    found = services_of(HostView("db1", **view), parse(document))  # type: ignore[arg-type]  # fields of a view
    return [one.name for one in found]


def rule(when: str, name: str = "x") -> str:
    return f'services:\n  - rule: r\n    name: "{name}"\n    when: {when}\n'


def test_every_condition_must_hold_and_of_a_list_one() -> None:
    both = rule("{unit: ['pg*.service', my.service], port: [5432, 5433]}")
    waits = [Listener("tcp", "::", 5433)]
    assert names(both, units={"pg1.service"}, listeners=waits) == ["x"]
    assert names(both, units={"pg1.service"}) == []
    assert names(both, listeners=waits) == []
    assert names(rule("{package: 'postgresql-1?'}"), packages={"postgresql-15"}) == ["x"]
    assert names(rule("{label: {app: 'shop*', tier: '1'}}"), labels={"app": "shop-eu", "tier": "1"}) == ["x"]
    assert names(rule("{label: {app: 'shop*', tier: '1'}}"), labels={"app": "shop-eu"}) == []


def test_a_port_on_loopback_is_nobodys_service() -> None:
    assert names(rule("{port: 25}"), listeners=[Listener("tcp", "127.0.0.1", 25)]) == []


def test_names_are_filled_or_there_is_no_service() -> None:
    port = "{port: 1}"
    waits = [Listener("tcp", "::", 1)]
    assert names(rule(port, "{rule} on {host}"), listeners=waits) == ["r on db1"]
    assert names(rule(port, "{label.a|label.b|host}"), listeners=waits, labels={"b": "B"}) == ["B"]
    assert names(rule(port, "{environment}"), listeners=waits) == []


def test_ports_are_those_named_or_those_of_the_unit() -> None:
    waits = [Listener("tcp", "::", 80, "a.service"), Listener("tcp", "::", 22, "ssh.service")]
    view = HostView("h", listeners=waits)
    (one,) = services_of(view, parse(rule("{unit: a.service}")))
    assert one.ports == ("tcp/80",)
    (one,) = services_of(view, parse(rule("{port: [22, 443]}")))
    assert one.ports == ("tcp/22",)


def test_what_is_shipped_is_right() -> None:
    rules = parse(shipped())
    assert {"postgresql", "mysql", "mariadb", "nginx", "apache", "haproxy", "redis", "named", "mail", "kubernetes"} <= {
        one.rule for one in rules.rules
    }
    assert rules.infrastructure.served["udp/53"] == "DNS" and rules.infrastructure.asked["tcp/9100"] == "monitoring"
    assert not rules.infrastructure.served.keys() & rules.infrastructure.asked.keys()
    assert all(one.ci_class in services.SERVICE_CLASSES for one in rules.rules)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("", "is empty"),
        ("services: {}", "must be a list"),
        ("rules: []", r"1:1.*\"rules\" is not known here"),
        ("services:\n  - {rule: a, when: {port: 1}}", r"2:5: services\[0\]: has no name"),
        (rule("{}"), "is empty; name one of label, unit, port, package"),
        (rule("{ports: 1}"), "not known here"),
        (rule("{port: 70000}"), "70000 is not a port"),
        (rule("{port: http}"), "'http' is not a port"),
        (rule("{port: []}"), "is an empty list"),
        (rule("{port: 1}", "{nothing}"), r'"nothing" is not one of host'),
        (rule("{port: 1}", "{host"), "a brace that is not closed"),
        (rule("{port: 1}") + "    class: server\n", "'server' is not one of service, application, database"),
        (rule("{port: 1}") + "  - {rule: r, name: y, when: {port: 2}}\n", r"5:5.*\"r\" stands twice"),
        ("infrastructure: {share: 0}\nservices: []", "not a whole number from 1 to 100"),
        ("infrastructure: {served: {DNS: [x]}}\nservices: []", r"infrastructure.served.DNS: 'x' is not a port"),
    ],
)
def test_what_is_wrong_is_named_by_line(document: str, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        parse(document)
