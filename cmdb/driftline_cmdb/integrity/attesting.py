"""People who looked at a CI itself and say that the record is right."""

from sqlmodel import Session

from driftline_cmdb import audit
from driftline_cmdb.errors import Invalid
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.integrity import Attestation


def attest(session: Session, ci: Ci, actor: str, note: str, now_ms: int) -> Attestation:
    """Record that someone verified a CI by hand.

    :param note: what was looked at, and how.
    :raises Invalid: where the note is empty.
    """
    if not note.strip():
        raise Invalid("note: is empty; say what you looked at: seen in rack 4, serial number read from its label")
    row = Attestation(ci_id=ci.id, at_ms=now_ms, actor=actor, note=note.strip(), ci_version=ci.version)
    session.add(row)
    session.flush()
    audit.record(
        session, actor, "ci.attested", f"CI {ci.name}", {"uid": ci.uid, "version": ci.version, "note": row.note}, now_ms
    )
    return row
