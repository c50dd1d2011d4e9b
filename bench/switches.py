"""What a simulated access switch answers: every table that a switch of this kind has, of the size that they have.

Names and numbers are as a stackable switch with 48 ports for power over Ethernet fills them; half of the ports have
someone behind them, every fourth of those speaks LLDP and CDP.
"""

from collections.abc import Callable, Iterable

from tests.support.badsnmp import Arcs, integer, octets, oid, tlv

_MIB2 = (1, 3, 6, 1, 2, 1)
_IF, _IFX = (*_MIB2, 2, 2, 1), (*_MIB2, 31, 1, 1, 1)
_CISCO = (1, 3, 6, 1, 4, 1, 9, 9)
_COUNTER, _GAUGE, _TICKS, _COUNTER64, _IP = 0x41, 0x42, 0x43, 0x46, 0x40
_VLANS = (1, 10, 20, 30, 40, 50, 60, 70, 80, 99)

Value = Callable[[int], bytes]


def _mac(at: int, maker: int = 0x1B54) -> bytes:
    return bytes([0, maker >> 8, maker & 255, 1, at >> 8, at & 255])


def _column(out: dict[Arcs, bytes], base: Arcs, arc: int, indexes: Iterable[Arcs], value: Value) -> None:
    for index in indexes:
        out[*base, arc, *index] = value(index[-1])


def _table(out: dict[Arcs, bytes], base: Arcs, indexes: Iterable[Arcs], columns: dict[int, Value]) -> None:
    rows = list(indexes)
    for arc, value in columns.items():
        _column(out, base, arc, rows, value)


def _number(value: int, tag: int = 2) -> Value:
    return lambda _: integer(value, tag)


def _text(form: str) -> Value:
    return lambda at: octets(form.format(at).encode())


def rows(interfaces: int) -> dict[Arcs, bytes]:
    """Return what one switch answers, by name."""
    out: dict[Arcs, bytes] = {}
    _system(out, interfaces)
    _interfaces(out, interfaces)
    _bridge(out, interfaces)
    _neighbours(out, interfaces)
    _parts(out, interfaces)
    _power(out, interfaces)
    return out


def _system(out: dict[Arcs, bytes], interfaces: int) -> None:
    description = (
        b"Cisco IOS Software [Cupertino], Catalyst L3 Switch Software (CAT9K_IOSXE), Version 17.9.4a, RELEASE SOFTWARE"
        b" (fc3)\r\nTechnical Support: http://www.cisco.com/techsupport"
    )
    system = (*_MIB2, 1)
    out[*system, 1, 0] = octets(description)
    out[*system, 2, 0] = oid((1, 3, 6, 1, 4, 1, 9, 1, 2494))
    out[*system, 3, 0] = integer(123_456_789, _TICKS)
    out[*system, 4, 0] = octets(b"network operations")
    out[*system, 5, 0] = octets(b"sw.example.org")
    out[*system, 6, 0] = octets(b"building 2, floor 3")
    out[*system, 7, 0] = integer(6)
    out[1, 3, 6, 1, 6, 3, 10, 2, 1, 1, 0] = octets(bytes.fromhex("800000090300001b54000100"))
    out[*_MIB2, 2, 1, 0] = integer(interfaces)
    used = integer(400_000_000, _GAUGE)
    out[*_CISCO, 48, 1, 1, 1, 5, 1], out[*_CISCO, 48, 1, 1, 1, 6, 1] = used, used
    out[*_CISCO, 48, 1, 1, 1, 2, 1] = octets(b"Processor")
    out[*_CISCO, 109, 1, 1, 1, 1, 2, 1] = integer(1000)
    out[*_CISCO, 109, 1, 1, 1, 1, 7, 1] = integer(7, _GAUGE)
    out[*_CISCO, 109, 1, 1, 1, 1, 8, 1] = integer(9, _GAUGE)


