"""What is known of a family of devices: a YAML file in ``driftline_agent/devices/profiles``.

See docs/dev/add-a-device-profile.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Profile:
    """How a family of devices is known and read."""

    #: The file's name: cisco-iosxe.
    name: str
    vendor: str = ""
    #: Class of the catalog: network device, power device, printer, storage device, server.
    ci_class: str = "network device"
    #: What profiles say besides, as the file has it.
    document: Mapping[str, object] = field(default_factory=dict)


#: For a device that no profile knows: it is read by the standard MIBs alone.
STANDARD = Profile("standard")
