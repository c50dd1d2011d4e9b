"""Makes proposals of what was seen, keeps them up to date, and lets go of what is not seen any more."""

from collections.abc import Collection

from sqlmodel import Session, select

from driftline_baseline.services import ServiceRules
from driftline_cmdb.proposals.dependencies import propose_dependencies
from driftline_cmdb.proposals.memberships import propose_hosts, propose_services
from driftline_cmdb.tables.proposals import SeenLink

#: CIs that connect to one whose proposals are made anew with its own, at most: past them it is everyone's.
_MOST_FRONTS = 500


def propose(
    session: Session, ci_ids: Collection[int], rules: ServiceRules, now_ms: int, left: Collection[str] = ()
) -> None:
    """Make the proposals that some CIs are part of, as they were looked at last.

    :param left: names of services that one of them made until now.
    """
    fronts = set(ci_ids)
    for behind in ci_ids:
        query = select(SeenLink.front_ci_id).where(SeenLink.behind_ci_id == behind).distinct()
        fronts.update(session.exec(query.limit(_MOST_FRONTS)))
    propose_dependencies(session, fronts, rules.infrastructure, now_ms)
    propose_services(session, ci_ids, left, now_ms)
    propose_hosts(session, ci_ids, now_ms)
    session.flush()
