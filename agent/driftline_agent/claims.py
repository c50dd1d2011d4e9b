"""What the host says of its identity. Source: collector.proto (HostClaims)."""

from collections.abc import Iterable

from driftline.v1.collector_pb2 import HostClaims
from driftline.v1.facts_pb2 import Facts
from driftline_agent.host import Host
from driftline_agent.inventory import select, take

_TOPICS = ("host", "dmi", "interfaces")


def build(facts: Facts, physical: Iterable[str]) -> HostClaims:
    """Return the claims that facts make.

    :param physical: names of the interfaces that are hardware.
    """
    names = set(physical)
    return HostClaims(
        hostname=facts.os.host.name,
        fqdn=facts.os.host.fqdn,
        machine_id=facts.os.host.machine_id,
        system_uuid=facts.hardware.system.uuid,
        system_serial_number=facts.hardware.system.serial_number,
        macs=sorted({mac for i in facts.network.interfaces if i.name in names and (mac := i.mac or i.mac_in_use)}),
    )


def read_claims(host: Host) -> HostClaims:
    """Read the claims; what cannot be read is not claimed."""
    facts = Facts()
    for result in take(host, bytes(32), select(_TOPICS)):
        if result.reading is not None:
            facts.MergeFrom(result.reading.facts)
    physical = [i.name for i in facts.network.interfaces if host.exists(f"/sys/class/net/{i.name}/device")]
    return build(facts, physical)
