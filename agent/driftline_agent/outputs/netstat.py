"""``netstat -rn`` of the net-tools on Linux, ``route -n``, and the same of IPv6."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent import nettools
from driftline_agent.output import Output


def parse(text: str) -> Facts:
    """Return the routes."""
    out = Facts()
    out.network.routes.extend(nettools.parse_routes(text))
    return out


OUTPUT = Output(command="netstat -rn (or route -n)", parse=parse)
