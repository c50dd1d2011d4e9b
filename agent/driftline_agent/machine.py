"""Is this still the machine that the state folder was made on? A copied disk must not continue its numbering.

Of each piece that tells one machine from another only a digest is kept, keyed by the folder's own secret. Source:
collector.proto (Stamp.machine), sysfs(5).
"""

import hmac
import os
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b, sha256

from driftline.v1.collector_pb2 import HostClaims
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host

Pieces = Mapping[str, Sequence[str]]

_CONTEXT = b"driftline machine v1\0"


def pieces(host: Host, key: bytes, claims: HostClaims) -> dict[str, list[str]]:
    """Return digests of what tells this machine from another, by kind; what cannot be read is left out.

    :param key: the state folder's secret.
    :param claims: as read now.
    """
    said: dict[str, Iterable[str]] = {
        "machine id": [claims.machine_id],
        "system UUID": [claims.system_uuid],
        "serial number": [claims.system_serial_number],
        "network cards": claims.macs,
        "boot disk": [boot_disk(host)],
    }
    found = {kind: [_digest(key, kind, value) for value in values if value] for kind, values in said.items()}
    return {kind: sorted(values) for kind, values in found.items() if values}


def differing(before: Pieces, now: Pieces) -> list[str]:
    """Return the kinds that tell of another machine; none where it is the same one.

    One new network card, or one new board, makes no other machine: it is another one where more of what is known of
    both differs than agrees, and at least two kinds do, or all that there is. Network cards agree where one is the
    same.
    """
    known = [kind for kind in before if kind in now]
    other = [kind for kind in known if not set(before[kind]) & set(now[kind])]
    same = len(known) - len(other)
    return other if len(other) > same and (len(other) > 1 or not same) else []


def merged(before: Pieces, now: Pieces) -> dict[str, list[str]]:
    """Return what to remember: what is read now, and of what cannot be read now, what was."""
    return {kind: list(values) for kind, values in {**before, **now}.items()}


def digest(known: Pieces) -> bytes:
    """Return one digest over all pieces, 16 bytes; empty where there is none."""
    text = "\n".join(f"{kind}:{value}" for kind in sorted(known) for value in known[kind])
    return blake2b(text.encode(), digest_size=16).digest() if known else b""


def boot_disk(host: Host) -> str:
    """Return the serial number or WWN of the disk below the root filesystem; empty where it has none or is not one."""
    try:
        found = host.stat("/")
        if found is None:
            return ""
        device = f"/sys/dev/block/{os.major(found.st_dev)}:{os.minor(found.st_dev)}"
        for _ in range(4):  # encryption on a volume on a partition
            names = host.names(f"{device}/slaves")
            if not names:
                break
            device = f"/sys/class/block/{names[0]}"
        for place in (device, f"{host.resolve(device)}/.."):
            for name in ("wwid", "serial", "device/wwid", "device/serial"):
                value = (host.line(f"{place}/{name}") or "").strip()
                if value:
                    return value
    except (UnreadableError, OSError):
        return ""
    return ""


def _digest(key: bytes, kind: str, value: str) -> str:
    return hmac.new(key, _CONTEXT + kind.encode() + b"\0" + value.lower().encode(), sha256).hexdigest()[:32]
