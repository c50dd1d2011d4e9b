"""What the reader reads: a fixed list, by the topic that asks for it. The command line can only shorten it.

In a pattern ``#`` is one name of digits, ``*`` is one name, and ``name*`` one that begins so; ``**`` stands for the
folders that --files-root names, with all below. No pattern has a symbolic link in it, and none that is met on the way
is followed.

Not on the list, although root could read it:

- /proc/sys/net: the reader has a network namespace of its own, and these files show the reader's, not the host's.
- Settings that are secrets (``stable_secret``, ``tcp_fastopen_key``), or that act when they are read
  (``vm.stat_refresh``).
- The content of files that someone closed to others: they may hold passwords. Of those below the files' roots it tells
  names, owners, modes, a sealed digest, and the certificates in them, which are public. A file that is a private key by
  its name is not opened for that. Of the few without secrets (confidential.py), and of those that --text names, it
  tells the text with its secrets taken out here.
"""

from driftline_agent.reader.protocol import (
    AGEING,
    CERTIFICATES,
    CRONTAB,
    DIGEST,
    FOLDER,
    GROUPS,
    KEYS,
    LINK,
    MAPPED,
    READ,
    SHADOW,
    SOCKETS,
    TEXT,
)

_RULES = {
    # It looks into the homes of passwd's users by itself, and tells of public keys only.
    "authorized_keys": ((KEYS, "/etc/passwd"),),
    "batteries": ((READ, "/sys/firmware/dmi/tables/DMI"),),
    "certificates": ((FOLDER, "/**"), (CERTIFICATES, "/**")),
    "cloud": ((READ, "/sys/class/dmi/id/*"),),
    # Command lines without secrets; of a folder, names and times.
    "cron": (
        (CRONTAB, "/etc/crontab"),
        (CRONTAB, "/etc/anacrontab"),
        (CRONTAB, "/etc/cron.d/*"),
        (CRONTAB, "/etc/crontabs/*"),
        (CRONTAB, "/var/spool/cron/*"),
        (CRONTAB, "/var/spool/cron/crontabs/*"),
        (CRONTAB, "/var/spool/cron/tabs/*"),
        (FOLDER, "/etc/cron.*"),
        (FOLDER, "/etc/crontabs"),
        (FOLDER, "/var/spool/cron"),
        (FOLDER, "/var/spool/cron/crontabs"),
        (FOLDER, "/var/spool/cron/tabs"),
        (FOLDER, "/var/spool/cron/atjobs"),
        (FOLDER, "/var/spool/at"),
        (FOLDER, "/var/spool/atjobs"),
    ),
    "dmi": ((READ, "/sys/class/dmi/id/*"), (READ, "/sys/firmware/dmi/tables/DMI")),
    # A service sees its own, read-only mounts; process 1 sees the host's.
    "filesystems": ((READ, "/proc/1/mountinfo"),),
    "files": ((FOLDER, "/**"), (DIGEST, "/**"), (TEXT, "/**")),
    "groups": ((GROUPS, "/etc/gshadow"),),
    # Only what names the container's manager comes out of it, see server.py.
    "host": ((READ, "/proc/1/environ"), (READ, "/sys/firmware/dmi/entries/0-0/raw")),
    # What this host is called, no secret: those are in iscsid.conf.
    "initiator": ((READ, "/etc/iscsi/initiatorname.iscsi"),),
    # Names, sizes and UUIDs, and the command that changed them last.
    "lvm": ((FOLDER, "/etc/lvm/backup"), (READ, "/etc/lvm/backup/*")),
    "memory": ((READ, "/sys/firmware/dmi/tables/DMI"),),
    "processes": ((LINK, "/proc/#/exe"),),
    "restart": ((MAPPED, "/proc/#/maps"), (LINK, "/proc/#/exe")),
    # Which profiles are loaded: names and modes, which aa-status(8) shows to root only.
    "security": ((READ, "/sys/kernel/security/apparmor/profiles"),),
    "sockets": ((SOCKETS, "/proc/#/fd"), (LINK, "/proc/#/exe")),
    # Closed on some distributions, and without secrets: sshd's are in files of their own.
    "sshd": ((READ, "/etc/ssh/sshd_config"), (READ, "/etc/ssh/sshd_config.d/*"), (FOLDER, "/etc/ssh/sshd_config.d")),
    # Who may do what; passwords are in shadow.
    "sudoers": (
        (READ, "/etc/sudoers*"),
        (READ, "/etc/sudoers.d/*"),
        (READ, "/etc/doas.conf"),
        (READ, "/etc/doas.d/*"),
        (FOLDER, "/etc/sudoers.d"),
        (FOLDER, "/etc/doas.d"),
    ),
    "sysctl": (
        (READ, "/proc/sys/fs/protected_*"),
        (READ, "/proc/sys/kernel/apparmor_*"),
        (READ, "/proc/sys/kernel/usermodehelper/*"),
        (READ, "/proc/sys/vm/mmap_rnd_*"),
    ),
    "tpm": ((READ, "/sys/firmware/dmi/tables/DMI"),),
    "users": ((SHADOW, "/etc/shadow"), (AGEING, "/etc/shadow")),
}
#: Topics that need the reader.
TOPICS = tuple(_RULES)
#: Below what the files are whose digests it tells, unless the command line says otherwise.
FILES_ROOTS = ("/etc",)

#: A folder's name that is a link, to where the kernel keeps what it leads to (drivers/firmware/dmi-id.c).
_MOVED = {"/sys/class/dmi/id/": "/sys/devices/virtual/dmi/id/"}


def _fits(pattern: str, name: str) -> bool:
    if pattern == "#":
        return name.isascii() and name.isdigit()
    if pattern.endswith("*"):
        return name.startswith(pattern[:-1])
    return name == pattern


def parts_of(path: str) -> list[str]:
    """Return the names of an absolute path; none where it is not absolute or not in its plainest form."""
    if not path.startswith("/") or "\0" in path:
        return []
    names = path[1:].split("/")
    return [] if any(name in ("", ".", "..") for name in names) else names


def allows(operation: int, path: str, topics: frozenset[str], roots: tuple[str, ...] = FILES_ROOTS) -> bool:
    """Tell whether an operation on a path is on the list of one of the topics.

    :param roots: folders that ``**`` stands for.
    """
    names = parts_of(path)
    for topic in topics:
        for wanted, pattern in _RULES[topic]:
            if wanted != operation or not names:
                continue
            if pattern == "/**":
                if any(path == root or path.startswith(root + "/") for root in roots):
                    return True
                continue
            patterns = pattern[1:].split("/")
            if len(names) == len(patterns) and all(map(_fits, patterns, names)):
                return True
    return False


def place_of(path: str) -> str:
    """Return where the thing with an allowed path is, without a link on the way."""
    for link, folder in _MOVED.items():
        if path.startswith(link):
            return folder + path[len(link) :]
    return path
