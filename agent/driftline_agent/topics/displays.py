"""Displays and sound cards. Source: /sys/class/drm/*/edid, /proc/asound/cards."""

import re

from driftline.v1.facts_pb2 import SoundCard
from driftline_agent.edid import parse_edid
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_FOLDER = "/sys/class/drm"
_CARDS = "/proc/asound/cards"
_CARD = re.compile(r"\s*\d+ \[(\S+)\s*\]: (.+?) - (.+)")


def parse_cards(text: str) -> list[SoundCard]:
    """Return the cards of a /proc/asound/cards, sorted by id."""
    found = {card[1]: card for card in map(_CARD.fullmatch, text.splitlines()) if card}
    return [SoundCard(id=name, driver=found[name][2].strip(), name=found[name][3].strip()) for name in sorted(found)]


def collect(host: Host) -> Reading:
    """Read what displays say of themselves, where one is connected, and the sound cards."""
    reading = Reading()
    for name in host.names(_FOLDER):
        if "-" not in name:
            continue  # a card, or version
        data = host.read_bytes(f"{_FOLDER}/{name}/edid")
        display = parse_edid(data, name) if data else None
        if display is not None:
            reading.facts.hardware.displays.append(display)
    reading.facts.hardware.sound_cards.extend(parse_cards(host.read(_CARDS) or ""))
    return reading


TOPIC = Topic(
    revision=1,
    fills=("hardware.displays", "hardware.sound_cards"),
    collect=collect,
    applies=lambda host: host.exists(_FOLDER) or host.exists(_CARDS),
    events=frozenset({"device"}),
)
