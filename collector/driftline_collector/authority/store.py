"""Keeps keys and certificates in files.

Below the data directory::

    root.pem                 the root certificate, for everyone to read; written at each start
    authority/               0700
        root.pem             the root certificate
        root.key             its key (0600); may be moved away, then nothing below the root can be renewed here
        intermediate.pem     key and certificate of this collector's intermediate (0600)
        server.pem           key and certificate of both ports (0600)
        issuers/*.pem        certificates of intermediates: this one's, former ones, other collectors' with this root

A key and its certificate stand in one file, so that they are replaced in one step.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from driftline_collector.authority import certificates
from driftline_collector.authority.certificates import Pair
from driftline_collector.errors import AuthorityError
from driftline_collector.files import sync_directory, write_atomically


def create(data: Path, names: Iterable[str], now_ms: int) -> Path:
    """Make root, intermediate and server certificate, whole or not at all; return their directory.

    Finds them where they are there already, also where another process makes them at this moment. Where only a root was
    put there, as for a further collector of a fleet, the rest is made below it.

    :raises AuthorityError: where the directory cannot be written, or something is missing that the root key must sign.
    """
    home = data / "authority"
    if home.is_dir():
        _complete(home, names, now_ms)
        return home
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = Path(tempfile.mkdtemp(dir=data, prefix=".authority."))  # 0700
    try:
        root = certificates.make_root(now_ms)
        write_atomically(new / "root.pem", root.certificate_pem, 0o644)
        write_atomically(new / "root.key", root.key_pem)
        _complete(new, names, now_ms)
        new.rename(home)
    except OSError as error:
        if not (home / "server.pem").exists():
            raise AuthorityError(f"{home}: could not be made: {error}") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
    sync_directory(data)
    return home


def _complete(home: Path, names: Iterable[str], now_ms: int) -> None:
    if not (home / "intermediate.pem").exists():
        intermediate = certificates.make_intermediate(read_root_pair(home), now_ms)
        keep_issuer(home, intermediate.certificate)
        write_pair(home / "intermediate.pem", intermediate)
    if not (home / "server.pem").exists():
        server = certificates.make_server(read_pair(home / "intermediate.pem"), list(names), now_ms)
        write_pair(home / "server.pem", server)


def write_pair(path: Path, pair: Pair) -> None:
    """Write a key with its certificate."""
    write_atomically(path, pair.key_pem + pair.certificate_pem)


def read_pair(path: Path) -> Pair:
    """Read a key with its certificate.

    :raises AuthorityError: where the file is missing, damaged, or can be read by others.
    """
    content = _read_secret(path)
    try:
        return Pair(_key(content), x509.load_pem_x509_certificate(content))
    except ValueError as error:
        raise AuthorityError(f"{path}: is damaged: {error}; restore it from a backup") from error


def read_root(home: Path) -> x509.Certificate:
    """Read the root certificate.

    :raises AuthorityError: where the file is missing or damaged.
    """
    return read_certificate(home / "root.pem")


def read_root_pair(home: Path) -> Pair:
    """Read the root with its key.

    :raises AuthorityError: where the key was moved away or is damaged.
    """
    path = home / "root.key"
    if not path.exists():
        raise AuthorityError(f"{path}: the root key is not here; put it back for as long as the renewal takes")
    content = _read_secret(path)
    try:
        return Pair(_key(content), read_root(home))
    except ValueError as error:
        raise AuthorityError(f"{path}: is damaged: {error}; restore it from a backup") from error


def read_certificate(path: Path) -> x509.Certificate:
    """Read a certificate.

    :raises AuthorityError: where the file is missing or damaged.
    """
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise AuthorityError(f"{path}: {error}; restore it from a backup") from error


def read_issuers(home: Path) -> list[x509.Certificate]:
    """Read the certificates of intermediates: this collector's, former ones, other collectors'."""
    return [read_certificate(path) for path in sorted((home / "issuers").glob("*.pem"))]


def keep_issuer(home: Path, certificate: x509.Certificate) -> None:
    """Keep an intermediate's certificate for as long as certificates that it issued may be renewed, and longer."""
    (home / "issuers").mkdir(mode=0o700, exist_ok=True)
    name = f"{certificates.serial_of(certificate)}.pem"
    write_atomically(home / "issuers" / name, certificates.pem(certificate), 0o644)


def _read_secret(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise AuthorityError(f"{path}: others can read this key; chmod 600 it")
            return file.read()
    except OSError as error:
        raise AuthorityError(f"{path}: {error.strerror}; restore it from a backup") from error


def _key(content: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(content, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the key is not of an elliptic curve")
    return key
