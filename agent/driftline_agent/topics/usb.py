"""USB devices. Source: /sys/bus/usb/devices (the kernel's sysfs-bus-usb), names as the device says or from usb.ids."""

from driftline.v1.facts_pb2 import UsbDevice
from driftline_agent import hwids
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_FOLDER = "/sys/bus/usb/devices"
#: https://www.usb.org/defined-class-codes
CLASSES = {
    0x01: "audio", 0x02: "communications", 0x03: "human interface device", 0x05: "physical", 0x06: "imaging",
    0x07: "printer", 0x08: "mass storage", 0x09: "hub", 0x0A: "CDC data", 0x0B: "smart card", 0x0D: "content security",
    0x0E: "video", 0x0F: "personal healthcare", 0x10: "audio/video", 0x11: "billboard", 0x12: "USB Type-C bridge",
    0xDC: "diagnostic", 0xE0: "wireless", 0xEF: "miscellaneous", 0xFE: "application specific", 0xFF: "vendor specific",
}  # fmt: skip
#: Linux' own number for the hub that a controller has in itself.
LINUX_FOUNDATION = "1d6b"


def class_of(code: str | None) -> str:
    """Return a class' name by its hexadecimal number; nothing where the interfaces have the class."""
    try:
        return CLASSES.get(int(code or "0", 16), "")
    except ValueError:
        return ""


def text_of(text: str | None) -> str:
    """Return what a device says of itself, without what cannot be printed."""
    return " ".join("".join(char if char.isprintable() else " " for char in text or "").split())


def parse_release(code: str | None) -> str:
    """Return a device's release: ``0201`` is 2.01."""
    code = (code or "").strip()
    return f"{int(code[:2])}.{code[2:]}" if len(code) == 4 and code.isascii() and code.isdigit() else ""


def _device(host: Host, name: str, interfaces: list[str]) -> UsbDevice:
    folder = f"{_FOLDER}/{name}"
    device = UsbDevice(
        path=name,
        vendor_id=host.line(f"{folder}/idVendor") or "",
        product_id=host.line(f"{folder}/idProduct") or "",
        vendor=text_of(host.line(f"{folder}/manufacturer")),
        product=text_of(host.line(f"{folder}/product")),
        serial_number=text_of(host.line(f"{folder}/serial")),
        release=parse_release(host.line(f"{folder}/bcdDevice")),
    )
    classes = {class_of(host.line(f"{folder}/bDeviceClass"))}
    drivers: set[str] = set()
    for interface in interfaces:
        classes.add(class_of(host.line(f"{_FOLDER}/{interface}/bInterfaceClass")))
        drivers.add((host.link(f"{_FOLDER}/{interface}/driver") or "").rpartition("/")[2])
    device.classes.extend(sorted(classes - {""}))
    device.drivers.extend(sorted(drivers - {""}))
    try:
        speed = float(host.line(f"{folder}/speed") or "0")
    except ValueError:
        speed = 0
    if 0 < speed < 1e6:
        device.speed = int(speed * 1_000_000)
    removable = host.line(f"{folder}/removable")
    device.removable = removable if removable in ("fixed", "removable") else ""
    return device


def collect(host: Host) -> Reading:
    """Read the devices."""
    reading = Reading()
    names = host.names(_FOLDER)
    interfaces: dict[str, list[str]] = {}
    for name in names:
        owner, colon, _ = name.partition(":")
        if colon:
            interfaces.setdefault(owner, []).append(name)
    found = (
        _device(host, name, interfaces.get(name, []))
        for name in names
        if ":" not in name and not name.startswith("usb")
    )
    devices = [device for device in found if device.vendor_id]  # without: gone meanwhile
    wanted: set[hwids.Id] = set()
    for device in devices:
        if not device.vendor:
            wanted.add((device.vendor_id,))
        if not device.product:
            wanted.add((device.vendor_id, device.product_id))
    known = hwids.names(host, "usb", wanted) if wanted else {}
    for device in devices:
        device.vendor = device.vendor or known.get((device.vendor_id,), "")
        device.product = device.product or known.get((device.vendor_id, device.product_id), "")
    reading.facts.hardware.usb_devices.extend(devices)
    return reading


TOPIC = Topic(
    revision=1,
    fills=("hardware.usb_devices",),
    collect=collect,
    applies=lambda host: host.exists("/sys/bus/usb"),
    events=frozenset({"device"}),
)
