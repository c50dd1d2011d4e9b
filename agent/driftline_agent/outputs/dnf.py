"""Packages with their repositories in the output of ``dnf list installed`` or ``yum list installed``."""

import re

from driftline import late
from driftline.v1.facts_pb2 import Facts, Package
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output
from driftline_agent.packages import headers

_LINE = late.pattern(
    r"(?P<name>\S+)\.(?P<arch>[a-z][a-z0-9_]*)\s+(?P<version>(?:\d+:)?[^\s-]+-\S+)\s+@?(?P<repository>\S+)\s*"
)
_SEVERAL = late.pattern(r"kernel(?:-(?:core|modules|devel|modules-core|modules-extra|uek.*))?")
_NONE = frozenset({"System", "commandline", "@commandline", "<unknown>", "installed", "anaconda"})


def parse(text: str) -> Facts:
    """Return the packages. Lines that yum broke because they were long are put together.

    :raises UnreadableError: where no line tells of one.
    """
    joined = re.sub(r"\n[ \t]+(?=\S)", " ", text)
    found: list[tuple[Package, bool]] = []
    for line in joined.splitlines():
        parts = _LINE.fullmatch(line)
        if parts is not None:
            repository = parts["repository"].partition("/")[0]
            package = Package(
                manager="rpm",
                name=parts["name"],
                architecture=parts["arch"],
                version=parts["version"].removeprefix("0:"),
                repository="" if repository in _NONE else repository,
            )
            found.append((package, bool(_SEVERAL.fullmatch(package.name))))
    if not found and text.strip():
        raise UnreadableError("dnf: no line of dnf list installed")
    facts = Facts()
    facts.software.packages.extend(headers.identify(found))
    return facts


OUTPUT = Output(command="dnf list installed (or yum list installed)", parse=parse)
