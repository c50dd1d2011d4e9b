"""Sources: how they join, the certificates that prove them, and when they lose that.

A join token's text is ``dl1.<id>.<secret>.<SHA-256 of the root certificate, hexadecimal>``. Only the SHA-256 of the
secret is stored; the fingerprint lets an agent know the collector before it trusts it.
"""

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, or_, update
from sqlmodel import Session, col, select

from driftline_cmdb import audit
from driftline_cmdb.devices import fencing
from driftline_cmdb.errors import Ambiguous, Invalid, NotFound, Unauthenticated
from driftline_cmdb.identity import aliases, authority, bindings
from driftline_cmdb.identity import claims as identity_claims
from driftline_cmdb.tables.cis import Ci, Finding
from driftline_cmdb.tables.sources import DEVICE, RECORD, Certificate, JoinToken, Source

_PREFIX = "dl1"


@dataclass(frozen=True, slots=True)
class TokenText:
    """A join token as a person copies it."""

    id: str
    secret: str
    #: SHA-256 of the root certificate in DER, hexadecimal.
    fingerprint: str

    def __str__(self) -> str:
        return ".".join((_PREFIX, self.id, self.secret, self.fingerprint))


@dataclass(frozen=True, slots=True)
class CertificateStatus:
    """What the record says of a certificate and of the source that it proves."""

    serial: str
    source_id: int
    source_uid: str
    not_after_ms: int
    revoked_ms: int | None
    revoked_reason: str | None
    quarantined_ms: int | None
    quarantine_reason: str | None
    #: See `Source.ended_as`.
    ended_as: str | None


def parse_token(text: str) -> TokenText:
    """Read a join token's text.

    :raises Unauthenticated: where it is none.
    """
    parts = text.strip().split(".")
    if len(parts) != 4 or parts[0] != _PREFIX or not all(parts) or not text.isascii() or len(text) > 512:
        raise Unauthenticated("join_token: not a join token (dl1.<id>.<secret>.<fingerprint>); copy it whole")
    return TokenText(*parts[1:])


def create_join_token(
    session: Session,
    created_by: str,
    uses: int,
    expires_ms: int,
    now_ms: int,
    ci_id: int | None = None,
    note: str = "",
) -> tuple[JoinToken, str]:
    """Create a join token; return it and its secret, which is not stored and so is seen here only.

    :param uses: how many agents may join with it.
    :param ci_id: the CI that whoever joins with it speaks for; None lets identification decide.
    :raises Invalid: where it could never be used.
    :raises NotFound: where there is no such CI.
    """
    if not 1 <= uses <= 1_000_000:
        raise Invalid(f"uses: {uses} is not between 1 and 1000000")
    if expires_ms <= now_ms:
        raise Invalid("expires: the token would have expired already; give it an end in the future")
    if ci_id is not None and session.get(Ci, ci_id) is None:
        raise NotFound(f"CI {ci_id} does not exist")
    secret = secrets.token_urlsafe(32)
    token = JoinToken(
        id=secrets.token_hex(6),
        secret_hash=sha256(secret.encode()).digest(),
        uses_left=uses,
        expires_ms=expires_ms,
        ci_id=ci_id,
        note=note,
        created_by=created_by,
        created_ms=now_ms,
    )
    session.add(token)
    session.flush()
    detail = {"uses": uses, "expires_ms": expires_ms, "ci_id": ci_id, "note": note}
    audit.record(session, created_by, "token.created", f"join token {token.id}", detail, now_ms)
    return token, secret


def check_join_token(session: Session, token: TokenText, now_ms: int) -> JoinToken:
    """Return the token where it is known and has not expired; it may be used up.

    :raises Unauthenticated: where it is unknown or has expired.
    """
    row = session.get(JoinToken, token.id)
    given = sha256(token.secret.encode()).digest()
    if not hmac.compare_digest(given, row.secret_hash if row else bytes(32)) or row is None:
        raise Unauthenticated("join_token: unknown; make a new one (driftline-collector token)")
    if row.expires_ms <= now_ms:
        raise Unauthenticated(f"join_token: {token.id} has expired; make a new one (driftline-collector token)")
    return row


