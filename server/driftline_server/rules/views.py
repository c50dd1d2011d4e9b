"""What REST and pages show of standing rules and origins."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import distinct, func
from sqlmodel import Session, col, select

from driftline_cmdb.standing import rules
from driftline_cmdb.tables.rfcs import Rfc
from driftline_cmdb.tables.standing import OriginVersion, StandingRule
from driftline_server.lists import Window, contains, part
from driftline_server.times import moment, moment_or_none

STATES = ("draft", "in force", "superseded", "retired", "expired")


class RuleRow(BaseModel):
    """A version of a standing rule."""

    name: str
    number: int
    #: draft, in force, superseded, retired, expired.
    state: str
    author: str
    created: datetime
    approved_by: str | None
    approved: datetime | None
    expires: datetime
    #: Changes that it has explained.
    hits: int
    last_hit: datetime | None


class RuleDetail(RuleRow):
    """A version of a standing rule with its document."""

    #: YAML.
    document: str
    #: What it would have done with the past, where it was replayed.
    replay: dict[str, Any] | None
    #: Numbers of the RFCs that record its uses, newest first; at most 50.
    rfcs: list[int]
    versions: list[RuleRow]


class OriginRow(BaseModel):
    """An origin with what it is known to publish."""

    name: str
    packages: int
    versions: int
    loaded: datetime


_SORTS = {
    "name": StandingRule.name,
    "state": StandingRule.state,
    "author": StandingRule.author,
    "expires": StandingRule.expires_ms,
    "hits": StandingRule.hits,
    "created": StandingRule.created_ms,
}


def list_rules(session: Session, q: str | None, state: str | None, window: Window) -> tuple[list[RuleRow], int]:
    """Return a part of all versions of rules, and how many there are.

    :raises Invalid: a column that cannot be sorted by.
    """
    statement = select(StandingRule)
    if q:
        statement = statement.where(contains(StandingRule.name, q))
    if state:
        statement = statement.where(StandingRule.state == state)
    found, total = part(session, statement, window, _SORTS, "name", col(StandingRule.id).desc())
    return [_row(rule) for rule in found], total


def show(session: Session, name: str, number: int | None = None) -> RuleDetail:
    """Return one version of a rule, the newest by default.

    :raises NotFound: no such rule.
    """
    rule = rules.find_rule(session, name, number)
    versions = session.exec(
        select(StandingRule).where(StandingRule.name == name).order_by(col(StandingRule.number).desc())
    )
    uses = session.exec(select(Rfc.number).where(Rfc.rule_id == rule.id).order_by(col(Rfc.id).desc()).limit(50))
    return RuleDetail(
        **_row(rule).model_dump(),
        document=rule.document,
        replay=rule.replay,
        rfcs=list(uses),
        versions=[_row(one) for one in versions],
    )


def list_origins(session: Session, window: Window) -> tuple[list[OriginRow], int]:
    """Return a part of all origins, and how many there are.

    :raises Invalid: a column that cannot be sorted by.
    """
    columns = {
        "name": col(OriginVersion.origin),
        "packages": func.count(distinct(col(OriginVersion.name))),
        "versions": func.count(),
        "loaded": func.max(OriginVersion.since_ms),
    }
    statement = select(*columns.values()).group_by(col(OriginVersion.origin))
    found, total = part(session, statement, window, columns, "name", columns["name"])
    return [
        OriginRow(name=name, packages=packages, versions=versions, loaded=moment(loaded_ms))
        for name, packages, versions, loaded_ms in found
    ], total


def _row(rule: StandingRule) -> RuleRow:
    return RuleRow(
        name=rule.name,
        number=rule.number,
        state=rule.state,
        author=rule.author,
        created=moment(rule.created_ms),
        approved_by=rule.approved_by,
        approved=moment_or_none(rule.approved_ms),
        expires=moment(rule.expires_ms),
        hits=rule.hits,
        last_hit=moment_or_none(rule.last_hit_ms),
    )
