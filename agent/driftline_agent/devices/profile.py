"""What is known of a family of devices: a YAML file in ``driftline_agent/devices/profiles``.

See docs/dev/add-a-device-profile.md; how a file becomes one of these: profile_file.py.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from driftline_agent.devices.mib import MibObject
from driftline_agent.devices.snmp import oids
from driftline_agent.devices.snmp.values import Oid
from driftline_agent.devices.snmp.walk import Walker

#: Characters of a text that a pattern looks at; sysDescr has at most 255 (RFC 3418).
LOOKED_AT = 512


@dataclass(frozen=True, slots=True)
class Ref:
    """An object of a MIB, and which instance of it."""

    object: MibObject
    #: None is a scalar (.0). Otherwise a column: "first" is the first row that has a text, "each" all of them, and an
    #: index names one row: "1.1".
    row: str | None = None
    #: The row is the one whose index this object tells.
    key: "Ref | None" = None

    @property
    def index(self) -> Oid | None:
        """The index of the row that is meant; None where it is not one."""
        return tuple(map(int, self.row.split("."))) if self.row and self.row[0].isdigit() else None


@dataclass(frozen=True, slots=True)
class Source:
    """Where a text is to be had: an object, sysDescr, a field of the chassis in ENTITY-MIB, sysObjectID's models."""

    ref: Ref | None = None
    #: Short name of a column of the chassis: entPhysicalModelName.
    chassis: str | None = None
    #: It is sysDescr.
    description: bool = False
    #: What of the text counts: what is not found there gives nothing.
    pattern: re.Pattern[str] | None = None
    #: How it is written: "{1} ({2})", where the pattern's first group alone is not it.
    template: str | None = None

    def of_text(self, text: str | None) -> str | None:
        """Return what a text says. Pure."""
        if not text or self.pattern is None:
            return text or None
        found = self.pattern.search(text[:LOOKED_AT])
        if found is None:
            return None
        if self.template is not None:
            groups = [group or "" for group in found.groups()]
            return " ".join(self.template.format(found.group(0), *groups).split()) or None
        return (next((group for group in found.groups() if group), None) or "").strip() or None


@dataclass(frozen=True, slots=True)
class Match:
    """One way to know the family; all that is given must hold."""

    #: sysObjectID is one of these or below it.
    object_ids: tuple[Oid, ...] = ()
    description: re.Pattern[str] | None = None
    #: The device has this, a scalar or a column with any row: it is asked for where sysObjectID and sysDescr are those
    #: of many kinds of devices. Alone it is for devices that no other profile fits.
    answers: Ref | None = None

    def rank(self, object_id: Oid | None, description: str) -> tuple[int, bool] | None:
        """Return how well it fits, more is better; None where it does not. `answers` is not looked at."""
        longest = 0
        if self.object_ids:
            fitting = [
                one for one in self.object_ids if object_id and (object_id == one or oids.within(object_id, one))
            ]
            if not fitting:
                return None
            longest = max(map(len, fitting))
        if self.description is not None and not self.description.search(description[:LOOKED_AT]):
            return None
        return longest, self.description is not None


@dataclass(frozen=True, slots=True)
class Where:
    """Which rows count, by another column of the same table."""

    ref: Ref
    #: Numbers that it must be among, or must not.
    among: frozenset[int] | None = None
    without: frozenset[int] = frozenset()
    pattern: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Gauge:
    """Something measured: a share (percent), or bytes (used, free, total), or degrees (value)."""

    #: percent, idle, used, free, total, value -> where it is read.
    parts: Mapping[str, Ref]
    #: What one of the object's units is: 1024 bytes, 0.1 degrees.
    unit: float = 1.0
    #: What it is called: a column of the same table, or always the same.
    name: Ref | str | None = None
    where: Where | None = None
    #: Readings that say there is none.
    ignore: frozenset[float] = frozenset()


@dataclass(frozen=True, slots=True)
class Example:
    """What a device of the family says, from public documentation, and what is read of it."""

    origin: str
    object_id: Oid | None
    description: str
    #: Instances and what they say, for sources that are objects.
    objects: Mapping[Oid, str | int]
    #: version, model ... -> what is expected.
    expected: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Settings:
    """What devices of the family cannot bear."""

    #: Variables in one answer, at most.
    most_variables: int | None = None
    #: Do they answer GETBULK?
    bulk: bool = True

    def apply(self, walker: Walker) -> None:
        """Have a walk ask no more than that."""
        if self.most_variables is not None:
            known = walker.repetitions
            known.most = min(known.most, self.most_variables)
            known.ceiling, known.value = min(known.ceiling, known.most), min(known.value, known.most)
        walker.bulk = walker.bulk and self.bulk


#: What a profile may say how to read, in the order of the documentation.
TEXTS = (
    "vendor_name",
    "version",
    "build",
    "model",
    "serial_number",
    "hardware_revision",
    "part_number",
    "firmware",
    "os_name",
)
GAUGES = ("cpu", "memory", "temperature")


@dataclass(frozen=True, slots=True)
class Profile:
    """How a family of devices is known and read."""

    #: The file's name: cisco-iosxe.
    name: str
    vendor: str = ""
    #: Class of the catalog: network device, power device, printer, storage device, server.
    ci_class: str = "network device"
    #: os.release.id and name: ios-xe, Cisco IOS XE. Empty where devices have no system of a name.
    os_id: str = ""
    os_name: str = ""
    matches: tuple[Match, ...] = ()
    #: Of TEXTS -> sources in the order that they are asked in; the first one that gives something counts.
    texts: Mapping[str, tuple[Source, ...]] = field(default_factory=dict)
    #: sysObjectID -> model, where no text says it.
    models: Mapping[Oid, str] = field(default_factory=dict)
    #: Of GAUGES -> ways to measure it; the first one that gives something counts.
    gauges: Mapping[str, tuple[Gauge, ...]] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    examples: tuple[Example, ...] = ()


#: For a device that no profile knows: it is read by the standard MIBs alone.
STANDARD = Profile("standard")
