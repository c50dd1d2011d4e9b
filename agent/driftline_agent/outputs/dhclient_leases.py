"""A file of leases of dhclient(8)."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent import leases
from driftline_agent.output import Output


def parse(text: str) -> Facts:
    """Return the last lease of each interface and address."""
    out = Facts()
    out.network.dhcp_leases.extend(leases.parse_dhclient(text))
    return out


OUTPUT = Output(command="cat /var/lib/dhcp/dhclient.leases", parse=parse)
