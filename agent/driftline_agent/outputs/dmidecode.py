"""Facts of what ``dmidecode`` printed, in any of its versions since 2.0, on Linux, BSD or Windows."""

import re
from collections.abc import Iterator

from driftline import late
from driftline.v1.facts_pb2 import Facts
from driftline_agent import smbios_facts
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output
from driftline_agent.smbios_records import MEMORY, ONBOARD, Record

#: What dmidecode called a line before version 2.5, by type.
_OLD_NAMES = {
    0: {"Release": "Release Date", "ROM size": "ROM Size"},
    1: {"Vendor": "Manufacturer", "Product": "Product Name"},
    2: {"Vendor": "Manufacturer", "Product": "Product Name"},
    3: {"Vendor": "Manufacturer", "Chassis Type": "Type"},
    4: {
        "Processor Type": "Type",
        "Processor Family": "Family",
        "Processor Manufacturer": "Manufacturer",
        "Processor Version": "Version",
        "Vendor Part Number": "Part Number",
    },
    6: {"Socket": "Socket Designation"},
    8: {
        "Internal Designator": "Internal Reference Designator",
        "External Designator": "External Reference Designator",
    },
    9: {"Slot": "Designation", "Usage": "Current Usage"},
}
_HANDLE = late.pattern(r"Handle 0x[0-9A-Fa-f]+(?:,\s*DMI type ([0-9]{1,3}),.*)?\s*")
_MORE = late.pattern(r"On Board Device \d+ Information")
_TYPE = late.pattern(r"\s+DMI type ([0-9]{1,3}),.*")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def structures(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the type and the lines of each structure; the lines keep their indentation."""
    kind, lines = -1, list[str]()
    for raw in text.splitlines():
        line = raw.expandtabs(8).rstrip()
        if handle := _HANDLE.fullmatch(line):
            if kind >= 0:
                yield kind, lines
            kind, lines = int(handle[1]) if handle[1] else -1, []
        elif kind < 0 and (named := _TYPE.fullmatch(line)):
            kind = int(named[1])
        elif line:
            lines.append(line)
    if kind >= 0:
        yield kind, lines


def parse_records(text: str) -> list[Record]:
    """Return the structures that a text has."""
    out: list[Record] = []
    for kind, lines in structures(text):
        values: dict[str, str] = {}
        lists: dict[str, list[str]] = {}
        records = [Record(kind, values, lists)]
        level = _indent(lines[1]) if len(lines) > 1 else 0
        names, last = _OLD_NAMES.get(kind, {}), ""
        for line in lines[1:]:
            if _indent(line) > level and last:
                lists.setdefault(last, []).append(re.sub(r"^String \d+: ", "", line.strip()))
                continue
            if _MORE.fullmatch(line.strip()):
                values, lists = {}, {}  # a structure of several devices
                records.append(Record(kind, values, lists))
                continue
            if _indent(line) < level:
                break  # what follows the table
            name, colon, value = line.strip().partition(":")
            if not colon:
                continue
            last = names.get(name.strip(), name.strip())
            if kind == ONBOARD and last in values:
                values, lists = {}, {}  # several devices in one structure
                records.append(Record(kind, values, lists))
            elif re.fullmatch(r"String \d+", last):
                lists.setdefault("Strings", []).append(value.strip())
            values.setdefault(last, value.strip())
            if kind == ONBOARD and (found := re.fullmatch(r"(.*) : (Enabled|Disabled)", value.strip())):
                values["Description"], values["Status"] = found[1], found[2]
        out.extend(records)
    version = re.search(r"# dmidecode 2\.([0-9]|10)\s", text[:4096])
    if version:
        _name_ddr3(out)
    return out


def _name_ddr3(records: list[Record]) -> None:
    """Name the memory that versions up to 2.10 had no name for: of that time and speed there is only DDR3."""
    for record in records:
        speed = smbios_facts.number_of(record.values.get("Speed")) or 0
        if record.type == MEMORY and record.values.get("Type") == "<OUT OF SPEC>" and 800 <= speed <= 2133:
            record.values["Type"] = "DDR3"


def parse(text: str) -> Facts:
    """Return the machine, its processors, memory, slots, connectors, batteries and power supplies."""
    records = parse_records(text)
    if not records:
        raise UnreadableError('dmidecode: no line "Handle 0x...", so this is not its output')
    facts = Facts()
    for fill in smbios_facts.ALL:
        fill(records, facts.hardware)
    facts.hardware.batteries.extend(smbios_facts.batteries(records))
    smbios_facts.tpm(records, facts.hardware.tpm)
    if not facts.hardware.tpm.ListFields():
        facts.hardware.ClearField("tpm")
    return facts


OUTPUT = Output(command="dmidecode", parse=parse)
