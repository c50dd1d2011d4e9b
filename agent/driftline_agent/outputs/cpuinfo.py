"""Facts of a recorded /proc/cpuinfo."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent import cpuinfo
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output


def parse(text: str) -> Facts:
    """Return the processors, and the board where it is named."""
    facts = Facts()
    hardware = facts.hardware
    hardware.processors.CopyFrom(cpuinfo.describe(text))
    cpuinfo.board_of(text, hardware)
    if not hardware.processors.ListFields():
        raise UnreadableError('cpuinfo: no line "processor: 0" or "cpu: ...", so this is no /proc/cpuinfo')
    serials = {block["cpu serial number"] for block in cpuinfo.blocks_of(text) if block.get("cpu serial number")}
    for place, serial in enumerate(sorted(serials)):
        hardware.processor_sockets.add(designation=str(place), serial_number=serial)
    return facts


OUTPUT = Output(command="cat /proc/cpuinfo", parse=parse)
