"""Standing rules: drafted, replayed over the past, approved by someone else, counted, ended."""

from functools import lru_cache

from sqlmodel import Session, col, select

from driftline_baseline import explain, standing
from driftline_baseline.errors import DocumentError
from driftline_baseline.interval import Window
from driftline_baseline.standing import RuleDocument
from driftline_cmdb import audit
from driftline_cmdb.baselines.selection import is_meant
from driftline_cmdb.database import Database
from driftline_cmdb.errors import Conflict, Invalid, NotFound, Refused
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.standing import StandingRule


@lru_cache(maxsize=256)
def parsed_rule(text: str) -> RuleDocument:
    """Return a rule's document; a version's text never changes, so it is read once."""
    return standing.parse_rule(text)


def find_rule(session: Session, name: str, number: int | None = None) -> StandingRule:
    """Return one version of a rule, the newest by default.

    :raises NotFound: where there is none.
    """
    query = select(StandingRule).where(StandingRule.name == name)
    if number is not None:
        query = query.where(StandingRule.number == number)
    found = session.exec(query.order_by(col(StandingRule.number).desc())).first()
    if found is None:
        which = "" if number is None else f" with version {number}"
        raise NotFound(f'no standing rule is named "{name}"{which}; driftline rule list shows them all')
    return found


def draft(session: Session, text: str, author: str, now_ms: int) -> StandingRule:
    """Draft a rule, or the next version of one.

    :raises Invalid: where the document breaks its rules; the message names line, column and the mend.
    :raises Conflict: where its newest version is a draft already.
    """
    try:
        document = standing.parse_rule(text)
    except DocumentError as error:
        raise Invalid(str(error)) from error
    if document.expires_ms <= now_ms:
        raise Invalid(f"rule {document.name}: expires: is past; a rule ends in the future")
    newest = session.exec(
        select(StandingRule).where(StandingRule.name == document.name).order_by(col(StandingRule.number).desc())
    ).first()
    if newest is not None and newest.state == "draft":
        raise Conflict(f"rule {document.name} v{newest.number} is still a draft; approve or retire it first")
    rule = StandingRule(
        name=document.name,
        number=newest.number + 1 if newest is not None else 1,
        document=text,
        author=author,
        created_ms=now_ms,
        expires_ms=document.expires_ms,
    )
    session.add(rule)
    session.flush()
    audit.record(session, author, "rule.drafted", f"rule {rule.name} v{rule.number}", {}, now_ms)
    return rule


def approve(session: Session, name: str, approver: str, now_ms: int) -> StandingRule:
    """Put a drafted rule into force; it explains changes from now on, never what happened before.

    :raises Refused: where the approver is its author.
    :raises Conflict: where it is no draft, or has expired.
    """
    rule = find_rule(session, name)
    title = f"rule {name} v{rule.number}"
    if rule.state != "draft":
        raise Conflict(f"{title} is {rule.state}: only a draft can be approved")
    if rule.author == approver:
        raise Refused(f"{title}: {approver} is its author, and may not approve it; ask another approver")
    if rule.expires_ms <= now_ms:
        raise Conflict(f"{title} has expired; draft it anew with a later end")
    before = session.exec(
        select(StandingRule).where(StandingRule.name == name, StandingRule.state == "in force")
    ).first()
    if before is not None:
        before.state, before.ended_ms = "superseded", now_ms
        session.add(before)
        session.flush()
    rule.state, rule.approved_by, rule.approved_ms = "in force", approver, now_ms
    session.add(rule)
    audit.record(session, approver, "rule.approved", title, {"replay": rule.replay or {}}, now_ms)
    session.flush()
    return rule


def retire(session: Session, name: str, actor: str, now_ms: int) -> StandingRule:
    """Drop a rule's draft where there is one, else take the rule out of force; what it explained stays explained.

    :raises Conflict: where nothing of it is in force or drafted.
    """
    newest = find_rule(session, name)
    alive = select(StandingRule).where(StandingRule.name == name, col(StandingRule.state).in_(("draft", "in force")))
    rule = session.exec(alive.order_by(col(StandingRule.number).desc())).first()
    if rule is None:
        raise Conflict(f"rule {name} v{newest.number} is {newest.state} already")
    rule.state, rule.ended_ms = "retired", now_ms
    session.add(rule)
    audit.record(session, actor, "rule.retired", f"rule {name} v{rule.number}", {"hits": rule.hits}, now_ms)
    session.flush()
    return rule


def expire(database: Database, now_ms: int) -> int:
    """End rules whose time has passed; return how many."""
    ended = select(StandingRule).where(StandingRule.state == "in force", StandingRule.expires_ms <= now_ms)
    with database.read() as session:
        if session.exec(ended.limit(1)).first() is None:
            return 0
    with database.write() as session:
        rules = session.exec(ended).all()
        for rule in rules:
            rule.state, rule.ended_ms = "expired", rule.expires_ms
            session.add(rule)
            audit.record(
                session, "driftline", "rule.expired", f"rule {rule.name} v{rule.number}", {"hits": rule.hits}, now_ms
            )
        return len(rules)


def rules_for(session: Session, ci: Ci) -> list[explain.StandingRule]:
    """Return the rules that select a CI: those in force, and ended ones for changes that fell into their time."""
    query = select(StandingRule).where(col(StandingRule.approved_ms).is_not(None)).order_by(col(StandingRule.id))
    return [as_rule(row) for row in session.exec(query) if is_meant(session, parsed_rule(row.document).selector, ci)]


def as_rule(row: StandingRule) -> explain.StandingRule:
    """Return a rule as the domain logic knows it."""
    document = parsed_rule(row.document)
    end_ms = row.expires_ms if row.ended_ms is None else min(row.expires_ms, row.ended_ms)
    window = Window(row.approved_ms, end_ms)
    return explain.StandingRule(row.id, row.name, document.allow, document.hours, window, document.actors)
