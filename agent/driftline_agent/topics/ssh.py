"""The keys by which this host's SSH server is known. Source: /etc/ssh/ssh_host_*_key.pub (sshd(8), FILES)."""

import base64
import binascii
import hashlib

from driftline.v1.facts_pb2 import SshHostKey
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_FOLDER = "/etc/ssh"


def parse_public_key(text: str) -> SshHostKey | None:
    """Return a public key, its type and its fingerprint as ssh-keygen -l prints it, or None where it is no key."""
    words = text.split()
    if len(words) < 2:
        return None
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (binascii.Error, ValueError):  # the latter where it is not ASCII
        return None
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return SshHostKey(type=words[0], fingerprint=f"SHA256:{digest}", public_key=words[1])


def collect(host: Host) -> Reading:
    """Read the public halves; the private ones are never opened."""
    found: dict[str, SshHostKey] = {}
    for name in host.names(_FOLDER):
        if name.startswith("ssh_host_") and name.endswith("_key.pub"):
            key = parse_public_key(host.read(f"{_FOLDER}/{name}") or "")
            if key is not None:
                found[key.type] = key
    reading = Reading()
    reading.facts.os.ssh_host_keys.extend(found[kind] for kind in sorted(found))
    return reading


TOPIC = Topic(
    revision=2,
    fills=("os.ssh_host_keys",),
    collect=collect,
    of_files=True,
    applies=lambda host: host.exists(_FOLDER),
    watches=(_FOLDER,),
)
