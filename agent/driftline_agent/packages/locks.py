"""Packages that are kept at a version.

Source: versionlock of dnf and yum (versionlock.list, versionlock.toml of dnf 5), zypper's /etc/zypp/locks.
"""

import re
from collections.abc import Iterable
from fnmatch import translate
from functools import lru_cache

from driftline.v1.facts_pb2 import Package
from driftline_agent.host import Host

_LISTS = ("/etc/dnf/plugins/versionlock.list", "/etc/yum/pluginconf.d/versionlock.list")
_TOML, _ZYPP = "/etc/dnf/versionlock.toml", "/etc/zypp/locks"
FOLDERS = ("/etc/dnf/plugins", "/etc/yum/pluginconf.d", "/etc/zypp")


def parse_list(text: str) -> list[str]:
    """Return the patterns of a versionlock.list; exclusions (``!``) are no locks."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and line[0] not in "#!"]


def parse_toml(text: str) -> list[str]:
    """Return the patterns of dnf 5's versionlock.toml: name, or name and version where they must be equal."""
    import tomllib

    try:
        found = tomllib.loads(text).get("packages", [])
    except (tomllib.TOMLDecodeError, RecursionError):
        return []
    out: list[str] = []
    for entry in found if isinstance(found, list) else []:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            continue
        conditions = [one for one in entry.get("conditions") or [] if isinstance(one, dict)]
        equal = [str(one.get("value")) for one in conditions if one.get("comparator") == "="]
        out.append(f"{entry['name']}-{equal[0]}" if equal else entry["name"])
    return out


def parse_zypp(text: str) -> list[str]:
    """Return the names or globs of zypper's locks on packages."""
    out: list[str] = []
    for block in re.split(r"\n\s*\n", text):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith("#"))
        name = fields.get("solvable_name", "").strip()
        if name and fields.get("type", "package").strip() == "package":
            out.append(name)
    return out


def dnf(host: Host) -> list[str]:
    """Return the patterns of all that locks rpm packages, sorted."""
    out: set[str] = set()
    for path in _LISTS:
        out.update(parse_list(host.read(path) or ""))
    out.update(parse_toml(host.read(_TOML) or ""))
    out.update(parse_zypp(host.read(_ZYPP) or ""))
    return sorted(out)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))


def matches(package: Package, patterns: Iterable[str]) -> bool:
    """Tell whether a pattern is for a package, in any of the forms that dnf and yum take (dnf(8), yum(8))."""
    forms: list[str] = []
    for pattern in patterns:
        if not forms:
            name, bare = package.name, package.architecture.partition("@")[0]
            epoch, _, version = package.version.rpartition(":")
            epoch = epoch or "0"
            short = version.rpartition("-")[0]
            forms = [name, f"{name}.{bare}", f"{name}-{short}", f"{name}-{version}", f"{name}-{version}.{bare}"]
            forms += [f"{name}-{epoch}:{version}", f"{name}-{epoch}:{version}.{bare}"]
            forms += [f"{epoch}:{name}-{version}", f"{epoch}:{name}-{version}.{bare}"]
        if any(_compiled(pattern).match(form) for form in forms):
            return True
    return False
