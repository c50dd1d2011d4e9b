"""What sources claim now, kept by key, so that who else claims the same is one look into an index."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Session

from driftline.v1.collector_pb2 import HostClaims
from driftline_baseline.identity import keys_of
from driftline_cmdb import driven
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.identity import SharedEvidence
from driftline_cmdb.tables.sources import Source

_SHARED = table_of(SharedEvidence)
_CLAIMED = "SELECT kind, key, id, ci_id FROM identityclaim WHERE source_id IN ({asked})"


def plain_claims(claims: HostClaims) -> dict[str, Any]:
    """Return claims as the record keeps them: field name -> text or list."""
    return {
        descriptor.name: value if isinstance(value, str) else list(value) for descriptor, value in claims.ListFields()
    }


def claims_of(plain: Mapping[str, Any]) -> HostClaims:
    """Return the claims that the record keeps of a source."""
    return HostClaims(**{name: value for name, value in plain.items() if name in HostClaims.DESCRIPTOR.fields_by_name})


def store(session: Session, source: Source, claims: HostClaims, ci_id: int | None, now_ms: int) -> None:
    """Keep what a source claims now, and the name that it gives itself; only rows that differ are written.

    :param ci_id: the CI that it is bound to; None while it waits, then what it claimed before stays where it was.
    """
    plain = plain_claims(claims)
    hostname = claims.hostname or source.hostname
    if plain != source.claims or hostname != source.hostname:
        row = (json.dumps(plain), hostname, source.id)
        driven.write(session, "UPDATE source SET claims = ?, hostname = ? WHERE id = ?", [row])
        set_committed_value(source, "claims", plain)
        set_committed_value(source, "hostname", hostname)
    rows = driven.ask(session, _CLAIMED, [source.id])
    before = {(kind, key): row_id for kind, key, row_id, _ in rows}
    now = {(one.kind, one.key) for one in keys_of(claims)}
    gone = [(row_id,) for named, row_id in before.items() if named not in now]
    new = [(source.id, ci_id, kind, key) for kind, key in sorted(now - before.keys())]
    moved = [(ci_id, row_id) for *_, row_id, its_ci in rows if ci_id is not None and its_ci != ci_id]
    driven.write(session, "UPDATE identityclaim SET ci_id = ? WHERE id = ?", moved)
    driven.write(session, "DELETE FROM identityclaim WHERE id = ?", gone)
    driven.write(session, "INSERT INTO identityclaim (source_id, ci_id, kind, key) VALUES (?, ?, ?, ?)", new)


def shared_keys(session: Session, keys: Collection[str]) -> set[str]:
    """Return those of some keys that were learnt as shared."""
    if not keys:
        return set()
    query = select(_SHARED.c.key).where(_SHARED.c.key.in_(sorted(keys)))
    return set(session.connection().execute(query).scalars())
