"""``ip route`` and ``ip -6 route``, of one table or all, with or without -d and -j."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent import iproute_tables
from driftline_agent.output import Output


def parse(text: str) -> Facts:
    """Return the routes."""
    out = Facts()
    out.network.routes.extend(iproute_tables.routes(text))
    return out


OUTPUT = Output(command="ip [-6] [-d] [-j] route show [table all]", parse=parse)
