"""Which product a package is of: one stable id per title, whatever distribution packed it under which name.

Knowledge is in titles.tsv; what is not there goes by its source package's name, without versions in it. A title is
computed where it is shown and is no fact: knowing more is never a change of a host.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from driftline import late
from driftline.v1.software_pb2 import LanguagePackage, Package

#: A version at the end of a name that several versions may be installed of: postgresql-15, gcc-12, python3.11, php8.2.
_VERSION = late.pattern(r"(?:-\d[\d.]*|(?<=[a-z])\d+\.\d[\d.]*)$")
#: Name of a kernel package: linux-image-6.1.0-18-amd64, kernel-core.
_PARTS = late.pattern(
    r"-(?:common|core|libs?|devel|dev|dbg|debuginfo|doc|docs|data|bin|tools|utils|server|client|minimal|base|devel-static"
    r"|debugsource|lang|locale|locales|help|headers)$"
)


@dataclass(frozen=True, slots=True)
class Title:
    """A product."""

    #: Stable: openssl. Written down for titles that are known; else the source package's name without versions.
    id: str
    #: For people: OpenSSL.
    name: str
    #: Who makes it; None where that is not known.
    vendor: str | None


@cache
def _known() -> tuple[dict[str, Title], dict[str, Title], list[int]]:
    """Return titles by name of source or package, and by how such names begin; lengths of the latter, longest first."""
    exact: dict[str, Title] = {}
    prefixes: dict[str, Title] = {}
    # Not by importlib.resources, which takes longer to import than all titles to read.
    for line in Path(__file__).with_name("titles.tsv").read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        identity, name, vendor, names = line.split("\t")
        title = Title(identity, name, vendor or None)
        for one in {identity, *names.split()}:
            if one.endswith("*"):
                prefixes.setdefault(one[:-1], title)
            else:
                exact[one] = title
    return exact, prefixes, sorted({len(prefix) for prefix in prefixes}, reverse=True)


def without_version(name: str) -> str:
    """Return a package's name without a version at its end."""
    return _VERSION.sub("", name) if name[-1:].isdigit() or name.endswith(".") else name


@cache
def _find(name: str) -> Title | None:
    exact, prefixes, lengths = _known()
    found = exact.get(name) or exact.get(without_version(name))
    for length in () if found else lengths:
        found = prefixes.get(name[:length])
        if found is not None:
            break
    return found


def title_of(package: Package) -> Title:
    """Return the product of a package: by its source package, then by its own name, then by rule."""
    source, name = package.source.lower(), package.name.lower()
    if package.manager == "portage":
        name = name.rpartition("/")[2]
    elif package.manager == "flatpak":
        name = name.rpartition(".")[2] if name.count(".") > 1 else name
    for one in (name, source):
        found = _find(one) if one else None
        if found is not None:
            return found
    base = source or name
    while (shorter := _PARTS.sub("", without_version(base))) != base and not source:
        base = shorter
    base = without_version(base)
    return Title(base, base, None)


def title_of_language_package(package: LanguagePackage) -> Title:
    """Return the product of a package of a programming language: the package itself, within its ecosystem."""
    return Title(f"{package.ecosystem}:{package.name}", package.name, None)
