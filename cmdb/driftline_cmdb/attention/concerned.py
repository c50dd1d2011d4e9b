"""The CIs that an event is about."""

from collections.abc import Iterable

from sqlmodel import Session, col, select

from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.attention import AttentionEvent
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.rfcs import RfcDelta


def cis_of(session: Session, event: AttentionEvent) -> list[Ci]:
    """Return the CIs that an event is about; of an RFC all that it has, unless these joined it only now."""
    if event.rfc_id is not None and event.kind != "rfc.joined":
        return cis_of_rfc(session, event.rfc_id)
    return load(session, event.ci_ids)


def cis_of_rfc(session: Session, rfc_id: int) -> list[Ci]:
    """Return the CIs of an RFC."""
    query = select(RfcDelta.ci_id).where(RfcDelta.rfc_id == rfc_id).distinct()
    return load(session, session.exec(query).all())


def load(session: Session, ci_ids: Iterable[int]) -> list[Ci]:
    """Return CIs by their ids."""
    found: list[Ci] = []
    for chunk in chunks(sorted(set(ci_ids))):
        found += session.exec(select(Ci).where(col(Ci.id).in_(chunk)))
    return found
