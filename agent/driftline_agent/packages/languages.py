"""Packages of programming languages: where they lie, and what their metadata says.

Source: the core metadata and installed-distributions specifications of packaging.python.org, npm's package.json,
RubyGems' specifications.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from driftline import late
from driftline.v1.facts_pb2 import LanguagePackage
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host

#: Folders that hold a Python's packages, and above them environments: PREFIX/lib/pythonX.Y/site-packages.
_SITE = ("site-packages", "dist-packages")
_PYTHON = late.pattern(r"python\d+(?:\.\d+)*t?")
_METADATA = late.pattern(r"(?P<name>[^/]+?)-(?P<version>[^-/]+?)(?:-py\d[\d.]*)?\.(?P<kind>dist-info|egg-info)")
_NORMAL = late.pattern(r"[-_.]+")
#: What is not looked through on the way to environments, how deep, and how many folders at most.
_SKIPPED = frozenset({"node_modules", "__pycache__", ".git", "share", "include", "src", "man"})
_MAX_DEPTH, _MAX_FOLDERS, _MAX_ENVIRONMENTS, _MAX_PACKAGES = 4, 2_000, 200, 5_000
_MAX_TEXT = 1 << 20


def normal(name: str) -> str:
    """Return a Python project's name as PEP 503 normalises it."""
    return _NORMAL.sub("-", name).lower()


def parse_metadata(text: str) -> dict[str, str]:
    """Return name, version and licence of a METADATA or PKG-INFO file."""
    out: dict[str, str] = {}
    classifiers: list[str] = []
    for line in text[:_MAX_TEXT].splitlines():
        if not line:
            break
        field_, colon, value = line.partition(": ")
        if not colon or line[0].isspace():
            continue
        if field_ == "Classifier" and value.startswith("License ::"):
            classifiers.append(value.rpartition(":: ")[2].strip())
        else:
            out.setdefault(field_, value.strip())
    return {
        "name": out.get("Name", ""),
        "version": out.get("Version", ""),
        "license": _license(out, classifiers),
    }


def _license(fields: dict[str, str], classifiers: list[str]) -> str:
    expression = fields.get("License-Expression") or fields.get("License", "")
    if not expression or expression.upper() == "UNKNOWN" or len(expression) > 80:
        return " AND ".join(classifiers)  # some put the whole text there
    return expression


@dataclass(slots=True)
class Search:
    """What a search for Python's environments found."""

    folders: set[str] = field(default_factory=set)
    #: Folder to why nothing is known of what is below; empty for all roots.
    unreadable: dict[str, str] = field(default_factory=dict)
    left: int = _MAX_FOLDERS


def environments(host: Host, roots: Iterable[str]) -> Search:
    """Look for folders of Python packages at or below some roots."""
    out = Search()
    for root in roots:
        for place in _expand(host, root):
            _look(host, place, 0, out)
    if out.left <= 0 or len(out.folders) > _MAX_ENVIRONMENTS:
        out.unreadable[""] = f"more than {_MAX_FOLDERS} folders below python_roots; name fewer or deeper ones"
    return out


def _expand(host: Host, root: str) -> list[str]:
    """Return what a root with ``python3*`` in it stands for."""
    if "*" not in root:
        return [root]
    folder, _, rest = root.partition("*")
    folder, _, begin = folder.rpartition("/")
    return [f"{folder}/{name}{rest}" for name in host.names(folder) if name.startswith(begin)]


def _look(host: Host, folder: str, depth: int, out: Search) -> None:
    inside = folder.rpartition("/")[2]
    if inside in _SITE:
        if host.exists(folder):
            out.folders.add(folder)
        return
    try:
        names = host.folders(folder)
    except UnreadableError as error:
        out.unreadable[folder] = str(error)
        return
    out.left -= 1
    for name in names:
        below = f"{folder}/{name}"
        if out.left <= 0:
            return
        if name in _SITE:
            out.folders.add(below)
        elif name in _SKIPPED or (name.startswith(".") and name != ".venv"):
            continue
        elif _PYTHON.fullmatch(name) and inside in ("lib", "lib64"):
            _look(host, below, _MAX_DEPTH, out)
        elif depth < _MAX_DEPTH and not _PYTHON.fullmatch(inside):
            _look(host, below, depth + 1, out)


def python_names(host: Host, environment: str) -> list[str]:
    """Return the names of metadata folders and files in an environment."""
    return [name for name in host.names(environment) if name.endswith((".dist-info", ".egg-info"))][:_MAX_PACKAGES]


def python_package(host: Host, environment: str, name: str) -> LanguagePackage | None:
    """Return the package that a metadata folder or file describes; None where there is none."""
    parts = _METADATA.fullmatch(name)
    folder = f"{environment}/{name}"
    text = None
    for file in (f"{folder}/METADATA", f"{folder}/PKG-INFO", folder):
        try:
            text = host.read(file)
        except UnreadableError:
            continue
        if text is not None:
            break
    said = parse_metadata(text or "")
    name = said["name"] or (parts["name"] if parts else "")
    if not name:
        return None
    out = LanguagePackage(
        ecosystem="pypi",
        environment=environment,
        name=normal(name),
        version=said["version"] or (parts["version"] if parts else ""),
        license=said["license"],
        installer=host.line(f"{folder}/INSTALLER") or "",
    )
    found = host.stat(folder)
    if found is not None:
        out.installed_at = int(found.st_mtime)
    return out


def npm_packages(host: Host, folder: str) -> list[str]:
    """Return the names of packages in a node_modules folder, scopes with theirs."""
    out: list[str] = []
    for name in host.names(folder):
        if name.startswith("@"):
            out += [f"{name}/{inner}" for inner in host.names(f"{folder}/{name}")]
        elif not name.startswith("."):
            out.append(name)
    return out[:_MAX_PACKAGES]


def npm_package(host: Host, folder: str, name: str) -> LanguagePackage | None:
    """Return the package in a folder of node_modules; None where there is none."""
    file = f"{folder}/{name}/package.json"
    try:
        said = json.loads(host.read(file) or "")
    except (ValueError, RecursionError, UnreadableError):
        return None
    if not isinstance(said, dict):
        return None
    license_ = said.get("license")
    if isinstance(license_, dict):
        license_ = license_.get("type")
    out = LanguagePackage(
        ecosystem="npm",
        environment=folder,
        name=name,
        version=said["version"] if isinstance(said.get("version"), str) else "",
        license=license_ if isinstance(license_, str) else "",
    )
    found = host.stat(file)
    if found is not None:
        out.installed_at = int(found.st_mtime)
    return out


_GEM = late.pattern(r"(?P<name>.+?)-(?P<version>\d[0-9A-Za-z.]*)(?:-[a-z0-9_-]+)?\.gemspec")


def gem_package(host: Host, folder: str, file: str) -> LanguagePackage | None:
    """Return the package of a specification's name; its content is a program, and not read."""
    parts = _GEM.fullmatch(file)
    if parts is None:
        return None
    out = LanguagePackage(
        ecosystem="gem", environment=folder.rpartition("/")[0], name=parts["name"], version=parts["version"]
    )
    found = host.stat(f"{folder}/{file}")
    if found is not None:
        out.installed_at = int(found.st_mtime)
    return out
