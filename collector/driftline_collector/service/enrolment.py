"""The enrol port's methods: certificates for those who bring a join token or an identity of ours."""

from datetime import timedelta

import grpc
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.json_format import MessageToDict
from sqlmodel import Session

from driftline.v1.collector_pb2 import EnrollReply, EnrollRequest, RenewRequest
from driftline.v1.collector_pb2_grpc import EnrolmentServicer
from driftline_cmdb import sources
from driftline_cmdb.database import Database
from driftline_cmdb.errors import Divided, Refused, Unauthenticated
from driftline_cmdb.identity import dividing
from driftline_cmdb.identity.dividing import Ask
from driftline_cmdb.sources import CertificateStatus
from driftline_cmdb.tables.sources import Source
from driftline_collector.authority import requests
from driftline_collector.authority.authority import Authority, Issued
from driftline_collector.authority.certificates import common_name, serial_of, to_ms
from driftline_collector.clock import Clock
from driftline_collector.metrics import Metrics
from driftline_collector.service.checks import check_claims, check_own
from driftline_collector.service.identity import check_status
from driftline_collector.service.refusals import Refusals
from driftline_collector.settings import Settings


class Enrolment(EnrolmentServicer):
    """Issues client certificates."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        authority: Authority,
        metrics: Metrics,
        report_address: str,
        clock: Clock,
        refusals: Refusals,
    ) -> None:
        """Prepare.

        :param report_address: what agents are told to report to; an empty host means the one they enrolled at.
        """
        self._database, self._authority, self._metrics, self._clock = database, authority, metrics, clock
        self._report_address, self._refusals = report_address, refusals
        self._life = timedelta(hours=settings.client_certificate_hours)
        self._renew_ms = settings.renew_days * 86_400_000

    def Enroll(self, request: EnrollRequest, context: grpc.ServicerContext) -> EnrollReply:  # noqa: N802  # gRPC's name
        """Take a use of a join token for a new source.

        The same key with the same token is the same source: an agent whose reply was lost repeats the call, and no
        further use is taken.

        :raises Unauthenticated: token unknown, used up, or expired.
        :raises Invalid: malformed request.
        """
        token = sources.parse_token(request.join_token)
        if token.fingerprint != self._authority.fingerprint:
            raise Unauthenticated("join_token: was made for another collector's authority")
        check_claims(request.claims)
        key = requests.read_csr(request.csr)
        uid = sources.joined_uid(token, requests.public_bytes(key))
        now = self._clock()
        with self._database.write() as session:
            source = sources.by_uid(session, uid)
            if source is None:
                row = sources.consume_join_token(session, token, now)
                claims = MessageToDict(request.claims, preserving_proto_field_name=True)
                source = sources.enrol_source(session, uid, claims, row, f"agent at {context.peer()}", now)
            else:
                sources.check_join_token(session, token, now)
                unusable = source.quarantined_ms is not None or source.ended_as is not None
                if unusable or sources.has_revoked(session, source.id):
                    raise Unauthenticated("join_token: the source that joined with it and this key was revoked")
            issued = self._authority.issue(uid, key, self._life)
            _record(session, source.id, issued, now)
        self._metrics.certificates.labels("enrolled").inc()
        return self._reply(uid, issued)

    def Renew(self, request: RenewRequest, context: grpc.ServicerContext) -> EnrollReply:  # noqa: N802  # gRPC's name
        """Give a known, unrevoked identity a new certificate, also some time after the end of its last one.

        Where the request names an epoch, the identity must have been divided: who holds it gets one of its own.

        :raises Unauthenticated: not ours, revoked, not signed by the old key, or ended too long ago.
        :raises Refused: the source is quarantined or retired, or an identity of its own is not for this caller.
        :raises Invalid: malformed request.
        """
        certificate = requests.read_certificate(request.certificate)
        self._authority.check_issued(certificate)
        requests.check_renewal(certificate, request)
        key = requests.read_csr(request.csr)
        uid = common_name(certificate)
        now = self._clock()
        with self._refusals.noted(uid):
            if to_ms(certificate.not_valid_after_utc) + self._renew_ms <= now:
                days = self._renew_ms // 86_400_000
                raise Unauthenticated(f"certificate: ended more than {days} days ago; enrol with a join token")
            uid, issued = self._renewed(request, uid, serial_of(certificate), key, now)
        self._metrics.certificates.labels("own" if request.epoch else "renewed").inc()
        return self._reply(uid, issued)

    def _renewed(
        self, request: RenewRequest, uid: str, serial: str, key: ec.EllipticCurvePublicKey, now: int
    ) -> tuple[str, Issued]:
        """Issue a certificate for a known identity, or for one of the caller's own; return which, and it."""
        with self._database.write() as session:
            status = sources.certificate_status(session, serial)
            if request.epoch:
                source = _own(session, status, uid, request, requests.public_bytes(key), now)
                uid, source_id = source.uid, source.id
            else:
                source_id = check_status(status, uid).source_id
            issued = self._authority.issue(uid, key, self._life)
            _record(session, source_id, issued, now)
        return uid, issued

    def _reply(self, uid: str, issued: Issued) -> EnrollReply:
        return EnrollReply(
            certificate_chain=issued.chain,
            root_certificate=self._authority.root_pem,
            source_id=uid,
            report_address=self._report_address,
        )


def _own(
    session: Session, status: CertificateStatus | None, uid: str, request: RenewRequest, key: bytes, now_ms: int
) -> Source:
    claims = MessageToDict(check_own(request), preserving_proto_field_name=True)
    try:
        check_status(status, uid)
    except Divided:
        assert status is not None  # noqa: S101  # else it would not be on record
        ask = Ask(request.epoch, request.continuation, claims, key)
        source = dividing.own_identity(session, status.source_id, ask, now_ms)
        if source.quarantined_ms is not None or source.ended_as is not None or sources.has_revoked(session, source.id):
            raise Refused(
                f"source {source.uid}, which this key got in place of {uid}, is not in use any more"
            ) from None
        return source
    raise Refused(f"identity {uid} was not divided: renew it without epoch")


def _record(session: Session, source_id: int, issued: Issued, now_ms: int) -> None:
    sources.record_certificate(session, source_id, issued.serial, issued.not_before_ms, issued.not_after_ms, now_ms)
