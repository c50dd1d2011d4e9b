"""Who made a device, by the enterprise number in its sysObjectID (IANA's registry of private enterprise numbers)."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

from driftline_agent.devices.snmp.values import Oid

#: Names of so few letters are words of something else too often.
_SHORT = 2
_ENTERPRISES: Oid = (1, 3, 6, 1, 4, 1)


@cache
def table() -> Mapping[int, str]:
    """Return makers by their number."""
    found = yaml.safe_load((Path(__file__).parent / "vendors.yaml").read_text())
    return {int(number): str(name) for number, name in found.items()}


def of(object_id: Oid | None) -> str | None:
    """Return a maker's name; None where the number is not known, or is that of an SNMP agent and not of a maker."""
    if object_id is None or object_id[:6] != _ENTERPRISES or len(object_id) < 7:
        return None
    return table().get(object_id[6])


def named(description: str) -> str | None:
    """Return the maker whose name begins a sysDescr; for devices whose sysObjectID is another's."""
    return next((name for name in _longest_first() if re.match(rf"{re.escape(name)}\b", description, re.I)), None)


@cache
def _longest_first() -> tuple[str, ...]:
    return tuple(sorted({name for name in table().values() if len(name) > _SHORT}, key=len, reverse=True))
