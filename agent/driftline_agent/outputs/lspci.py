"""Facts of what ``lspci`` printed: plain, -n, -nn, -v, -vv, -k, -D, -m, -mm, -vm, -vmm and their mixtures."""

import re
import shlex

from driftline import late
from driftline.v1.facts_pb2 import Facts, PciDevice
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output

_ADDRESS = r"(?:[0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]"
_PLAIN = late.pattern(rf"({_ADDRESS}) (.+)")
_ID = late.pattern(r"\s*\[([0-9a-fA-F]{4})(?::([0-9a-fA-F]{4}))?\](?=\s|$)")
_REGION = late.pattern(r"(?:Memory|Region \d+: Memory) at .*(?<!non-)prefetchable\).*\[size=(\d+)([KMGT]?)\]")
#: The words that end a maker's name in pci.ids; the model follows.
_MAKER = late.pattern(
    r"(?:Broadcom / LSI|LSI Logic / Symbios Logic|Marvell Technology Group Ltd\.|Matrox Electronics Systems Ltd\."
    r"|IBM|Zhaoxin|Western Digital|SK hynix|STMicroelectronics|Oracle/SUN|Cirrus Logic|Creative Labs|Motorola"
    r"|Microsemi / PMC / IDT"
    r"|Solarflare Communications|Silicon Motion, Inc\.|Ralink corp\.|Toshiba America|Qualcomm Atheros|Texas Instruments"
    r"|Trident Microsystems|Blackmagic Design|Measurement Computing|Xircom|SysKonnect|Napatech A/S"
    r"|.*?\b(?:Corporation|Corp\.?|Incorporated|Inc\.?(?: and subsidiaries)?|Limited|Ltd\.?|LTD|L\.L\.C\.|LLC|GmbH|AG"
    r"|S\.A\.|Technologies|Technology|Semiconductors?|Systems|Electronics|Devices|International|Group|Co\.?|Company"
    r"|Instruments|Laboratories|Networks)(?:,? (?:Corporation|Corp\.?|Inc\.?(?: and subsidiaries)?|Ltd\.?|Limited"
    r"|Co\.?,? ?Ltd\.?|LLC|GmbH|L\.P\.|Pte\.? Ltd\.?))*(?: \[[^\]]+\](?= ))?"
    r"|VMware|QLogic|Emulex|Matrox|Aquantia|Solarflare|3ware|Adaptec|Mellanox|XenSource|Fujitsu|Nokia"
    r"|Sun|HP|Dell|Apple|KIOXIA|NVIDIA|Intel|Broadcom|ASPEED|SanDisk|Toshiba|Google|PNY) (?=\S)"
)
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_VM_LINE = late.pattern(
    r"(Slot|Device|Class|Vendor|SVendor|SDevice|Rev|Driver|Module|ProgIf|PhySlot|NUMANode|IOMMUGroup):\s*(.*)"
)


def address_of(text: str) -> str:
    """Return a device's address with its domain, as sysfs has it."""
    return text.lower() if text.count(":") == 2 else f"0000:{text.lower()}"


def take_ids(text: str) -> tuple[str, str, str]:
    """Return a text without the ids in brackets at its end, and the ids."""
    for found in reversed(list(_ID.finditer(text))):
        return text[: found.start()].strip(), found[1].lower(), (found[2] or "").lower()
    return text.strip(), "", ""


def split_maker(text: str) -> tuple[str, str]:
    """Return maker and model of a name that has both; no maker where its end cannot be told."""
    found = _MAKER.match(text[:300])
    return (found[0].rstrip(), text[found.end() :]) if found else ("", text)


def named(model: str) -> str:
    """Return a model's name, nothing where lspci has only its number: ``Device 0d57``."""
    return re.sub(r"^Device( [0-9a-fA-F]{4})?$", "", model)


def _is_video(device: PciDevice) -> bool:
    name = str(getattr(device, "class"))
    return device.class_id.startswith("03") or name.startswith(("VGA", "3D controller", "Display"))


def _first_line(address: str, rest: str) -> PciDevice:
    device = PciDevice(address=address_of(address))
    kind, _, name = rest.partition(": ")
    if bare := re.match(r"(?:Class )?([0-9a-fA-F]{4})(?::)? ?(?=: |$)", kind + ": "):  # -n, of all versions
        device.class_id = bare[1].lower()
    else:
        text, device.class_id, _ = take_ids(kind)
        setattr(device, "class", text)
    name = re.sub(r" \(prog-if .*$", "", name)
    if revision := re.search(r" \(rev ([0-9a-fA-F]{2})\)$", name):
        device.revision = revision[1].lower() if revision[1] != "00" else ""
        name = name[: revision.start()]
    if numbers := re.fullmatch(r"([0-9a-fA-F]{4}):([0-9a-fA-F]{4})", name):
        device.vendor_id, device.device_id = numbers[1].lower(), numbers[2].lower()
        return device
    text, device.vendor_id, device.device_id = take_ids(name)
    device.vendor, device.device = split_maker(text)
    device.device = named(device.device)
    return device


