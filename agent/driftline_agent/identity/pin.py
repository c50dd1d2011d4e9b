"""The collector's root certificate, recognised by the fingerprint in the join token before anything secret is sent."""

import hashlib
import socket
import ssl
from typing import Any

from driftline_agent.errors import IdentityError, UnreachableError


def fetch_chain(host: str, port: int, timeout: float = 10) -> list[bytes]:
    """Return the certificates that a TLS server presents, DER, unverified.

    :param timeout: seconds.
    :raises UnreachableError: where there is no TLS server.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    # Nothing is sent over this connection: the certificate that it fetches is checked against the fingerprint.
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        with (
            socket.create_connection((host, port), timeout=timeout) as plain,
            context.wrap_socket(plain, server_hostname="collector.driftline") as secured,
        ):
            return _unverified_chain(secured)
    except OSError as error:
        raise UnreachableError(f"collector {host}:{port}: no TLS connection: {error}") from error


def _unverified_chain(secured: ssl.SSLSocket) -> list[bytes]:
    if hasattr(secured, "get_unverified_chain"):  # Python 3.13
        return [bytes(certificate) for certificate in secured.get_unverified_chain()]
    inner: Any = secured._sslobj  # type: ignore[attr-defined]  # the only way to the chain in Python 3.11 and 3.12
    return [certificate.public_bytes(2) for certificate in inner.get_unverified_chain()]  # 2: ssl._ssl.ENCODING_DER


def pick_root(chain: list[bytes], fingerprint: bytes, address: str) -> bytes:
    """Return the certificate that the fingerprint names, as PEM.

    :raises IdentityError: where the server presents none such.
    """
    for certificate in chain:
        if hashlib.sha256(certificate).digest() == fingerprint:
            return ssl.DER_cert_to_PEM_cert(certificate).encode()
    raise IdentityError(
        f"collector {address}: presents no certificate with the fingerprint {fingerprint.hex()} of the join token;"
        " this is another collector, somebody is in between, or the token is of an older root: get a new token"
    )
