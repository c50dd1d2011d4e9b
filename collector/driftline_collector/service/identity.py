"""Who calls: the source is the certificate's, never a field of a message.

A live connection outlives its certificate, so every call checks its end, its revocation, and the source's quarantine.
What the record says is remembered for a second, so a revocation holds within that.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

from cryptography import x509

from driftline_cmdb import continuity
from driftline_cmdb.database import Database
from driftline_cmdb.errors import Refused, Unauthenticated
from driftline_cmdb.sources import CertificateStatus, certificate_status
from driftline_collector.authority.certificates import common_name, serial_of, to_ms
from driftline_collector.clock import Clock
from driftline_collector.service.refusals import Refusals

#: Seconds for which the record's word on a certificate is remembered.
FRESH_S = 1.0
#: Certificates remembered.
_CERTIFICATES = 4096

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Caller:
    """The source that calls."""

    source_id: int
    uid: str


@dataclass(frozen=True, slots=True)
class _Parsed:
    serial: str
    uid: str
    not_after_ms: int


class Identities:
    """Finds and checks the source behind a connection. For many threads."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        refusals: Refusals,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with nothing remembered."""
        self._refusals = refusals
        self._database, self._clock, self._monotonic = database, clock, monotonic
        self._parsed: OrderedDict[bytes, _Parsed] = OrderedDict()
        self._statuses: OrderedDict[str, tuple[float, CertificateStatus | None]] = OrderedDict()
        self._lock = threading.Lock()

    def caller(self, auth_context: Mapping[str, Any]) -> Caller:
        """Return the source whose certificate the connection was made with.

        :param auth_context: of the call: lists of bytes by name (gRPC's stubs say bytes). gRPC has checked that the
            certificate is of our authority.
        :raises Unauthenticated: where the certificate has ended, was revoked, or is not on record.
        :raises Refused: where the source is quarantined.
        :raises Unavailable: where the database does not answer.
        """
        pem = next(iter(auth_context.get("x509_pem_cert", ())), None)
        if pem is None:
            raise Unauthenticated("the connection has no client certificate")
        parsed = self._parse(pem)
        with self._refusals.noted(parsed.uid):
            if parsed.not_after_ms <= self._clock():
                raise Unauthenticated("the certificate has expired; renew it at the enrol port")
            status = check_status(self._status(parsed.serial), parsed.uid)
        return Caller(status.source_id, status.source_uid)

    def _parse(self, pem: bytes) -> _Parsed:
        key = sha256(pem).digest()
        with self._lock:
            if (known := self._parsed.get(key)) is not None:
                self._parsed.move_to_end(key)
                return known
        certificate = x509.load_pem_x509_certificate(pem)
        parsed = _Parsed(serial_of(certificate), common_name(certificate), to_ms(certificate.not_valid_after_utc))
        with self._lock:
            _remember(self._parsed, key, parsed)
        return parsed

    def _status(self, serial: str) -> CertificateStatus | None:
        now = self._monotonic()
        with self._lock:
            if (known := self._statuses.get(serial)) is not None and now - known[0] < FRESH_S:
                return known[1]
        with self._database.read() as session:
            status = certificate_status(session, serial)
        with self._lock:
            _remember(self._statuses, serial, (now, status))
        return status


def check_status(status: CertificateStatus | None, uid: str) -> CertificateStatus:
    """Check what the record says of a certificate that our authority issued.

    :param uid: the identity in the certificate.
    :raises Unauthenticated: where it was revoked or is not on record.
    :raises Refused: where the source is quarantined or was retired; as Divided where its holders get others.
    """
    if status is None or status.source_uid != uid:
        raise Unauthenticated("the certificate is not on record; enrol with a join token")
    if status.revoked_ms is not None:
        raise Unauthenticated("the certificate was revoked; enrol with a join token")
    if status.ended_as is not None:
        raise continuity.ended(uid, status.ended_as)
    if status.quarantined_ms is not None:
        raise Refused(f"source {uid} is quarantined until a person releases it: {status.quarantine_reason}")
    return status


def _remember(memory: OrderedDict[K, V], key: K, value: V) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > _CERTIFICATES:
        memory.popitem(last=False)
