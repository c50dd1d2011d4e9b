"""Packages in the output of ``apt list --installed``."""

from driftline import late
from driftline.v1.facts_pb2 import Facts, Package
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output
from driftline_agent.packages.kept import unique

#: adduser/stable,now 3.134 all [installed,automatic]
_LINE = late.pattern(
    r"(?P<name>[a-z0-9][a-z0-9+.-]+)/(?P<suites>\S+) (?P<version>\S+) (?P<arch>[a-z0-9-]+) \[(?P<notes>[^\]]*)\]"
)


def parse(text: str) -> Facts:
    """Return the packages that are installed.

    :raises UnreadableError: where no line tells of one.
    """
    found: list[Package] = []
    known = False
    for line in text.splitlines():
        parts = _LINE.fullmatch(line.strip())
        if parts is None:
            known = known or line.startswith("Listing...")
            continue
        known = True
        notes = parts["notes"].split(",")
        if not notes[0].startswith(("installed", "upgradable from")):
            continue
        newer = parts["notes"].partition("upgradable from: ")[2]
        suites = [suite for suite in parts["suites"].split(",") if suite not in ("now", "unknown")]
        found.append(
            Package(
                manager="dpkg",
                name=parts["name"],
                architecture=parts["arch"],
                # What stands before is the version that could be installed.
                version=newer or parts["version"],
                repository="" if newer or not suites else suites[0],
                automatic=None if newer else "automatic" in notes,
            )
        )
    if not known:
        raise UnreadableError("apt: no line of apt list --installed")
    facts = Facts()
    facts.software.packages.extend(unique(found))
    return facts


OUTPUT = Output(command="apt list --installed", parse=parse)
