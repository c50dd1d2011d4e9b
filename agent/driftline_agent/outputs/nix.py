"""Packages in a list of paths of the Nix store: ``nix-store -q --requisites /run/current-system`` and the like.

A path is /nix/store/HASH-NAME-VERSION. The name ends where a hyphen is followed by a digit (builtins.parseDrvName).
"""

from driftline import late
from driftline.v1.facts_pb2 import Facts, Package
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output
from driftline_agent.packages.kept import unique

_PATH = late.pattern(r"/nix/store/[0-9a-z]{32}-(.+)")
_PARTS = late.pattern(r"(.+?)-(\d.*)")
#: How things that are built, or built from, end; and further outputs of a package that is there by itself.
_NO_PACKAGE = late.pattern(
    r"\.(?:drv|tar(?:\.[a-z0-9]+)?|tgz|zip|patch|diff|conf|sh|json|service|lock|gz|xz|bz2|nix|el|gem|whl)"
    r"|-(?:dev|bin|man|doc|info|lib|debug|devdoc|out|static|data|src|source|hook|wrapper)"
)


def parse(text: str) -> Facts:
    """Return what has a version.

    :raises UnreadableError: where no line is a path of the store.
    """
    known = False
    found: list[Package] = []
    for line in text.splitlines():
        path = _PATH.fullmatch(line.strip())
        if path is None:
            continue
        known = True
        parts = _PARTS.fullmatch(path[1])
        if parts is None or (_NO_PACKAGE.search(path[1][-12:]) and _ends(path[1])):
            continue
        # Any number of versions may be there at a time.
        found.append(Package(manager="nix", name=parts[1], architecture=f"@{parts[2]}", version=parts[2]))
    if not known and text.strip():
        raise UnreadableError("nix: no path of /nix/store")
    facts = Facts()
    facts.software.packages.extend(unique(found))
    return facts


def _ends(name: str) -> bool:
    return any(found.end() == len(name) for found in _NO_PACKAGE.finditer(name))


OUTPUT = Output(command="nix-store -q --requisites /run/current-system", parse=parse)
