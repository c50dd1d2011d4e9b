"""``systemctl list-unit-files``: units and how they are enabled. Source: systemctl(1)."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent import units
from driftline_agent.keys import bounded
from driftline_agent.output import Output

_PRESETS = frozenset({"enabled", "disabled", "ignored"})


def parse(text: str) -> Facts:
    """Return the units; the columns are unit, state and, since systemd 246, preset ("vendor preset" for a while)."""
    found: dict[str, tuple[str, str]] = {}
    for line in text.splitlines():
        words = line.replace("\x1b", "").split()
        if len(words) in (2, 3) and units.is_unit(words[0]) and words[1].replace("-", "").isalpha():
            found.setdefault(words[0], (words[1], words[2] if len(words) == 3 and words[2] in _PRESETS else ""))
    out = Facts()
    for name in sorted(found):
        state, preset = found[name]
        out.services.units.add(name=bounded(name), enablement=state, preset=preset)
    return out


OUTPUT = Output(command="systemctl list-unit-files --no-pager", parse=parse)
