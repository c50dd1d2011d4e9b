"""What sources claim now, kept by key, so that who else claims the same is one look into an index."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, insert, select
from sqlmodel import Session

from driftline.v1.collector_pb2 import HostClaims
from driftline_baseline.identity import Context, context_of, keys_of
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.identity import IdentityClaim, SharedEvidence
from driftline_cmdb.tables.sources import Source

_CLAIM, _SHARED, _SOURCE = table_of(IdentityClaim), table_of(SharedEvidence), table_of(Source)


def plain_claims(claims: HostClaims) -> dict[str, Any]:
    """Return claims as the record keeps them: field name -> text or list."""
    return {
        descriptor.name: value if isinstance(value, str) else list(value) for descriptor, value in claims.ListFields()
    }


def claims_of(plain: Mapping[str, Any]) -> HostClaims:
    """Return the claims that the record keeps of a source."""
    return HostClaims(**{name: value for name, value in plain.items() if name in HostClaims.DESCRIPTOR.fields_by_name})


def store(session: Session, source: Source, claims: HostClaims, ci_id: int | None, now_ms: int) -> None:
    """Keep what a source claims now; only rows that differ are written.

    :param ci_id: the CI that it is bound to; None while it waits.
    """
    source.claims = plain_claims(claims)
    session.add(source)
    connection = session.connection()
    kept = select(_CLAIM.c.kind, _CLAIM.c.key, _CLAIM.c.id).where(_CLAIM.c.source_id == source.id)
    before = {(kind, key): row_id for kind, key, row_id in connection.execute(kept)}
    now = {(one.kind, one.key) for one in keys_of(claims)}
    gone = [row_id for named, row_id in before.items() if named not in now]
    if gone:
        connection.execute(delete(_CLAIM).where(_CLAIM.c.id.in_(gone)))
    new = [
        {"source_id": source.id, "ci_id": ci_id, "kind": kind, "key": key} for kind, key in sorted(now - before.keys())
    ]
    if new:
        connection.execute(insert(_CLAIM), new)


def shared_keys(session: Session, keys: Collection[str]) -> set[str]:
    """Return those of some keys that were learnt as shared."""
    if not keys:
        return set()
    query = select(_SHARED.c.key).where(_SHARED.c.key.in_(sorted(keys)))
    return set(session.connection().execute(query).scalars())


def contexts(session: Session, source_ids: Iterable[int]) -> dict[int, Context]:
    """Return on what each of some sources says that it runs."""
    return {source_id: context_of(said) for source_id, said in said_by(session, sorted(set(source_ids))).items()}


def said_by(session: Session, source_ids: Sequence[int]) -> dict[int, HostClaims]:
    """Return what some sources claim, in the order of their ids."""
    query = select(_SOURCE.c.id, _SOURCE.c.claims).where(_SOURCE.c.id.in_(source_ids)).order_by(_SOURCE.c.id)
    return {row.id: claims_of(row.claims) for row in session.connection().execute(query)}
