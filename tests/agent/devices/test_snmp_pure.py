"""What needs no device: names, indexes, textual conventions, BER, adaptation, columns."""

import asyncio
import datetime
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import badsnmp

from driftline_agent.devices.snmp import ber, indexes, messages, oids, textual
from driftline_agent.devices.snmp.columns import Column, Quirk, Why, share
from driftline_agent.devices.snmp.indexes import Part, Shape
from driftline_agent.devices.snmp.pace import Pace
from driftline_agent.devices.snmp.repetitions import Repetitions
from driftline_agent.devices.snmp.values import Kind, Oid, Var

ARCS = st.lists(st.integers(0, 2**32 - 1), max_size=20)
OIDS = st.tuples(st.integers(0, 2), st.integers(0, 39), ARCS).map(lambda parts: (parts[0], parts[1], *parts[2]))


@given(OIDS)
def test_names_round_trip(oid: Oid) -> None:
    assert oids.parse(oids.show(oid)) == oids.parse("." + oids.show(oid)) == oids.check(oid) == oid
    assert ber.arcs_of(ber.oid(oid)) == oid
    assert badsnmp.oid(oid) == ber.tlv(6, ber.oid(oid))


@pytest.mark.parametrize("text", ["", ".", "1..3", "1.3.x", "1.-3", "1.3.٣"])
def test_texts_that_are_no_names(text: str) -> None:
    with pytest.raises(ValueError, match="is not an object identifier"):
        oids.parse(text)


@pytest.mark.parametrize("oid", [(1,), (3, 1), (1, 40), (1, 3, 2**32), (1, 3) * 65])
def test_names_that_cannot_be_sent(oid: Oid) -> None:
    with pytest.raises(ValueError, match="that can be sent"):
        oids.check(oid)


def test_order_and_suffix() -> None:
    # RFC 3416 section 4.2.2: 2 is before 10, a prefix before what it begins
    assert (1, 3) < (1, 3, 2) < (1, 3, 2, 1) < (1, 3, 10)
    assert oids.suffix((1, 3, 6, 9, 8), (1, 3, 6)) == (9, 8)
    assert not oids.within((1, 3), (1, 3))
    with pytest.raises(ValueError, match=r"1\.4 is not below 1\.3"):
        oids.suffix((1, 4), (1, 3))


INDEXES: list[tuple[Oid, list[Part | Shape], tuple[object, ...]]] = [
    ((7,), [Shape.INTEGER], (7,)),
    # ipNetToMediaTable of IP-MIB: ifIndex and address
    ((3, 192, 0, 2, 9), [Shape.INTEGER, Shape.IP_ADDRESS], (3, "192.0.2.9")),
    # dot1qTpFdbTable of Q-BRIDGE-MIB: dot1qFdbId and MacAddress
    ((1, 0, 17, 34, 51, 68, 255), [Shape.INTEGER, Shape.MAC_ADDRESS], (1, "00:11:22:33:44:ff")),
    ((2, 97, 98, 5), [Shape.VARIABLE, Shape.INTEGER], (b"ab", 5)),
    ((0, 5), [Shape.VARIABLE, Shape.INTEGER], (b"", 5)),
    ((97, 98), [Part(Shape.FIXED, 1), Shape.IMPLIED], (b"a", b"b")),
    ((3, 1, 3, 6, 9), [Shape.OID, Shape.IMPLIED_OID], ((1, 3, 6), (9,))),
    # ipAddressTable of IP-MIB: InetAddressType and InetAddress
    ((1, 4, 192, 0, 2, 1), [Shape.INET_ADDRESS], ("192.0.2.1",)),
    ((2, 16, *(0,) * 15, 1), [Shape.INET_ADDRESS], ("::1",)),
    ((4, 20, 254, 128, *(0,) * 13, 1, 0, 0, 0, 3), [Shape.INET_ADDRESS], ("fe80::1%3",)),
    ((0, 0, 5), [Shape.INET_ADDRESS, Shape.INTEGER], (None, 5)),
]


@pytest.mark.parametrize(("index", "parts", "wanted"), INDEXES)
def test_indexes(index: Oid, parts: list[Part | Shape], wanted: tuple[object, ...]) -> None:
    assert indexes.decode(index, parts) == wanted


