"""Swap areas in use. Source: swapon(8) --show, with --bytes or without; swapon -s, /proc/swaps."""

from driftline.v1.facts_pb2 import Facts, SwapArea
from driftline_agent import mounts
from driftline_agent.errors import UnreadableError
from driftline_agent.numbers import whole
from driftline_agent.output import Output


def _row(words: list[str], names: list[str]) -> SwapArea | None:
    row = dict(zip(names, words, strict=False))
    if row.get("TYPE") not in ("partition", "file"):
        return None
    size = row.get("SIZE", "")
    # 2G is rounded: only bytes are told.
    out = SwapArea(path=mounts.unescape(row.get("NAME", "")), type=row["TYPE"], size=whole(size, 1 << 62))
    priority = whole(row.get("PRIO"), 1 << 16)
    if priority is not None:
        out.priority = priority
    return out


def parse(text: str) -> Facts:
    """Return the areas, sorted by path."""
    found: dict[str, SwapArea] = {}
    lines = text.splitlines()
    if lines and lines[0].startswith("Filename"):  # KiB
        for path, kind, size, priority in mounts.parse_swaps(text):
            found[path] = SwapArea(path=path, type=kind, size=None if size is None else size * 1024, priority=priority)
    else:
        names = ["NAME", "TYPE", "SIZE", "USED", "PRIO"]
        for line in lines:
            if line.split()[:2] == ["NAME", "TYPE"]:
                names = line.split()
                continue
            area = _row(line.split(), names)
            if area is not None:
                found[area.path] = area
    if text.strip() and not found and not text.startswith(("Filename", "NAME")):
        raise UnreadableError("no output of swapon: no row of it could be read")
    facts = Facts()
    facts.storage.swaps.extend(found[path] for path in sorted(found) if path)
    return facts


OUTPUT = Output(command="swapon --show --bytes", parse=parse)
