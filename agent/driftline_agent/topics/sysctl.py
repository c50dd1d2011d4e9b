"""Kernel settings that someone decides, as they are and as configured. Source: /proc/sys, sysctl(8), sysctl.d(5).

Left out: what counts, what differs from boot to boot, what the kernel tunes by itself, what acts when it is read or
written, secrets, what other topics read, and the settings of interfaces that come and go.
"""

# os calls: some thousand files, see driftline_agent/host.py

import fnmatch
import os
import re
from collections.abc import Iterable

from driftline import late
from driftline.paths import keyed
from driftline.v1.facts_pb2 import Facts, Sysctl
from driftline_agent import dropins, raw
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

#: Folders below /proc/sys that are not entered. fs/binfmt_misc is an automount point: a look would mount it.
_SKIPPED_FOLDERS = {
    "/fs/binfmt_misc",
    "/fs/quota",
    "/kernel/random",
    "/kernel/sched_domain",
    "/net/ipv4/route/cache",
}
_MAX_PATTERNS = 200
_INTERFACE_FOLDERS = ("/net/ipv4/conf", "/net/ipv6/conf", "/net/ipv4/neigh", "/net/ipv6/neigh", "/net/mpls/conf")

_LEFT_OUT = late.pattern(
    r"""
      .*\.(?:nr|.*-state|.*avail.*|flush|stable_secret|.*_key|.*_seed)
    | fs\.(?:aio|file|inode)-nr
    | net\.netfilter\.nf_conntrack_count
    | fs\.(?:dentry-negative|nfs\..*|xfs\.stats_clear)
    | kernel\.(?:ns_last_pid|cad_pid|tainted|hostname|domainname|osrelease|ostype|version|arch|bootloader_.*)
    | kernel\.(?:hung_task_warnings|hung_task_detect_count|(?:msg|sem|shm)_next_id|perf_event_max_sample_rate)
    | kernel\.(?:max_lock_depth|init_private.*|.*dmesg_warn.*)
    | vm\.(?:drop_caches|compact_memory|stat_refresh)
    | dev\.cdrom\.info
    | net\.core\.netdev_rss_key
    | kernel\.spl\.kmem\..*
    | sunrpc\.(?:transports|svc_rdma\.rdma_stat_.*)
    | dev\.parport\..*
    | net\.ipv6\.conf\..*\.(?:mtu|ra_defrtr_metric_now)
    | net\.netfilter\.nf_log\..*
    # Router advertisements set these, interface by interface (RFC 4861 section 6.3.4).
    | net\.ipv6\.conf\.(?!all\.|default\.).*\.hop_limit
    | net\.ipv6\.neigh\.(?!default\.).*\.(?:base_reachable_time|retrans_time)(?:_ms)?
    # IPVS raises them by itself when memory is short.
    | net\.ipv4\.vs\.(?:drop_entry|drop_packet|secure_tcp)
    """,
    re.VERBOSE,
)


#: What is there only while a module is loaded, which a container, a mount or a rule does by itself.
_OF_A_MODULE = re.compile(
    r"""
      net\.(?:bridge|netfilter|nf_conntrack_\w+|sctp|mpls|rds|dccp|l2tp|llc|x25|rose|netrom|ax25|tipc|smc|qrtr|vsock|can)\b
    | net\.ipv[46]\.(?:vs|netfilter|nf_\w+)\b
    | fs\.(?:nfs|nfsd|lockd|xfs|fuse|cifs|ceph|ocfs2|cachefiles|fscache|afs|coda|binfmt_misc)\b
    | sunrpc\.
    | dev\.(?:cdrom|raid|ipmi|mac_hid|parport|i915|xe)\b
    | kernel\.(?:kvm|vbox)
    """,
    re.VERBOSE,
)


def left_out(name: str) -> bool:
    """Tell whether a setting is none that someone decides; `name` is dotted."""
    return _LEFT_OUT.fullmatch(name) is not None


def parse_value(text: bytes) -> str:
    """Return a value with its inner white space folded to one blank."""
    return b" ".join(text.split()).decode("utf-8", "replace")


def lasting_interfaces(host: Host) -> set[str]:
    """Return the interfaces whose settings are someone's decision: hardware, bonds and VLANs; all and default too."""
    names = {"all", "default"}
    for name in host.names("/sys/class/net"):
        folder = f"/sys/class/net/{name}"
        if (
            host.exists(f"{folder}/device")
            or host.exists(f"{folder}/bonding")
            or "DEVTYPE=vlan" in (host.read(f"{folder}/uevent") or "")
        ):
            names.add(name)
    return names


def _walk(host: Host, folder: str, lasting: set[str], out: list[str], folders: list[str] | None = None) -> None:
    if folders is not None:
        folders.append("/proc/sys" + folder)
    with os.scandir(host.real("/proc/sys" + folder)) as entries:
        for entry in entries:
            path = f"{folder}/{entry.name}"
            if not entry.name.isprintable():
                continue
            if not entry.is_dir(follow_symlinks=False):
                out.append(path)
            elif path not in _SKIPPED_FOLDERS and (folder not in _INTERFACE_FOLDERS or entry.name in lasting):
                _walk(host, path, lasting, out, folders)


_DOTS = str.maketrans("/.", "./")


