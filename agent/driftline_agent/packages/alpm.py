"""pacman's database of what is installed, one folder a package.

Source: /var/lib/pacman/local/*/desc (libalpm's be_local.c), pacman.conf(5).
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from driftline import late
from driftline.v1.facts_pb2 import Package
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host

FOLDER = "/var/lib/pacman/local"
CONFIGURATION = "/etc/pacman.conf"
_SECTION = late.pattern(r"^%([A-Z0-9]+)%$")
_MAX_DEPTH = 4
_MAX_FILES, _MAX_LINES = 100, 10_000


def parse_sections(text: str) -> dict[str, list[str]]:
    """Return the values under each ``%NAME%`` line."""
    out: dict[str, list[str]] = {}
    values: list[str] = []
    for line in text.splitlines():
        section = _SECTION.match(line)
        if section:
            values = out.setdefault(section[1], [])
        elif line:
            values.append(line)
    return out


def build(sections: dict[str, list[str]]) -> Package:
    """Return the package of a desc file."""

    def one(name: str) -> str:
        return (sections.get(name) or [""])[0]

    def number(name: str) -> int | None:
        return int(one(name)) if one(name).isdecimal() and len(one(name)) < 19 else None

    base = one("BASE")
    return Package(
        manager="pacman",
        name=one("NAME"),
        architecture=one("ARCH"),
        version=one("VERSION"),
        source="" if base == one("NAME") else base,
        vendor="" if one("PACKAGER") == "Unknown Packager" else one("PACKAGER"),
        size=number("SIZE"),
        installed_at=number("INSTALLDATE"),
        license=" AND ".join(sections.get("LICENSE", ())),
        # The file names a reason only where it is "dependency" (alpm.h, alpm_pkgreason_t).
        automatic=one("REASON") == "1",
        section=",".join(sections.get("GROUPS", ())),
    )


def options(
    host: Host, path: str = CONFIGURATION, depth: int = 0, read: list[str] | None = None
) -> list[tuple[str, str, str]]:
    """Return section, name and value of each line of pacman.conf, included files in their places.

    :param read: files that were read already; more than :data:`_MAX_FILES` are not.
    :raises UnreadableError: where a file has too many lines.
    """
    out: list[tuple[str, str, str]] = []
    section = ""
    read = [] if read is None else read
    read.append(path)
    lines = (host.read(path) or "").splitlines()
    if len(lines) > _MAX_LINES:
        raise UnreadableError(f"{path}: more than {_MAX_LINES} lines")
    for line in lines:
        bare = line.partition("#")[0].strip()
        if bare.startswith("[") and bare.endswith("]"):
            section = bare[1:-1]
            out.append((section, "", ""))
        elif bare:
            name, _, value = (part.strip() for part in bare.partition("="))
            if name == "Include":
                for included in _globbed(host, value) if depth < _MAX_DEPTH else ():
                    if len(read) < _MAX_FILES:
                        found = options(host, included, depth + 1, read)
                        out += [(inner or section, key, text) for inner, key, text in found]
            else:
                out.append((section, name, value))
    return out


def _globbed(host: Host, pattern: str) -> list[str]:
    folder, _, name = pattern.rpartition("/")
    if not any(letter in pattern for letter in "*?["):
        return [pattern]
    return [f"{folder}/{found}" for found in host.names(folder) if fnmatchcase(found, name)]


def ignored(found: Iterable[tuple[str, str, str]]) -> list[str]:
    """Return the globs of IgnorePkg."""
    return [
        word for section, name, value in found if section == "options" and name == "IgnorePkg" for word in value.split()
    ]
