"""``getent group``: groups, also those of a directory. Source: group(5)."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent.output import Output
from driftline_agent.topics.groups import parse_group


def parse(text: str) -> Facts:
    """Return the groups."""
    out = Facts()
    out.accounts.groups.extend(parse_group(text.replace("\0", "")))
    return out


OUTPUT = Output(command="getent group", parse=parse)
