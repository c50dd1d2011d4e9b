"""What is asked of the collector and what follows from its reply, without one."""

from ipaddress import ip_network
from uuid import UUID

from driftline.v1 import collector_pb2 as wire
from driftline_agent.devices.runtime.leases import Found, Leases
from driftline_agent.devices.settings.config import CredentialEntry, DevicesConfig, TargetEntry

ONE, TWO = str(UUID(int=1)), str(UUID(int=2))
NET = TargetEntry(ip_network("10.1.0.0/24"), ("core", "edge"), 60)


def config(*targets: TargetEntry, takes_more: bool = True) -> DevicesConfig:
    credentials = {
        "core": CredentialEntry("core", "snmp", (ip_network("10.0.0.0/8"),), {}),
        "edge": CredentialEntry("edge", "snmp", (ip_network("10.1.0.0/16"), ip_network("2001:db8::/32")), {}),
    }
    return DevicesConfig("fra1", credentials, targets, takes_more=takes_more)


def lease(
    source: str, address: str, credential: str = "", generation: int = 1, interval_s: int = 0
) -> wire.DeviceLease:
    target = wire.DeviceTarget(protocol="snmp", address=address, port=161)
    return wire.DeviceLease(
        source_id=source, generation=generation, target=target, credential=credential, interval_s=interval_s
    )


def reply(*leases: wire.DeviceLease, fingerprint: bytes = b"f") -> wire.LeaseDevicesReply:
    return wire.LeaseDevicesReply(leases=leases, fingerprint=fingerprint, call_after_s=30)


def test_single_addresses_are_offered_and_what_answers_in_a_prefix() -> None:
    single = TargetEntry(ip_network("10.9.0.1/32"), ("edge", "core"))
    leases = Leases(config(single, NET))
    assert [(one.target.address, one.credential) for one in leases.request().devices] == [("10.9.0.1", "core")]
    leases.found([Found("10.1.0.7", "edge", NET)])
    offered = leases.request().devices
    assert [(one.target.address, one.credential, one.interval_s) for one in offered] == [
        ("10.1.0.7", "edge", 60),
        ("10.9.0.1", "core", 300),
    ]


def test_offers_are_said_once_until_they_change() -> None:
    leases = Leases(config(NET))
    request = leases.request()
    assert request.credentials and not request.same_offers
    leases.take(request, reply())
    again = leases.request()
    assert again.same_offers and not again.credentials and again.known == b"f"
    leases.found([Found("10.1.0.7", "edge", NET)])
    assert not leases.request().same_offers
    leases.take(again, reply())
    leases.forget_what_was_said()
    assert not leases.request().same_offers and leases.request().known == b""


def test_a_large_fleet_asks_little() -> None:
    targets = [TargetEntry(ip_network(f"10.1.{at // 250}.{at % 250 + 1}"), ("edge",)) for at in range(1000)]
    leases = Leases(config(*targets))
    leases.take(
        leases.request(),
        reply(*(lease(str(UUID(int=at + 1)), f"10.1.{at // 250}.{at % 250 + 1}") for at in range(1000))),
    )
    assert len(leases.held) == 1000
    assert leases.request().ByteSize() < 100


def test_the_own_file_decides_with_what_and_how_often() -> None:
    leases = Leases(config(NET, TargetEntry(ip_network("10.1.0.7"), ("edge",), 10)))
    change = leases.take(
        leases.request(), reply(lease(ONE, "10.1.0.7", "core", interval_s=900), lease(TWO, "10.1.0.8"))
    )
    first, second = change.taken
    assert (first.place.credentials, first.interval_s) == (("edge",), 10)
    assert (second.place.credentials, second.interval_s) == (("core", "edge"), 60)


def test_handed_out_ones_need_a_credential_that_may_be_used_there() -> None:
    leases = Leases(config())
    bad = [
        lease(TWO, "192.0.2.1", "core"),
        lease(str(UUID(int=3)), "10.0.0.1", "root"),
        lease("../x", "10.0.0.1", "core"),
    ]
    change = leases.take(leases.request(), reply(lease(ONE, "10.2.0.1", "core", interval_s=5), *bad))
    (taken,) = change.taken
    assert (taken.source_id, taken.place.credentials, taken.interval_s) == (ONE, ("core",), 30)
    request = leases.request()
    assert sorted(request.released) == sorted(one.source_id for one in bad)
    leases.take(request, reply(lease(ONE, "10.2.0.1", "core", interval_s=5)))
    assert not leases.request().released
    none = Leases(config(takes_more=False))
    assert none.take(none.request(), reply(lease(ONE, "10.2.0.1", "core"))).taken == ()


def test_a_new_generation_and_a_lost_lease() -> None:
    leases = Leases(config(NET))
    leases.take(leases.request(), reply(lease(ONE, "10.1.0.1"), lease(TWO, "10.1.0.2")))
    change = leases.take(leases.request(), wire.LeaseDevicesReply(same=True))
    assert (change.taken, change.lost) == ((), ())
    change = leases.take(leases.request(), reply(lease(ONE, "10.1.0.1", generation=3)))
    assert [one.generation for one in change.taken] == [3]
    assert change.lost == (TWO,)


def test_another_file_gives_back_what_it_does_not_allow() -> None:
    leases = Leases(config(NET, takes_more=False))
    leases.take(leases.request(), reply(lease(ONE, "10.1.0.1")))
    assert leases.configure(config(takes_more=False)).lost == (ONE,)
    assert list(leases.request().released) == [ONE]
    (back,) = leases.configure(config(NET)).taken
    assert back.source_id == ONE and not leases.request().released


def test_a_restart_remembers_what_was_held() -> None:
    leases = Leases(config(NET))
    leases.take(leases.request(), reply(lease(ONE, "10.1.0.1", generation=7)))
    later = Leases(config(NET))
    (held,) = later.recall(leases.remembered()).taken
    assert (held.source_id, held.generation) == (ONE, 7)


def test_problems_are_told_once_and_when_they_end() -> None:
    leases = Leases(config(NET))
    leases.take(leases.request(), reply(lease(ONE, "10.1.0.1")))
    leases.answered(ONE, 1000)
    request = leases.request()
    assert [(one.reason, one.answered_ms) for one in request.problems] == [("", 1000)]
    leases.take(request, wire.LeaseDevicesReply(same=True))
    leases.answered(ONE, 2000)
    assert not leases.request().problems
    leases.failed(ONE, 3000, "no answer")
    leases.failed(ONE, 4000, "no answer")
    request = leases.request()
    assert [(one.reason, one.since_ms, one.answered_ms) for one in request.problems] == [("no answer", 3000, 2000)]
    leases.answered(ONE, 5000)  # before the receipt of the request: it must be said again
    leases.take(request, wire.LeaseDevicesReply(same=True))
    assert [one.reason for one in leases.request().problems] == [""]


def test_a_device_to_be_read_now_is_one_that_is_held() -> None:
    leases = Leases(config(NET))
    said = reply(lease(ONE, "10.1.0.1"))
    said.read_now.extend([ONE, TWO])
    assert leases.take(leases.request(), said).read_now == (ONE,)