def dotted(path: str) -> str:
    """Return the sysctl(8) name of a path below /proc/sys; a dot inside a name becomes a slash."""
    return path[1:].translate(_DOTS)


def parse_configured(texts: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Return the configured values by dotted name, of files in the order in which they are read.

    sysctl.d(5): ``-`` before a name forgives errors, and alone it takes the name out of what patterns set; a slash is
    as good as a dot. What sets one name counts more than what sets many by a pattern.

    :param known: names that patterns stand for.
    """
    out: dict[str, str] = {}
    patterns: dict[str, str] = {}
    excluded: set[str] = set()
    for text in texts:
        for line in dropins.lines(text, "#;", joined=False):
            name, equals, value = line.partition("=")
            bare = name.strip().removeprefix("-").strip()
            slash, dot = bare.find("/"), bare.find(".")
            if slash >= 0 and (dot < 0 or slash < dot):
                bare = dotted("/" + bare.removeprefix("/"))
            if not bare or " " in bare:
                continue
            if not equals:
                excluded.add(bare)
            elif any(letter in bare for letter in "*?["):
                patterns.pop(bare, None)
                patterns[bare] = value
            else:
                out[bare] = value
    for pattern, value in list(patterns.items())[:_MAX_PATTERNS]:
        fits = re.compile(fnmatch.translate(pattern)).match
        for name in known:
            if fits(name) and name not in out and name not in excluded:
                out[name] = value
    return {name: " ".join(value.split()) for name, value in out.items()}


def configured(host: Host, known: Iterable[str]) -> dict[str, str]:
    """Return the values that the next boot sets."""
    paths = dropins.files(host, "sysctl.d")
    if not any(path.endswith("/99-sysctl.conf") for path in paths):  # Debian's link to it
        paths.append("/etc/sysctl.conf")
    return parse_configured((host.read(path) or "" for path in paths), known)


def collect(host: Host) -> Reading:
    """Read every setting that stays; write-only and root-only ones are noted as unreadable where they could be read."""
    paths: list[str] = []
    try:
        _walk(host, "", lasting_interfaces(host), paths)
    except OSError as error:
        if isinstance(error, UnreadableError):
            raise
        raise UnreadableError(f"/proc/sys: {(error.strerror or str(error)).lower()}") from error
    reading = Reading()
    settings: dict[str, Sysctl] = {}
    prefix = host.real("/proc/sys")
    for name, path in sorted((dotted(path), path) for path in paths):
        if left_out(name):
            continue
        try:
            descriptor = os.open(prefix + path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                value = os.read(descriptor, 65536)
            finally:
                os.close(descriptor)
        except OSError as error:
            if not isinstance(error, PermissionError) or not _may_be_read(prefix + path):
                continue
            settings[name] = Sysctl(name=name)
            try:
                # By way of the reader, where there is one.
                settings[name].value = parse_value(host.read_bytes(f"/proc/sys{path}") or b"")
            except UnreadableError:  # the setting is there, its value keeps what was known
                reading.unreadable[f"os.sysctls[{name}].value"] = f"/proc/sys{path}: permission denied"
            continue
        settings[name] = Sysctl(name=name, value=parse_value(value))
    files = host.noted = {}
    try:
        _configure(host, reading, settings)
    finally:
        host.noted = None
    reading.raw = lambda facts: raw_of(facts, raw.mark(*files.values()))
    for name in sorted(settings):
        setting = settings[name]
        if _OF_A_MODULE.match(name):
            if setting.value:
                reading.facts.os.module_sysctls.add(name=name, value=setting.value)
            setting.ClearField("value")
            if not setting.configured:
                continue
        reading.facts.os.sysctls.append(setting)
    return reading


def raw_of(facts: Facts, written: bytes) -> dict[str, bytes]:
    """Return each value by path; a configured one may come of any of the files, by a pattern.

    :param written: digest of the files.
    """
    return {
        keyed("os.sysctls", one.name): one.value.encode() + (written if one.configured else b"")
        for one in facts.os.sysctls
    }


def _configure(host: Host, reading: Reading, settings: dict[str, Sysctl]) -> None:
    """Put the configured values beside the running ones."""
    try:
        found = configured(host, settings)
    except UnreadableError as error:
        reading.unreadable["os.sysctls[*].configured"] = str(error)
        return
    for name, value in found.items():
        settings.setdefault(name, Sysctl(name=name)).configured = value


def watches(host: Host) -> tuple[str, ...]:
    """Return what is watched: inotify(7) tells of every write(2) to a setting, folder by folder."""
    folders: list[str] = []
    try:
        _walk(host, "", lasting_interfaces(host), [], folders)
    except OSError:
        folders = []
    return ("/etc/sysctl.conf", *dropins.folders("sysctl.d"), *folders)


def _may_be_read(path: str) -> bool:
    return bool(os.stat(path).st_mode & 0o444)  # noqa: PTH116  # beside os.open above


TOPIC = Topic(
    revision=4,
    fills=("os.sysctls", "os.module_sysctls"),
    collect=collect,
    applies=lambda host: host.exists("/proc/sys"),
    watches=("/etc/sysctl.conf", *dropins.folders("sysctl.d")),
    watches_of=watches,
)
