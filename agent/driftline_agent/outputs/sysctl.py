"""``sysctl -a``: kernel settings that someone decides."""

from driftline.v1.facts_pb2 import Facts, Sysctl
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output
from driftline_agent.topics import sysctl

_MAX = 20_000


def parse(text: str) -> Facts:
    """Return the settings, less those that topic sysctl leaves out."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        name = name.strip()
        if equals and name and " " not in name and ":" not in name and not sysctl.left_out(name):
            found[name] = " ".join(value.split())
    if not found:
        raise UnreadableError("sysctl -a: no line NAME = VALUE")
    out = Facts()
    out.os.sysctls.extend(Sysctl(name=name, value=found[name]) for name in sorted(found)[:_MAX])
    return out


OUTPUT = Output(command="sysctl -a", parse=parse)