def _interfaces(out: dict[Arcs, bytes], interfaces: int) -> None:
    ports = [(at,) for at in range(1, interfaces + 1)]
    _table(
        out,
        _IF,
        ports,
        {
            1: integer,
            2: _text("GigabitEthernet1/0/{}"),
            3: _number(6),
            4: _number(1500),
            5: _number(1_000_000_000, _GAUGE),
            6: lambda at: octets(_mac(at)),
            7: _number(1),
            8: lambda at: integer(1 + at % 2),
            9: _number(4242, _TICKS),
            10: lambda at: integer(at * 1_000_003, _COUNTER),
            11: lambda at: integer(at * 2003, _COUNTER),
            13: lambda at: integer(at, _COUNTER),
            14: _number(0, _COUNTER),
            16: lambda at: integer(at * 2_000_003, _COUNTER),
            17: lambda at: integer(at * 3003, _COUNTER),
            19: _number(0, _COUNTER),
            20: _number(0, _COUNTER),
        },
    )
    _table(
        out,
        _IFX,
        ports,
        {
            1: _text("Gi1/0/{}"),
            6: lambda at: integer(at * 7_000_000_003, _COUNTER64),
            10: lambda at: integer(at * 5_000_000_003, _COUNTER64),
            15: _number(1000, _GAUGE),
            16: _number(2),
            17: _number(1),
            18: _text("to desk {}"),
            19: _number(0, _TICKS),
        },
    )
    _column(out, (*_MIB2, 10, 7, 2, 1), 19, ports, _number(3))
    address = (10, 1, 2, 3)
    out[*_MIB2, 4, 20, 1, 1, *address] = tlv(_IP, bytes(address))
    out[*_MIB2, 4, 20, 1, 2, *address] = integer(interfaces)
    out[*_MIB2, 4, 20, 1, 3, *address] = tlv(_IP, bytes((255, 255, 255, 0)))
    for at in range(1, 21):
        index = (interfaces, 10, 1, 2, 10 + at)
        out[*_MIB2, 4, 22, 1, 1, *index] = integer(interfaces)
        out[*_MIB2, 4, 22, 1, 2, *index] = octets(_mac(at, 0x5056))
        out[*_MIB2, 4, 22, 1, 3, *index] = tlv(_IP, bytes((10, 1, 2, 10 + at)))
        out[*_MIB2, 4, 22, 1, 4, *index] = integer(3)


