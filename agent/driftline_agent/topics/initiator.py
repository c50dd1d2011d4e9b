"""What this host is called where it reaches storage elsewhere: iSCSI, NVMe over fabrics, Fibre Channel.

Source: /etc/iscsi/initiatorname.iscsi, /etc/nvme/hostnqn, /sys/class/fc_host.
"""

import re

from driftline import late
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_ISCSI, _NVME, _FC = "/etc/iscsi/initiatorname.iscsi", "/etc/nvme/hostnqn", "/sys/class/fc_host"
_NAME = late.pattern(r"^\s*InitiatorName\s*=\s*(\S{1,233})", re.MULTILINE)


def parse_iscsi(text: str) -> str:
    """Return the name of an initiatorname.iscsi; empty where it has none."""
    found = _NAME.search(text)
    return found[1] if found else ""


def collect(host: Host) -> Reading:
    """Read the three."""
    reading = Reading()
    out = reading.facts.storage.initiator
    out.iscsi_name = reading.text("storage.initiator.iscsi_name", lambda: parse_iscsi(host.read(_ISCSI) or ""))
    out.nvme_name = reading.text("storage.initiator.nvme_name", lambda: (host.line(_NVME) or "").partition("\n")[0])
    ports = {host.line(f"{_FC}/{name}/port_name") or "" for name in host.names(_FC)}
    out.fc_ports.extend(sorted(ports - {""}))
    return reading


TOPIC = Topic(
    revision=1,
    fills=("storage.initiator",),
    collect=collect,
    applies=lambda host: any(host.exists(path) for path in (_ISCSI, _NVME, _FC)),
    watches=("/etc/iscsi", "/etc/nvme"),
    events=frozenset({"device"}),
)
