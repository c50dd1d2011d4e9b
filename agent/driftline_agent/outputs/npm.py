"""Global packages of npm in the output of ``npm ls -g``, as JSON or as a tree; those of the first level."""

import json

from driftline import late
from driftline.v1.facts_pb2 import Facts, LanguagePackage
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output

_NODE = late.pattern(r"[├└+`][─-]+[┬-]?\s?(@?[^@\s]+)@(\d\S*)(?:\s.*)?")


def _of_json(text: str) -> dict[str, str] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    below = found.get("dependencies", {}) if isinstance(found, dict) else None
    if not isinstance(below, dict):
        return None
    return {
        name: str(one["version"])
        for name, one in below.items()
        if name and isinstance(one, dict) and isinstance(one.get("version"), str)
    }


def parse(text: str) -> Facts:
    """Return the packages; the tree names their environment in its first line.

    :raises UnreadableError: where it is neither.
    """
    environment = ""
    found = _of_json(text) if text.lstrip().startswith("{") else None
    if found is None:
        lines = text.splitlines()
        first = lines[0].strip() if lines else ""
        nodes = [node for line in lines[1:] if (node := _NODE.fullmatch(line.rstrip()))]
        if not first.startswith("/") or not (nodes or "(empty)" in text):
            raise UnreadableError("npm: neither JSON nor the tree of npm ls -g")
        environment = f"{first}/node_modules"
        found = {node[1]: node[2] for node in nodes}
    facts = Facts()
    facts.software.language_packages.extend(
        LanguagePackage(ecosystem="npm", environment=environment, name=name, version=found[name])
        for name in sorted(found)
    )
    return facts


OUTPUT = Output(command="npm ls -g --depth=0 (or with --json)", parse=parse)
