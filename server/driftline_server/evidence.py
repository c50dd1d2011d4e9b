"""What the API and the pages say of a host transaction, the evidence of a change, and of a CI by reference."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.elements import HostTransaction
from driftline_cmdb.witnesses import Present
from driftline_server.times import moment, moment_or_none


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


class Presence(BaseModel):
    """Who was there when something changed. It says who may have done it, not who did."""

    ci: CiRef
    #: sudo, session, unit, management.
    kind: str
    #: Account; empty where the log does not say.
    who: str
    #: Command line, terminal and host it came from, unit, or tool.
    what: str
    started: datetime
    #: None where it had not ended when the host told of it.
    ended: datetime | None
    #: The host's log that says so.
    log: str
    #: Nobody else was there who comes into question.
    alone: bool


def presence(found: Present, ci: Ci) -> Presence:
    """Return one who was there."""
    one = found.evidence
    return Presence(
        ci=ci_ref(ci),
        kind=one.kind,
        who=one.who,
        what=one.what,
        started=moment(one.started_ms),
        ended=moment_or_none(one.ended_ms),
        log=one.log,
        alone=found.alone,
    )


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
