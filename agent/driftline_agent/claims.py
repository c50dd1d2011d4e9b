"""What the host says of its identity. Source: collector.proto (HostClaims)."""

from collections.abc import Iterable

from driftline.v1.collector_pb2 import HostClaims
from driftline.v1.facts_pb2 import BlockDevice, Facts, Interface
from driftline_agent.host import Host
from driftline_agent.inventory import select, take
from driftline_agent.virtualization import container

#: Topics that are read for them, whatever the agent is configured to report.
TOPICS = ("host", "dmi", "interfaces", "cloud", "block")
#: How disks are attached that are no part of the machine: other machines may have them tomorrow.
_ELSEWHERE = ("usb", "iscsi", "fc", "virtio")
#: Disks without a serial number of their own, or with one that stands for something else.
_MADE_BY_SOFTWARE = ("zram", "nbd", "rbd", "drbd", "loop", "ram", "xvd", "dm-", "md")
#: Addresses and disks at most, as the collector takes them.
_MOST = 256


def build(facts: Facts, physical: Iterable[str], contained: str) -> HostClaims:
    """Return the claims that facts make.

    :param physical: names of the interfaces that are hardware.
    :param contained: the kind of container that this is; empty where it is none.
    """
    names = set(physical)
    runs_on = facts.os.host.virtualization
    virtual = "" if contained or runs_on == "none" else runs_on
    macs = {_address_of(i, facts.network.interfaces) for i in facts.network.interfaces if i.name in names}
    disks = set() if contained or virtual else {_name_of(device) for device in facts.storage.devices}
    return HostClaims(
        hostname=facts.os.host.name,
        fqdn=facts.os.host.fqdn,
        machine_id=facts.os.host.machine_id,
        system_uuid=facts.hardware.system.uuid,
        system_serial_number=facts.hardware.system.serial_number,
        board_serial_number=facts.hardware.board.serial_number,
        chassis_serial_number=facts.hardware.chassis.serial_number,
        cloud_instance_id=facts.hardware.cloud.instance_id,
        macs=sorted(macs - {""})[:_MOST],
        disk_serial_numbers=sorted(disks - {""})[:_MOST],
        virtualization=virtual,
        container=contained,
    )


def _address_of(interface: Interface, all_of_them: Iterable[Interface]) -> str:
    """Return the address that the maker gave: a bond's member shows the bond's, which any member may have lent it."""
    if interface.permanent_mac:
        return interface.permanent_mac
    bonds = {other.name for other in all_of_them if other.type == "bond"}
    return "" if interface.master in bonds else interface.mac or interface.mac_in_use


def _name_of(device: BlockDevice) -> str:
    """Return the one name of a disk that is built in: its serial number, or its WWN; empty for others."""
    if device.type != "disk" or device.transport in _ELSEWHERE or device.name.startswith(_MADE_BY_SOFTWARE):
        return ""
    return device.serial_number or device.wwn


def read_claims(host: Host) -> HostClaims:
    """Read the claims; what cannot be read is not claimed."""
    facts = Facts()
    for result in take(host, bytes(32), select(TOPICS)):
        if result.reading is not None:
            facts.MergeFrom(result.reading.facts)
    physical = [i.name for i in facts.network.interfaces if host.exists(f"/sys/class/net/{i.name}/device")]
    return build(facts, physical, container(host) or "")
