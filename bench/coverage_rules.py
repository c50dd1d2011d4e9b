"""When two inventories' words for a value are the same value: named rules, each a pure function of two texts."""

import ipaddress
import re
from collections.abc import Callable
from datetime import UTC, datetime

Rule = Callable[[str, str], bool]

_UNITS = {"": 1, "b": 1, "bytes": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
#: No size has more.
_DIGITS = 30
_NUMBER = re.compile(r"\s*([\d.]+)\s*([a-zA-Z]*)")


def folded(value: str) -> str:
    """Return a text with its white space folded."""
    return " ".join(value.split())


def in_units(theirs: str, ours: str) -> bool:
    """Bytes against a number with a binary unit: as exact as its digits are."""
    found = _NUMBER.match(theirs)
    if found is None or not ours.isdigit() or len(ours) > _DIGITS or len(found[1]) > _DIGITS:
        return False
    word = found[2].lower()
    unit = _UNITS.get(word, _UNITS.get(word[:1], 0))
    digits = len(found[1].partition(".")[2])
    if found[1].count(".") > 1 or found[1] == ".":
        return False
    return unit > 0 and abs(float(found[1]) - int(ours) / unit) <= 0.5 * 10**-digits + 1e-9


def scaled(factor: int) -> Rule:
    """Return the rule for a number in units of `factor`, rounded either way."""

    def rule(theirs: str, ours: str) -> bool:
        try:
            return abs(float(theirs.split()[0]) - float(ours) / factor) < 1
        except (ValueError, IndexError, OverflowError):
            return False

    return rule


def netmask(theirs: str, ours: str) -> bool:
    """An address with prefix has this mask."""
    try:
        return ipaddress.ip_address(theirs) == ipaddress.ip_interface(ours).netmask
    except ValueError:
        return False


def network(theirs: str, ours: str) -> bool:
    """An address with prefix is in the network of this address."""
    try:
        return ipaddress.ip_address(theirs) == ipaddress.ip_interface(ours).network.network_address
    except ValueError:
        return False


def length(theirs: str, ours: str) -> bool:
    """An address with prefix has this prefix length."""
    return ours.rpartition("/")[2] == theirs


def address(theirs: str, ours: str) -> bool:
    """An address, whatever its prefix length and zone."""
    try:
        return ipaddress.ip_address(theirs.partition("%")[0]) == ipaddress.ip_interface(ours).ip
    except ValueError:
        return False


def number(theirs: str, ours: str) -> bool:
    """Whole numbers, decimal or hexadecimal."""
    try:
        return int(theirs, 0) == int(ours, 0)
    except ValueError:
        return False


def day(theirs: str, ours: str) -> bool:
    """A date or time, whose day or second an epoch names."""
    if not ours.isdigit() or len(ours) > 11:
        return False
    when = datetime.fromtimestamp(int(ours), UTC)
    return folded(theirs).replace("/", "-") in (
        f"{when:%Y-%m-%d %H:%M:%S}",
        f"{when:%Y-%m-%d %H:%M}",
        f"{when:%Y-%m-%d}",
    )


def second(theirs: str, ours: str) -> bool:
    """A time to the second or two."""
    try:
        when = datetime.fromisoformat(theirs).replace(tzinfo=UTC)
        return abs(when.timestamp() - int(ours)) <= 2
    except (ValueError, OverflowError):
        return False


def truth(theirs: str, ours: str) -> bool:
    """Yes or no, in any words."""
    yes = theirs.lower() in ("1", "true", "yes", "on", "enabled", "up")
    return ours in ("true", "false", "up", "down") and yes == (ours in ("true", "up"))


RULES: dict[str, Rule] = {
    "equal": lambda theirs, ours: folded(theirs) == folded(ours),
    "case": lambda theirs, ours: folded(theirs).lower() == folded(ours).lower(),
    "begins": lambda theirs, ours: folded(ours).lower().startswith(folded(theirs).lower()),
    "begun by": lambda theirs, ours: bool(ours) and folded(theirs).lower().startswith(folded(ours).lower()),
    "in": lambda theirs, ours: folded(theirs).lower() in folded(ours).lower(),
    "contains": lambda theirs, ours: bool(ours) and folded(ours).lower() in folded(theirs).lower(),
    "units": in_units,
    "KiB": scaled(1 << 10),
    "MiB": scaled(1 << 20),
    "MB": scaled(1_000_000),
    "sectors": scaled(512),
    "MHz": scaled(1_000_000),
    "number": number,
    "netmask": netmask,
    "network": network,
    "length": length,
    "address": address,
    "day": day,
    "second": second,
    "truth": truth,
    "not": lambda theirs, ours: not truth(theirs, ours) and ours in ("true", "false"),
    "there": lambda theirs, ours: True,
    "time zone": lambda theirs, ours: ours.rpartition("/")[2] == theirs,
    "options": lambda theirs, ours: set(theirs.split(",")) - {"bind"} <= set(ours.split()),
    "dotted": lambda theirs, ours: ours in theirs.split(".") or ours == theirs,
}


def rule_of(name: str) -> Rule:
    """Return the rule of a name; ``A=b,C=d`` is a table of words.

    ``key NAME`` compares the word NAME of the pattern in place of the value.

    :raises KeyError: where there is none.
    """
    if name.startswith("key "):
        return RULES["equal"]
    if "=" not in name:
        return RULES[name]
    table = dict(pair.split("=", 1) for pair in name.split(","))
    return lambda theirs, ours: table.get(theirs, theirs) == ours
