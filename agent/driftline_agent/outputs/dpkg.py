"""Packages in the output of dpkg-query(1) or ``dpkg -l``."""

from driftline import late
from driftline.v1.facts_pb2 import Facts, Package
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output
from driftline_agent.packages.kept import unique
from driftline_agent.packages.texts import number_of
from driftline_agent.topics.dpkg import PRESENT

#: dpkg -l: what is wanted, what is, an error; name with architecture where there are several, version, architecture.
_LISTED = late.pattern(r"([uihrp])([ncHUFWti])[R ]?\s+(\S+)\s+(\S+)\s+(\S+)(?:\s|$)")
_THERE = "iUFWt"
_ARCHITECTURE = late.pattern(r"all|[a-z0-9]+(?:-[a-z0-9]+)*")
_NAME = late.pattern(r"[a-z0-9][a-z0-9+.-]+(?::[a-z0-9-]+)?")


def _of_list(line: str) -> Package | None:
    found = _LISTED.match(line)
    if found is None or found[2] not in _THERE:
        return None
    wanted, _, name, version, architecture = found.groups()
    return Package(
        manager="dpkg",
        name=name.partition(":")[0],
        architecture=architecture,
        version=version,
        held=True if wanted == "h" else None,
    )


def _of_query(columns: list[str]) -> Package | None:
    """Return the package of a line of dpkg-query -W: name and version, or name, architecture, version and the rest."""
    name, _, qualifier = columns[0].partition(":")
    if len(columns) == 2:
        return Package(manager="dpkg", name=name, architecture=qualifier, version=columns[1]) if columns[1] else None
    if not _ARCHITECTURE.fullmatch(columns[1]):
        return None
    status = next((column.split() for column in columns[5:] if len(column.split()) == 3), [])
    if status and status[2] not in PRESENT:
        return None
    size = number_of(columns[3]) if len(columns) > 3 else None
    return Package(
        manager="dpkg",
        name=name,
        architecture=columns[1],
        version=columns[2],
        size=None if size is None else size * 1024,
        section=columns[4] if len(columns) > 4 and columns[4] != "unknown" else "",
        held=True if status and status[0] == "hold" else None,
    )


def parse(text: str) -> Facts:
    """Return the packages that are installed.

    :raises UnreadableError: where no line is one of these commands'.
    """
    found: list[Package] = []
    known = False
    for line in text.splitlines():
        columns = line.split("\t")
        if len(columns) > 1 and _NAME.fullmatch(columns[0]):
            package, known = _of_query(columns), True
        else:
            package = _of_list(line)
            known = known or line.startswith("||/") or package is not None
        if package is not None:
            found.append(package)
    if not known:
        raise UnreadableError("dpkg: no line of dpkg-query -W or dpkg -l")
    facts = Facts()
    facts.software.packages.extend(unique(found))
    return facts


OUTPUT = Output(
    command=r"dpkg-query -W -f='${Package}\t${Architecture}\t${Version}\t${Installed-Size}\t${Section}\t${Status}\n'"
    " (or dpkg -l)",
    parse=parse,
)
