"""What is said about an RFC: comments, links, and its whole history."""

from dataclasses import dataclass

from sqlmodel import Session, select

from driftline_cmdb import audit
from driftline_cmdb.errors import Conflict, Invalid
from driftline_cmdb.rfcs.reading import RfcView, find_rfc
from driftline_cmdb.tables.change_control import RfcComment, RfcLink

LINK_KINDS = ("url", "incident", "problem", "rfc")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened to an RFC."""

    at_ms: int
    #: decision, approval, comment, link.
    kind: str
    actor: str
    text: str


def comment(session: Session, number: int, author: str, text: str, now_ms: int) -> RfcComment:
    """Say something about an RFC.

    :raises Invalid: where nothing is said.
    """
    if not text.strip():
        raise Invalid("text: a comment says something")
    rfc = find_rfc(session, number)
    said = RfcComment(rfc_id=rfc.id, at_ms=now_ms, author=author, text=text)
    session.add(said)
    audit.record(session, author, "rfc.commented", f"RFC {number}", {"text": text}, now_ms)
    session.flush()
    return said


def link(session: Session, number: int, kind: str, target: str, author: str, now_ms: int) -> RfcLink:
    """Link an RFC to an address, an incident, a problem, or another RFC.

    :raises Invalid: where the kind is none, or the target is unfit for it.
    :raises NotFound: where it names an RFC that is not there.
    :raises Conflict: where it is linked already.
    """
    rfc = find_rfc(session, number)
    target = target.strip()
    if kind not in LINK_KINDS:
        raise Invalid(f'kind: "{kind}" is not one of {", ".join(LINK_KINDS)}')
    if kind == "url" and not target.startswith(("https://", "http://")):
        raise Invalid(f'target: "{target}" is not an address; it begins with https://')
    if kind == "rfc":
        if not target.isdecimal() or len(target) > 9:
            raise Invalid(f'target: "{target}" is not the number of an RFC')
        find_rfc(session, int(target))
    if not target or len(target) > 2000 or not target.isprintable():
        raise Invalid("target: name what it is linked to, in at most 2000 characters")
    query = select(RfcLink).where(RfcLink.rfc_id == rfc.id, RfcLink.kind == kind, RfcLink.target == target)
    if session.exec(query).first() is not None:
        raise Conflict(f"RFC {number} is linked to {kind} {target} already")
    made = RfcLink(rfc_id=rfc.id, kind=kind, target=target, at_ms=now_ms, author=author)
    session.add(made)
    audit.record(session, author, "rfc.linked", f"RFC {number}", {"kind": kind, "target": target}, now_ms)
    session.flush()
    return made


def entries(found: RfcView) -> list[Entry]:
    """Return all that happened to an RFC, in the order of time."""
    out = [
        Entry(one.at_ms, "decision", one.actor, f"{one.action} ({one.to_state}){_colon(one.comment)}")
        for one in found.decisions
    ]
    for standing in found.approvals:
        one = standing.approval
        by = f", passed on by {one.account}" if one.account is not None else ""
        counts = "" if standing.counts else ", does not count any more"
        out.append(
            Entry(one.at_ms, "approval", one.person, f"approved scope {one.scope}{by}{counts}{_colon(one.comment)}")
        )
    out += [Entry(one.at_ms, "comment", one.author, one.text) for one in found.comments]
    out += [Entry(one.at_ms, "link", one.author, f"linked to {one.kind} {one.target}") for one in found.links]
    return sorted(out, key=lambda entry: entry.at_ms)


def _colon(text: str) -> str:
    return f": {text}" if text else ""
