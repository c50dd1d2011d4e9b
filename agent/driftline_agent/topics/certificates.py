"""Certificates below configured roots, and the authorities that the host trusts. Source: RFC 5280, RFC 7468."""

import binascii
import hashlib
import time
from dataclasses import dataclass, field

from driftline import paths
from driftline.v1.facts_pb2 import Certificate, Facts
from driftline_agent import certificates, der, x509
from driftline_agent.certificates import SETTLED_NS, Found, Mark
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic
from driftline_agent.tree import shown

#: Certificates that one reading tells of, and bytes of a file that are read for them.
MAX_CERTIFICATES, MAX_PATH = 5_000, 300
_MAX_NAMED = 80


@dataclass(slots=True)
class _Kept:
    folders: certificates.Kept = field(default_factory=certificates.Kept)
    files: dict[str, tuple[Mark, tuple[bytes, ...]]] = field(default_factory=dict)
    trust: tuple[str, Mark, int, str] | None = None


def decode(block: bytes) -> bytes:
    """Return the DER of one certificate, of PEM or DER; empty where the PEM is broken."""
    if not block.startswith(b"-----"):
        return block
    lines = block.splitlines()[1:-1]
    # Headers of old PEM (RFC 1421) have a colon, which base64 has not.
    body = b"".join(line.strip() for line in lines if b":" not in line)
    try:
        return binascii.a2b_base64(body)
    except binascii.Error:
        return b""


def parse_blocks(blocks: list[bytes]) -> list[Certificate]:
    """Return the certificates of one file, with their places in it; what is none of a certificate is left out."""
    out: list[Certificate] = []
    for index, block in enumerate(blocks):
        try:
            certificate = x509.parse(decode(block))
        except der.DerError:
            continue
        certificate.index = index
        out.append(certificate)
    return out


def digest_of(blocks: list[bytes]) -> tuple[int, str]:
    """Return how many certificates there are, and a digest in which their order does not count."""
    found = sorted({hashlib.sha256(data).digest() for block in blocks if (data := decode(block))})
    return len(found), hashlib.sha256(b"".join(found)).hexdigest()


def _of(host: Host, found: Found, kept: _Kept, after: dict[str, tuple[Mark, tuple[bytes, ...]]]) -> list[Certificate]:
    known = kept.files.get(found.path)
    if known is not None and known[0] == found.mark:
        packed = known[1]
    else:
        parsed = parse_blocks(host.certificates(found.place) or [])
        packed = tuple(one.SerializeToString(deterministic=True) for one in parsed)
    if not 0 <= time.time_ns() - found.mark[3] < SETTLED_NS:
        after[found.path] = (found.mark, packed)
    out = [Certificate.FromString(one) for one in packed]
    for certificate in out:
        certificate.path = shown(found.path)
    return out


def _trust(host: Host, reading: Reading, kept: _Kept) -> None:
    for path in certificates.TRUST_STORES:
        found = host.stat(path)
        if found is None:
            continue
        mark = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if kept.trust is None or kept.trust[:2] != (path, mark):
            count, digest = digest_of(host.certificates(path) or [])
            kept.trust = (path, mark, count, digest)
        store = reading.facts.certificates.trust_store
        store.path, _, store.authorities, store.digest = kept.trust
        return


def _pattern(path: str) -> str:
    end = "*" if path.endswith("/") else "/*"
    return f"certificates.certificates[{paths.quote(paths.escape_key(shown(path)))}{end}]"


def collect(host: Host) -> Reading:
    """Look for files with certificates, and read those that are new."""
    kept: _Kept = host.kept.setdefault("certificates", _Kept())
    found = certificates.search(host, kept.folders)
    reading = Reading()
    unreadable = dict(found.unreadable)
    after: dict[str, tuple[Mark, tuple[bytes, ...]]] = {}
    out: list[Certificate] = []
    for file in found.found:
        if len(file.path) > MAX_PATH:
            continue
        try:
            out.extend(_of(host, file, kept, after))
        except UnreadableError as error:
            unreadable[file.path] = str(error)
    kept.files = after
    out.sort(key=lambda one: (one.path, one.index))
    reading.facts.certificates.certificates.extend(out[:MAX_CERTIFICATES])
    if len(unreadable) > _MAX_NAMED:
        first = next(iter(unreadable.values()))
        reading.unreadable["certificates.certificates"] = f"{first}; and {len(unreadable) - 1} more"
    else:
        reading.unreadable.update((_pattern(path), reason) for path, reason in unreadable.items())
    try:
        _trust(host, reading, kept)
    except UnreadableError as error:
        reading.unreadable["certificates.trust_store"] = str(error)
    reading.raw = raw_of
    return reading


def raw_of(facts: Facts) -> dict[str, bytes]:
    """Return the digest of each certificate's bytes, and of the authorities', by path."""
    told = facts.certificates
    out = {
        paths.keyed("certificates.certificates", one.path, str(one.index)): one.fingerprint.encode()
        for one in told.certificates
    }
    return out | {"certificates.trust_store": f"{told.trust_store.path} {told.trust_store.digest}".encode()}


def applies(host: Host) -> bool:
    """Tell whether one of the roots is there."""
    return any(certificates.there(host, top) for top in certificates.tops(host))


TOPIC = Topic(
    revision=1,
    fills=("certificates",),
    collect=collect,
    applies=applies,
    watches=("/etc/ssl",),
    watches_of=lambda host: tuple(host.choices.certificates_roots),
)
