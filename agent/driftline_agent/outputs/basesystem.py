"""``rpm -q --queryformat '%{INSTALLTIME}\\n' basesystem``: when a system of Red Hat's family was installed."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output
from driftline_agent.topics.host import parse_birth


def parse(text: str) -> Facts:
    """Return the time, in seconds since 1970; the first line counts."""
    born = parse_birth(next((line for line in text.splitlines() if line.strip()), ""))
    if born is None:
        raise UnreadableError("rpm -q basesystem: no time in seconds since 1970")
    out = Facts()
    out.os.host.installed_at = born
    return out


OUTPUT = Output(command="rpm -q --queryformat '%{INSTALLTIME}\\n' basesystem", parse=parse)
