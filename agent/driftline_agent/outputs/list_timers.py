"""``systemctl list-timers``: when each timer ran last, and runs next."""

import json

from driftline.v1.facts_pb2 import Facts
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output

#: Last and next run by timer, s since 1970; None where it has none.
Runs = dict[str, tuple[int | None, int | None]]
#: systemd's "never" is all bits set.
_MAX_US = 1 << 62


def _seconds(value: object) -> int | None:
    return value // 1_000_000 if isinstance(value, int) and 0 < value < _MAX_US else None


def _entries(text: str) -> list[dict[str, object]]:
    if not text.strip():
        return []
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"systemctl list-timers: no JSON: {error}") from error
    entries = found if isinstance(found, list) else []
    return [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("unit"), str)]


def parse_json(text: str) -> Runs:
    """Return last and next run by timer.

    :raises UnreadableError: where the text is no JSON.
    """
    return {str(entry["unit"]): (_seconds(entry.get("last")), _seconds(entry.get("next"))) for entry in _entries(text)}


def parse(text: str) -> Facts:
    """Return the timers.

    :raises UnreadableError: where the text is no JSON.
    """
    out = Facts()
    activates = {str(entry["unit"]): entry.get("activates") for entry in _entries(text)}
    for name, (before, after) in sorted(parse_json(text).items()):
        timer = out.services.timers.add(name=name)
        target = activates[name]
        timer.activates = target if isinstance(target, str) else ""
        if before is not None:
            timer.last_run_at = before
        if after is not None:
            timer.next_run_at = after
    return out


OUTPUT = Output(command="systemctl list-timers --all --output=json", parse=parse)
