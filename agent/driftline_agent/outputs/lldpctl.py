"""``lldpctl``, in any format but XML."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent import lldp
from driftline_agent.output import Output


def parse(text: str) -> Facts:
    """Return the neighbours.

    :raises UnreadableError: where it begins as JSON and is none.
    """
    out = Facts()
    out.network.lldp_neighbours.extend(lldp.parse(text))
    return out


OUTPUT = Output(command="lldpctl [-f json|json0|keyvalue|plain]", parse=parse)
