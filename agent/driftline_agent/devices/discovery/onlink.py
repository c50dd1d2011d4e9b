"""Who is on the agent's own links, by ARP and NDP, as the kernel found when it was made to ask."""

import time

from driftline_agent import netlink
from driftline_agent.errors import UnreadableError


class OnLink:
    """The kernel's table of neighbours, read as seldom as possible."""

    def __init__(self) -> None:
        self._read_at = float("-inf")
        self._macs: dict[str, tuple[str, bool]] = {}

    def mac(self, address: str, since: float) -> str:
        """Return the hardware address of a neighbour, empty where there is none.

        :param since: how old the table may be: the monotonic clock, s.
        """
        return self._entry(address, since)[0]

    def reachable(self, address: str, since: float) -> bool:
        """Tell whether a neighbour answered to ARP or NDP a moment ago."""
        return self._entry(address, since)[1]

    def _entry(self, address: str, since: float) -> tuple[str, bool]:
        if self._read_at < since:
            self._read_at = time.monotonic()
            self._macs = _read()
        return self._macs.get(address, ("", False))


def _read() -> dict[str, tuple[str, bool]]:
    from driftline_agent.topics.interfaces import parse_links
    from driftline_agent.topics.neighbours import parse_neighbours

    try:
        names = {index: interface.name for index, interface in parse_links(netlink.dump("link")).items()}
        found = parse_neighbours(netlink.dump("neighbour"), names)
    except UnreadableError:  # a service without netlink
        return {}
    return {entry.address: (entry.mac, entry.reachable) for entry in found if entry.mac}
