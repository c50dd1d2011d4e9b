"""Configuration that stands in several folders: a name in an earlier folder hides the same name in a later one.

Source: systemd-system.conf(5), sysctl.d(5), modprobe.d(5), modules-load.d(5).
"""

import time
from collections.abc import Iterable, Iterator

from driftline_agent.host import Host

#: Where such folders are, the first counts most.
PREFIXES = ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib")
#: Lines that one file may have, and characters of a line and of a file; what is over is left out.
_MAX_LINES, _MAX_LINE, _MAX_TEXT = 20_000, 10_000, 4 << 20


def folders(name: str) -> tuple[str, ...]:
    """Return the folders of a kind of configuration: ``sysctl.d``."""
    return tuple(f"{prefix}/{name}" for prefix in PREFIXES)


def files(host: Host, name: str, end: str = ".conf") -> list[str]:
    """Return the files that count, in the order in which they are read: by their names, whatever folder they are in.

    :param name: of the folder: ``sysctl.d``.
    """
    found: dict[str, str] = {}
    for folder in folders(name):
        for entry in host.names(folder):
            if entry.endswith(end) and not entry.startswith("."):
                found.setdefault(entry, f"{folder}/{entry}")
    return [found[entry] for entry in sorted(found)]


def lines(text: str, comments: str = "#", joined: bool = True) -> Iterator[str]:
    """Yield a file's lines without surrounding white space, empty ones and comments.

    :param comments: characters that begin a comment at a line's start.
    :param joined: a line that ends in a backslash goes on in the next.
    """
    rest = ""
    for number, raw in enumerate(text[:_MAX_TEXT].splitlines()):
        if number >= _MAX_LINES:
            return
        line = rest + raw.strip()
        rest = ""
        if len(line) > _MAX_LINE:
            continue
        if line[:1] in comments and line:
            continue
        if joined and line.endswith("\\"):
            rest = line[:-1].rstrip() + " "
            continue
        if line:
            yield line
    if rest.strip():
        yield rest.strip()


def sections(texts: Iterable[str], section: str) -> dict[str, list[str]]:
    """Return the assignments in one section of systemd's files, in order; an empty one takes back those before it."""
    out: dict[str, list[str]] = {}
    for text in texts:
        inside = False
        for line in lines(text, "#;"):
            if line.startswith("["):
                inside = line == f"[{section}]"
                continue
            name, equals, value = line.partition("=")
            name, value = name.strip(), value.strip()
            if not inside or not equals:
                continue
            if value:
                out.setdefault(name, []).append(value)
            else:
                out.pop(name, None)
    return out


#: A folder that was changed so short a time ago may be changed again without another time on it.
_SETTLED_NS = 2_000_000_000
_Links = tuple[tuple[str, str], ...]


def _links(host: Host, folder: str, kept: dict[str, tuple[int, _Links]], follow: bool) -> _Links:
    """Return a folder's names with what they lead to; listed again only where the folder's time is another."""
    found = host.stat(folder)
    if found is None:
        return ()
    known = kept.get(folder)
    if known is not None and known[0] == found.st_mtime_ns:
        return known[1]
    names = host.names(folder)
    if follow:
        links = tuple((name, (host.link(f"{folder}/{name}") or name).rpartition("/")[2]) for name in names)
    else:
        links = tuple((name, "") for name in names if name.endswith((".wants", ".requires")))
    if not 0 <= time.time_ns() - found.st_mtime_ns < _SETTLED_NS:
        kept[folder] = (found.st_mtime_ns, links)
    return links


def wanted(host: Host) -> dict[str, str]:
    """Return the units that are started at boot, by the link's name, with the name of the unit that it leads to.

    Source: systemctl(1), enable: links in ``*.wants`` and ``*.requires`` folders.
    """
    out: dict[str, str] = {}
    kept: dict[str, tuple[int, _Links]] = host.kept.setdefault("wanted", {})
    for base in ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"):
        if base.startswith("/lib") and host.link("/lib"):
            continue  # merged into /usr
        for name, _ in _links(host, base, kept, follow=False):
            for unit, target in _links(host, f"{base}/{name}", kept, follow=True):
                out.setdefault(unit, target)
    return out


def started(host: Host) -> set[str]:
    """Return the names of services that are started at boot without systemd: sysvinit's and OpenRC's runlevels."""
    out: set[str] = set()
    for level in ("/etc/rc2.d", "/etc/rc3.d", "/etc/rc5.d", "/etc/rc.d/rc3.d", "/etc/rc.d/rc5.d"):
        out.update(name[3:] for name in host.names(level) if name[:1] == "S" and name[1:3].isdigit())
    for level in ("/etc/runlevels/boot", "/etc/runlevels/default"):
        out.update(host.names(level))
    return out
