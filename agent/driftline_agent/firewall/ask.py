"""Asks the kernel for the packet filter's rules, by the programs that know them: fixed ones, with fixed arguments.

Source: nft(8), iptables-save(8), ipset(8), linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h. A kernel that has
not loaded the packet filter is not asked: the question alone would load it.
"""

import errno
import os
import re
import select
import signal
import socket
import struct
import time

from driftline import late
from driftline_agent.firewall.protocol import MAX_RULES, Said
from driftline_agent.reader.seals import without_openssl

_FOLDERS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
_ENVIRONMENT = {"LC_ALL": "C", "PATH": ":".join(_FOLDERS)}
_TIMEOUT_S = 10.0
NFT = ("nft", "-s", "list", "ruleset")
#: What the kernel's newer packet filter holds for iptables, and its older packet filter: family, newer, older, names of
#: the older one's tables.
IPTABLES = (
    ("ip", "iptables-nft-save", "iptables-legacy-save", "/proc/net/ip_tables_names"),
    ("ip6", "ip6tables-nft-save", "ip6tables-legacy-save", "/proc/net/ip6_tables_names"),
)
IPSET = ("ipset", "save")
#: A chain that iptables uses, in a table that it may have made.
_XTABLES = late.pattern(
    r"^table (ip6?) (?:filter|nat|mangle|raw|security) \{(?:(?!^table ).)*?^\s*chain [A-Z]+ \{", re.M | re.S
)
_NFNL_SUBSYS_NFTABLES, _NFT_MSG_NEWGEN, _NFT_MSG_GETGEN, _NFTA_GEN_ID, _NFNLGRP_NFTABLES = 10, 15, 16, 1, 7
_HEADER = struct.Struct("=IHHII")
_NETLINK_NETFILTER, _SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP = 12, 270, 1
_COUNTED = late.pattern(rb"^#.*$|^:(\S+ \S+) \[\d+:\d+\]|\bpackets \d+ bytes \d+|\btimeout \d+$", re.M)


def program(name: str) -> str:
    """Return where a program is; empty where it is not installed."""
    return next((path for folder in _FOLDERS if os.access(path := f"{folder}/{name}", os.X_OK)), "")


def loaded(module: str) -> bool:
    """Tell whether the kernel has a part of its, so that asking for it does not load it."""
    if os.access(f"/sys/module/{module}", os.F_OK):
        return True
    release = os.uname().release
    for folder in ("/lib/modules", "/usr/lib/modules"):
        try:
            with open(f"{folder}/{release}/modules.builtin", encoding="utf-8", errors="replace") as file:  # noqa: PTH123  # pathlib doubles what this imports
                return any(line.rstrip().endswith(f"/{module}.ko") for line in file)
        except OSError:
            continue
    # No modules for this kernel are there, so none can be loaded by asking.
    return True


def run(name: str, *arguments: str) -> Said | None:
    """Return what a program prints; None where it is not installed."""
    path = program(name)
    if not path:
        return None
    out, its_out = os.pipe()
    errors, its_errors = os.pipe()
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, its_out, 1),
        (os.POSIX_SPAWN_DUP2, its_errors, 2),
    ]
    try:
        child = os.posix_spawn(path, [name, *arguments], _ENVIRONMENT, file_actions=actions, setsid=True)
    except OSError as error:
        return Said(name, (error.strerror or str(error)).lower(), failed=True)
    finally:
        os.close(its_out)
        os.close(its_errors)
        if "child" not in locals():
            os.close(out)
            os.close(errors)
    parts, why = _both(out, errors, child)
    status = os.waitpid(child, 0)[1]
    if why:
        return Said(name, why, failed=True)
    if status:
        said = parts[1].decode("utf-8", "replace").strip().partition("\n")[0][:300]
        return Said(name, f"exit code {os.waitstatus_to_exitcode(status)}" + (f", {said}" if said else ""), failed=True)
    return Said(name, parts[0].decode("utf-8", "replace"))


