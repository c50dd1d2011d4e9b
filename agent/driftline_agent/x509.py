"""What a certificate says, read without a cryptographic library. Source: RFC 5280, RFC 4514, RFC 8017, RFC 5480.

Nothing is verified here: signatures and chains are the business of whoever trusts the certificate.
"""

import hashlib
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from driftline.v1.facts_pb2 import Certificate
from driftline_agent import der
from driftline_agent.der import DerError, Value

_MAX_TEXT, _MAX_NAMES = 2_000, 500
#: Short names of attributes, RFC 4514 section 3; another one's identifier stands for it.
_ATTRIBUTES = {
    "2.5.4.3": "CN",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.6": "C",
    "2.5.4.9": "STREET",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
}
_CURVES = {
    "1.2.840.10045.3.1.1": ("secp192r1", 192),
    "1.3.132.0.33": ("secp224r1", 224),
    "1.2.840.10045.3.1.7": ("secp256r1", 256),
    "1.3.132.0.34": ("secp384r1", 384),
    "1.3.132.0.35": ("secp521r1", 521),
    "1.3.132.0.10": ("secp256k1", 256),
    "1.3.36.3.3.2.8.1.1.7": ("brainpoolP256r1", 256),
    "1.3.36.3.3.2.8.1.1.11": ("brainpoolP384r1", 384),
    "1.3.36.3.3.2.8.1.1.13": ("brainpoolP512r1", 512),
}
#: Key algorithm to its name and, where it has but one, its size in bits.
_KEYS = {
    "1.2.840.113549.1.1.1": ("RSA", 0),
    "1.2.840.113549.1.1.10": ("RSA-PSS", 0),
    "1.2.840.10040.4.1": ("DSA", 0),
    "1.2.840.10045.2.1": ("EC", 0),
    "1.3.101.110": ("X25519", 256),
    "1.3.101.111": ("X448", 448),
    "1.3.101.112": ("Ed25519", 256),
    "1.3.101.113": ("Ed448", 456),
    "2.16.840.1.101.3.4.3.17": ("ML-DSA-44", 0),
    "2.16.840.1.101.3.4.3.18": ("ML-DSA-65", 0),
    "2.16.840.1.101.3.4.3.19": ("ML-DSA-87", 0),
}
_SIGNATURES = {
    "1.2.840.113549.1.1.2": "md2WithRSAEncryption",
    "1.2.840.113549.1.1.4": "md5WithRSAEncryption",
    "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
    "1.2.840.113549.1.1.10": "RSASSA-PSS",
    "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
    "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
    "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
    "1.2.840.113549.1.1.14": "sha224WithRSAEncryption",
    "1.2.840.10040.4.3": "dsa-with-sha1",
    "2.16.840.1.101.3.4.3.1": "dsa-with-sha224",
    "2.16.840.1.101.3.4.3.2": "dsa-with-sha256",
    "2.16.840.1.101.3.4.3.3": "dsa-with-sha384",
    "2.16.840.1.101.3.4.3.4": "dsa-with-sha512",
    "1.2.840.10045.4.1": "ecdsa-with-SHA1",
    "1.2.840.10045.4.3.1": "ecdsa-with-SHA224",
    "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
    "1.2.840.10045.4.3.3": "ecdsa-with-SHA384",
    "1.2.840.10045.4.3.4": "ecdsa-with-SHA512",
    "2.16.840.1.101.3.4.3.9": "ecdsa-with-SHA3-224",
    "2.16.840.1.101.3.4.3.10": "ecdsa-with-SHA3-256",
    "2.16.840.1.101.3.4.3.11": "ecdsa-with-SHA3-384",
    "2.16.840.1.101.3.4.3.12": "ecdsa-with-SHA3-512",
    "1.3.101.112": "Ed25519",
    "1.3.101.113": "Ed448",
    "2.16.840.1.101.3.4.3.17": "ML-DSA-44",
    "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
    "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
}
_ALTERNATIVE_NAMES, _BASIC_CONSTRAINTS = "2.5.29.17", "2.5.29.19"
_VERSION, _EXTENSIONS = 0xA0, 0xA3


def _escaped(text: str) -> str:
    """Return a value as RFC 4514 section 2.4 writes it."""
    text = text[:_MAX_TEXT]
    out = "".join(f"\\{letter}" if letter in '\\"+,;<>' else letter for letter in text).replace("\0", "\\00")
    if out[:1] in (" ", "#") and out:
        out = "\\" + out
    if out.endswith(" ") and len(text) > 1:
        out = out[:-1] + "\\ "
    return out


