"""Evidence that more than a handful of machines share: what people decide of it."""

from sqlmodel import Session

from driftline_cmdb import audit
from driftline_cmdb.errors import Invalid, NotFound
from driftline_cmdb.tables.identity import SharedEvidence


def forget(session: Session, key: str, actor: str, reason: str, now_ms: int) -> SharedEvidence:
    """Have a piece of evidence count again; return it as it was. It is learnt again where as many still share it.

    :raises NotFound: where it is not listed.
    :raises Invalid: without a reason.
    """
    if not reason.strip():
        raise Invalid("reason: is empty; say why it tells machines apart after all")
    found = session.get(SharedEvidence, key)
    if found is None:
        raise NotFound(f'"{key}" is no shared evidence; driftline identity shared lists it')
    detail = {"kind": found.kind, "machines": found.machines, "why": reason.strip()}
    audit.record(session, actor, "identity.evidence_forgotten", f"evidence {key}", detail, now_ms)
    session.delete(found)
    session.flush()
    return found