def _bridge(out: dict[Arcs, bytes], interfaces: int) -> None:
    bridge, extended = (*_MIB2, 17), (*_MIB2, 17, 7, 1)
    ports = [(at,) for at in range(1, interfaces + 1)]
    root = bytes([0x80, 1]) + _mac(9999)
    for arcs, value in {
        (1, 1): octets(_mac(0)),
        (2, 1): integer(3),
        (2, 2): integer(32769),
        (2, 5): octets(root),
        (2, 7): integer(interfaces),
        (2, 12): integer(2000),
        (2, 13): integer(200),
        (2, 14): integer(1500),
        (2, 16): integer(2),
    }.items():
        out[*bridge, *arcs, 0] = value
    _column(out, (*bridge, 1, 4, 1), 2, ports, integer)
    _table(
        out,
        (*bridge, 2, 15, 1),
        ports,
        {2: _number(128), 3: _number(5), 4: _number(1), 5: _number(4), 6: lambda _: octets(root), 11: _number(20000)},
    )
    _table(
        out,
        (*extended, 4, 5, 1),
        ports,
        {1: lambda at: integer(_VLANS[at % len(_VLANS)]), 2: _number(1), 3: _number(1)},
    )
    members = octets(b"\xff" * ((interfaces + 7) // 8))
    _table(
        out,
        (*extended, 4, 2, 1),
        [(0, vlan) for vlan in _VLANS],
        {3: integer, 4: lambda _: members, 5: lambda _: members, 6: _number(2)},
    )
    _table(
        out,
        (*extended, 4, 3, 1),
        [(vlan,) for vlan in _VLANS],
        {1: _text("vlan-{}"), 2: lambda _: members, 4: lambda _: members, 5: _number(1)},
    )
    _table(
        out,
        (*extended, 2, 2, 1),
        [(_VLANS[at % len(_VLANS)], *_mac(at, 0x5056)) for at in range(200)],
        {2: lambda arc: integer(1 + arc % interfaces), 3: _number(3)},
    )


def _neighbours(out: dict[Arcs, bytes], interfaces: int) -> None:
    lldp = (1, 0, 8802, 1, 1, 2, 1)
    ports = [(at,) for at in range(1, interfaces + 1)]
    out[*lldp, 3, 1, 0], out[*lldp, 3, 2, 0] = integer(4), octets(_mac(0))
    _table(out, (*lldp, 3, 7, 1), ports, {2: _number(5), 3: _text("Gi1/0/{}"), 4: _text("GigabitEthernet1/0/{}")})
    heard = [(0, at, at) for at in range(1, interfaces + 1, 8)]
    _table(
        out,
        (*lldp, 4, 1, 1),
        heard,
        {
            4: _number(4),
            5: lambda at: octets(_mac(at, 0x0C75)),
            6: _number(5),
            7: _text("port {}"),
            8: _text("GigabitEthernet0"),
            9: _text("ap-{}.example.org"),
            10: _text("Cisco AP Software, ap1g7-k9w8 Version: 17.9.4.27"),
            11: lambda _: octets(b"\x28\x00"),
            12: lambda _: octets(b"\x20\x00"),
        },
    )
    for index in heard:
        for arc in (3, 4):
            out[*lldp, 4, 2, 1, arc, *index, 1, 4, 10, 1, 3, index[-1]] = integer(2)
    _table(
        out,
        (*_CISCO, 23, 1, 2, 1, 1),
        [(at, 1) for at in range(1, interfaces + 1, 8)],
        {
            3: _number(1),
            4: lambda at: octets(bytes((10, 1, 3, at))),
            5: _text("Cisco AP Software 17.9.4.27"),
            6: _text("ap-{}.example.org"),
            7: _text("GigabitEthernet0"),
            8: _text("cisco C9120AXI-E"),
            9: lambda _: octets(b"\0\0\0\x02"),
        },
    )


def _parts(out: dict[Arcs, bytes], interfaces: int) -> None:
    entity = (*_MIB2, 47, 1, 1, 1, 1)
    kinds = {1: 3, 2: 9, 3: 6, 4: 6, 5: 7, 6: 7, 7: 7} | dict.fromkeys(range(8, 16), 8)
    kinds |= {1000 + at: 10 for at in range(1, interfaces + 1)}
    _table(
        out,
        entity,
        [(at,) for at in sorted(kinds)],
        {
            2: _text("Part {} of a switch"),
            3: lambda _: oid((1, 3, 6, 1, 4, 1, 9, 12, 3, 1, 3, 2494)),
            4: lambda at: integer(0 if at == 1 else 2 if at > 1000 else 1),
            5: lambda at: integer(kinds[at]),
            6: lambda at: integer(at % 1000),
            7: lambda at: octets(f"Gi1/0/{at - 1000}".encode() if at > 1000 else f"Part {at}".encode()),
            8: lambda at: octets(b"V02" if at < 8 else b""),
            9: lambda at: octets(b"17.9.1r" if at == 1 else b""),
            10: lambda at: octets(b"17.9.4a" if at == 1 else b""),
            11: lambda at: octets(f"FCW2345L0{at:02}".encode() if at < 8 else b""),
            12: lambda at: octets(b"Cisco" if at < 8 else b""),
            13: lambda at: octets(b"C9300-48P" if at == 1 else b""),
            16: lambda at: integer(1 if at < 5 else 2),
        },
    )
    out[*_MIB2, 47, 1, 4, 1, 0] = integer(5000, _TICKS)
    for at in range(1, interfaces + 1):
        out[*_MIB2, 47, 1, 3, 2, 1, 2, 1000 + at, 0] = oid((*_IF, 1, at))
    _table(
        out,
        (*_MIB2, 99, 1, 1, 1),
        [(at,) for at in range(8, 16)],
        {1: _number(8), 2: _number(9), 3: _number(0), 4: lambda at: integer(20 + at), 5: _number(1)},
    )


def _power(out: dict[Arcs, bytes], interfaces: int) -> None:
    poe = (*_MIB2, 105, 1)
    _table(
        out,
        (*poe, 1, 1),
        [(1, at) for at in range(1, interfaces + 1)],
        {3: _number(1), 6: lambda at: integer(2 + at % 2), 7: _number(3), 9: _text("desk {}"), 10: _number(4)},
    )
    group = {2: integer(740, _GAUGE), 3: integer(1), 4: integer(123, _GAUGE), 5: integer(80)}
    for arc, value in group.items():
        out[*poe, 3, 1, 1, arc, 1] = value
    _column(out, (*_CISCO, 402, 1, 2, 1), 9, [(1, at) for at in range(1, interfaces + 1)], lambda at: integer(at * 100))