def _both(out: int, errors: int, child: int) -> tuple[tuple[bytes, bytes], str]:
    """Return what a child writes to two pipes, and why it was killed."""
    found = {out: bytearray(), errors: bytearray()}
    waiting, end, why = [out, errors], time.monotonic() + _TIMEOUT_S, ""
    while waiting and not why:
        ready = select.select(waiting, [], [], max(0.0, end - time.monotonic()))[0]
        if not ready:
            why = f"no answer within {_TIMEOUT_S:g} s"
        for number in ready:
            data = os.read(number, 65536)
            found[number] += data
            if not data:
                waiting.remove(number)
            elif len(found[number]) > MAX_RULES // 2:
                why = f"prints more than {MAX_RULES // 2} bytes"
    if why:
        os.killpg(child, signal.SIGKILL)
    os.close(out)
    os.close(errors)
    return (bytes(found[out]), bytes(found[errors])), why


def _legacy(names: str) -> bool:
    """Tell whether the older packet filter has tables of a family. Only root may know."""
    try:
        with open(names, encoding="ascii", errors="replace") as file:  # noqa: PTH123  # see above
            return bool(file.read().strip())
    except OSError:
        return False


def has_legacy() -> bool:
    """Tell whether the kernel's older packet filter is in use."""
    return any(_legacy(names) for _, _, _, names in IPTABLES)


def _older() -> list[Said]:
    """Return what does not say of itself that it has changed: the older packet filter's rules, and ipset's sets."""
    out: list[Said | None] = []
    for _, _, save, names in IPTABLES:
        if _legacy(names):
            said = run(save) or run(save.replace("-legacy", ""))
            out.append(said._replace(program=save) if said else Said(save, "not installed", failed=True))
    if loaded("ip_set"):
        out.append(run(*IPSET))
    return [said for said in out if said is not None]


def rules() -> list[Said]:
    """Return what the programs print of all rules."""
    out: list[Said] = []
    if loaded("nf_tables"):
        nft = run(*NFT)
        # Without nft the kernel may have rules all the same, those of iptables.
        families = {found[1] for found in _XTABLES.finditer(nft.text)} if nft and not nft.failed else {"ip", "ip6"}
        if nft is not None:
            out.append(nft)
        for family, save, _, _ in IPTABLES:
            if family in families:
                out += filter(None, [run(save)])
        if not out and generation_id() not in (None, 1):
            out.append(Said("nft", "not installed, and the kernel has rules that only it can show", failed=True))
    return out + _older()


def generation_id() -> int | None:
    """Return the number of nftables' ruleset: one more with each change. None where the kernel gives none."""
    body = struct.pack(">BBH", 0, 0, 0)
    kind = _NFNL_SUBSYS_NFTABLES << 8 | _NFT_MSG_GETGEN
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER) as link:
            link.settimeout(2)
            link.bind((0, 0))
            link.send(_HEADER.pack(_HEADER.size + len(body), kind, 1, 1, 0) + body)
            data = link.recv(8192)
    except OSError:
        return None
    if len(data) < 28 or struct.unpack_from("=H", data, 4)[0] != _NFNL_SUBSYS_NFTABLES << 8 | _NFT_MSG_NEWGEN:
        return None
    length, attribute = struct.unpack_from("=HH", data, 20)
    return int(struct.unpack_from(">I", data, 24)[0]) if attribute == _NFTA_GEN_ID and length == 8 else None


def generation() -> bytes:
    """Return a digest of all that changes with the rules; where nothing but nftables is in use, it costs no program."""
    without_openssl()
    from hashlib import sha256

    seen = sha256()
    if loaded("nf_tables"):
        seen.update(str(generation_id()).encode())
    for said in _older():
        seen.update(_COUNTED.sub(rb"\1", said.text.encode()))
    return seen.digest()


def news() -> socket.socket | None:
    """Return a socket that becomes readable when nftables' rules change; None where they are not in use yet."""
    if not loaded("nf_tables"):
        return None
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER)
    try:
        link.bind((0, 0))
        link.setsockopt(_SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP, _NFNLGRP_NFTABLES)
        link.setblocking(False)
    except OSError:
        link.close()
        return None
    return link


def drain(link: socket.socket) -> bool:
    """Read all news that wait; tell whether there was any. What overflowed is news too."""
    any_news = False
    while True:
        try:
            if not link.recv(65536):
                return any_news
            any_news = True
        except BlockingIOError:
            return any_news
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                return any_news
            any_news = True
