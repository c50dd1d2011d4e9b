"""Certificates: the reader of DER against a cryptographic library, hostile bytes, and which files are opened."""

import datetime
import ipaddress
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509 as library
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import NameOID

from driftline.v1.collector_pb2 import READ
from driftline.v1.facts_pb2 import Certificate
from driftline_agent import der, x509
from driftline_agent.choices import Choices
from driftline_agent.errors import AgentError
from driftline_agent.host import Host
from driftline_agent.inventory import read_topic
from driftline_agent.reader import public
from driftline_agent.topic import all_topics
from driftline_agent.topics import certificates

DAY = datetime.timedelta(days=1)
RSA = rsa.generate_private_key(65537, 2048)
KEYS = {
    "rsa-2048": RSA,
    "rsa-3072": rsa.generate_private_key(65537, 3072),
    "p256": ec.generate_private_key(ec.SECP256R1()),
    "p384": ec.generate_private_key(ec.SECP384R1()),
    "p521": ec.generate_private_key(ec.SECP521R1()),
    "k256": ec.generate_private_key(ec.SECP256K1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
    "ed448": ed448.Ed448PrivateKey.generate(),
    "dsa": dsa.generate_private_key(2048),
}
NAMES = (
    [(NameOID.COMMON_NAME, "www.example.org")],
    [(NameOID.COUNTRY_NAME, "DE"), (NameOID.ORGANIZATION_NAME, "Größe & Söhne, GmbH"), (NameOID.COMMON_NAME, "a")],
    [(NameOID.COMMON_NAME, ' #lead; "quoted" <a>+b\\c, trail ')],
    [(NameOID.EMAIL_ADDRESS, "a@example.org"), (NameOID.SERIAL_NUMBER, "42"), (NameOID.DOMAIN_COMPONENT, "org")],
    [],
)


def name(parts: list[tuple[library.ObjectIdentifier, str]]) -> library.Name:
    return library.Name([library.NameAttribute(kind, text) for kind, text in parts])


def made(key_name: str = "rsa-2048", number: int = 0, **more: object) -> library.Certificate:
    key = KEYS[key_name]
    draw = random.Random(number)
    subject = name(NAMES[number % len(NAMES)])
    issuer = subject if number % 2 else name(NAMES[(number + 1) % len(NAMES)])
    year, month, day = draw.choice([1970, 1999, 2024, 2049, 2051]), draw.randint(1, 12), draw.randint(1, 28)
    begin = datetime.datetime(year, month, day, 3, 4, 5, tzinfo=datetime.UTC)
    builder = (
        library.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(draw.getrandbits(draw.randint(1, 158)) + 1)
        .not_valid_before(begin)
        .not_valid_after(begin + draw.randint(1, 9000) * DAY)
    )
    if number % 3:
        builder = builder.add_extension(library.BasicConstraints(ca=number % 3 == 1, path_length=None), critical=True)
    if number % 4:
        builder = builder.add_extension(
            library.SubjectAlternativeName(
                [
                    library.DNSName(f"host{number}.example.org"),
                    library.DNSName("*.example.org"),
                    library.IPAddress(ipaddress.ip_address("192.0.2.1")),
                    library.IPAddress(ipaddress.ip_address("2001:db8::1")),
                    library.RFC822Name("a@example.org"),
                    library.UniformResourceIdentifier("spiffe://example.org/a"),
                    library.RegisteredID(library.ObjectIdentifier("1.2.3.4")),
                    library.DirectoryName(name(NAMES[1])),
                    library.OtherName(library.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x01a"),
                ]
            ),
            critical=False,
        )
    algorithm = None if key_name.startswith("ed") else [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()][number % 3]
    return builder.sign(key, algorithm)  # type: ignore[arg-type]  # every kind of key signs


def said(certificate: library.Certificate) -> dict[str, object]:
    """Return what the library says, in our words."""
    key = certificate.public_key()
    alternative: list[str] = []
    authority: bool | None = None
    for extension in certificate.extensions:
        value = extension.value
        if isinstance(value, library.BasicConstraints):
            authority = value.ca
        if isinstance(value, library.SubjectAlternativeName):
            for one in value:
                kind = {
                    library.DNSName: "DNS",
                    library.IPAddress: "IP",
                    library.RFC822Name: "email",
                    library.UniformResourceIdentifier: "URI",
                    library.RegisteredID: "id",
                    library.DirectoryName: "directory",
                    library.OtherName: "other",
                }[type(one)]
                if isinstance(one, library.DirectoryName):
                    alternative.append(f"{kind}:{one.value.rfc4514_string()}")
                elif isinstance(one, library.RegisteredID):
                    alternative.append(f"{kind}:{one.value.dotted_string}")
                elif isinstance(one, library.OtherName):
                    alternative.append(f"{kind}:{one.type_id.dotted_string}")
                else:
                    alternative.append(f"{kind}:{one.value}")
    return {
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "serial_number": f"{certificate.serial_number:x}",
        "not_before": int(certificate.not_valid_before_utc.timestamp()),
        "not_after": int(certificate.not_valid_after_utc.timestamp()),
        "fingerprint": certificate.fingerprint(hashes.SHA256()).hex(),
        "key_size": getattr(key, "key_size", {"Ed25519": 256, "Ed448": 456}.get(type(key).__name__.lstrip("_")[:7])),
        "curve": key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else "",
        "alternative_names": sorted(set(alternative)),
        "authority": authority,
        "self_issued": certificate.issuer.public_bytes() == certificate.subject.public_bytes(),
    }


def ours(certificate: Certificate) -> dict[str, object]:
    return {
        **{
            field: getattr(certificate, field)
            for field in ("subject", "issuer", "serial_number", "not_before", "not_after", "fingerprint", "curve")
        },
        "key_size": certificate.key_size,
        "alternative_names": list(certificate.alternative_names),
        "authority": certificate.authority if certificate.HasField("authority") else None,
        "self_issued": certificate.self_issued,
    }


def encoded(certificate: library.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("number", range(60))
def test_what_a_library_says_of_generated_certificates(number: int) -> None:
    key_name = list(KEYS)[number % len(KEYS)]
    certificate = made(key_name, number)
    found = x509.parse(encoded(certificate))
    expected = said(certificate)
    if key_name.startswith("ed"):
        expected["key_size"] = 256 if key_name == "ed25519" else 456
    assert ours(found) == expected
    assert found.key_type == {"r": "RSA", "p": "EC", "k": "EC", "d": "DSA"}.get(key_name[0], key_name.capitalize())
    library_name = certificate.signature_algorithm_oid._name
    if library_name != "Unknown OID":  # of DSA it knows but one digest
        assert found.signature_algorithm.lower() == library_name.lower()


@pytest.mark.filterwarnings("ignore:Parsed a serial number which wasn't positive")  # some authorities have such
def test_the_authorities_of_this_host() -> None:
    files = sorted(Path("/usr/share/ca-certificates").rglob("*.crt"))
    assert len(files) > 100, "apt-get install ca-certificates"
    for path in files:
        (block,) = public.certificates(path.read_bytes())
        found = x509.parse(certificates.decode(block))
        certificate = library.load_pem_x509_certificate(path.read_bytes())
        try:
            expected = said(certificate)
        except ValueError:  # the library refuses what real authorities have done: negative serial numbers and the like
            continue
        assert ours(found) == expected, path


def test_the_trust_store_is_the_bundle() -> None:
    bundle = Path("/etc/ssl/certs/ca-certificates.crt").read_bytes()
    blocks = public.certificates(bundle)
    count, digest = certificates.digest_of(blocks)
    assert count == len(set(blocks)) == bundle.count(b"BEGIN CERTIFICATE")
    assert certificates.digest_of(blocks[::-1]) == (count, digest)
    assert certificates.digest_of(blocks[1:]) != (count, digest)


def test_cut_off_at_every_byte() -> None:
    whole = encoded(made("p256", 1))
    for end in range(len(whole)):
        with pytest.raises(der.DerError):
            x509.parse(whole[:end])


def test_flipped_bytes_raise_nothing_else() -> None:
    draw = random.Random(1)
    originals = [encoded(made(key, number)) for number, key in enumerate(KEYS, 1)]
    read = 0
    for _ in range(6000):
        data = bytearray(draw.choice(originals))
        for _ in range(draw.randint(1, 4)):
            data[draw.randrange(len(data))] = draw.choice([0, 1, 0x30, 0x7F, 0x80, 0x84, 0xFF, draw.randrange(256)])
        try:
            found = x509.parse(bytes(data))
        except der.DerError:
            continue
        read += 1
        found.SerializeToString()
    assert read > 100  # bytes of signatures and keys may be any


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"0",
        b"0\x80\x00\x00",
        b"\x30\x85\x01\x00\x00\x00\x00",
        b"\x30\x84\xff\xff\xff\xff" + b"\0" * 50,
        b"\x30\x82\xff\xff" + b"\x30" * 0xFFFF,
        b"\x1f\x1f\x00",
        b"\x30\x82\x27\x10" + b"\x05\x00" * 5000,
        b"\x30\x03\x30\x01\x30",
        bytes(range(256)) * 40,
    ],
)
def test_hostile_bytes(data: bytes) -> None:
    with pytest.raises(der.DerError):
        x509.parse(data)


def test_empty_parts_of_keys() -> None:
    whole = encoded(made("dsa", 1))
    algorithm = bytes.fromhex("06072a8648ce380401")
    place = whole.index(algorithm) + len(algorithm)
    broken = whole[:place] + b"\x04" + whole[place + 1 :]
    with pytest.raises(der.DerError):
        x509.parse(broken)


PEM = made("p256", 1).public_bytes(serialization.Encoding.PEM)
KEY_PEM = RSA.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def test_only_certificates_come_out_of_a_file() -> None:
    mixed = b"Bag Attributes\n" + KEY_PEM + PEM + b"junk\n" + KEY_PEM + PEM.replace(b"\n", b"\r\n")
    found = public.only(mixed)
    assert found.count(b"BEGIN CERTIFICATE") == 2 and b"PRIVATE" not in found and b"junk" not in found
    assert [x509.parse(certificates.decode(block)).serial_number for block in public.certificates(found)] == 2 * [
        f"{library.load_pem_x509_certificate(PEM).serial_number:x}"
    ]
    whole = encoded(made("p256", 1))
    assert public.certificates(whole) == [whole]
    assert public.only(KEY_PEM) == b""
    for form in (serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL):
        key = RSA.private_bytes(serialization.Encoding.DER, form, serialization.NoEncryption())
        assert public.only(key) == b""


@pytest.mark.parametrize(
    "text",
    [
        b"-----BEGIN CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE-----\n" + KEY_PEM + b"-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nMIIB\xff!!\n-----END CERTIFICATE-----",
        b"-----BEGIN " * 10_000,
        b"-----BEGIN CERTIFICATE-----\n" + b"A" * (1 << 20),
    ],
)
def test_broken_pem_is_no_certificate(text: bytes) -> None:
    assert certificates.parse_blocks(public.certificates(text)) == []
    assert b"PRIVATE" not in public.only(text)


@pytest.mark.parametrize("key", ["privkey.pem", "privkey1.pem", "server.key", "server-key.pem", "key.pem", "cakey.pem"])
def test_keys_by_name(key: str) -> None:
    assert public.key_by_name(key)


@pytest.mark.parametrize("name", ["cert.pem", "fullchain.pem", "turkey.crt", "www.example.org.crt", "keyserver.crt"])
def test_certificates_by_name(name: str) -> None:
    assert not public.key_by_name(name)


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    for path, data in {
        "etc/ssl/certs/web.pem": PEM + made("rsa-2048", 2).public_bytes(serialization.Encoding.PEM),
        "etc/ssl/certs/web.der": b"junk",
        "etc/ssl/certs/ca-certificates.crt": PEM,
        "etc/ssl/certs/0a1b2c3d.0": PEM,
        "etc/ssl/private/web.pem": PEM,
        "etc/ssl/web.key": KEY_PEM,
        "etc/nginx/tls/both.pem": KEY_PEM + PEM,
        "etc/nginx/nginx.conf": b"",
        "etc/letsencrypt/archive/example.org/cert1.pem": PEM,
        "etc/letsencrypt/archive/example.org/privkey1.pem": KEY_PEM,
        "usr/share/ca-certificates/a.crt": PEM,
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    live = tmp_path / "etc/letsencrypt/live/example.org"
    live.mkdir(parents=True)
    for link in ("cert", "privkey"):
        (live / f"{link}.pem").symlink_to(f"../../archive/example.org/{link}1.pem")
    (tmp_path / "etc/ssl/certs/a.pem").symlink_to("/usr/share/ca-certificates/a.crt")
    (tmp_path / "etc/ssl/certs/gone.pem").symlink_to("nowhere.pem")
    os.mkfifo(tmp_path / "etc/ssl/certs/fifo.pem")
    yield tmp_path


def paths_of(host: Host) -> list[tuple[str, int]]:
    result = read_topic("certificates", all_topics()["certificates"], host, bytes(32))
    assert result.outcome == READ and result.reading is not None, result.section.reason
    assert result.reading.unreadable == {}
    return [(one.path, one.index) for one in result.reading.facts.certificates.certificates]


FOUND = [
    ("/etc/letsencrypt/live/example.org/cert.pem", 0),
    ("/etc/nginx/tls/both.pem", 0),
    ("/etc/ssl/certs/web.pem", 0),
    ("/etc/ssl/certs/web.pem", 1),
]


class Watched(Host):
    """Notes what is opened for its content."""

    def __init__(self, root: str, choices: Choices | None = None) -> None:
        super().__init__(root, choices=choices)
        self.opened: list[str] = []

    def certificates(self, path: str) -> list[bytes] | None:
        self.opened.append(path)
        return super().certificates(path)


def test_which_files_are_told_of_and_no_key_is_opened(tree: Path) -> None:
    host = Watched(str(tree))
    assert paths_of(host) == FOUND
    assert not [path for path in host.opened if "key" in path or "private" in path]


def test_files_are_read_again_only_where_they_changed(tree: Path) -> None:
    host = Watched(str(tree))
    past = time.time() - 60
    for path in tree.rglob("*.pem"):
        if path.is_file():
            os.utime(path, (past, past))
    assert paths_of(host) == FOUND
    # The inode's time cannot be set, so the files are too young to be trusted; as if they were older:
    kept = host.kept["certificates"]
    for path in ("/etc/nginx/tls/both.pem", "/etc/ssl/certs/web.pem"):
        status = host.stat(path)
        assert status is not None
        mark = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        kept.files[path] = (mark, ())
    host.opened.clear()
    assert paths_of(host) == [FOUND[0]]
    (tree / "etc/ssl/certs/web.pem").write_bytes(PEM)
    assert ("/etc/ssl/certs/web.pem", 0) in paths_of(host)


def test_roots_are_the_configured_ones(tree: Path) -> None:
    shutil.copytree(tree / "etc/nginx", tree / "srv/tls")
    found = paths_of(Host(str(tree), choices=Choices(certificates_roots=("/srv/tls",))))
    assert found == [("/srv/tls/tls/both.pem", 0)]


def test_openssl_says_the_same(tmp_path: Path) -> None:
    certificate = made("p384", 5)
    (tmp_path / "a.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    command = ["openssl", "x509", "-in", f"{tmp_path}/a.pem", "-noout", "-subject", "-nameopt", "RFC2253,-esc_msb,utf8"]
    run = subprocess.run([*command, "-serial", "-fingerprint", "-sha256"], capture_output=True, text=True, check=True)
    found = x509.parse(encoded(certificate))
    assert f"serial={found.serial_number.upper()}".replace("=0", "=") in run.stdout.replace("=0", "=")
    assert found.fingerprint in run.stdout.replace(":", "").lower()


def test_errors_are_of_the_agent() -> None:
    assert issubclass(der.DerError, AgentError)
