"""Approvals of an RFC: which count, how many are needed, and who may give one (segregation of duties)."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from driftline_cmdb.errors import Refused
from driftline_cmdb.tables.change_control import RfcApproval
from driftline_cmdb.tables.rfcs import Rfc


@dataclass(frozen=True, slots=True)
class Standing:
    """One approval, and whether it counts for a scope."""

    approval: RfcApproval
    counts: bool


def of(session: Session, rfc: Rfc, scope: str | None) -> list[Standing]:
    """Return an RFC's approvals in their order; those bound to another scope do not count.

    :param scope: None where the RFC is authorised, so that all count that led to it.
    """
    query = select(RfcApproval).where(RfcApproval.rfc_id == rfc.id).order_by(col(RfcApproval.id))
    return [Standing(one, one.void_ms is None and scope in (None, one.scope)) for one in session.exec(query)]


def void(session: Session, rfc: Rfc, now_ms: int) -> list[str]:
    """Have no approval so far count any more; return who gave them."""
    query = select(RfcApproval).where(RfcApproval.rfc_id == rfc.id, col(RfcApproval.void_ms).is_(None))
    found = session.exec(query).all()
    for one in found:
        one.void_ms = now_ms
        session.add(one)
    return sorted({one.person for one in found})


def outgrown(standing: Sequence[Standing]) -> str:
    """Say which approvals do not count because the scope is not what they saw; empty where all do."""
    counting = {one.approval.person for one in standing if one.counts}
    names = {one.approval.person for one in standing if not one.counts and one.approval.void_ms is None} - counting
    if not names:
        return ""
    listed = ", ".join(sorted(names))
    verb = "do" if len(names) > 1 else "does"
    return f"what {listed} approved {verb} not count any more: the scope has changed since"


def check_approver(rfc: Rfc, person: str, standing: Sequence[Standing]) -> None:
    """Pass where a person may approve an RFC.

    :raises Refused: where the person requested it, implements it, or has approved it already.
    """
    if rfc.requester == person:
        raise Refused(
            f"RFC {rfc.number}: {person} requested it, and who requested never approves; ask another approver"
        )
    if rfc.implementer == person:
        raise Refused(
            f"RFC {rfc.number}: {person} implements it, and the implementer never approves; ask another approver"
        )
    if any(one.counts and one.approval.person == person for one in standing):
        raise Refused(f"RFC {rfc.number}: {person} has approved it, and nobody approves twice; ask another approver")


def check_assessor(rfc: Rfc, person: str) -> None:
    """Pass where a person may assess an RFC.

    :raises Refused: where its risk is high and the person requested it.
    """
    if rfc.risk_level == "high" and rfc.requester == person:
        raise Refused(f"RFC {rfc.number}: its risk is high, and {person} requested it; somebody else has to assess it")


def check_implementer(session: Session, rfc: Rfc, person: str) -> None:
    """Pass where a person may implement an RFC.

    :raises Refused: where the person approved it.
    """
    query = select(RfcApproval).where(
        RfcApproval.rfc_id == rfc.id, RfcApproval.person == person, col(RfcApproval.void_ms).is_(None)
    )
    if session.exec(query).first() is not None:
        raise Refused(
            f"RFC {rfc.number}: {person} approved it, and who approves never implements; name another implementer"
        )
