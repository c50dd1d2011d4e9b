"""``stat /``, also with ``-c %w`` or ``-c %W``: when the root filesystem was made, and so the system installed."""

import re
from datetime import datetime

from driftline import late
from driftline.v1.facts_pb2 import Facts
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output
from driftline_agent.topics.host import parse_birth

_BIRTH = late.pattern(r"^\s*(?:Birth:\s*)?(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.\d+)? ([+-]\d{4})\s*$", re.MULTILINE)


def parse(text: str) -> Facts:
    """Return the birth; of a filesystem that keeps none, nothing."""
    out = Facts()
    found = _BIRTH.search(text)
    try:
        born = int(datetime.strptime(" ".join(found.groups()), "%Y-%m-%d %H:%M:%S %z").timestamp()) if found else None
    except (ValueError, OverflowError) as error:
        raise UnreadableError(f"stat: {error}") from error
    born = parse_birth(text) if born is None else born if born > 0 else None
    if born is not None:
        out.os.host.installed_at = born
    elif text.strip() not in ("-", "0", "?") and "Inode:" not in text:
        raise UnreadableError("stat: neither a time with its zone nor seconds since 1970")
    return out


OUTPUT = Output(command="stat -c %w /", parse=parse)
