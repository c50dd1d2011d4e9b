"""What people change of one CI."""

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session

from driftline_cmdb import record
from driftline_cmdb.catalog.versions import catalog_of
from driftline_cmdb.cis import changes, writing
from driftline_cmdb.cis.lookup import Lookup
from driftline_cmdb.tables.cis import Ci


def edit_ci(session: Session, name: str, said: Mapping[str, Any], actor: str, now_ms: int) -> Ci:
    """Set what is said of a CI, and record it in the audit trail.

    :param said: by attribute, as `changes.plan` takes it.
    :raises NotFound: no such CI.
    :raises Ambiguous: several of that name.
    :raises Invalid: what does not do, all of it.
    """
    ci = record.find_ci(session, name)
    catalog = catalog_of(session)
    made = changes.plan(Lookup(session, catalog), ci, said)
    changes.note_doubles(session, catalog, [made])
    writing.write(session, [made], actor, now_ms)
    return ci
