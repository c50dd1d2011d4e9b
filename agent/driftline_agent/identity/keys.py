"""Keys and certificate requests, made in a short child process: ``python -m driftline_agent.identity.keys COMMAND``.

The child reads one JSON object from its standard input and writes one to its standard output; binary values are
base64. It exists because importing `cryptography` adds 10 MiB to a process that would need it twice a month.

Commands::

    new       {}                                         -> {"key": PEM, "csr": DER}
    renew     {"old_key": PEM, "certificate": PEM}       -> {"key": PEM, "csr": DER, "certificate": DER, "signature"}
    own       the same, "key": PEM, "said": bytes        -> the same, for this new key; said is signed too
    inspect   {"key": PEM, "chain": PEM}                 -> {"not_before": s, "not_after": s}

Source: collector.proto (RenewRequest.signature).
"""

import base64
import json
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_CONTEXT = b"driftline renew v1\0"
_OWN_CONTEXT = b"driftline renew v2\0"


def new_key() -> tuple[bytes, bytes]:
    """Return a new EC P-256 key (PKCS #8, PEM) and a certificate request for it (DER)."""
    return _request(ec.generate_private_key(ec.SECP256R1()))


def _request(key: ec.EllipticCurvePrivateKey) -> tuple[bytes, bytes]:
    # The collector names the source: this subject does not count.
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "driftline-agent")])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem, request.public_bytes(serialization.Encoding.DER)


def _load_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the identity's key is no EC key")
    return key


def renew(old_key: bytes, certificate: bytes) -> dict[str, bytes]:
    """Return a new key, its request, the old certificate and the old key's signature over both."""
    der = x509.load_pem_x509_certificate(certificate).public_bytes(serialization.Encoding.DER)
    key, request = new_key()
    signature = _load_key(old_key).sign(_CONTEXT + der + request, ec.ECDSA(hashes.SHA256()))
    return {"key": key, "csr": request, "certificate": der, "signature": signature}


def own(old_key: bytes, certificate: bytes, new: bytes, said: bytes) -> dict[str, bytes]:
    """Return what :func:`renew` does, for a key that is there already, signed together with what is said."""
    der = x509.load_pem_x509_certificate(certificate).public_bytes(serialization.Encoding.DER)
    key, request = _request(_load_key(new))
    signature = _load_key(old_key).sign(_OWN_CONTEXT + der + request + said, ec.ECDSA(hashes.SHA256()))
    return {"key": key, "csr": request, "certificate": der, "signature": signature}


def inspect(key: bytes, chain: bytes) -> dict[str, int]:
    """Return from when to when a chain's first certificate is valid, in seconds since 1970.

    :raises ValueError: where the certificate is not this key's.
    """
    leaf = x509.load_pem_x509_certificates(chain)[0]
    if leaf.public_key() != _load_key(key).public_key():
        raise ValueError("the collector's certificate is for another key than the one requested")
    return {
        "not_before": int(leaf.not_valid_before_utc.timestamp()),
        "not_after": int(leaf.not_valid_after_utc.timestamp()),
    }


def main() -> int:
    """Run one command; an error goes to standard error in one line."""
    values = {name: base64.b64decode(text) for name, text in json.loads(sys.stdin.read() or "{}").items()}
    try:
        if sys.argv[1:] == ["new"]:
            key, request = new_key()
            binary = {"key": key, "csr": request}
        elif sys.argv[1:] == ["renew"]:
            binary = renew(values["old_key"], values["certificate"])
        elif sys.argv[1:] == ["own"]:
            binary = own(values["old_key"], values["certificate"], values["key"], values["said"])
        elif sys.argv[1:] == ["inspect"]:
            json.dump(inspect(values["key"], values["chain"]), sys.stdout)
            return 0
        else:
            raise ValueError("no such command; there are new, renew, own, inspect")
    except (ValueError, KeyError) as error:
        print(error, file=sys.stderr)  # noqa: T201  # this is how the child answers
        return 1
    json.dump({name: base64.b64encode(data).decode() for name, data in binary.items()}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
