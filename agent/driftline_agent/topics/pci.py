"""PCI devices. Source: /sys/bus/pci/devices (the kernel's sysfs-bus-pci), names from pci.ids or hwdb."""

from typing import NamedTuple

from driftline.paths import keyed
from driftline.v1.facts_pb2 import HotplugPciDevice, PciDevice
from driftline_agent import hwids
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_FOLDER = "/sys/bus/pci/devices"
_SLOTS = "/sys/bus/pci/slots"
_PREFETCHABLE = 0x2000
#: Devices that a provider attaches and takes away, one PCI function each: disks and network cards of Amazon and of KVM.
#: What they are to the host (disk, interface) has topics of its own.
_ATTACHED = frozenset({"1af4:1001", "1af4:1042", "1d0f:8061", "1d0f:ec20"})


class Found(NamedTuple):
    """What of a device stays as long as it is there."""

    revision: str
    hotplug: bool
    memory: int


def parse_uevent(text: str) -> dict[str, str]:
    """Return the assignments of a uevent file."""
    return {name: value for name, mark, value in (line.partition("=") for line in text.splitlines()) if mark}


def parse_resources(text: str) -> int:
    """Return the bytes of the prefetchable regions; a line has first address, last address and flags."""
    total = 0
    for line in text.splitlines()[:6]:  # the expansion ROM and bridge windows follow
        words = line.split()
        try:
            first, last, flags = (int(word, 16) for word in words)
        except ValueError:
            continue
        if flags & _PREFETCHABLE and last > first:
            total += last - first + 1
    return total if total < 1 << 62 else 0


def is_hotplug(link: str, removable: str | None, ids: str) -> bool:
    """Tell whether a device comes and goes by itself.

    :param link: where its folder stands below /sys/devices; a function that Hyper-V lends stands on its VMBus.
    """
    return removable == "removable" or "VMBUS" in link.upper() or ids.lower() in _ATTACHED


def _look_at(host: Host, name: str, fields: dict[str, str]) -> Found:
    folder = f"{_FOLDER}/{name}"
    revision = (host.line(f"{folder}/revision") or "").removeprefix("0x")
    display = fields.get("PCI_CLASS", "").zfill(6).startswith("03")
    memory = parse_resources(host.read(f"{folder}/resource") or "") if display else 0
    hotplug = is_hotplug(host.link(folder) or "", host.line(f"{folder}/removable"), fields.get("PCI_ID", ""))
    return Found("" if revision == "00" else revision, hotplug, memory)


def slots(host: Host) -> dict[str, str]:
    """Return the names of physical slots by the address in them, without the function."""
    names = host.names(_SLOTS)
    known: tuple[list[str], dict[str, str]] | None = host.kept.get("pci.slots")
    if known is None or known[0] != names:
        found = {host.line(f"{_SLOTS}/{name}/address") or "": name for name in names}
        known = host.kept["pci.slots"] = (names, found)
    return known[1]


def collect(host: Host) -> Reading:
    """Read the devices; what stays is read once for each, ids and driver every time."""
    reading = Reading()
    known: dict[tuple[str, str, str], Found] = host.kept.get("pci", {})
    seen: dict[tuple[str, str, str], Found] = {}
    in_slots = slots(host)
    devices: list[PciDevice | HotplugPciDevice] = []
    for name in host.names(_FOLDER):
        fields = parse_uevent(host.read(f"{_FOLDER}/{name}/uevent") or "")
        if "PCI_ID" not in fields:
            continue  # gone meanwhile
        identity = name, fields["PCI_ID"], fields.get("PCI_SUBSYS_ID", "")
        found = seen[identity] = known.get(identity) or _look_at(host, name, fields)
        device: PciDevice | HotplugPciDevice
        if found.hotplug:
            device = reading.facts.hardware.hotplug_pci_devices.add()
        else:
            device = reading.facts.hardware.pci_devices.add()
            device.slot = in_slots.get(name.partition(".")[0], "")
            if found.memory:
                device.memory = found.memory
            video = host.number(f"{_FOLDER}/{name}/mem_info_vram_total") if found.memory else None
            if video:
                device.video_memory = video
        _identify(device, name, fields, found)
        devices.append(device)
    host.kept["pci"] = seen
    _name(host, devices)
    reading.raw = lambda _: {
        keyed("hardware.pci_devices", address): f"{ids} {subsystem} {found.revision} {found.hotplug}".encode()
        for (address, ids, subsystem), found in seen.items()
    }
    return reading


def _identify(device: PciDevice | HotplugPciDevice, name: str, fields: dict[str, str], found: Found) -> None:
    device.address = name
    device.class_id = fields.get("PCI_CLASS", "").lower().zfill(6)[:4]
    device.vendor_id, _, device.device_id = fields["PCI_ID"].lower().partition(":")
    vendor, _, subsystem = fields.get("PCI_SUBSYS_ID", "").lower().partition(":")
    if (vendor, subsystem) != ("0000", "0000"):
        device.subsystem_vendor_id, device.subsystem_device_id = vendor, subsystem
    device.revision = found.revision
    device.driver = fields.get("DRIVER", "")


def _ids(device: PciDevice | HotplugPciDevice) -> tuple[hwids.Id, ...]:
    vendor, model = device.vendor_id, device.device_id
    subsystem = device.subsystem_vendor_id, device.subsystem_device_id
    return ("C", device.class_id), (vendor,), (vendor, model), (vendor, model, *subsystem), (subsystem[0],)


def _name(host: Host, devices: list[PciDevice | HotplugPciDevice]) -> None:
    wanted = {each for device in devices for each in _ids(device) if all(each)}
    names = hwids.names(host, "pci", wanted)
    for device in devices:
        kind, vendor, model, subsystem, subsystem_vendor = (names.get(each, "") for each in _ids(device))
        setattr(device, "class", kind)
        device.vendor, device.device = vendor, model
        # lspci names a subsystem that the list does not have by its maker.
        device.subsystem = " ".join(filter(None, (subsystem_vendor, subsystem)))


TOPIC = Topic(
    revision=1,
    fills=("hardware.pci_devices", "hardware.hotplug_pci_devices"),
    collect=collect,
    applies=lambda host: host.exists("/sys/bus/pci"),
    events=frozenset({"device"}),
)
