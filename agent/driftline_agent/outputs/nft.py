"""``nft list ruleset``, with any options; with -j too."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent.firewall import build, nft, nftjson
from driftline_agent.output import Output


def parse(text: str) -> Facts:
    """Return the chains and sets.

    :raises UnreadableError: where it begins as JSON and is none.
    """
    out = Facts()
    ruleset = nftjson.parse_json(text) if text.lstrip().startswith("{") else nft.parse_ruleset(text)
    out.network.firewall.CopyFrom(build.build(ruleset))
    return out


OUTPUT = Output(command="nft [-j] [-s] [-a] list ruleset", parse=parse)
