"""Which files topic ``files`` tells of: what stands below the roots, less what changes by itself or is told elsewhere.

In a pattern ``*`` stands for any run of characters within one name, ``?`` for one, and ``**/`` at the front for any
folder. A folder that is left out is left out with all below it.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property

from driftline_agent.reader.allowed import FILES_ROOTS

#: Pattern to the reason why it is left out. Each of these is rewritten on a host that nobody touches.
LEFT_OUT: dict[str, str] = {
    "/etc/mtab": "the mounts, which topic filesystems reads",
    "/etc/resolv.conf*": "DHCP clients rewrite it; topic resolver reads what counts in it",
    "/etc/resolvconf/run": "made by resolvconf out of what interfaces say",
    "/etc/ppp/resolv.conf": "written whenever a line comes up",
    "/etc/machine-id": "topic host reads it",
    "/etc/ld.so.cache": "made by ldconfig out of the libraries that are installed",
    "/etc/adjtime": "hwclock's measurements of the clock",
    "/etc/fake-hwclock.data": "the time, written each hour",
    "/etc/.updated": "systemd notes when it last saw /usr change",
    "/etc/blkid.tab*": "blkid's cache",
    "/etc/udev/hwdb.bin": "made by systemd-hwdb out of hwdb.d",
    "/etc/ssl/certs/????????.?": "links by hash, made by openssl rehash beside the certificates",
    "/etc/ssl/certs/java": "made by ca-certificates-java, with times in it, out of the certificates",
    "/etc/pki/ca-trust/extracted": "made by update-ca-trust out of the certificates",
    "/etc/pki/java": "made by update-ca-trust out of the certificates",
    "/etc/cups/subscriptions.conf*": "CUPS keeps who waits for its events here",
    "/etc/cups/printers.conf*": "CUPS writes each printer's state and its time here",
    "/etc/cups/classes.conf*": "CUPS writes each class's state and its time here",
    "/etc/lvm/archive": "LVM's own copies of what was before each change",
    "/etc/lvm/backup": "LVM's own copy of its metadata",
    "/etc/lvm/cache": "LVM's cache",
    "/etc/multipath/bindings": "multipathd adds the devices that it meets",
    "/etc/multipath/wwids": "multipathd adds the devices that it meets",
    "/etc/zfs/zpool.cache": "ZFS writes it at each import",
    "/etc/network/run": "which interfaces are up",
    "/etc/apparmor.d/cache*": "compiled profiles",
    "/etc/openvpn/*-status.log": "who is connected",
    "/etc/openvpn/ipp.txt": "which address was last whose",
    "/etc/*-": "copies that account tools make of what was before: passwd-, shadow-",
    "/etc/*.lock": "locks of the account tools, there for moments",
    "/etc/.pwd.lock": "lock of the account tools",
    "/etc/*+": "account tools write the next passwd here",
    "**/.git": "a version control system's own files: its history is no configuration",
    "**/.hg": "a version control system's own files: its history is no configuration",
    "**/.svn": "a version control system's own files: its history is no configuration",
    "**/.bzr": "a version control system's own files: its history is no configuration",
    "**/.etckeeper": "etckeeper writes owners and modes here, which stand with each file",
    "**/*.dpkg-old": "dpkg's copy of what was before",
    "**/*.dpkg-bak": "dpkg's copy of what was before",
    "**/*.dpkg-new": "there while dpkg unpacks",
    "**/*.dpkg-tmp": "there while dpkg unpacks",
    "**/*.ucf-old": "ucf's copy of what was before",
    "**/*.ucf-new": "there while ucf asks",
    "**/*;????????": "there while rpm unpacks",
    "**/*~": "an editor's copy of what was before",
    "**/.#*": "an editor's lock",
    "**/#*#": "an editor's copy of what is not saved",
    "**/.*.sw?": "an editor's copy of what is not saved",
    "**/.*.swpx": "an editor asks whether it may write here",
    "**/4913": "an editor asks whether it may write here",
    "**/.nfs????????????????????????": "a file that is deleted and still open, on NFS",
}


def _expression(pattern: str) -> str:
    anywhere = pattern.startswith("**/")
    rest = pattern[3:] if anywhere else pattern
    inside = re.escape(rest).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    return (".*/" if anywhere else "") + inside


@dataclass(frozen=True)
class Watchlist:
    """The roots, and what is left out below them."""

    roots: tuple[str, ...] = FILES_ROOTS
    #: Patterns besides :data:`LEFT_OUT`.
    exclude: tuple[str, ...] = field(default=())

    @cached_property
    def _left_out(self) -> re.Pattern[str]:
        return re.compile("|".join(map(_expression, (*LEFT_OUT, *self.exclude))), re.DOTALL)

    def leaves_out(self, path: str) -> bool:
        """Tell whether a file, or a folder with all below it, is left out."""
        return self._left_out.fullmatch(path) is not None
