"""The collector's root certificate, as far as the server needs it: join tokens carry its fingerprint."""

import ssl
from hashlib import sha256
from pathlib import Path

from driftline_cmdb.errors import Unavailable


def root_fingerprint(root_cert: Path | None) -> str:
    """Return the SHA-256 of the collector's root certificate in DER, hexadecimal.

    :param root_cert: the certificate's file, PEM; None where this server was not told it.
    :raises Unavailable: this server was not told it, or cannot read it.
    """
    if root_cert is None:
        raise Unavailable(
            "this server does not know the collector's root certificate: start it with --root-cert, "
            "or make the token beside the collector: driftline-collector token"
        )
    try:
        return sha256(ssl.PEM_cert_to_DER_cert(root_cert.read_text().strip())).hexdigest()
    except (OSError, ValueError) as error:
        raise Unavailable(f"{root_cert}: the collector's root certificate cannot be read: {error}") from error
