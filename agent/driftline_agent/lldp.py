"""What lldpd has heard of its neighbours, as lldpctl prints it in any of its formats, and what systemd-networkd keeps.

Source: lldpctl(8) -f json, json0, keyvalue, plain; /run/systemd/netif/lldp (a length and a frame each, sd-lldp-rx.c);
IEEE 802.1AB clause 8 (TLVs).
"""

import json
import re
import socket
import struct
from collections.abc import Iterator
from typing import Any

from driftline import late
from driftline.v1.facts_pb2 import LldpNeighbour
from driftline_agent.errors import UnreadableError

_PLAIN = late.pattern(r"^(\s*)([\w/ -]+?):\s*(.*)$")
#: Names of the plain format to those of the others.
_PLAIN_NAMES = {
    "SysName": "chassis.name",
    "SysDescr": "chassis.descr",
    "MgmtIP": "chassis.mgmt-ip",
    "PortDescr": "port.descr",
    "TTL": "port.ttl",
    "MFS": "port.mfs",
}
#: System capabilities by their bits, as lldpd writes them: IEEE 802.1AB 8.5.8.
CAPABILITIES = ("Other", "Repeater", "Bridge", "Wlan", "Router", "Tel", "Docsis", "Station")

#: A neighbour as names with their values; a value of a capability or VLAN is a dictionary.
_Values = dict[str, list[Any]]


def _number(text: object) -> int | None:
    word = str(text)
    return int(word) if word.isascii() and word.isdigit() and len(word) < 10 else None


def _build(interface: str, values: _Values) -> LldpNeighbour | None:
    def first(name: str) -> str:
        found = values.get(name)
        return str(found[0]).strip() if found else ""

    out = LldpNeighbour(
        interface=interface,
        chassis_id=first("chassis.id"),
        port_id=first("port.id"),
        protocol=first("via"),
        system_name=first("chassis.name"),
        system_description=first("chassis.descr"),
        port_description=first("port.descr"),
    )
    if not out.chassis_id:
        return None
    out.management_addresses.extend(sorted(set(map(str, values.get("chassis.mgmt-ip", [])))))
    out.capabilities.extend(sorted(set(map(str, values.get("capability", [])))))
    for name, field in (("port.ttl", "ttl"), ("port.mfs", "max_frame_size")):
        number = _number(first(name) or first(name.replace("port.ttl", "ttl")))
        if number is not None:
            setattr(out, field, number)
    for number_text, untagged, name in values.get("vlan", []):
        number = _number(number_text)
        if number is not None:
            if untagged:
                out.port_vlan = number
            if name:
                out.vlans.append(f"{number} {name}")
    out.vlans.sort()
    return out


