"""A walk in the form of snmpsim's recordings: one line a variable, ``OID|type|value``, sorted. Pure.

Source: snmpsim's documentation, "Simulation data file formats".
"""

import struct
from collections.abc import Iterable, Iterator

from driftline_agent.devices.snmp import oids
from driftline_agent.devices.snmp.values import NUMBERS, Kind, Oid, Var

#: Below the MIBs of SNMP itself (snmpModules, RFC 3418) only these are kept: snmpMIB and snmpFrameworkMIB. The others
#: tell of communities, users, views and targets.
_MODULES: Oid = (1, 3, 6, 1, 6, 3)
_HARMLESS = frozenset({1, 10})
#: Opaque that holds a number (net-snmp's NET-SNMP-TC): its tag within, and how it is packed.
_FLOATS = {Kind.FLOAT: (b"\x9f\x78\x04", ">f"), Kind.DOUBLE: (b"\x9f\x79\x08", ">d")}


def lines(variables: Iterable[Var], secrets: Iterable[bytes] = ()) -> Iterator[str]:
    """Yield the lines of a recording.

    :param secrets: octets that must not be in it: what has them in its value or name is left out.
    """
    hidden = [secret for secret in secrets if secret]
    for variable in sorted(variables, key=lambda one: one.oid):
        if not _tells(variable, hidden):
            text = _line(variable)
            if text is not None:
                yield text


def _tells(variable: Var, hidden: list[bytes]) -> bool:
    oid = variable.oid
    if oid[: len(_MODULES)] == _MODULES and len(oid) > len(_MODULES) and oid[len(_MODULES)] not in _HARMLESS:
        return True
    name = bytes(arc if arc < 256 else 0 for arc in oid)
    value = variable.data if isinstance(variable.data, bytes) else b""
    return any(secret in value or secret in name for secret in hidden)


def _line(variable: Var) -> str | None:
    oid, kind, data = variable
    head = oids.show(oid)
    if kind in _FLOATS and isinstance(data, float):
        tag, form = _FLOATS[kind]
        return f"{head}|{int(Kind.OPAQUE)}x|{(tag + struct.pack(form, data)).hex()}"
    if kind in NUMBERS and isinstance(data, int):
        return f"{head}|{int(kind)}|{data}"
    if kind is Kind.OID and isinstance(data, tuple):
        return f"{head}|{int(kind)}|{oids.show(data)}"
    if kind is Kind.IP_ADDRESS and isinstance(data, str):
        return f"{head}|{int(kind)}|{data}"
    if kind in (Kind.OCTETS, Kind.OPAQUE) and isinstance(data, bytes):
        if kind is Kind.OCTETS and all(32 <= byte < 127 for byte in data):
            return f"{head}|{int(kind)}|{data.decode()}"
        return f"{head}|{int(kind)}x|{data.hex()}"
    return None  # nothing that a recording can hold
