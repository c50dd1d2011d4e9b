"""``ip rule`` and ``ip -6 rule``, with or without -d and -j. A rule without an address counts as IPv4's."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent import iproute_tables
from driftline_agent.output import Output


def parse(text: str) -> Facts:
    """Return the policy rules."""
    out = Facts()
    out.network.rules.extend(iproute_tables.rules(text))
    return out


OUTPUT = Output(command="ip [-d] [-j] rule", parse=parse)
