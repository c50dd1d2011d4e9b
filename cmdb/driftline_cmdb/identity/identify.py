"""Which CI a source speaks for. What a host claims is no proof: a likeness is a finding for a person, never a merge."""

from typing import Any
from uuid import uuid4

from sqlmodel import Session, col, select

from driftline.v1.collector_pb2 import HostClaims
from driftline_cmdb import continuity
from driftline_cmdb.drift.due import mark_due
from driftline_cmdb.identity import bindings
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.sources import Source


def bound_ci(session: Session, source: Source, claims: HostClaims | None, now_ms: int) -> Ci | None:
    """Return the CI that a source speaks for, made at its first report; None while a person has to decide it."""
    query = select(Binding.ci_id).where(Binding.source_id == source.id, col(Binding.until_ms).is_(None))
    ci_id = session.exec(query).first()
    if claims is not None:
        plain = plain_claims(claims)
        if plain != source.claims:
            source.claims = plain
    hostname = claims.hostname if claims is not None and claims.hostname else source.hostname or source.uid
    if ci_id is not None:
        ci = session.get_one(Ci, ci_id)
        if hostname != source.hostname and ci.name == source.hostname:
            ci.name = hostname
            mark_due(session, ci.id, now_ms)  # baselines may name it
        source.hostname = hostname
        return ci
    ci = Ci(uid=str(uuid4()), name=hostname, announced=False, first_seen_ms=now_ms, last_seen_ms=now_ms)
    session.add(ci)
    session.flush()
    source.hostname = hostname
    bindings.bind(session, source.id, ci.id, "first report of a new source", now_ms)
    _note_same_machine(session, source, ci, now_ms)
    return ci


def _note_same_machine(session: Session, source: Source, ci: Ci, now_ms: int) -> None:
    """Open a finding where another source claims the same machine: a claim is no proof, so a person decides."""
    machine = source.claims.get("machine_id")
    if not machine:
        return
    claimed = col(Source.claims)["machine_id"].as_string()
    other = session.exec(select(Source).where(Source.id != source.id, claimed == machine).limit(1)).first()
    if other is not None:
        message = f"{ci.name} ({ci.uid}) claims the machine id of {other.hostname}: the same machine, or a clone?"
        detail = {"source": source.uid, "other": other.uid, "machine_id": machine}
        continuity.open_finding(session, "same machine", f"same machine:{source.uid}", ci.id, message, detail, now_ms)


def plain_claims(claims: HostClaims) -> dict[str, Any]:
    """Return claims as the record keeps them: field name -> text or list."""
    return {
        descriptor.name: value if isinstance(value, str) else list(value) for descriptor, value in claims.ListFields()
    }