def _each(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _leaf(value: object) -> str:
    return str(value.get("value", "")) if isinstance(value, dict) else str(value)


def _true(value: object) -> bool:
    return value in (True, "on", "yes", "true")


def _named(value: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield names and contents of ``{"eth0": {...}}`` or ``{"name": "eth0", ...}``, alone or in lists."""
    for entry in _each(value):
        if not isinstance(entry, dict):
            continue
        if isinstance(entry.get("name"), str):
            yield entry["name"], entry
            continue
        for name, below in entry.items():
            for one in _each(below):
                if isinstance(one, dict):
                    yield name, one


def parse_json(text: str) -> list[LldpNeighbour]:
    """Return the neighbours of ``-f json`` or ``-f json0``.

    :raises UnreadableError: where it is not JSON.
    """
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"lldpctl: no JSON: {error}") from error
    out: list[LldpNeighbour] = []
    for lldp in _each(whole.get("lldp") if isinstance(whole, dict) else None):
        if not isinstance(lldp, dict):
            continue
        for interface, entry in _named(lldp.get("interface")):
            found = _build(interface, _json_values(entry))
            if found is not None:
                out.append(found)
    return out


def _json_values(entry: dict[str, Any]) -> _Values:
    values: _Values = {"via": _each(entry.get("via"))}
    for chassis in _each(entry.get("chassis")):
        if not isinstance(chassis, dict):
            continue
        name = ""
        if "id" not in chassis:  # the system's name stands above it
            name, chassis = next(_named(chassis), ("", {}))
        values["chassis.name"] = [name] if name else [_leaf(one) for one in _each(chassis.get("name"))]
        for key in ("id", "descr", "mgmt-ip"):
            values[f"chassis.{key}"] = [_leaf(one) for one in _each(chassis.get(key))]
        values["capability"] = [
            one["type"]
            for one in _each(chassis.get("capability"))
            if isinstance(one, dict) and _true(one.get("enabled")) and isinstance(one.get("type"), str)
        ]
    for port in _each(entry.get("port")):
        if isinstance(port, dict):
            for key in ("id", "descr", "ttl", "mfs"):
                values[f"port.{key}"] = [_leaf(one) for one in _each(port.get(key))]
    values["ttl"] = [_leaf(one) for one in _each(entry.get("ttl"))]
    values["vlan"] = [
        (one.get("vlan-id"), _true(one.get("pvid")), str(one.get("value", "")))
        for one in _each(entry.get("vlan"))
        if isinstance(one, dict)
    ]
    return values


def parse_keyvalue(text: str) -> list[LldpNeighbour]:
    """Return the neighbours of ``-f keyvalue``: ``lldp.eth0.chassis.name=switch``; each begins with ``via``."""
    out: list[LldpNeighbour] = []
    interface, values = "", _Values()
    for line in text.splitlines():
        path, equals, value = line.partition("=")
        match = re.fullmatch(
            r"lldp\.(.+?)\.(via|rid|age|(?:chassis|port|vlan|ppvid|pi|lldp-med|unknown-tlvs)(?:\..*)?)", path
        )
        if not equals or match is None:
            continue
        name = match[2]
        if name == "via":
            out += filter(None, [_build(interface, values)])
            interface, values = match[1], {}
        kind, _, below = name.partition(".")
        if below in ("mac", "ip", "ifname", "local", "ifalias", "unhandled", "subtype", "port-component"):
            values.setdefault(f"{kind}.id", []).append(value)
        elif kind == "chassis" and below.endswith(".enabled"):
            if _true(value):
                values.setdefault("capability", []).append(below.removesuffix(".enabled"))
        elif name == "vlan.vlan-id":
            values.setdefault("vlan", []).append((value, False, ""))
        elif kind == "vlan" and values.get("vlan"):
            number, untagged, label = values["vlan"][-1]
            values["vlan"][-1] = (number, _true(value), label) if below == "pvid" else (number, untagged, value)
        else:
            values.setdefault(name, []).append(value)
    out += filter(None, [_build(interface, values)])
    return out


def parse_plain(text: str) -> list[LldpNeighbour]:
    """Return the neighbours of lldpctl's format for people."""
    out: list[LldpNeighbour] = []
    interface, values = "", _Values()
    for line in text.splitlines():
        match = _PLAIN.match(line)
        if match is None:
            continue
        name, value = match[2], match[3].strip()
        if name == "Interface":
            out += filter(None, [_build(interface, values)])
            words = dict(part.partition(": ")[::2] for part in f"name: {value}".split(", "))
            interface, values = words.get("name", ""), {"via": [words.get("via", "")]}
        elif name in ("ChassisID", "PortID"):
            values[f"{name[:-2].lower()}.id"] = [value.partition(" ")[2]]
        elif name == "Capability":
            kind, _, enabled = value.partition(", ")
            if _true(enabled):
                values.setdefault("capability", []).append(kind)
        elif name == "VLAN":
            vlan = re.match(r"(\d+)(?:, pvid: (\w+))?\s*(.*)", value)
            if vlan is not None:
                values.setdefault("vlan", []).append((vlan[1], _true(vlan[2]), vlan[3]))
        elif name in _PLAIN_NAMES:
            values.setdefault(_PLAIN_NAMES[name], []).append(value)
    out += filter(None, [_build(interface, values)])
    return out


def parse(text: str) -> list[LldpNeighbour]:
    """Return the neighbours in any of lldpctl's formats but XML, sorted by key.

    :raises UnreadableError: where it is none of these.
    """
    stripped = text.lstrip()
    if stripped.startswith("{"):
        found = parse_json(text)
    elif stripped.startswith("lldp."):
        found = parse_keyvalue(text)
    else:
        found = parse_plain(text)
    return _sorted(found)


def _sorted(found: list[LldpNeighbour]) -> list[LldpNeighbour]:
    by_key = {(one.interface, one.chassis_id, one.port_id): one for one in found}
    return [by_key[key] for key in sorted(by_key)]


def chassis_id(data: bytes) -> str:
    """Return a chassis id after its subtype, as lldpd writes it: IEEE 802.1AB 8.5.2."""
    return _identifier(data, mac=4, address=5)


def port_id(data: bytes) -> str:
    """Return a port id after its subtype, as lldpd writes it: IEEE 802.1AB 8.5.3."""
    return _identifier(data, mac=3, address=4)


def _identifier(data: bytes, *, mac: int, address: int) -> str:
    """Return a chassis' or port's id. The subtypes of MAC and network address differ between the two."""
    kind, rest = data[0], data[1:]
    if kind == mac:
        return rest.hex(":")
    if kind == address:
        return _address(rest)
    return rest.decode("utf-8", "replace").rstrip("\0")


def _address(data: bytes) -> str:
    """Return an address after its IANA family number."""
    if data[:1] == b"\1" and len(data) == 5:
        return socket.inet_ntop(socket.AF_INET, data[1:])
    if data[:1] == b"\2" and len(data) == 17:
        return socket.inet_ntop(socket.AF_INET6, data[1:])
    return data[1:].hex(":")


def parse_frame(frame: bytes, interface: str) -> LldpNeighbour | None:
    """Return the neighbour that sent an Ethernet frame with an LLDP data unit; None where it is none."""
    if frame[12:14] != b"\x88\xcc":
        return None
    values: _Values = {"via": ["LLDP"]}
    position = 14
    while position + 2 <= len(frame):
        head = struct.unpack_from(">H", frame, position)[0]
        kind, length = head >> 9, head & 0x1FF
        data = frame[position + 2 : position + 2 + length]
        position += 2 + length
        if kind == 0 or len(data) < length:
            break
        if length:
            _add_tlv(values, kind, data)
    return _build(interface, values)


def _add_tlv(values: _Values, kind: int, data: bytes) -> None:
    if kind == 1:
        values["chassis.id"] = [chassis_id(data)]
    elif kind == 2:
        values["port.id"] = [port_id(data)]
    elif kind == 3 and len(data) >= 2:
        values["port.ttl"] = [int.from_bytes(data[:2], "big")]
    elif kind in (4, 5, 6):
        name = {4: "port.descr", 5: "chassis.name", 6: "chassis.descr"}[kind]
        values[name] = [data.decode("utf-8", "replace").rstrip("\0")]
    elif kind == 7 and len(data) >= 4:
        enabled = int.from_bytes(data[2:4], "big")
        values["capability"] = [name for bit, name in enumerate(CAPABILITIES) if enabled & 1 << bit]
    elif kind == 8 and len(data) > 1:
        values.setdefault("chassis.mgmt-ip", []).append(_address(data[1 : 1 + data[0]]))
    elif kind == 127 and data[:3] == b"\x00\x80\xc2":  # IEEE 802.1
        if data[3:4] == b"\1" and len(data) >= 6:
            values.setdefault("vlan", []).append((int.from_bytes(data[4:6], "big"), True, ""))
        elif data[3:4] == b"\3" and len(data) >= 7:
            name = data[7 : 7 + data[6]].decode("utf-8", "replace")
            values.setdefault("vlan", []).append((int.from_bytes(data[4:6], "big"), False, name))
    elif kind == 127 and data[:4] == b"\x00\x12\x0f\x04" and len(data) >= 6:  # IEEE 802.3, maximum frame size
        values["port.mfs"] = [int.from_bytes(data[4:6], "big")]


def parse_networkd(content: bytes, interface: str) -> list[LldpNeighbour]:
    """Return the neighbours in a file of systemd-networkd's."""
    out: list[LldpNeighbour] = []
    position = 0
    while position + 8 <= len(content):
        length = int.from_bytes(content[position : position + 8], "little")
        frame = content[position + 8 : position + 8 + length]
        position += 8 + length
        out += filter(None, [parse_frame(frame, interface)] if len(frame) == length else [])
    return _sorted(out)
