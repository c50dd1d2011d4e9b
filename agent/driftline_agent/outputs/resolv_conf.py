"""``cat /etc/resolv.conf``."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent.output import Output
from driftline_agent.topics.resolver import parse_resolv_conf


def parse(text: str) -> Facts:
    """Return name servers and search list."""
    out = Facts()
    out.network.resolver.CopyFrom(parse_resolv_conf(text))
    return out


OUTPUT = Output(command="cat /etc/resolv.conf", parse=parse)
