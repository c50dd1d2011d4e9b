"""What is known of an uninterruptible power supply, whichever MIB told it, and how it is reported. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from driftline.v1.facts_pb2 import Ups
from driftline_agent.devices.topic import Measured
from driftline_agent.utilization.aggregate import Metric


@dataclass(frozen=True, slots=True)
class Line:
    """An input or output line (a phase), as it is now. None is not told."""

    volts: float | None = None
    amperes: float | None = None
    watts: float | None = None
    #: Share of what it is made for, 0 to 1 (more is an overload).
    load: float | None = None


@dataclass(slots=True)
class UpsState:
    """What was read of one."""

    facts: Ups = field(default_factory=Ups)
    #: Charge of the battery, 0 to 1; time that it lasts, s; degrees Celsius; volts; amperes.
    charge: float | None = None
    left_s: float | None = None
    celsius: float | None = None
    volts: float | None = None
    amperes: float | None = None
    #: Lines by number.
    inputs: Mapping[int, Line] = field(default_factory=dict)
    outputs: Mapping[int, Line] = field(default_factory=dict)
    #: Attribute path -> why it could not be read.
    unreadable: dict[str, str] = field(default_factory=dict)

    def measured(self) -> Measured:
        """Return what is measured."""
        found: dict[Metric, float | None] = {
            Metric("hw.battery.charge", "", "1", 3): self.charge,
            Metric("hw.battery.time_left", "", "s", 0): self.left_s,
            Metric("hw.temperature", "battery", "Cel", 1): self.celsius,
            Metric("hw.voltage", "battery", "V", 1): self.volts,
            Metric("hw.current", "battery", "A", 1): self.amperes,
        }
        for way, lines in (("input", self.inputs), ("output", self.outputs)):
            for number, line in lines.items():
                place = f"{way} {number}"
                found[Metric("hw.voltage", place, "V", 1)] = line.volts
                found[Metric("hw.current", place, "A", 1)] = line.amperes
                found[Metric("hw.power", place, "W", 1)] = line.watts
                found[Metric("hw.ups.load", place, "1", 3)] = line.load
        return Measured({metric: value for metric, value in found.items() if value is not None})


def part(number: int | None, of: float, least: float = 0, most: float = 2**31 - 1) -> float | None:
    """Return a number in the unit that it is a part of; None where it is none or outside of what can be."""
    return None if number is None or not least <= number <= most else number / of


def share(percent: int | None) -> float | None:
    """Return a percentage as a share; up to 250 %, which is a broken UPS rather than a load."""
    return part(percent, 100, 0, 250)


def warm(number: int | None, of: float = 1) -> float | None:
    """Return a temperature. 0 is what cards send that have no sensor, and is none."""
    return None if not number else part(number, of, -100 * of, 200 * of)
