"""``ip address`` and ``ip link``, with or without -d, -o and -j."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent import iproute
from driftline_agent.output import Output


def parse(text: str) -> Facts:
    """Return the interfaces with their addresses."""
    out = Facts()
    out.network.interfaces.extend(iproute.interfaces(text))
    return out


OUTPUT = Output(command="ip [-d] [-o] [-j] address", parse=parse)
