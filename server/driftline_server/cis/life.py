"""The life of a CI over REST, on its page and in the CLI: what its status means, and decisions on its end."""

from datetime import datetime

from pydantic import BaseModel, Field
from sqlmodel import Session

from driftline_baseline import life_cycle
from driftline_cmdb import record
from driftline_cmdb.identity import retiring
from driftline_cmdb.tables.cis import Ci
from driftline_server.times import moment


class LifeReason(BaseModel):
    """Why a CI is reinstated or disposed of, for whoever reads it later."""

    reason: str = Field(min_length=1, max_length=400)


class Retirement(LifeReason):
    """Why a CI is retired."""

    even_so: bool = Field(default=False, description="Although others depend on it.")


class LifeDecisionRow(BaseModel):
    """The decision that made a CI what it is."""

    at: datetime
    actor: str
    #: retire, reinstate, dispose.
    decision: str
    reason: str
    #: What it was before.
    before: str


def retire(session: Session, name: str, wanted: Retirement, actor: str, now_ms: int) -> Ci:
    """Retire a CI."""
    ci = record.find_ci(session, name)
    retiring.retire(session, ci, actor, wanted.reason, now_ms, even_so=wanted.even_so)
    return ci


def reinstate(session: Session, name: str, wanted: LifeReason, actor: str, now_ms: int) -> Ci:
    """Bring a retired CI back."""
    ci = record.find_ci(session, name)
    retiring.reinstate(session, ci, actor, wanted.reason, now_ms)
    return ci


def dispose(session: Session, name: str, wanted: LifeReason, actor: str, now_ms: int) -> Ci:
    """Dispose of a CI."""
    ci = record.find_ci(session, name)
    retiring.dispose(session, ci, actor, wanted.reason, now_ms)
    return ci


def ended_by(session: Session, ci: Ci) -> LifeDecisionRow | None:
    """Return the decision that took a CI out of use; None where it is in use."""
    last = retiring.last_decision(session, ci.id) if ci.status in life_cycle.GONE else None
    if last is None:
        return None
    return LifeDecisionRow(
        at=moment(last.at_ms), actor=last.actor, decision=last.decision, reason=last.reason, before=last.before
    )


def decisions_on(status: str) -> list[str]:
    """Return the decisions that may be made of a CI now.

    :param status: the one that people set.
    """
    return [name for name, (before, _) in life_cycle.DECISIONS.items() if status in before]
