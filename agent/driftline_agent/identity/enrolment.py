"""Enrolment and renewal: a join token or the old key, and a request, become a short-lived certificate.

Source: design section 4, collector.proto (service Enrolment).
"""

import base64
import hashlib
import json
import logging
import subprocess
import sys
from pathlib import Path

from driftline.v1.collector_pb2 import EnrollReply, EnrollRequest, HostClaims, RenewRequest
from driftline_agent import files, transport
from driftline_agent.errors import ConfigError, IdentityError
from driftline_agent.identity import store
from driftline_agent.identity.pin import fetch_chain, pick_root
from driftline_agent.identity.store import Identity
from driftline_agent.identity.token import JoinToken

log = logging.getLogger(__name__)

#: The key of an identity that was asked for and not given yet.
_PENDING = "own.key"


def _child(command: str, **values: bytes) -> dict[str, bytes]:
    given = json.dumps({name: base64.b64encode(data).decode() for name, data in values.items()})
    done = subprocess.run(
        [sys.executable, "-m", "driftline_agent.identity.keys", command],
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise IdentityError(f"keys {command}: {lines[-1] if lines else f'exit code {done.returncode}'}")
    return {
        name: base64.b64decode(value) if isinstance(value, str) else str(value).encode()
        for name, value in json.loads(done.stdout).items()
    }


def split_address(address: str, what: str) -> tuple[str, int]:
    """Return host and port of ``host:port`` or ``[v6]:port``.

    :raises ConfigError: where it is none; `what` names the setting.
    """
    host, colon, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigError(f'{what}: "{address}" is not an address; write host:port')
    return host, int(port)


def report_address(given: str, enrol_address: str) -> str:
    """Return where to report; an empty host means the one that the agent enrolled at."""
    return enrol_address.rpartition(":")[0] + given if given.startswith(":") else given


def enroll(state: Path, address: str, token: JoinToken, claims: HostClaims) -> Identity:
    """Enrol at a collector and store the identity.

    :param address: host:port of the enrol port.
    :raises IdentityError: where the collector is not the token's, or gives something unusable.
    :raises driftline_agent.errors.TransportError: where it refuses or cannot be reached.
    """
    host, port = split_address(address, "enrol address")
    root = pick_root(fetch_chain(host, port), token.fingerprint, address)
    made = _child("new")
    request = EnrollRequest(join_token=token.text, csr=made["csr"], claims=claims)
    with transport.Connection(address, root) as connection:
        reply = connection.enroll(request)
    identity = _identity(reply, made["key"], root, address)
    store.save(state, identity)
    log.info("enrolled", extra={"source": identity.source_id, "collector": address})
    return identity


def renew(state: Path, old: Identity) -> Identity:
    """Get a new certificate for a known identity, signed for by the old key, and store it.

    :raises driftline_agent.errors.TransportError: where the collector refuses or cannot be reached.
    """
    made = _child("renew", old_key=old.key, certificate=old.chain)
    request = RenewRequest(certificate=made["certificate"], csr=made["csr"], signature=made["signature"])
    with transport.Connection(old.enrol_address, old.root) as connection:
        reply = connection.renew(request)
    identity = _identity(reply, made["key"], old.root, old.enrol_address)
    if identity.source_id != old.source_id:
        raise IdentityError(f"renewal: the collector answered for {identity.source_id}, asked for {old.source_id}")
    store.save(state, identity)
    log.info("renewed", extra={"source": identity.source_id, "ends_at": identity.not_after})
    return identity


def own(state: Path, old: Identity, epoch: str, continuation: bytes, claims: HostClaims) -> Identity:
    """Get an identity of its own in place of one that others hold too, and store it.

    The new key is stored before it is sent: a repetition after a lost reply asks with the same key and gets the same
    identity.

    :param epoch: the epoch that it reported in, with its last receipt's token.
    :raises driftline_agent.errors.TransportError: where the collector refuses or cannot be reached.
    """
    key = files.read_private(state / _PENDING)
    if key is None:
        key = _child("new")["key"]
        files.write_private(state / _PENDING, key)
    told = claims.SerializeToString()
    said = b"".join(hashlib.sha256(part).digest() for part in (epoch.encode(), continuation, told))
    made = _child("own", old_key=old.key, certificate=old.chain, key=key, said=said)
    request = RenewRequest(
        certificate=made["certificate"],
        csr=made["csr"],
        signature=made["signature"],
        epoch=epoch,
        continuation=continuation,
        claims=told,
    )
    with transport.Connection(old.enrol_address, old.root) as connection:
        reply = connection.renew(request)
    identity = _identity(reply, made["key"], old.root, old.enrol_address)
    store.save(state, identity)
    (state / _PENDING).unlink(missing_ok=True)
    log.warning("an identity of its own", extra={"source": identity.source_id, "before": old.source_id})
    return identity


def _identity(reply: EnrollReply, key: bytes, root: bytes, address: str) -> Identity:
    if not reply.source_id or not reply.certificate_chain or not reply.report_address:
        raise IdentityError(f"collector {address}: reply without source, certificate or report address")
    ends = _child("inspect", key=key, chain=reply.certificate_chain)
    return Identity(
        source_id=reply.source_id,
        key=key,
        chain=reply.certificate_chain,
        root=root,
        enrol_address=address,
        report_address=report_address(reply.report_address, address),
        not_before=int(ends["not_before"]),
        not_after=int(ends["not_after"]),
    )
