"""``ifconfig -a`` of the net-tools on Linux, of the old and the new kind."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent import nettools
from driftline_agent.output import Output


def parse(text: str) -> Facts:
    """Return the interfaces with their addresses."""
    out = Facts()
    out.network.interfaces.extend(nettools.parse_ifconfig(text))
    return out


OUTPUT = Output(command="ifconfig -a", parse=parse)
