"""Interfaces of devices that come and go while nobody decides anything. Pure.

What an operator makes by hand must never be taken for one. So only names count that software gives by itself.
"""

import re

from driftline.v1.facts_pb2 import Interface
from driftline_agent import passing
from driftline_agent.devices.mibs.interface_types import is_linux

#: By what makes them. Names of ifName, ifDescr and the command line.
_NAMES = {
    # One for each subscriber or dial-in session; Virtual-Template and Dialer are what people configure.
    "Cisco, sessions": r"vi(?:rtual-access)? ?\d+(?:\.\d+)?|.+\.(?:pppoe|ip|l2tp)\d+",
    "Juniper, sessions": r"(?:demux0|pp0|si-[\d/]+)\.(?:10737|32212)\d+",
    "RouterOS, sessions": r"<.+>",
    "VPN clients": r"sslvpn_tun\d+|cscotun\d+",
    # Links between the members of a stack: they come with the members.
    "stacks": r"stack(?:port|sub)-?.+|stack ?port ?[\d/]+|stacking[ -]port.*",
    # Ways inside the device. Nobody can remove them, and some firmware shows them and some does not.
    "inside": r"null ?\d*|nu\d+|cpu(?: interface.*)?|control ?plane(?: interface)?|unrouted vlan \d+|logical-int \d+",
    "containers": r"veth.+",
}
_PASSING = re.compile("|".join(_NAMES.values()), re.IGNORECASE)


def is_passing(interface: Interface, system: str) -> bool:
    """Tell whether an interface comes and goes by itself.

    :param system: sysDescr. Of Linux the names are known that an agent on the host goes by.
    """
    if is_linux(system):
        return passing.is_passing(interface, elsewhere=False)
    return any(_PASSING.fullmatch(name) for name in (interface.name, interface.description) if name)
