"""Runs in a network namespace of its own: makes interfaces, has snmpd and the host's topic tell of them, prints both.

Usage: interfaces_inside.py FOLDER
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from base64 import b64encode
from pathlib import Path

from tests.support import readouts, snmpd

from driftline.v1.facts_pb2 import Facts
from driftline_agent.devices.topics import arp, interfaces
from driftline_agent.host import Host
from driftline_agent.inventory import read_topic, select

_MAKE = """
link set lo up
link add lan type bridge
link add br7 type bridge
link add port1 type veth peer name port2
link set port1 master lan
link set port1 mtu 1400
link set port2 mtu 1400
link set port1 up
link set port2 up
link set br7 up
address add 192.0.2.10/24 dev port2
address add 2001:db8::10/64 dev port2 nodad
address add 198.51.100.1/28 dev br7
link set port2 alias uplink
neighbour add 192.0.2.9 lladdr 00:1c:73:00:00:09 dev port2 nud permanent
neighbour add 2001:db8::9 lladdr 00:1c:73:00:00:19 dev port2 nud permanent
"""
#: Kinds that not every kernel has.
_TRY = """
link add dummy3 type dummy
link add link port2 name port2.30 type vlan id 30
link add bond4 type bond
"""


def ip(lines: str, must: bool = True) -> None:
    """Run ip(8) once for each line."""
    for line in lines.strip().splitlines():
        subprocess.run(["ip", *line.split()], check=must, stderr=None if must else subprocess.DEVNULL)


async def told(port: int) -> tuple[bytes, bytes]:
    """Return the facts that snmpd tells, and its neighbours."""
    async with readouts.readout(port, snmpd.COMMUNITY) as readout:
        reading, neighbours = await interfaces.read(readout), await arp.read(readout)
        assert reading is not None
        assert reading.unreadable == {}
        measured = await interfaces.measure(readout)
        assert {metric.instance for metric in measured.counters} >= {"port2/receive", "port2/transmit"}
        return (
            reading.facts.SerializeToString(deterministic=True),
            (neighbours.facts if neighbours else Facts()).SerializeToString(deterministic=True),
        )


def by_snmpd(folder: Path) -> tuple[bytes, bytes]:
    """Start snmpd, which reads interfaces anew only every 15 s, and return what it tells."""
    port = snmpd.free_port()
    (folder / "agent.conf").write_text(f"agentaddress udp:127.0.0.1:{port}\nrocommunity {snmpd.COMMUNITY}\n")
    command = [
        snmpd.program("snmpd"),
        "-f",
        "-C",
        "-c",
        str(folder / "agent.conf"),
        "-Lf",
        str(folder / "log"),
        "-I",
        "-smux",
    ]
    environment = {**os.environ, "MIBS": "", "SNMP_PERSISTENT_DIR": str(folder), "SNMPCONFPATH": str(folder)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            snmpd._ready(process, port, folder)
            return asyncio.run(told(port))
        finally:
            process.kill()


def by_host() -> bytes:
    """Return what an agent on this host says."""
    (topic,) = select(["interfaces"]).values()
    return read_topic("interfaces", topic, Host(), bytes(32)).section.content


def main(folder: Path) -> None:
    """Print what both say, before and after one more interface."""
    # What is there already shows the interfaces of the namespace that it was mounted in
    subprocess.run(["mount", "-t", "sysfs", "sysfs", "/sys"], check=False, stderr=subprocess.DEVNULL)
    ip(_MAKE)
    ip(_TRY, must=False)
    time.sleep(2)  # until the kernel has made its link-local addresses
    out: dict[str, str] = {}
    for when, more in (("before", ""), ("after", "link add byhand type bridge\nlink set byhand mtu 1300")):
        ip(more)
        found, neighbours = by_snmpd(folder)
        out[f"snmp {when}"], out[f"host {when}"] = b64encode(found).decode(), b64encode(by_host()).decode()
        out[f"neighbours {when}"] = b64encode(neighbours).decode()
    sys.stdout.write(json.dumps(out))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
