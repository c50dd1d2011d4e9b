"""Displays, sound cards, input devices. Source: /sys/class/drm/*/edid, /proc/asound/cards, /proc/bus/input/devices."""

import re

from driftline import late
from driftline.v1.facts_pb2 import InputDevice, SoundCard
from driftline_agent.edid import parse_edid
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_FOLDER = "/sys/class/drm"
_CARDS = "/proc/asound/cards"
_INPUTS = "/proc/bus/input/devices"
_CARD = late.pattern(r"\s*\d+ \[(\S+)\s*\]: (.+?) - (.+)")


def parse_cards(text: str) -> list[SoundCard]:
    """Return the cards of a /proc/asound/cards, sorted by id."""
    found = {card[1]: card for card in map(_CARD.fullmatch, text.splitlines()) if card}
    return [SoundCard(id=name, driver=found[name][2].strip(), name=found[name][3].strip()) for name in sorted(found)]


def parse_inputs(text: str) -> list[InputDevice]:
    """Return the devices of a /proc/bus/input/devices that have a place, sorted by it."""
    found: dict[str, InputDevice] = {}
    for block in text.split("\n\n"):
        ids = re.search(r"^I:.* Vendor=([0-9a-f]{4}) Product=([0-9a-f]{4})", block, re.MULTILINE)
        place = re.search(r"^P: Phys=(\S+)\s*$", block, re.MULTILINE)
        name = re.search(r'^N: Name="(.*)"\s*$', block, re.MULTILINE)
        if ids and place and name and not name[1].isspace():
            vendor, product = (code if code != "0000" else "" for code in ids.groups())
            device = InputDevice(path=place[1], name=name[1].strip(), vendor_id=vendor, product_id=product)
            found.setdefault(device.path, device)
    return [found[path] for path in sorted(found)]


def collect(host: Host) -> Reading:
    """Read what displays say of themselves, where one is connected, and the kernel's lists of the others."""
    reading = Reading()
    for name in host.names(_FOLDER):
        if "-" not in name:
            continue  # a card, or version
        data = host.read_bytes(f"{_FOLDER}/{name}/edid")
        display = parse_edid(data, name) if data else None
        if display is not None:
            reading.facts.hardware.displays.append(display)
    reading.facts.hardware.sound_cards.extend(parse_cards(host.read(_CARDS) or ""))
    reading.facts.hardware.input_devices.extend(parse_inputs(host.read(_INPUTS) or ""))
    return reading


TOPIC = Topic(
    revision=1,
    fills=("hardware.displays", "hardware.input_devices", "hardware.sound_cards"),
    collect=collect,
    applies=lambda host: any(map(host.exists, (_FOLDER, _CARDS, _INPUTS))),
    events=frozenset({"device"}),
)