def consume_join_token(session: Session, token: TokenText, now_ms: int) -> JoinToken:
    """Take one use of a token, atomically: of two at once, for the last use, one gets it.

    :raises Unauthenticated: where it is unknown, has expired, or is used up.
    """
    row = check_join_token(session, token, now_ms)
    taken = session.execute(
        update(JoinToken)
        .where(col(JoinToken.id) == token.id, col(JoinToken.uses_left) > 0)
        .values(uses_left=JoinToken.uses_left - 1)
        .returning(col(JoinToken.id))
    ).first()
    if taken is None:
        raise Unauthenticated(f"join_token: {token.id} is used up; make a new one (driftline-collector token)")
    session.refresh(row)
    return row


def joined_uid(token: TokenText, public_key: bytes) -> str:
    """Return the identity that a key gets by a token: the same again when an agent repeats a join whose reply was lost.

    :param public_key: SubjectPublicKeyInfo, DER.
    """
    mac = hmac.new(token.secret.encode(), b"driftline source v1\0" + public_key, sha256).digest()
    return str(UUID(bytes=mac[:16], version=4))


def enrol_source(
    session: Session, uid: str, claims: Mapping[str, Any], token: JoinToken, agent: str, now_ms: int
) -> Source:
    """Create the source of a new agent, bound to a CI where its token names one.

    Otherwise its first report is identified, and bound then.

    :param uid: its identity, a UUID, from :func:`joined_uid`.
    :param claims: HostClaims as a dict.
    :param agent: who enrols it, for the audit trail: the peer's address.
    """
    hostname = str(claims.get("hostname", ""))
    source = Source(uid=uid, hostname=hostname, claims=dict(claims), enrolled_ms=now_ms)
    session.add(source)
    session.flush()
    if token.ci_id is not None:
        reason = f"join token {token.id}, made by {token.created_by}, names this CI"
        ci = aliases.survivor(session, session.get_one(Ci, token.ci_id))
        bindings.bind(session, source.id, ci.id, reason, now_ms, claims_follow=False)
        identity_claims.store(session, source, identity_claims.claims_of(claims), ci.id, now_ms)
    detail = {"hostname": hostname, "token": token.id, "ci_id": token.ci_id}
    audit.record(session, agent, "source.enrolled", f"source {uid}", detail, now_ms)
    return source


def record_certificate(
    session: Session, source_id: int, serial: str, not_before_ms: int, not_after_ms: int, now_ms: int
) -> None:
    """Record a certificate before it is handed out; one that is not on record does not count."""
    session.add(
        Certificate(
            serial=serial,
            source_id=source_id,
            not_before_ms=not_before_ms,
            not_after_ms=not_after_ms,
            issued_ms=now_ms,
        )
    )


def certificate_status(session: Session, serial: str) -> CertificateStatus | None:
    """Return what is known of a certificate by its serial (hexadecimal, lower case); None where it is unknown."""
    row = session.execute(
        select(
            Certificate.serial,
            col(Source.id),
            col(Source.uid),
            col(Certificate.not_after_ms),
            col(Certificate.revoked_ms),
            col(Certificate.revoked_reason),
            col(Source.quarantined_ms),
            col(Source.quarantine_reason),
            col(Source.ended_as),
        )  # type: ignore[call-overload]  # sqlmodel's select is typed for up to four columns
        .join(Source, col(Source.id) == col(Certificate.source_id))
        .where(col(Certificate.serial) == serial)
    ).first()
    return CertificateStatus(*row) if row else None


def by_uid(session: Session, uid: str) -> Source | None:
    """Return the source with an identity, None where there is none."""
    return session.exec(select(Source).where(Source.uid == uid)).first()


def find(session: Session, name: str) -> Source:
    """Return a source by its identity, the start of it (8 characters or more), or its host name.

    :raises NotFound: where there is none.
    :raises Ambiguous: where there are several.
    """
    rows = list_matching(session, name)
    if not rows:
        raise NotFound(f"source {name} does not exist; name its identity or host name")
    if len(rows) > 1:  # a device may have the name of the host that it is
        rows = [row for row in rows if row.kind != DEVICE] or rows
    if len(rows) > 1:
        raise Ambiguous(f"source {name} is one of {', '.join(row.uid for row in rows[:5])}; name one by its identity")
    return rows[0]


