"""The collector's root certificate, recognised by the fingerprint in the join token before anything secret is sent.

The chain is fetched by a short child, ``python -m driftline_agent.identity.pin HOST PORT``. It prints one certificate
a line in base64: the ssl module's OpenSSL would stay resident for the life of the agent, beside gRPC's own.
"""

import base64
import binascii
import hashlib
import subprocess
import sys
import textwrap

from driftline_agent.errors import IdentityError, UnreachableError


def fetch_chain(host: str, port: int, timeout: float = 10) -> list[bytes]:
    """Return the certificates that a TLS server presents, DER, unverified.

    :param timeout: seconds.
    :raises UnreachableError: where there is no TLS server.
    """
    command = [sys.executable, "-m", "driftline_agent.identity.pin", host, str(port), str(timeout)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout + 20, check=False)
    except subprocess.TimeoutExpired as error:
        raise UnreachableError(f"collector {host}:{port}: no TLS connection: no answer") from error
    lines = done.stderr.strip().splitlines()
    if done.returncode:
        raise UnreachableError(f"collector {host}:{port}: no TLS connection: {lines[-1] if lines else 'it failed'}")
    try:
        return [base64.b64decode(line, validate=True) for line in done.stdout.split()]
    except binascii.Error as error:
        raise UnreachableError(f"collector {host}:{port}: its certificates cannot be read") from error


def _fetch(host: str, port: int, timeout: float) -> list[bytes]:
    import socket
    import ssl
    from typing import Any

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    # Nothing is sent over this connection: the certificate that it fetches is checked against the fingerprint.
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection((host, port), timeout=timeout) as plain,
        context.wrap_socket(plain, server_hostname="collector.driftline") as secured,
    ):
        if hasattr(secured, "get_unverified_chain"):  # Python 3.13
            return [bytes(certificate) for certificate in secured.get_unverified_chain()]
        inner: Any = secured._sslobj  # type: ignore[attr-defined]  # the only way to it in Python 3.11 and 3.12
        return [certificate.public_bytes(2) for certificate in inner.get_unverified_chain()]  # 2: ENCODING_DER


def pick_root(chain: list[bytes], fingerprint: bytes, address: str) -> bytes:
    """Return the certificate that the fingerprint names, as PEM.

    :raises IdentityError: where the server presents none such.
    """
    for certificate in chain:
        if hashlib.sha256(certificate).digest() == fingerprint:
            body = "\n".join(textwrap.wrap(base64.b64encode(certificate).decode(), 64))
            return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n".encode()
    raise IdentityError(
        f"collector {address}: presents no certificate with the fingerprint {fingerprint.hex()} of the join token;"
        " this is another collector, somebody is in between, or the token is of an older root: get a new token"
    )


def main() -> int:
    """Print the certificates of a server."""
    try:
        chain = _fetch(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
    except OSError as error:
        print(error, file=sys.stderr)  # noqa: T201  # this is how the child answers
        return 1
    for certificate in chain:
        print(base64.b64encode(certificate).decode())  # noqa: T201  # this is how the child answers
    return 0


if __name__ == "__main__":
    sys.exit(main())
