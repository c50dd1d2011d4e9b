"""``ipset save``."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent.firewall import build
from driftline_agent.firewall.ipset import parse_save
from driftline_agent.output import Output


def parse(text: str) -> Facts:
    """Return the sets."""
    out = Facts()
    out.network.firewall.CopyFrom(build.build(parse_save(text)))
    return out


OUTPUT = Output(command="ipset save", parse=parse)
