"""Software of servers that run no agent. Source: HOST-RESOURCES-MIB hrSWInstalledTable.

See :mod:`driftline_agent.devices.mibs.software_names` for what a package is called.
"""

from driftline.v1.facts_pb2 import Package
from driftline_agent.devices.mib import Table, mib
from driftline_agent.devices.mibs.software_names import packages
from driftline_agent.devices.readout import Readout, must_answer
from driftline_agent.devices.snmp import textual
from driftline_agent.devices.topic import DeviceTopic
from driftline_agent.topic import Reading

INSTALLED = mib("HOST-RESOURCES-MIB", "1.3.6.1.2.1.25.6.3.1", hrSWInstalledName=2, hrSWInstalledDate=5)


def parse(table: Table) -> list[Package]:
    """Return the packages, sorted by key, each once. A date without a zone is no time."""
    rows = [
        (name, row.octets("hrSWInstalledDate")) for _, row in table.rows() if (name := row.text("hrSWInstalledName"))
    ]
    found: dict[tuple[str, str, str], Package] = {}
    for package, (_, date) in zip(packages([name for name, _ in rows]), rows, strict=True):
        installed = textual.date_and_time(date or b"")
        if installed is not None and installed.tzinfo is not None and installed.year >= 1990:
            package.installed_at = int(installed.timestamp())
        found[package.manager, package.name, package.architecture] = package
    return [found[key] for key in sorted(found)]


async def read(readout: Readout) -> Reading | None:
    """Read what is installed."""
    table = await readout.table(*INSTALLED.values())
    must_answer(table)
    if not table:
        return None
    reading = Reading()
    reading.facts.software.packages.extend(parse(table))
    if "hrSWInstalledName" in table.cuts:
        reading.unreadable["software.packages[*]"] = table.cuts["hrSWInstalledName"]
    elif table.cuts:
        reading.unreadable["software.packages[*].installed_at"] = table.cuts["hrSWInstalledDate"]
    return reading


TOPIC = DeviceTopic(
    revision=1,
    fills=("software.packages",),
    read=read,
    every_s=3600,
    news=frozenset({"configuration", "restart"}),
)
