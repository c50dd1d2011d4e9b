"""Facts of what ``ipmitool fru print`` printed: machine, power supplies and memory modules as the BMC knows them."""

import re
from collections.abc import Iterator

from driftline import late
from driftline.v1.facts_pb2 import Facts, Hardware, MemoryModule, PowerSupply
from driftline_agent import jedec, smbios_facts
from driftline_agent.dmi_text import parse_name, parse_text
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output

_HEAD = late.pattern(r"FRU Device Description\s*:\s*(.*?)\s*(?:\(ID (\d+)\))?\s*")
_LINE = late.pattern(r"\s+([^:]+?)\s*:\s?(.*)")
_POWER = late.pattern(r"(?i)(ps ?\d+|psu ?\d*|pwr supply.*|power ?supply.*|pwr.*)")
_BUILT_IN = 0


def parse_units(text: str) -> Iterator[tuple[str, int | None, dict[str, str]]]:
    """Yield description, number and fields of each replaceable unit."""
    current: tuple[str, int | None, dict[str, str]] | None = None
    for line in text.splitlines():
        if head := _HEAD.fullmatch(line):
            if current is not None:
                yield current
            current = head[1], int(head[2][:9]) if head[2] else None, {}
        elif current is not None and (match := _LINE.fullmatch(line)):
            current[2].setdefault(match[1], match[2].strip())
    if current is not None:
        yield current


def _machine(fields: dict[str, str], out: Hardware) -> None:
    def text(name: str) -> str:
        return parse_text(fields.get(name))

    out.system.manufacturer, out.system.product = text("Product Manufacturer"), text("Product Name")
    out.system.serial_number, out.system.version = text("Product Serial"), text("Product Version")
    out.board.manufacturer, out.board.product = text("Board Mfg"), text("Board Product")
    out.board.serial_number = text("Board Serial")
    out.chassis.type = smbios_facts.chassis_type(fields.get("Chassis Type", ""))
    out.chassis.serial_number = text("Chassis Serial")
    out.system.sku = text("Product Part Number")
    out.chassis.asset_tag = text("Product Asset Tag")


def _power_supply(name: str, fields: dict[str, str]) -> PowerSupply:
    def text(*names: str) -> str:
        return next(filter(None, (parse_text(fields.get(name)) for name in names)), "")

    supply = PowerSupply(
        location=parse_name(name),
        name=text("Product Name", "Board Product"),
        manufacturer=text("Product Manufacturer", "Board Mfg"),
        serial_number=text("Product Serial", "Board Serial"),
        part_number=text("Product Part Number", "Board Part Number"),
        revision=text("Product Version"),
    )
    watts = re.search(
        r"\b(\d{2,5}) ?W(?:P|atts?)?\b", f"{supply.name} {fields.get('Max Power Capacity', '')}", re.IGNORECASE
    )
    if watts:
        supply.power = int(watts[1])
    return supply


def _module(name: str, fields: dict[str, str]) -> MemoryModule | None:
    size = smbios_facts.size_of(fields.get("Memory size") or fields.get("Memory Size") or "")
    if not size and not parse_text(fields.get("Part Number")):
        return None
    module = MemoryModule(
        slot=parse_name(name),
        type=fields.get("Memory Type", "").partition(" ")[0].replace("Unknown", ""),
        manufacturer=jedec.maker_of(parse_text(fields.get("Manufacturer"))),
        serial_number=parse_text(fields.get("Serial Number")),
        part_number=parse_text(fields.get("Part Number")),
    )
    if size:
        module.size = size
    ranks = smbios_facts.number_of(fields.get("Number of Ranks"))
    if ranks and ranks < 256:
        module.rank = ranks
    return module


def parse(text: str) -> Facts:
    """Return the machine, its power supplies and memory modules; what is not present is left out."""
    units = list(parse_units(text))
    if not units:
        raise UnreadableError('ipmitool fru: no line "FRU Device Description : ...", so this is not its output')
    facts = Facts()
    supplies: list[PowerSupply] = []
    modules: list[MemoryModule] = []
    for name, number, fields in units:
        if number == _BUILT_IN:
            _machine(fields, facts.hardware)
        elif "Memory Type" in fields:
            module = _module(name, fields)
            if module is not None:
                modules.append(module)
        elif fields and _POWER.fullmatch(re.sub(r"(?i)[ _]*fru$", "", name)):
            supplies.append(_power_supply(name, fields))
    facts.hardware.power_supplies.extend(smbios_facts.unique(supplies, "name", "location", fallback="power supply"))
    facts.hardware.memory.modules.extend(smbios_facts.unique(modules, "slot", "bank", fallback="slot"))
    return facts


OUTPUT = Output(command="ipmitool fru print", parse=parse)
