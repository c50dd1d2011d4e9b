"""Reads what agents send to get a certificate; pure."""

from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from driftline.v1.collector_pb2 import RenewRequest
from driftline_cmdb.errors import Invalid, Unauthenticated

#: What the old key signs over: this, the old certificate (DER), the new request (DER).
RENEW_CONTEXT = b"driftline renew v1\0"
#: The same where an identity of its own is asked for; then the SHA-256 of each of epoch, continuation and claims.
OWN_CONTEXT = b"driftline renew v2\0"


def read_csr(csr: bytes) -> ec.EllipticCurvePublicKey:
    """Return the key of a PKCS #10 request (RFC 2986) that its holder signed; its subject does not count.

    :raises Invalid: where it is malformed, not signed by its own key, or the key is not EC P-256.
    """
    try:
        request = x509.load_der_x509_csr(csr)
        key = request.public_key()
        signed = request.is_signature_valid
    except Exception as error:  # cryptography raises many kinds on hostile DER: ValueError, UnsupportedAlgorithm ...
        raise Invalid("csr: not a PKCS #10 request in DER, or of an unknown kind; make an EC P-256 one") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Invalid("csr: the key is not EC P-256")
    if not signed:
        raise Invalid("csr: its signature is wrong; sign the request with its own key")
    return key


def read_certificate(der: bytes) -> x509.Certificate:
    """Return a certificate.

    :raises Invalid: where it is malformed.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        certificate.public_key()
    except Exception as error:  # as above
        raise Invalid("certificate: not a certificate in DER") from error
    return certificate


def check_renewal(certificate: x509.Certificate, request: RenewRequest) -> None:
    """Check that the holder of a certificate's key asks for the new one.

    :raises Unauthenticated: where not.
    """
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise Unauthenticated("certificate: not issued by this collector")
    try:
        key.verify(request.signature, _signed(request), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise Unauthenticated("signature: not made by the key of the certificate") from error


def _signed(request: RenewRequest) -> bytes:
    if not request.epoch:
        return RENEW_CONTEXT + request.certificate + request.csr
    said = (request.epoch.encode(), request.continuation, request.claims)
    return OWN_CONTEXT + request.certificate + request.csr + b"".join(sha256(one).digest() for one in said)


def public_bytes(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return a key as SubjectPublicKeyInfo, DER."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
