"""Packages in the output of ``equery list '*'`` or ``qlist -Iv`` (Gentoo)."""

import re

from driftline import late
from driftline.v1.facts_pb2 import Facts, Package
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output
from driftline_agent.packages.kept import unique
from driftline_agent.topics.portage import NAME

#: ``[IP-] [  ] app-shells/bash-5.1_p16:0``, or the package alone; then a repository.
_LINE = late.pattern(
    r"(?:\[[^\]]*\]\s*)*(?:\[\s*\d*\]\s*)?(?P<category>[A-Za-z0-9+_.-]+)/(?P<rest>[^\s:]+)(?::(?P<slot>[^\s:]+))?"
    r"(?:::(?P<repository>\S+))?\s*(?:\((?P<round>[^)]*)\))?\s*"
)
#: ``equery(0.1.4) - Gentoo Package Query Tool``: it was asked for its own version.
_VERSION = late.pattern(r"equery ?\(.*Package Query Tool", re.IGNORECASE)


def parse(text: str) -> Facts:
    """Return the packages.

    :raises UnreadableError: where no line tells of one.
    """
    found: list[Package] = []
    for line in text.splitlines():
        parts = _LINE.fullmatch(line.strip())
        name = NAME.fullmatch(parts["rest"]) if parts else None
        if parts is None or name is None:
            continue
        slot = (parts["slot"] or (parts["round"] if parts["round"] else "") or "0").partition("/")[0]
        found.append(
            Package(
                manager="portage",
                name=f"{parts['category']}/{name['name']}",
                architecture="" if slot == "0" else f"@{slot}",
                version=name["version"],
                repository=parts["repository"] or "",
            )
        )
    if not found and text.strip():
        said = "its version, not its packages" if _VERSION.search(text) else "no line of equery list"
        raise UnreadableError(f"equery: {said}")
    facts = Facts()
    facts.software.packages.extend(unique(found))
    return facts


OUTPUT = Output(command="equery --quiet list '*' (or qlist -Iv)", parse=parse)