def list_matching(session: Session, name: str) -> Sequence[Source]:
    """Return the sources that a name may mean."""
    means = [col(Source.uid) == name, col(Source.hostname) == name]
    if len(name) >= 8 and set(name) <= set("0123456789abcdef-"):
        means.append(col(Source.uid).startswith(name))
    agents = select(Source).where(or_(*means), Source.kind != RECORD)
    return session.exec(agents.order_by(col(Source.id))).all()


def list_sources(session: Session, limit: int = 1000, after_id: int = 0) -> Sequence[Source]:
    """Return sources in the order they joined, from after an id on."""
    agents = select(Source).where(col(Source.id) > after_id, Source.kind != RECORD)
    return session.exec(agents.order_by(col(Source.id)).limit(limit)).all()


def count_seen_since(session: Session, since_ms: int) -> int:
    """Return how many agents called at or after a time."""
    agents = select(func.count()).select_from(Source).where(Source.kind == "agent")
    return session.exec(agents.where(col(Source.seen_ms) >= since_ms)).one()


def has_revoked(session: Session, source_id: int) -> bool:
    """Tell whether any certificate of a source was revoked; such a source joins anew or not at all."""
    revoked = select(Certificate.serial).where(
        col(Certificate.source_id) == source_id, col(Certificate.revoked_ms).is_not(None)
    )
    return session.exec(revoked.limit(1)).first() is not None


def revoke_certificates(session: Session, source: Source, actor: str, reason: str, now_ms: int) -> int:
    """Revoke all certificates of a source, ended ones too, so that none can be renewed; return how many."""
    revoked = session.execute(
        update(Certificate)
        .where(col(Certificate.source_id) == source.id, col(Certificate.revoked_ms).is_(None))
        .values(revoked_ms=now_ms, revoked_by=actor, revoked_reason=reason)
        .returning(col(Certificate.serial))
    ).all()
    fencing.drop(session, source.id, now_ms)
    detail = {"hostname": source.hostname, "reason": reason, "serials": [row[0] for row in revoked]}
    audit.record(session, actor, "source.revoked", f"source {source.uid}", detail, now_ms)
    return len(revoked)


def quarantine(session: Session, source: Source, actor: str, reason: str, now_ms: int) -> None:
    """Take no more from a source until it is released; what it speaks for is taken from it after this transaction.

    Reports are committed here, which hold locks: `driftline_cmdb.reports` lets go of its leases right afterwards, and
    they end by themselves, because it may not call.
    """
    source.quarantined_ms, source.quarantine_reason = now_ms, reason
    session.add(source)
    audit.record(session, actor, "source.quarantined", f"source {source.uid}", {"reason": reason}, now_ms)
    authority.settle_source(session, source, now_ms)


def release(session: Session, source: Source, actor: str, reason: str, now_ms: int) -> None:
    """Take reports from a source again: one holds it after all. What is open of its story is closed.

    :raises Invalid: where it is not quarantined.
    """
    if source.quarantined_ms is None:
        raise Invalid(f"source {source.uid} is not quarantined")
    source.quarantined_ms = source.quarantine_reason = None
    source.held_epoch = source.held_ms = source.diverged_ms = None
    close_findings(session, source, now_ms)
    session.add(source)
    audit.record(session, actor, "source.released", f"source {source.uid}", {"reason": reason}, now_ms)
    authority.settle_source(session, source, now_ms)


def close_findings(session: Session, source: Source, now_ms: int) -> None:
    """Close what is open of clones and roll-backs of a source, because a person decided."""
    keys = [f"{kind}:{source.uid}" for kind in ("clone", "roll-back")]
    session.execute(
        update(Finding).where(col(Finding.key).in_(keys), col(Finding.closed_ms).is_(None)).values(closed_ms=now_ms)
    )


def forget_certificates(session: Session, ended_before_ms: int) -> int:
    """Delete certificates that ended long ago and were never revoked; return how many."""
    gone = session.execute(
        delete(Certificate)
        .where(col(Certificate.not_after_ms) < ended_before_ms, col(Certificate.revoked_ms).is_(None))
        .returning(col(Certificate.serial))
    )
    return len(gone.all())
