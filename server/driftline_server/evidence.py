"""What the API and the pages say of a host transaction, the evidence of a change, and of a CI by reference."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.elements import HostTransaction
from driftline_server.times import moment


class CiRef(BaseModel):
    """A CI, by reference."""

    uid: str
    name: str


class Evidence(BaseModel):
    """What the host's own logs say happened. It attributes a change; it proves nothing, because root can forge it."""

    #: apt, dpkg, dnf ...
    manager: str
    #: ``apt-get install -y sl``; empty where the log does not tell.
    command_line: str
    #: Who asked for it, as the log tells: ``jane (1000)``. A log that names nobody means root, who alone may do it.
    requested_by: str
    started: datetime
    ended: datetime
    #: Package changes: name, architecture, action, before, after.
    changes: list[dict[str, Any]]


def ci_ref(ci: Ci) -> CiRef:
    """Return a reference to a CI."""
    return CiRef(uid=ci.uid, name=ci.name)


def evidence(transaction: HostTransaction | None) -> Evidence | None:
    """Return a transaction as evidence."""
    if transaction is None:
        return None
    return Evidence(
        manager=transaction.manager,
        command_line=transaction.command_line,
        requested_by=transaction.requested_by or "root",
        started=moment(transaction.started_ms),
        ended=moment(transaction.ended_ms),
        changes=transaction.changes,
    )


def evidences(transactions: Iterable[HostTransaction]) -> list[Evidence]:
    """Return transactions as evidence, in order."""
    return [found for found in map(evidence, transactions) if found is not None]


def stored(value: str | None) -> Any:
    """Return a value that the record keeps as JSON; None means absent."""
    return None if value is None else json.loads(value)
