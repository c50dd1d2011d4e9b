"""``cat /etc/os-release``: distribution and release."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent import distribution
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output


def parse(text: str) -> Facts:
    """Return what an os-release file says."""
    said = distribution.parse_os_release(text)
    if not said.get("ID") and not said.get("NAME"):
        raise UnreadableError("os-release: neither ID= nor NAME= in it")
    out = Facts()
    out.os.release.CopyFrom(distribution.identify(said, {}))
    return out


OUTPUT = Output(command="cat /etc/os-release", parse=parse)
