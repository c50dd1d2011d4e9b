"""The authority as the rest of the collector uses it."""

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from driftline_cmdb.errors import Unauthenticated
from driftline_collector.authority import certificates, store
from driftline_collector.authority.certificates import SERVER_NAME, Pair, pem
from driftline_collector.clock import Clock, now_ms
from driftline_collector.files import write_atomically

log = logging.getLogger(__name__)

#: Time left at which a certificate is replaced.
RENEW_INTERMEDIATE = timedelta(days=365)
RENEW_SERVER = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Issued:
    """A new client certificate."""

    serial: str
    not_before_ms: int
    not_after_ms: int
    #: Leaf and intermediate, PEM.
    chain: bytes


class Authority:
    """Issues certificates. May be used by many threads."""

    def __init__(self, data: Path, names: Iterable[str], clock: Clock = now_ms) -> None:
        """Open the authority below a data directory, or create it there at the first start.

        :param names: names and addresses of this collector, for its server certificate.
        :raises AuthorityError: where files are missing or damaged.
        """
        self._clock = clock
        self._names = frozenset((SERVER_NAME, *names))
        self._home = store.create(data, self._names, clock())
        self._lock = threading.Lock()
        self.root = store.read_root(self._home)
        self._intermediate = store.read_pair(self._home / "intermediate.pem")
        self._server = store.read_pair(self._home / "server.pem")
        self._issuers = store.read_issuers(self._home)
        self._served = self._to_serve()
        write_atomically(data / "root.pem", self.root_pem, 0o644)
        self.rotate()

    @property
    def root_pem(self) -> bytes:
        """The root certificate, PEM."""
        return pem(self.root)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the root certificate, hexadecimal."""
        return fingerprint(self.root)

    def server_pair(self) -> tuple[bytes, bytes]:
        """Return the server's key and its chain with the root, PEM.

        The root is in the chain so that an agent that has nothing but the fingerprint in its token finds it there.
        """
        with self._lock:
            return self._served

    def _to_serve(self) -> tuple[bytes, bytes]:
        chain = self._server.certificate_pem + self._intermediate.certificate_pem + self.root_pem
        return self._server.key_pem, chain

    def issue(self, uid: str, key: ec.EllipticCurvePublicKey, life: timedelta) -> Issued:
        """Issue a client certificate for a source's identity; it must be recorded before it is handed out."""
        with self._lock:
            issuer = self._intermediate
        certificate = certificates.make_client(issuer, uid, key, self._clock(), life)
        return Issued(
            serial=certificates.serial_of(certificate),
            not_before_ms=certificates.to_ms(certificate.not_valid_before_utc),
            not_after_ms=certificates.to_ms(certificate.not_valid_after_utc),
            chain=pem(certificate) + issuer.certificate_pem,
        )

    def check_issued(self, certificate: x509.Certificate) -> None:
        """Check that an authority below our root issued a certificate, however long ago.

        :raises Unauthenticated: where not.
        """
        with self._lock:
            issuers = [self._intermediate.certificate, *self._issuers]
        for issuer in issuers:
            if issuer.subject == certificate.issuer and _signed(certificate, issuer) and _signed(issuer, self.root):
                return
        raise Unauthenticated("certificate: not issued by this collector; enrol with a join token")

    def rotate(self) -> bool:
        """Replace what will end soon, and the server's certificate where its names changed; tell whether it did.

        :raises AuthorityError: where the intermediate must be replaced and the root key is not there.
        """
        now = self._clock()
        with self._lock:
            new_intermediate = _left(self._intermediate, now) < RENEW_INTERMEDIATE
            if new_intermediate:
                fresh = certificates.make_intermediate(store.read_root_pair(self._home), now)
                store.keep_issuer(self._home, fresh.certificate)
                store.write_pair(self._home / "intermediate.pem", fresh)
                self._issuers.append(self._intermediate.certificate)
                self._intermediate = fresh
                log.info("intermediate certificate replaced")
            ours = self._server.certificate.issuer == self._intermediate.certificate.subject
            names = certificates.names_of(self._server.certificate) == self._names
            if ours and names and _left(self._server, now) >= RENEW_SERVER:
                return new_intermediate
            self._server = certificates.make_server(self._intermediate, sorted(self._names), now)
            store.write_pair(self._home / "server.pem", self._server)
            self._served = self._to_serve()
            log.info("server certificate replaced")
            return True


def fingerprint(root: x509.Certificate) -> str:
    """Return what join tokens carry of a root certificate: the SHA-256 of its DER, hexadecimal."""
    return root.fingerprint(hashes.SHA256()).hex()


def _left(pair: Pair, now: int) -> timedelta:
    return pair.certificate.not_valid_after_utc - certificates.from_ms(now)


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
