"""Accounts by number, as evidence names them."""

from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host

#: What the kernel says of a process that no login began (audit(7)): (uid_t) -1.
_UNSET = (-1, 0xFFFFFFFF)


def name_of(host: Host, number: int) -> str:
    """Return an account's name, or its number where /etc/passwd has none."""
    try:
        text = host.read("/etc/passwd") or ""
    except UnreadableError:
        text = ""
    for line in text.splitlines():
        fields = line.split(":", 3)
        if len(fields) == 4 and fields[2] == str(number):
            return fields[0]
    return str(number)


def shown(host: Host, number: int) -> str:
    """Return who asked, as apt's log says it: "alice (1000)"; empty for root and where nobody knows."""
    return "" if number in _UNSET or number == 0 else f"{name_of(host, number)} ({number})"