@pytest.mark.parametrize(
    ("index", "parts", "message"),
    [
        ((), [Shape.INTEGER], "too early"),
        ((1, 2), [Shape.INTEGER], "longer than its parts"),
        ((5, 97), [Shape.VARIABLE], "4 sub-identifiers too early"),
        ((1, 2, 3, 256), [Shape.IP_ADDRESS], "has 256 where bytes should be"),
        ((1, 3, 1, 2, 3), [Shape.INET_ADDRESS], "no address of InetAddressType 1"),
    ],
)
def test_indexes_that_are_wrong(index: Oid, parts: list[Part | Shape], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        indexes.decode(index, parts)


def test_display_strings() -> None:
    assert textual.display_string(b"Cisco IOS\r\nversion 15\0\0") == "Cisco IOS version 15"
    assert textual.display_string("Büro".encode()) == textual.display_string("Büro".encode("latin-1")) == "Büro"
    assert textual.display_string(b"a\x1b[1mb\x7f\xc2\x85c") == "a [1mb c"
    assert textual.display_string(b"\0\0  ") is None


@given(st.binary())
def test_display_strings_never_fail(octets: bytes) -> None:
    text = textual.display_string(octets)
    assert text is None or text.isprintable() or not text.isascii()


def test_physical_addresses() -> None:
    assert textual.phys_address(b"\0\x11\x22\x33\x44\xff") == "00:11:22:33:44:ff"
    assert (
        textual.phys_address(b"0:11:22:33:44:FF\0") == textual.phys_address(b"00-11-22-33-44-ff") == "00:11:22:33:44:ff"
    )
    assert (
        textual.phys_address(bytes(6))
        is textual.phys_address(b"")
        is textual.phys_address(b"no address at all")
        is None
    )


def test_dates() -> None:
    # the example of RFC 2579: 1992-5-26,13:30:15.0,-4:0
    eastern = datetime.timezone(-datetime.timedelta(hours=4))
    given = bytes((7, 200, 5, 26, 13, 30, 15, 0, ord("-"), 4, 0))
    assert textual.date_and_time(given) == datetime.datetime(1992, 5, 26, 13, 30, 15, tzinfo=eastern)
    assert textual.date_and_time(given[:8]) == datetime.datetime(1992, 5, 26, 13, 30, 15)  # noqa: DTZ001  # has none
    leap = textual.date_and_time(bytes((7, 224, 12, 31, 23, 59, 60, 9)))
    assert leap is not None and (leap.second, leap.microsecond) == (59, 900000)
    for bad in (b"", bytes(8), bytes((7, 200, 13, 1, 0, 0, 0, 0)), given[:8] + b"x\0\0", b"2024-01-01"):
        assert textual.date_and_time(bad) is None


def test_other_conventions() -> None:
    assert textual.time_ticks(123456) == datetime.timedelta(seconds=1234, milliseconds=560)
    assert [textual.truth_value(number) for number in (1, 2, 0, 3)] == [True, False, None, None]
    assert textual.inet_address(3, bytes((192, 0, 2, 1, 0, 0, 1, 0))) == "192.0.2.1%256"
    assert textual.inet_address(16, b"sw1.example") == "sw1.example"
    assert textual.inet_address(1, b"192.0.2.1") is textual.inet_address(0, b"") is None


VALUES: list[tuple[bytes, Kind, object]] = [
    (badsnmp.integer(-5), Kind.INTEGER, -5),
    (badsnmp.integer(2**32 - 1, 0x41), Kind.COUNTER32, 2**32 - 1),
    (b"\x41\x04\xff\xff\xff\xff", Kind.COUNTER32, 2**32 - 1),  # sent as if it were signed
    (badsnmp.integer(2**64 - 1, 0x46), Kind.COUNTER64, 2**64 - 1),
    (badsnmp.integer(2**32, 0x42), Kind.UNKNOWN, b"\x01\x00\x00\x00\x00"),
    (b"\x43\x01\x07", Kind.TIME_TICKS, 7),
    (b"\x02\x00", Kind.INTEGER, 0),
    (badsnmp.octets(bytes(300)), Kind.OCTETS, bytes(300)),
    (badsnmp.oid((2, 100, 3)), Kind.OID, (2, 100, 3)),
    (b"\x06\x00", Kind.UNKNOWN, b""),
    (b"\x40\x04\xc0\x00\x02\x01", Kind.IP_ADDRESS, "192.0.2.1"),
    (b"\x40\x10" + bytes(16), Kind.UNKNOWN, bytes(16)),
    (b"\x44\x07\x9f\x78\x04\x3f\x80\x00\x00", Kind.FLOAT, 1.0),
    (b"\x44\x0b\x9f\x79\x08\x3f\xf0" + bytes(6), Kind.DOUBLE, 1.0),
    (b"\x44\x02ab", Kind.OPAQUE, b"ab"),
    (b"\x05\x00", Kind.NULL, None),
    (b"\x80\x00", Kind.NO_SUCH_OBJECT, None),
    (b"\x81\x00", Kind.NO_SUCH_INSTANCE, None),
    (b"\x82\x00", Kind.END_OF_MIB_VIEW, None),
    (b"\x30\x00", Kind.UNKNOWN, b""),
]


@pytest.mark.parametrize(("sent", "kind", "data"), VALUES)
def test_values(sent: bytes, kind: Kind, data: object) -> None:
    content = badsnmp.bind((1, 3, 6, 1, 200, 70000), sent)
    assert ber.variables(content, 0, len(content)) == [Var((1, 3, 6, 1, 200, 70000), kind, data)]  # type: ignore[arg-type]


@given(st.binary(max_size=80), st.integers(0, 120), st.integers(0, 255))
def test_no_bytes_break_the_reader(noise: bytes, at: int, byte: int) -> None:
    good = badsnmp.message(7, [badsnmp.bind((1, 3, 6, 1, 2, 1), value) for value, _, _ in VALUES[:9]])
    for data in (noise, good[:at], good[:at] + bytes((byte,)) + good[at + 1 :], good[:at] + noise):
        try:
            _, answer = messages.read_community(data, 2)
        except ber.BerError:
            continue
        assert all(isinstance(var.kind, Kind) for var in answer.variables)


def test_repetitions_grow_to_what_is_whole_and_quick() -> None:
    learnt = Repetitions()
    for _ in range(3):
        learnt.answered(learnt.value, learnt.value, 0.01)
    assert learnt.value == learnt.most == 64
    learnt.answered(64, 64, 2.0)
    assert learnt.value == 48  # slow
    learnt.answered(48, 20, 0.01)
    assert learnt.value == 48  # cut short: more would be of no use


def test_repetitions_halve_and_remember_the_ceiling() -> None:
    learnt = Repetitions()
    assert learnt.failed(16)
    assert (learnt.value, learnt.ceiling) == (8, 15)
    for _ in range(10):
        learnt.answered(learnt.value, learnt.value, 0.01)
    assert learnt.value == 15
    for _ in range(10):
        learnt.answered(learnt.value, learnt.value, 0.01)
    assert learnt.value > 15  # tried again after a run of good answers
    assert [Repetitions(value=1).failed(1), Repetitions(value=2).failed(2)] == [False, True]


def column(*rows: int, bound: int = 9) -> Column:
    made = Column((1, 3, 5), bound)
    for row in rows:
        made.take(Var((1, 3, 5, row), Kind.INTEGER, row))
    return made


def test_columns_end() -> None:
    made = column(1, 2)
    assert made.open and made.last == (1, 3, 5, 2)
    assert not made.take(Var((1, 3, 6, 1), Kind.INTEGER, 1))
    assert made.ended and not made.cut
    empty = column()
    empty.take(Var((1, 3, 5), Kind.END_OF_MIB_VIEW, None))
    assert empty.ended


def test_columns_cut_loops_and_bounds() -> None:
    looped = column(1, 2, 3, 2)
    assert looped.cut and (looped.cut.why, looped.cut.after) == (Why.LOOP, (1, 3, 5, 3))
    assert looped.cut.detail == "1.3.5.2 came again after 1.3.5.3"
    # backwards, then onto a name that was seen: a loop that jumps
    jumped = column(5, 9, 2, 5)
    assert jumped.cut and jumped.cut.why is Why.LOOP and Quirk.NOT_INCREASING in jumped.quirks
    bounded = column(*range(1, 20))
    assert bounded.cut and bounded.cut.why is Why.BOUND and len(bounded.variables) == 9
    assert Quirk.DUPLICATES in column(1, 1, 2).quirks and len(column(1, 1, 2).variables) == 2


def test_rows_cut_short_belong_to_the_front_columns() -> None:
    one, two = Column((1, 3, 5), 9), Column((1, 3, 6), 9)
    answer = [Var((1, 3, 5 + at % 2, at), Kind.INTEGER, at) for at in range(3)]
    assert share([one, two], answer) == 3
    assert (one.last, two.last) == ((1, 3, 5, 2), (1, 3, 6, 1))


def test_pace() -> None:
    async def run() -> tuple[int, float, Pace]:
        pace = Pace(in_flight=2, gap_s=0.02, variables=5)
        inside, most = 0, 0

        async def one() -> None:
            nonlocal inside, most
            async with pace.turn():
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0.05)
                inside -= 1

        start = time.monotonic()
        await asyncio.gather(*(one() for _ in range(6)))
        return most, time.monotonic() - start, pace

    most, took_s, pace = asyncio.run(run())
    assert (most, pace.requests, pace.exhausted()) == (2, 6, None)
    assert took_s >= 0.1  # five gaps
    pace.spend([Var((1, 3), Kind.OCTETS, b"x" * 1024)])  # a long value counts for more
    assert pace.exhausted() is Why.VARIABLES
    assert Pace(seconds=0).exhausted() is Why.TIME
