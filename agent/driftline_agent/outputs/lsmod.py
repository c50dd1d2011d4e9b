"""``lsmod``, or the content of /proc/modules: the loaded kernel modules."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output
from driftline_agent.topics import modules


def parse(text: str) -> Facts:
    """Return the modules; lsmod's heading is none."""
    loaded = modules.parse_loaded(text)
    if not loaded and not text.startswith("Module"):
        raise UnreadableError('lsmod: neither a module nor the heading "Module Size Used by"')
    out = Facts()
    out.os.loaded_modules.extend(loaded)
    return out


OUTPUT = Output(command="lsmod", parse=parse)
