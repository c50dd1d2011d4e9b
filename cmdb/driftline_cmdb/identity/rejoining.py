"""A machine that joins anew with a token that names its CI: its agent takes the place of the one before."""

from sqlmodel import Session

from driftline_baseline.identity import THRESHOLD
from driftline_cmdb.drift.due import mark_due
from driftline_cmdb.identity import authority, bindings, matching
from driftline_cmdb.identity.claims import claims_of
from driftline_cmdb.tables.sources import Source


def take_place(session: Session, source_id: int, ci_id: int, now_ms: int) -> None:
    """End the bindings of a CI's earlier agents that claim the same machine as a new one does.

    Called with the new one's first report, so that the CI is never without facts. Agents of other machines stay: a
    token may name a cluster. One that reports again after all speaks for nothing, and becomes a question.
    """
    source = session.get_one(Source, source_id)
    mine = matching.side_of(claims_of(source.claims))
    shared = matching.look_up(session, mine.evidence).shared
    ended = False
    for binding in bindings.of_ci(session, ci_id):
        other = session.get_one(Source, binding.source_id)
        if other.id == source_id or other.kind != source.kind:
            continue
        theirs = matching.side_of(claims_of(other.claims))
        if matching.compare(mine, theirs, shared).score >= THRESHOLD:
            bindings.end(session, binding, now_ms)
            ended = True
    if ended:
        authority.settle(session, ci_id, now_ms)
        mark_due(session, ci_id, now_ms)
