"""Packages in the output of ``apk list --installed`` or ``apk info -vv`` (Alpine)."""

from driftline import late
from driftline.v1.facts_pb2 import Facts, Package
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output
from driftline_agent.packages.kept import unique

#: apk-package(5): the version begins with a digit behind the last hyphen but that of its -rN.
_NAME = r"(?P<name>[A-Za-z0-9][A-Za-z0-9._+-]*?)-(?P<version>\d[^\s-]*-r\d+)"
_LIST = late.pattern(rf"{_NAME} (?P<arch>\S+) \{{(?P<origin>[^}}]*)\}} \((?P<license>.*)\) \[installed\]")
_INFO = late.pattern(rf"{_NAME}(?: - .*| x .*)?")


def parse(text: str) -> Facts:
    """Return the packages that are installed.

    :raises UnreadableError: where no line tells of one.
    """
    found: list[Package] = []
    for line in text.splitlines():
        listed = _LIST.fullmatch(line.strip())
        parts = listed or _INFO.fullmatch(line.strip())
        if parts is None:
            continue
        package = Package(manager="apk", name=parts["name"], version=parts["version"])
        if listed is not None:
            package.architecture, package.license = listed["arch"], listed["license"]
            package.source = "" if listed["origin"] == package.name else listed["origin"]
        found.append(package)
    if not found and text.strip():
        raise UnreadableError("apk: no line of apk list --installed or apk info -vv")
    facts = Facts()
    facts.software.packages.extend(unique(found))
    return facts


OUTPUT = Output(command="apk list --installed (or apk info -vv)", parse=parse)
