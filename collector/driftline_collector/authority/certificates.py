"""Makes certificates (RFC 5280); pure, but for the random numbers in keys and serials."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from driftline_collector.settings import is_ip

#: The name that agents ask for, whatever address they connect to.
SERVER_NAME = "collector.driftline"
#: Certificates begin a little in the past, for hosts whose clock is behind.
BACKDATED = timedelta(minutes=5)

ROOT_LIFE = timedelta(days=20 * 365)
INTERMEDIATE_LIFE = timedelta(days=5 * 365)
SERVER_LIFE = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Pair:
    """A private key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def key_pem(self) -> bytes:
        """PKCS #8, PEM, not encrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def certificate_pem(self) -> bytes:
        """The certificate, PEM."""
        return pem(self.certificate)


def pem(certificate: x509.Certificate) -> bytes:
    """Return a certificate in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def serial_of(certificate: x509.Certificate) -> str:
    """Return the serial number as the record keeps it: hexadecimal, lower case."""
    return f"{certificate.serial_number:x}"


def common_name(certificate: x509.Certificate) -> str:
    """Return the subject's common name, empty where it has not exactly one."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else ""


def to_ms(moment: datetime) -> int:
    """Return a certificate's time in ms since 1970."""
    return int(moment.timestamp() * 1000)


def from_ms(time_ms: int) -> datetime:
    """Return a time in a certificate's form, which knows whole seconds only."""
    return datetime.fromtimestamp(time_ms // 1000, UTC)


def make_root(now_ms: int) -> Pair:
    """Make a self-signed root."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("driftline root", key.public_key())
    builder = _builder(name, name, key.public_key(), now_ms, ROOT_LIFE)
    builder = _as_authority(builder, path_length=1)
    return Pair(key, builder.sign(key, hashes.SHA256()))


def make_intermediate(root: Pair, now_ms: int) -> Pair:
    """Make a collector's intermediate authority below the root."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("driftline collector", key.public_key())
    builder = _builder(name, root.certificate.subject, key.public_key(), now_ms, INTERMEDIATE_LIFE)
    builder = _as_authority(_below(builder, root), path_length=0)
    return Pair(key, builder.sign(root.key, hashes.SHA256()))


def make_server(issuer: Pair, names: Sequence[str], now_ms: int) -> Pair:
    """Make a server certificate for names and addresses; :data:`SERVER_NAME` is always among them."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SERVER_NAME)])
    builder = _builder(subject, issuer.certificate.subject, key.public_key(), now_ms, SERVER_LIFE)
    alternatives = [
        x509.IPAddress(ip_address(name)) if is_ip(name) else x509.DNSName(name)
        for name in dict.fromkeys((SERVER_NAME, *names))
    ]
    builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    builder = _as_leaf(_below(builder, issuer), x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]))
    return Pair(key, builder.sign(issuer.key, hashes.SHA256()))


def make_client(
    issuer: Pair, uid: str, public_key: ec.EllipticCurvePublicKey, now_ms: int, life: timedelta
) -> x509.Certificate:
    """Make a client certificate whose common name is a source's identity.

    :param life: from `now_ms` on, cut where the issuer ends.
    """
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, uid)])
    life = min(life, issuer.certificate.not_valid_after_utc - from_ms(now_ms))
    builder = _builder(subject, issuer.certificate.subject, public_key, now_ms, life)
    builder = _as_leaf(_below(builder, issuer), x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]))
    return builder.sign(issuer.key, hashes.SHA256())


def names_of(certificate: x509.Certificate) -> frozenset[str]:
    """Return the names and addresses that a server certificate is for."""
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    names = extension.get_values_for_type(x509.DNSName)
    return frozenset([*names, *map(str, extension.get_values_for_type(x509.IPAddress))])


def _name(what: str, key: ec.EllipticCurvePublicKey) -> x509.Name:
    digest = x509.SubjectKeyIdentifier.from_public_key(key).digest.hex()
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "driftline"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{what} {digest[:12]}"),
        ]
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now_ms: int, life: timedelta
) -> x509.CertificateBuilder:
    now = from_ms(now_ms)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _below(builder: x509.CertificateBuilder, issuer: Pair) -> x509.CertificateBuilder:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    return builder.add_extension(identifier, critical=False)


def _as_authority(builder: x509.CertificateBuilder, path_length: int) -> x509.CertificateBuilder:
    return builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True).add_extension(
        _usage(authority=True), critical=True
    )


def _as_leaf(builder: x509.CertificateBuilder, purpose: x509.ExtendedKeyUsage) -> x509.CertificateBuilder:
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(purpose, critical=False)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
