"""``arp -an`` of the net-tools on Linux."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent import nettools
from driftline_agent.output import Output


def parse(text: str) -> Facts:
    """Return the neighbours that have answered."""
    out = Facts()
    out.network.neighbours.extend(nettools.parse_arp(text))
    return out


OUTPUT = Output(command="arp -an", parse=parse)
