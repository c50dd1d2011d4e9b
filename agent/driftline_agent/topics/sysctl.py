"""Kernel settings that someone decides. Source: /proc/sys, sysctl(8).

Left out: what counts, what differs from boot to boot, what the kernel tunes by itself, what acts when it is read or
written, secrets, what other topics read, and the settings of interfaces that come and go.
"""

# os calls: some thousand files, see driftline_agent/host.py

import os
import re

from driftline.v1.facts_pb2 import Sysctl
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
_INTERFACE_FOLDERS = ("/net/ipv4/conf", "/net/ipv6/conf", "/net/ipv4/neigh", "/net/ipv6/neigh", "/net/mpls/conf")

_LEFT_OUT = re.compile(
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
            if not entry.is_dir(follow_symlinks=False):
                out.append(path)
            elif path not in _SKIPPED_FOLDERS and (folder not in _INTERFACE_FOLDERS or entry.name in lasting):
                _walk(host, path, lasting, out, folders)


def dotted(path: str) -> str:
    """Return the sysctl(8) name of a path below /proc/sys; a dot inside a name becomes a slash."""
    return path[1:].translate(str.maketrans("/.", "./"))


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
    settings: list[Sysctl] = []
    prefix = host.real("/proc/sys")
    for name, path in sorted((dotted(path), path) for path in paths):
        if left_out(name):
            continue
        try:
            descriptor = os.open(prefix + path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                value = os.read(descriptor, 65536)
            finally:
                os.close(descriptor)
        except OSError as error:
            if not isinstance(error, PermissionError) or not _may_be_read(prefix + path):
                continue
            try:
                value = host.read_bytes(f"/proc/sys{path}") or b""  # by way of the reader, where there is one
            except UnreadableError:
                reading.unreadable[f"os.sysctls[{name}].value"] = f"/proc/sys{path}: permission denied"
                settings.append(Sysctl(name=name))  # the setting is there, its value keeps what was known
                continue
        settings.append(Sysctl(name=name, value=parse_value(value)))
    reading.facts.os.sysctls.extend(settings)
    return reading


def watches(host: Host) -> tuple[str, ...]:
    """Return what is watched: inotify(7) tells of every write(2) to a setting, folder by folder."""
    folders: list[str] = []
    try:
        _walk(host, "", lasting_interfaces(host), [], folders)
    except OSError:
        folders = []
    return ("/etc/sysctl.conf", "/etc/sysctl.d", *folders)


def _may_be_read(path: str) -> bool:
    return bool(os.stat(path).st_mode & 0o444)  # noqa: PTH116  # beside os.open above


TOPIC = Topic(
    revision=2,
    fills=("os.sysctls",),
    collect=collect,
    applies=lambda host: host.exists("/proc/sys"),
    watches=("/etc/sysctl.conf", "/etc/sysctl.d"),
    watches_of=watches,
)
