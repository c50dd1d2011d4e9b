"""``iptables-save`` and ``ip6tables-save``, of either kind, one after the other too."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent.firewall import build, iptables
from driftline_agent.output import Output


def parse(text: str) -> Facts:
    """Return the chains."""
    out = Facts()
    out.network.firewall.CopyFrom(build.build(iptables.parse_save(text)))
    return out


OUTPUT = Output(command="iptables-save [-c]", parse=parse)
