"""Whether the agent can speak for devices: its file of them, the credentials, what it needs, the port of traps."""

import socket
from collections.abc import Iterator
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path

from driftline_agent.devices.settings import check, config
from driftline_agent.devices.settings.config import TrapPort
from driftline_agent.doctor.finding import BAD, GOOD, NOTE, Finding
from driftline_agent.errors import ConfigError


def devices(path: Path) -> Iterator[Finding]:
    """Look at a file of devices, as the user that the agent runs as."""
    try:
        found = config.load(path)
    except ConfigError as error:
        yield Finding(BAD, "devices", str(error), f"mend it, then try: driftline-agent devices check --devices {path}")
        return
    yield Finding(GOOD, "devices", f"{path}: site {found.site}, {len(found.targets)} entries")
    for entry, wrong in check.credentials(found):
        if wrong:
            yield Finding(BAD, f"credential {entry.name}", wrong, "until then devices that need it are not read")
        else:
            yield Finding(GOOD, f"credential {entry.name}", f"for {', '.join(map(str, entry.prefixes))}")
    if found.traps is not None:
        yield _traps(found.traps)


def _traps(port: TrapPort) -> Finding:
    shown = f"{port.address}, port {port.port}"
    if find_spec("pysnmp") is None:
        return Finding(BAD, "traps", "pysnmp is not installed", "pip install 'driftline[devices]'")
    family = socket.AF_INET6 if ip_address(port.address).version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as tried:
            tried.bind((port.address, port.port))
    except OSError as error:
        return Finding(
            NOTE,
            "traps",
            f"{shown}: {error.strerror}",
            "good where it is the running agent that has it; otherwise stop what has it, or give the agent's unit"
            " AmbientCapabilities=CAP_NET_BIND_SERVICE, or set traps.listen",
        )
    return Finding(GOOD, "traps", f"{shown} is free")
