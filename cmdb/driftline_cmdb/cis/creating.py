"""CIs that people put on record: planned ones, and those that nothing reports of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sqlmodel import Session

from driftline_cmdb.catalog.versions import catalog_of
from driftline_cmdb.cis import changes, writing
from driftline_cmdb.cis.lookup import Lookup
from driftline_cmdb.errors import Conflict
from driftline_cmdb.tables.cis import Ci


@dataclass(frozen=True, slots=True)
class NewCi:
    """A CI that is put on record before, or without, any report."""

    name: str
    ci_class: str = "server"
    #: "planned" becomes "installed" with its first report.
    status: str = "planned"
    owner: str | None = None
    environment: str | None = None
    location: str | None = None
    criticality: str | None = None
    responsible: str | None = None
    services: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    #: Fields of its class, by name.
    fields: Mapping[str, Any] = field(default_factory=dict)


def create_ci(session: Session, new: NewCi, actor: str, now_ms: int) -> Ci:
    """Put a CI on record: planned, or one that nothing reports of, such as a service.

    :raises Invalid: a name, class, status or field that does not do.
    :raises Conflict: where a CI of that name is on record and not disposed of.
    """
    catalog = catalog_of(session)
    lookup = Lookup(session, catalog)
    name = new.name.strip()
    there = lookup.find(name)
    if there:
        raise Conflict(f'a CI is named "{name}" already: {there[0].uid}')
    said: dict[str, Any] = {"class": new.ci_class, "status": new.status}
    said |= {attribute: getattr(new, attribute) for attribute in changes.TEXTS}
    said |= {"services": list(new.services), "labels": dict(new.labels), "fields": dict(new.fields)}
    made = changes.plan_new(lookup, str(uuid4()), name, said)
    changes.note_doubles(session, catalog, [made])
    writing.write(session, [made], actor, now_ms)
    assert made.ci is not None  # noqa: S101  # it was just written
    return made.ci
