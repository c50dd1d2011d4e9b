"""What REST and pages show of sources and of the tokens they join with."""

from datetime import datetime

from pydantic import BaseModel
from sqlalchemy import func, true
from sqlmodel import Session, col, or_, select

from driftline_cmdb.drift.silence import SILENT_AFTER_MS
from driftline_cmdb.drift.silence_devices import silent
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.sources import RECORD, Certificate, JoinToken, Source
from driftline_server.cis.speaking import state_of
from driftline_server.evidence import CiRef
from driftline_server.lists import Window, contains, part
from driftline_server.times import moment, moment_or_none

#: Of a source.
STATES = ("live", "silent", "quarantined", "new", "split", "image", "retired")


class SourceRow(BaseModel):
    """One agent, or one device reached in one way."""

    uid: str
    kind: str
    hostname: str
    #: None where it speaks for no CI.
    ci: CiRef | None
    #: live, silent, quarantined, new; split or image where it was divided, or retired.
    state: str
    quarantine_reason: str | None
    #: What it does worse than it should, by its own word.
    limitations: list[str]
    agent_version: str
    enrolled: datetime
    seen: datetime | None
    #: All its sections are known to have held at this time.
    confirmed: datetime | None
    #: End of its newest certificate that is not revoked; None where it has none.
    certificate_until: datetime | None


class JoinTokenRow(BaseModel):
    """A token that lets agents enrol; its secret is stored nowhere."""

    id: str
    note: str
    uses_left: int
    expires: datetime
    #: The CI that whoever joins with it speaks for.
    ci: CiRef | None
    created_by: str
    created: datetime


def list_sources(
    session: Session, window: Window, now_ms: int, q: str | None = None, state: str | None = None
) -> tuple[list[SourceRow], int]:
    """Return a part of the sources, and how many there are.

    :param q: text in the host name, or the start of the uid.
    :param state: one of STATES; None: all but the retired ones.
    """
    until = (
        select(func.max(col(Certificate.not_after_ms)))
        .where(col(Certificate.source_id) == col(Source.id), col(Certificate.revoked_ms).is_(None))
        .correlate(Source)
        .scalar_subquery()
    )
    statement = (
        select(Source, Ci, until)
        .outerjoin(Binding, (col(Binding.source_id) == col(Source.id)) & col(Binding.until_ms).is_(None))
        .outerjoin(Ci, col(Ci.id) == col(Binding.ci_id))
        .where(Source.kind != RECORD)
    )
    if q:
        statement = statement.where(or_(contains(Source.hostname, q), col(Source.uid).startswith(q, autoescape=True)))
    ended, quarantined, seen = col(Source.ended_as), col(Source.quarantined_ms), col(Source.seen_ms)
    well = ended.is_(None) & quarantined.is_(None)
    conditions = {
        "quarantined": quarantined.is_not(None),
        "new": well & seen.is_(None),
        "silent": well & silent(now_ms, SILENT_AFTER_MS),
        "live": well & seen.is_not(None) & ~silent(now_ms, SILENT_AFTER_MS),
        "split": ended == "split",
        "image": ended == "image",
        "retired": ended == "retired",
    }
    # Where a name or uid is asked for, what was retired is found too.
    statement = statement.where(conditions.get(state or "", true() if q else ended.is_distinct_from("retired")))
    sorts = {
        "hostname": Source.hostname,
        "ci": Ci.name,
        "seen": Source.seen_ms,
        "enrolled": Source.enrolled_ms,
        "certificate_until": until,
    }
    found, total = part(session, statement, window, sorts, "hostname", col(Source.id))
    return [_source(source, ci, end, now_ms) for source, ci, end in found], total


def _source(source: Source, ci: Ci | None, until_ms: int | None, now_ms: int) -> SourceRow:
    return SourceRow(
        uid=source.uid,
        kind=source.kind,
        hostname=source.hostname,
        ci=CiRef(uid=ci.uid, name=ci.name) if ci else None,
        state=state_of(source, now_ms),
        quarantine_reason=source.quarantine_reason,
        limitations=source.limitations,
        agent_version=source.agent_version,
        enrolled=moment(source.enrolled_ms),
        seen=moment_or_none(source.seen_ms),
        confirmed=moment_or_none(source.confirmed_ms),
        certificate_until=moment_or_none(until_ms),
    )


def list_join_tokens(session: Session, window: Window) -> tuple[list[JoinTokenRow], int]:
    """Return a part of the join tokens, and how many there are."""
    statement = select(JoinToken, Ci).outerjoin(Ci, col(Ci.id) == col(JoinToken.ci_id))
    sorts = {
        "created": JoinToken.created_ms,
        "expires": JoinToken.expires_ms,
        "created_by": JoinToken.created_by,
        "uses_left": JoinToken.uses_left,
    }
    found, total = part(session, statement, window, sorts, "-created", col(JoinToken.id))
    return [join_token_row(token, ci) for token, ci in found], total


def join_token_row(token: JoinToken, ci: Ci | None) -> JoinTokenRow:
    """Return a join token as it is shown."""
    return JoinTokenRow(
        id=token.id,
        note=token.note,
        uses_left=token.uses_left,
        expires=moment(token.expires_ms),
        ci=CiRef(uid=ci.uid, name=ci.name) if ci else None,
        created_by=token.created_by,
        created=moment(token.created_ms),
    )
