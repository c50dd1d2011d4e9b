"""The approval policy: its versions, and what it asks for an RFC. A version is put in force by two people."""

from functools import lru_cache

from sqlalchemy import func
from sqlmodel import Session, col, select

from driftline_baseline import policy
from driftline_baseline.errors import DocumentError
from driftline_baseline.policy import Need, Policy, Subject
from driftline_cmdb import audit
from driftline_cmdb.errors import Conflict, Invalid, NotFound, Refused
from driftline_cmdb.tables.change_control import ApprovalPolicy
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta


@lru_cache(maxsize=16)
def _parsed(text: str) -> Policy:
    return policy.parse(text)


def in_force(session: Session) -> Policy:
    """Return the policy that counts now."""
    found = session.exec(select(ApprovalPolicy).where(ApprovalPolicy.state == "in force")).first()
    return _parsed(policy.DEFAULT if found is None else found.document)


def need_of(session: Session, rfc: Rfc) -> Need:
    """Return what the policy asks for an RFC: the strictest over its CIs."""
    query = (
        select(Ci.criticality, Ci.environment)
        .join(RfcDelta, col(RfcDelta.ci_id) == col(Ci.id))
        .where(RfcDelta.rfc_id == rfc.id, RfcDelta.state != "withdrawn")
        .distinct()
    )
    kinds = session.exec(query).all() or [(None, None)]
    return in_force(session).need_of(Subject(rfc.kind, rfc.risk_level, *one) for one in kinds)


def versions(session: Session) -> list[ApprovalPolicy]:
    """Return all versions, the newest first."""
    return list(session.exec(select(ApprovalPolicy).order_by(col(ApprovalPolicy.number).desc())))


def propose(session: Session, document: str, author: str, now_ms: int) -> ApprovalPolicy:
    """Propose a policy; it counts once somebody else has confirmed it. One proposed before is withdrawn.

    :raises Invalid: where the document breaks its rules; the message names line, column and the mend.
    """
    try:
        policy.parse(document, "policy.yaml")
    except DocumentError as error:
        raise Invalid(str(error)) from error
    for older in session.exec(select(ApprovalPolicy).where(ApprovalPolicy.state == "proposed")):
        older.state = "withdrawn"
        session.add(older)
    number = (session.exec(select(func.max(ApprovalPolicy.number))).one() or 0) + 1
    found = ApprovalPolicy(number=number, document=document, author=author, created_ms=now_ms)
    session.add(found)
    audit.record(session, author, "policy.proposed", f"approval policy v{number}", {"document": document}, now_ms)
    session.flush()
    return found


def confirm(session: Session, number: int, person: str, now_ms: int) -> ApprovalPolicy:
    """Put a proposed policy in force.

    :raises NotFound: where there is no such version.
    :raises Conflict: where it is not proposed.
    :raises Refused: where the person wrote it.
    """
    found = session.get(ApprovalPolicy, number, with_for_update=True)
    if found is None:
        raise NotFound(f"there is no approval policy v{number}; driftline policy show approval lists them")
    if found.state != "proposed":
        raise Conflict(f"approval policy v{number} is {found.state}: only a proposed one can be confirmed")
    if found.author == person:
        raise Refused(f"approval policy v{number}: {person} wrote it; another admin or approver confirms it")
    for older in session.exec(select(ApprovalPolicy).where(ApprovalPolicy.state == "in force")):
        older.state = "superseded"
        session.add(older)
    found.state, found.confirmed_by, found.confirmed_ms = "in force", person, now_ms
    session.add(found)
    audit.record(session, person, "policy.confirmed", f"approval policy v{number}", {"author": found.author}, now_ms)
    session.flush()
    return found
