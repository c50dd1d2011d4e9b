"""How grave a difference is by what it lets happen: what root runs, who may become root, and no package owns.

A baseline's rule gives each difference a severity; this only ever raises it. Sources: init(8), run-parts(8),
crontab(5), systemd.unit(5), initramfs-tools(7), ld.so(8), sudoers(5), pam.d(5), sshd(8) AuthorizedKeysFile, FHS 3.0.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from posixpath import dirname, join, normpath

from driftline import paths
from driftline_baseline.compare import Difference
from driftline_baseline.values import Attributes, decode

CRITICAL = "critical"

#: Package that owns a file or systemd unit by its path on the host; None where none does.
OwnerOf = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Place:
    """Files that decide what runs, or who may."""

    #: Path with ``*`` for anything but a slash and ``**`` for anything.
    pattern: str
    #: What such a file is: "a boot-time service".
    what: str
    #: A change counts even where a package owns the file: packages ship it, people decide what it says.
    even_owned: bool = False


PLACES = (
    Place("/etc/init.d/*", "a boot-time service"),
    Place("/etc/rc?.d/*", "a boot-time service"),
    Place("/etc/rc.local", "a boot-time script", even_owned=True),
    Place("/etc/rc.d/**", "a boot-time service"),
    Place("/etc/inittab", "what init starts", even_owned=True),
    Place("/etc/init/*", "a boot-time service"),
    Place("/etc/systemd/system/**", "a systemd unit"),
    Place("/etc/systemd/user/**", "a systemd unit of every user"),
    Place("/etc/systemd/system-generators/*", "a generator of systemd units"),
    Place("/lib/systemd/system/**", "a systemd unit"),
    Place("/usr/lib/systemd/system/**", "a systemd unit"),
    Place("/usr/local/lib/systemd/**", "a systemd unit"),
    Place("/run/systemd/system/**", "a systemd unit"),
    Place("/etc/initramfs-tools/scripts/**", "a script of early boot"),
    Place("/etc/initramfs-tools/hooks/*", "a script of the initramfs"),
    Place("/etc/grub.d/*", "a script of the boot loader"),
    Place("/etc/udev/rules.d/*", "a rule that runs programs for devices"),
    Place("/etc/modules-load.d/*", "kernel modules that are loaded at boot"),
    Place("/etc/modprobe.d/*", "how kernel modules are loaded"),
    Place("/etc/crontab", "a scheduled job"),
    Place("/etc/anacrontab", "a scheduled job"),
    Place("/etc/cron.*/*", "a scheduled job"),
    Place("/var/spool/cron/**", "a scheduled job"),
    Place("/etc/logrotate.d/*", "a scheduled job"),
    Place("/etc/network/if-*.d/*", "a script of the network"),
    Place("/etc/NetworkManager/dispatcher.d/**", "a script of the network"),
    Place("/etc/dhcp/*hooks.d/*", "a script of the network"),
    Place("/etc/apt/apt.conf.d/*", "what apt runs"),
    Place("/etc/update-motd.d/*", "a script of every login"),
    Place("/etc/profile", "a script of every login", even_owned=True),
    Place("/etc/profile.d/*", "a script of every login"),
    Place("/etc/ssh/sshrc", "a script of every login"),
    Place("/etc/environment", "the environment of every login"),
    Place("/etc/ld.so.preload", "code that every program loads", even_owned=True),
    Place("/etc/ld.so.conf.d/*", "where every program finds its libraries"),
    Place("/etc/sudoers", "who may become root", even_owned=True),
    Place("/etc/sudoers.d/*", "who may become root"),
    Place("/etc/polkit-1/**", "who may become root"),
    Place("/etc/doas.conf", "who may become root", even_owned=True),
    Place("/etc/pam.d/*", "who may log in"),
    Place("/etc/pam.conf", "who may log in", even_owned=True),
    Place("/root/.ssh/authorized_keys*", "who may log in as root"),
    Place("/home/*/.ssh/authorized_keys*", "who may log in"),
    Place("/etc/ssh/authorized_keys/**", "who may log in"),
    Place("/root/.*rc", "a script of root's logins"),
    Place("/root/.*profile", "a script of root's logins"),
)
#: Members of these may become root, or as good as that.
ROOT_GROUPS = frozenset({"root", "sudo", "wheel", "admin", "adm-sudo", "docker", "lxd", "disk", "shadow"})
#: What a unit's change of decides what runs.
_RUNS = frozenset({"exec_start", "path", "user"})


def nobody(_path: str) -> str | None:
    """Own nothing: for a host whose package database is not known."""
    return None


def severity_of(
    difference: Difference, attributes: Attributes | None, owner: str | None, owner_of: OwnerOf = nobody
) -> tuple[str, str]:
    """Return a difference's severity and, where that is more than its baseline's rule says, why.

    :param attributes: what its element is now; None where it is gone.
    :param owner: the package that owns the file or unit (or owned it, where it is gone), None where none does.
    :param owner_of: the same for any other path: a link belongs to whom its target belongs. Links that packages'
        scripts make (``rc2.d``, ``multi-user.target.wants``) are in no package's list of files.
    """
    steps = list(paths.steps(difference.path))
    kind = ".".join(name for name, _ in steps[:2])
    keys = steps[1][1] if len(steps) > 1 else None
    if keys is None:
        return difference.severity, ""
    attribute = steps[2][0] if len(steps) > 2 else None
    reason = None
    if kind == "files.files":
        reason = _of_file(difference, keys[0], attributes, owner, owner_of)
    elif kind == "services.units":
        reason = _of_unit(difference, keys[0], attribute, attributes, owner)
    elif kind == "accounts.users":
        reason = _of_user(difference, keys[0], attribute, attributes)
    elif kind == "accounts.groups":
        reason = _of_group(difference, keys[0], attribute, attributes)
    return (difference.severity, "") if reason is None else (CRITICAL, reason)


def place_of(path: str) -> Place | None:
    """Return what kind of place a file stands in; None where it decides nothing of this sort."""
    return next((place for place in PLACES if _compiled(place.pattern).fullmatch(path)), None)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    words = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*|\*|\?)", pattern)
    return re.compile("".join(words.get(part) or re.escape(part) for part in parts), re.DOTALL)


def _of_file(
    difference: Difference, path: str, attributes: Attributes | None, owner: str | None, owner_of: OwnerOf
) -> str | None:
    place = place_of(path)
    now = attributes or {}
    before = decode(difference.expected) if difference.kind == "missing" else None
    told: Attributes = before if isinstance(before, dict) else now
    if place is None or told.get("type") == "directory":
        return None
    if owner is None and isinstance(target := told.get("target"), str):
        owner = owner_of(normpath(join(dirname(path), target)))
    owned = f", which package {owner} owns," if owner is not None else ""
    if owner is not None and not (place.even_owned and difference.kind == "changed"):
        return None
    what = f"{path}{owned} is {place.what}"
    unowned = "" if owner is not None else " and no package owns it"
    if difference.kind == "unexpected":
        return f"{what}, it appeared{unowned}"
    if difference.kind == "missing":
        return f"{what}, it is gone{unowned}"
    return f"{what}, it changed{unowned}"


def _of_unit(
    difference: Difference, name: str, attribute: str | None, attributes: Attributes | None, owner: str | None
) -> str | None:
    now = attributes or {}
    package = owner or now.get("package")
    if package is not None or now.get("enablement") in ("generated", "transient"):
        return None
    if difference.kind == "unexpected":
        return f"unit {name} appeared and no package owns it"
    if difference.kind == "changed" and attribute in _RUNS:
        return f"what unit {name} starts has changed and no package owns it"
    return None


def _of_user(difference: Difference, name: str, attribute: str | None, attributes: Attributes | None) -> str | None:
    if name == "root" or attributes is None or attributes.get("uid") != 0:
        return None
    if difference.kind == "unexpected":
        return f"user {name} appeared with uid 0: it is root by another name"
    if difference.kind == "changed" and attribute == "uid":
        return f"user {name} has uid 0 now: it is root by another name"
    return None


def _of_group(difference: Difference, name: str, attribute: str | None, attributes: Attributes | None) -> str | None:
    if name not in ROOT_GROUPS or attributes is None:
        return None
    before = decode(difference.expected) if attribute == "members" else ()
    old = set(before) if isinstance(before, tuple) else set()
    now = attributes.get("members")
    joined = sorted(str(one) for one in (now if isinstance(now, tuple) else ()) if one not in old)
    if not joined or (difference.kind == "changed" and attribute != "members"):
        return None
    return f"{', '.join(joined)} joined group {name}, whose members may become root"