def _detail(device: PciDevice, line: str) -> None:
    name, _, value = line.partition(": ")
    if name == "Subsystem":
        text, vendor, model = take_ids(value)
        if numbers := re.fullmatch(r"([0-9a-fA-F]{4}):([0-9a-fA-F]{4})", text):
            text, vendor, model = "", numbers[1].lower(), numbers[2].lower()
        device.subsystem = re.sub(r" ?\bDevice$", "", text) if vendor else re.sub(r" Device [0-9a-f]{4}$", "", text)
        device.subsystem_vendor_id, device.subsystem_device_id = vendor, model
    elif name == "Kernel driver in use":
        device.driver = value.strip()
    elif name == "Physical Slot":
        device.slot = value.strip()
    elif (found := _REGION.match(line)) and _is_video(device):
        device.memory = min(device.memory + (int(found[1][:9]) << _UNITS[found[2]]), 1 << 62)


def _quoted(line: str) -> PciDevice | None:
    """Return the device of a line of ``lspci -m``."""
    try:
        words = shlex.split(line)
    except ValueError:
        return None
    plain = [word for word in words[1:] if not re.fullmatch(r"-[rp][0-9a-f]{2}", word)]
    if len(plain) < 3 or not re.fullmatch(_ADDRESS, words[0]):
        return None
    fields = dict(zip(("Class", "Vendor", "Device", "SVendor", "SDevice"), plain, strict=False))
    revision = next((word[2:] for word in words[1:] if re.fullmatch(r"-r[0-9a-f]{2}", word)), "")
    return _of_fields({**fields, "Slot": words[0], "Rev": revision})


def _of_fields(fields: dict[str, str]) -> PciDevice:
    """Return the device of the fields of ``lspci -vmm``."""
    device = PciDevice(address=address_of(fields["Slot"]))
    parts: dict[str, tuple[str, str]] = {}
    for name in ("Class", "Vendor", "Device", "SVendor", "SDevice"):
        text, number, _ = take_ids(fields.get(name, ""))
        parts[name] = ("", text.lower()) if re.fullmatch(r"[0-9a-fA-F]{4}", text) and not number else (text, number)
    setattr(device, "class", parts["Class"][0])
    device.class_id = parts["Class"][1]
    device.vendor, device.vendor_id = parts["Vendor"]
    device.device, device.device_id = named(parts["Device"][0]), parts["Device"][1]
    device.subsystem_vendor_id, device.subsystem_device_id = parts["SVendor"][1], parts["SDevice"][1]
    device.subsystem = " ".join(filter(None, (parts["SVendor"][0], named(parts["SDevice"][0]))))
    device.revision = fields.get("Rev", "").lower().replace("00", "")
    device.driver = fields.get("Driver", "")
    device.slot = fields.get("PhySlot", "")
    return device


def _machine_readable(text: str) -> list[PciDevice]:
    out: list[PciDevice] = []
    fields: dict[str, str] = {}
    for line in [*text.splitlines(), ""]:
        found = _VM_LINE.fullmatch(line.rstrip())
        if found:
            name, value = found[1], found[2].strip()
            if name == "Device" and "Slot" not in fields and re.fullmatch(_ADDRESS, value):
                name = "Slot"  # -vm without a second m
            fields.setdefault(name, value)
        elif not line.strip():
            if re.fullmatch(_ADDRESS, fields.get("Slot", "")):
                out.append(_of_fields(fields))
            fields = {}
    return out


def parse_devices(text: str) -> list[PciDevice]:
    """Return the devices, sorted by address; one that is listed twice counts once."""
    out = _machine_readable(text)
    if not out:
        for line in text.splitlines():
            if found := _PLAIN.fullmatch(line.rstrip()):
                device = _quoted(line) if found[2].startswith('"') else _first_line(found[1], found[2])
                if device is not None:
                    out.append(device)
            elif out and line[:1].isspace():
                _detail(out[-1], line.strip())
    found_by = {device.address: device for device in reversed(out)}
    return [found_by[address] for address in sorted(found_by)]


def parse(text: str) -> Facts:
    """Return the PCI devices."""
    facts = Facts()
    facts.hardware.pci_devices.extend(parse_devices(text))
    if not facts.hardware.pci_devices:
        raise UnreadableError('lspci: no line "00:1f.2 SATA controller: ...", so this is not its output')
    return facts


OUTPUT = Output(command="lspci -v -nn -k", parse=parse)
