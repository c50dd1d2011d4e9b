"""Facts of what ``lsusb`` or ``lsusb -v`` printed."""

import re

from driftline import late
from driftline.v1.facts_pb2 import Facts, UsbDevice
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output
from driftline_agent.topics.usb import LINUX_FOUNDATION, class_of, text_of

_DEVICE = late.pattern(r"Bus (\d{3}) Device (\d{3}): ID ([0-9a-fA-F]{4}):([0-9a-fA-F]{4})(?:\s+(.*))?")
_FIELD = late.pattern(r"\s+(\w+)\s+(\S+)(?:\s+(.*))?")


def _detail(device: UsbDevice, line: str) -> None:
    found = _FIELD.fullmatch(line)
    if not found:
        return
    name, value, text = found[1], found[2], text_of(found[3])
    if name == "iManufacturer" and text:
        device.vendor = text
    elif name == "iProduct" and text:
        device.product = text
    elif name == "iSerial":
        device.serial_number = text
    elif name == "bcdDevice" and re.fullmatch(r"\d{1,2}\.\d{2}", value):
        device.release = value
    elif name == "idVendor" and text and not device.vendor:
        device.vendor = text
    elif name == "idProduct" and text:
        device.product = text
    elif name in ("bDeviceClass", "bInterfaceClass") and value.isascii() and value.isdigit():
        kind = class_of(f"{int(value[:3]):x}")
        if kind and kind not in device.classes:
            device.classes.append(kind)


def parse_devices(text: str) -> list[UsbDevice]:
    """Return the devices but root hubs, sorted by bus and number."""
    out: dict[str, UsbDevice] = {}
    current: UsbDevice | None = None
    for line in text.splitlines():
        if found := _DEVICE.fullmatch(line.strip()):
            bus, number, vendor, product, name = found.groups()
            current = UsbDevice(path=f"{bus}:{number}", vendor_id=vendor.lower(), product_id=product.lower())
            current.product = text_of(name)  # maker and product in one; -v tells them apart
            if current.vendor_id != LINUX_FOUNDATION:
                current = out.setdefault(current.path, current)
        elif current is not None and line[:1].isspace():
            _detail(current, line.rstrip())
    for device in out.values():
        device.classes.sort()
    return [out[path] for path in sorted(out)]


def parse(text: str) -> Facts:
    """Return the USB devices."""
    if not re.search(r"^Bus \d{3} Device \d{3}: ID ", text, re.MULTILINE):
        raise UnreadableError('lsusb: no line "Bus 001 Device 002: ID ...", so this is not its output')
    facts = Facts()
    facts.hardware.usb_devices.extend(parse_devices(text))
    return facts


OUTPUT = Output(command="lsusb -v", parse=parse)
