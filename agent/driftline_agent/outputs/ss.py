"""``ss -lntup``, or ``netstat -lntup``."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent import listeners
from driftline_agent.output import Output


def parse(text: str) -> Facts:
    """Return the sockets that wait for connections."""
    out = Facts()
    out.network.listening.extend(listeners.parse(text))
    return out


OUTPUT = Output(command="ss -lntup (or netstat -lntup)", parse=parse)
