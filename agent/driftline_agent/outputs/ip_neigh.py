"""``ip neighbour``, with or without -j."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent import iproute_tables
from driftline_agent.output import Output


def parse(text: str) -> Facts:
    """Return the neighbours that have answered."""
    out = Facts()
    out.network.neighbours.extend(iproute_tables.neighbours(text))
    return out


OUTPUT = Output(command="ip [-j] neighbour", parse=parse)
