"""Change freezes: times in which some CIs are not to be changed."""

from sqlmodel import Session, col, or_, select

from driftline_baseline.document import Selector
from driftline_baseline.errors import DocumentError
from driftline_baseline.reading import parse_selector
from driftline_cmdb import audit
from driftline_cmdb.baselines.selection import is_meant
from driftline_cmdb.errors import Conflict, Invalid, NotFound
from driftline_cmdb.tables.change_control import ChangeFreeze
from driftline_cmdb.tables.cis import Ci

#: The selector that means every CI.
ALL = "all"


def add(
    session: Session, name: str, selector: str, start_ms: int, end_ms: int, reason: str, actor: str, now_ms: int
) -> ChangeFreeze:
    """Declare a freeze.

    :param selector: YAML, as a baseline's; ``all`` means every CI.
    :raises Invalid: a bad name, selector or time; the message names it and the mend.
    """
    if not name or len(name) > 100 or any(character in name for character in "/\\\n"):
        raise Invalid(f'name: "{name}" cannot name a freeze; use up to 100 characters without slashes')
    if session.exec(select(ChangeFreeze).where(ChangeFreeze.name == name)).first() is not None:
        raise Invalid(f'name: there is or was a freeze "{name}"; choose another name')
    if end_ms <= start_ms:
        raise Invalid("end: the freeze ends before it starts")
    if end_ms <= now_ms:
        raise Invalid("end: the freeze would be over already")
    if not reason.strip():
        raise Invalid("reason: a freeze needs one")
    _meant(selector)
    freeze = ChangeFreeze(
        name=name,
        selector=selector,
        start_ms=start_ms,
        end_ms=end_ms,
        reason=reason,
        created_by=actor,
        created_ms=now_ms,
    )
    session.add(freeze)
    detail = {"selector": selector, "start_ms": start_ms, "end_ms": end_ms, "why": reason}
    audit.record(session, actor, "freeze.added", f"freeze {name}", detail, now_ms)
    session.flush()
    return freeze


def end(session: Session, name: str, actor: str, reason: str, now_ms: int) -> ChangeFreeze:
    """End a freeze before its time.

    :raises NotFound: where there is none of this name.
    :raises Conflict: where it is over.
    """
    freeze = session.exec(select(ChangeFreeze).where(ChangeFreeze.name == name)).first()
    if freeze is None:
        raise NotFound(f'no freeze is named "{name}"; driftline freeze list shows them')
    if freeze.ended_ms is not None or freeze.end_ms <= now_ms:
        raise Conflict(f"freeze {name} is over already")
    freeze.ended_by, freeze.ended_ms = actor, now_ms
    session.add(freeze)
    audit.record(session, actor, "freeze.ended", f"freeze {name}", {"why": reason}, now_ms)
    return freeze


def overlapping(session: Session, start_ms: int, end_ms: int | None) -> list[ChangeFreeze]:
    """Return the freezes that overlap a time; None has no end."""
    query = select(ChangeFreeze).where(
        ChangeFreeze.end_ms > start_ms,
        or_(col(ChangeFreeze.ended_ms).is_(None), col(ChangeFreeze.ended_ms) > start_ms),
    )
    if end_ms is not None:
        query = query.where(ChangeFreeze.start_ms < end_ms)
    found = session.exec(query.order_by(col(ChangeFreeze.start_ms), col(ChangeFreeze.id)))
    # One that was ended before it began never was
    return [one for one in found if one.ended_ms is None or one.ended_ms > one.start_ms]


def covers(session: Session, freeze: ChangeFreeze, ci: Ci) -> bool:
    """Tell whether a freeze means a CI."""
    meant = _meant(freeze.selector)
    return meant is None or is_meant(session, meant, ci)


def _meant(selector: str) -> Selector | None:
    if selector.strip() == ALL:
        return None
    try:
        return parse_selector(selector)
    except DocumentError as error:
        raise Invalid(f'{error}; write {ALL} for every CI, or as in "environment: production"') from error