def name_of(value: Value) -> str:
    """Return a distinguished name in the form of RFC 4514: the most specific part first."""
    parts: list[str] = []
    for relative in reversed(der.children(value, der.SEQUENCE, _MAX_NAMES)):
        pairs: list[str] = []
        for attribute in der.children(relative, der.SET, _MAX_NAMES):
            kind, content = _two(attribute)
            identifier = der.identifier(kind)
            text = der.text(content)
            said = f"#{content.content[:_MAX_TEXT].hex()}" if text is None else _escaped(text)
            pairs.append(f"{_ATTRIBUTES.get(identifier, identifier)}={said}")
        parts.append("+".join(pairs))
    return ",".join(parts)


def _two(value: Value) -> tuple[Value, Value]:
    found = der.children(value, der.SEQUENCE, 10)
    if len(found) < 2:
        raise DerError("certificate: a pair that is none")
    return found[0], found[1]


def _alternative_names(value: Value) -> Iterator[str]:
    for name in der.children(value, der.SEQUENCE, _MAX_NAMES):
        text = name.content[:_MAX_TEXT].decode("utf-8", "replace")
        if name.tag == 0x81:
            yield f"email:{text}"
        elif name.tag == 0x82:
            yield f"DNS:{text}"
        elif name.tag == 0x86:
            yield f"URI:{text}"
        elif name.tag == 0x87 and len(name.content) == 4:
            yield f"IP:{IPv4Address(name.content)}"
        elif name.tag == 0x87 and len(name.content) == 16:
            yield f"IP:{IPv6Address(name.content)}"
        elif name.tag == 0xA4:
            yield f"directory:{name_of(der.take(name.content)[0])}"
        elif name.tag == 0x88:
            yield f"id:{der.identifier(Value(der.OBJECT, name.content, b''))}"
        elif name.tag == 0xA0:
            yield f"other:{der.identifier(der.take(name.content)[0])}"


def _key(out: Certificate, value: Value) -> None:
    algorithm, key = _two(value)
    parts = der.children(algorithm, der.SEQUENCE, 10)
    identifier = der.identifier(parts[0]) if parts else ""
    out.key_type, size = _KEYS.get(identifier, (identifier, 0))
    if out.key_type == "EC":
        curve = der.identifier(parts[1]) if len(parts) > 1 and parts[1].tag == der.OBJECT else ""
        out.curve, size = _CURVES.get(curve, (curve, 0))
    elif out.key_type == "DSA" and len(parts) > 1:
        size = der.integer(_two(parts[1])[0]).bit_length()
    elif out.key_type in ("RSA", "RSA-PSS"):
        if key.tag != der.BIT_STRING or key.content[:1] != b"\0":
            raise DerError("certificate: an RSA key that is none")
        size = der.integer(_two(der.take(key.content[1:])[0])[0]).bit_length()
    if size:
        out.key_size = size


def _extensions(out: Certificate, value: Value) -> None:
    inner, _ = der.take(value.content)
    for extension in der.children(inner, der.SEQUENCE, _MAX_NAMES):
        parts = der.children(extension, der.SEQUENCE, 3)
        if len(parts) < 2 or parts[-1].tag != der.OCTET_STRING:
            raise DerError("certificate: an extension that is none")
        identifier = der.identifier(parts[0])
        if identifier == _ALTERNATIVE_NAMES:
            names = _alternative_names(der.take(parts[-1].content)[0])
            out.alternative_names[:] = sorted(set(names))
        elif identifier == _BASIC_CONSTRAINTS:
            said = der.children(der.take(parts[-1].content)[0], der.SEQUENCE, 3)
            out.authority = bool(said) and said[0].tag == der.BOOLEAN and said[0].content != b"\0"


def parse(data: bytes) -> Certificate:
    """Return what a certificate in DER says, without its path; what stands behind it is not looked at.

    :raises DerError: where it is no certificate.
    """
    certificate, _ = der.take(data)
    body, algorithm, _ = _three(certificate)
    fields = der.children(body, der.SEQUENCE, 20)
    if fields and fields[0].tag == _VERSION:
        del fields[0]
    if len(fields) < 6:
        raise DerError("certificate: too few parts")
    serial, _, issuer, validity, subject, key = fields[:6]
    begin, end = _two(validity)
    signature = der.children(algorithm, der.SEQUENCE, 10)
    if not signature:
        raise DerError("certificate: no signature algorithm")
    identifier = der.identifier(signature[0])
    out = Certificate(
        subject=name_of(subject),
        issuer=name_of(issuer),
        serial_number=f"{der.integer(serial):x}",
        not_before=der.seconds(begin),
        not_after=der.seconds(end),
        signature_algorithm=_SIGNATURES.get(identifier, identifier),
        fingerprint=hashlib.sha256(certificate.whole).hexdigest(),
        self_issued=issuer.content == subject.content,
    )
    _key(out, key)
    for field in fields[6:]:
        if field.tag == _EXTENSIONS:
            _extensions(out, field)
    return out


def _three(value: Value) -> tuple[Value, Value, Value]:
    found = der.children(value, der.SEQUENCE, 3)
    if len(found) != 3:
        raise DerError("certificate: not of three parts")
    return found[0], found[1], found[2]
