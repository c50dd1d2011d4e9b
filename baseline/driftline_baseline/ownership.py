"""What files changed together tell of who changed them, by the packages that own them, where no log does.

Debian's way: files of a package arrive, change and go with it; its maintainer scripts make some more, which are in no
package's list (update-rc.d(8), deb-systemd-helper(1p), add-shell(8), update-mime(8), Debian Policy 10.7 and 9.3).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from posixpath import dirname, join, normpath

from driftline_baseline.severity import OwnerOf

#: What packages' scripts write, though no package ships it: pattern -> by what.
WRITTEN_BY_SCRIPTS: dict[str, str] = {
    "/etc/shells": "add-shell(8)",
    "/etc/mailcap": "update-mime(8)",
    "/etc/aliases.db": "newaliases(1)",
    "/etc/ld.so.cache": "ldconfig(8)",
    "/etc/alternatives/*": "update-alternatives(1)",
    "/etc/ssl/certs/*": "update-ca-certificates(8)",
    "/etc/ca-certificates.conf": "ca-certificates' scripts",
    "/etc/passwd-": "shadow's tools",
    "/etc/group-": "shadow's tools",
    "/etc/shadow-": "shadow's tools",
    "/etc/gshadow-": "shadow's tools",
    "/etc/postfix/dynamicmaps.cf": "postfix' scripts",
    "/etc/init.d/.depend.*": "insserv(8)",
    "/etc/initramfs-tools/conf.d/*": "initramfs-tools' scripts",
    "/etc/apt/apt.conf.d/01autoremove-kernels": "apt's kernel hook",
}
#: Records that a tool keeps of the others' changes: they say nothing by themselves.
BOOK_KEEPING = ("/etc/.etckeeper",)


class Maker(StrEnum):
    """Who made a set of changes, as far as ownership tells."""

    #: A package was installed, upgraded or removed.
    PACKAGE = "package"
    #: Somebody changed files by hand.
    HAND = "hand"
    #: Only files that a package owns changed, in place: an upgrade and an edit by hand look the same.
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file that changed."""

    path: str
    #: It appeared or vanished, rather than changed in place.
    whole: bool
    #: Where it points, for a link.
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """The files that one maker changed."""

    maker: Maker
    why: str
    changes: tuple[FileChange, ...]


def owner_of_change(change: FileChange, owner_of: OwnerOf) -> str | None:
    """Return the package that a file belongs to: a link belongs to whom its target belongs."""
    owner = owner_of(change.path)
    if owner is None and change.target is not None:
        return owner_of(normpath(join(dirname(change.path), change.target)))
    return owner


def part(changes: Iterable[FileChange], owner_of: OwnerOf) -> list[Made]:
    """Part files that changed at one time by who made it so: at most one part for packages, one for hands.

    What packages' scripts write goes with the package part where there is one.
    """
    owned: dict[str, list[FileChange]] = {}
    scripts, rest, kept = [], [], []
    for change in changes:
        owner = owner_of_change(change, owner_of)
        if change.path in BOOK_KEEPING:
            kept.append(change)
        elif owner is not None:
            owned.setdefault(owner, []).append(change)
        elif any(fnmatchcase(change.path, pattern) for pattern in WRITTEN_BY_SCRIPTS):
            scripts.append(change)
        else:
            rest.append(change)
    made = []
    mine = [change for group in owned.values() for change in group]
    if mine or scripts:
        maker, why = _judged(owned, scripts, alone=not rest)
        made.append(Made(maker, why, (*mine, *scripts)))
    if rest:
        names = ", ".join(change.path for change in rest[:3])
        more = f" and {len(rest) - 3} more" if len(rest) > 3 else ""
        made.append(Made(Maker.HAND, f"no package owns {names}{more}", tuple(rest)))
    if kept:
        first = made[0] if made else Made(Maker.AMBIGUOUS, "only a tool's own record changed", ())
        made[:1] = [Made(first.maker, first.why, (*first.changes, *kept))]
    return made


def _judged(owned: dict[str, list[FileChange]], scripts: list[FileChange], *, alone: bool) -> tuple[Maker, str]:
    packages = ", ".join(sorted(owned)[:3])
    arrived = [change for group in owned.values() for change in group if change.whole and change.target is None]
    if arrived:
        return Maker.PACKAGE, f"files of {packages} came or went as packages bring and take them"
    together = [name for name, group in owned.items() if len(group) > 2 and any(c.target is None for c in group)]
    if together and alone:
        return Maker.PACKAGE, f"many files of {', '.join(sorted(together)[:3])} changed at one time and no others"
    if owned and all(change.target is not None for group in owned.values() for change in group):
        return Maker.AMBIGUOUS, f"only links to files of {packages} moved: a package's scripts and a person do the same"
    if owned:
        return Maker.AMBIGUOUS, f"files of {packages} changed in place: an upgrade and an edit by hand look the same"
    names = ", ".join(change.path for change in scripts[:3])
    return Maker.AMBIGUOUS, f"packages' scripts write {names}, and people do"
