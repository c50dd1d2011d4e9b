"""The policy of the production gate: its versions. A version is put in force by two people."""

from functools import lru_cache

from sqlalchemy import func
from sqlmodel import Session, col, select

from driftline_baseline import gate
from driftline_baseline.errors import DocumentError
from driftline_baseline.gate import GatePolicy
from driftline_cmdb import audit
from driftline_cmdb.errors import Conflict, Invalid, NotFound, Refused
from driftline_cmdb.tables.releases import GatePolicyVersion


@lru_cache(maxsize=16)
def _parsed(text: str) -> GatePolicy:
    return gate.parse(text)


def in_force(session: Session) -> GatePolicy:
    """Return the policy that counts now."""
    found = session.exec(select(GatePolicyVersion).where(GatePolicyVersion.state == "in force")).first()
    return _parsed(gate.DEFAULT if found is None else found.document)


def versions(session: Session) -> list[GatePolicyVersion]:
    """Return all versions, the newest first."""
    return list(session.exec(select(GatePolicyVersion).order_by(col(GatePolicyVersion.number).desc())))


def propose(session: Session, document: str, author: str, now_ms: int) -> GatePolicyVersion:
    """Propose a policy; it counts once somebody else has confirmed it. One proposed before is withdrawn.

    :raises Invalid: where the document breaks its rules; the message names line, column and the mend.
    """
    try:
        gate.parse(document, "gate.yaml")
    except DocumentError as error:
        raise Invalid(str(error)) from error
    for older in session.exec(select(GatePolicyVersion).where(GatePolicyVersion.state == "proposed")):
        older.state = "withdrawn"
        session.add(older)
    number = (session.exec(select(func.max(GatePolicyVersion.number))).one() or 0) + 1
    found = GatePolicyVersion(number=number, document=document, author=author, created_ms=now_ms)
    session.add(found)
    audit.record(session, author, "gate_policy.proposed", f"gate policy v{number}", {"document": document}, now_ms)
    session.flush()
    return found


def confirm(session: Session, number: int, person: str, now_ms: int) -> GatePolicyVersion:
    """Put a proposed policy in force.

    :raises NotFound: where there is no such version.
    :raises Conflict: where it is not proposed.
    :raises Refused: where the person wrote it.
    """
    found = session.get(GatePolicyVersion, number, with_for_update=True)
    if found is None:
        raise NotFound(f"there is no gate policy v{number}; driftline policy show gate lists them")
    if found.state != "proposed":
        raise Conflict(f"gate policy v{number} is {found.state}: only a proposed one can be confirmed")
    if found.author == person:
        raise Refused(f"gate policy v{number}: {person} wrote it; another admin or approver confirms it")
    for older in session.exec(select(GatePolicyVersion).where(GatePolicyVersion.state == "in force")):
        older.state = "superseded"
        session.add(older)
    found.state, found.confirmed_by, found.confirmed_ms = "in force", person, now_ms
    session.add(found)
    audit.record(session, person, "gate_policy.confirmed", f"gate policy v{number}", {"author": found.author}, now_ms)
    session.flush()
    return found
