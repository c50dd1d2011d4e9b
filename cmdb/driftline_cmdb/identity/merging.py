"""Merging two CIs into one, and splitting a source off: bindings change, facts stay with their sources."""

from uuid import uuid4

from sqlmodel import Session

from driftline_cmdb import recording
from driftline_cmdb.errors import Conflict, Invalid, Refused
from driftline_cmdb.identity import bindings
from driftline_cmdb.identity.decided import Deciding, Said
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.identity import IdentityDecision
from driftline_cmdb.tables.sources import RECORD, Source

_LONGEST = 200
#: What was known of a CI is known of both after a split, until someone says otherwise.
_COPIED = (
    "ci_class", "status", "owner", "responsible", "environment", "location", "criticality", "services", "labels",
    "fields", "announced",
)  # fmt: skip


def merge(session: Session, from_ci: Ci, into_ci: Ci, actor: str, reason: str, now_ms: int) -> IdentityDecision:
    """Merge a CI into another: its sources speak for that one, its row stays and leads there.

    :raises Refused: with itself, or where one of the two was merged already.
    :raises Invalid: without a reason.
    """
    said = Said(actor, reason, now_ms)
    said.check()
    check_merge(from_ci, into_ci)
    deciding = Deciding.begin(session, "merge", said, into_ci, from_ci)
    join(deciding, from_ci, into_ci)
    return deciding.finish(f"CI {from_ci.name} merged into {into_ci.name}")


def check_merge(from_ci: Ci, into_ci: Ci) -> None:
    """Pass where a CI can be merged into another.

    :raises Refused: where it cannot.
    """
    if from_ci.id == into_ci.id:
        raise Refused(f"{from_ci.name} ({from_ci.uid}) cannot be merged with itself; name the other CI by its uid")
    for ci in (from_ci, into_ci):
        if ci.merged_into_id is not None:
            raise Refused(
                f"{ci.name} ({ci.uid}) was merged into another CI already; name that one, or undo it first: "
                "driftline identity decisions"
            )


def join(deciding: Deciding, from_ci: Ci, into_ci: Ci) -> None:
    """Move all sources of a CI to another, and let that one stand for it."""
    session = deciding.session
    moved = bindings.of_ci(session, from_ci.id)
    deciding.merge(from_ci, into_ci)
    deciding.move(moved, from_ci, into_ci, f"merged into {into_ci.name} ({into_ci.uid})")


def split(
    session: Session,
    ci: Ci,
    source: Source,
    actor: str,
    reason: str,
    now_ms: int,
    name: str | None = None,
    into: Ci | None = None,
) -> IdentityDecision:
    """Let a source of a CI speak for another: for a new CI, or for one on record.

    :param name: of the new CI; the source's host name by default.
    :param into: the CI on record, instead of a new one.
    :raises Refused: for the CI's own record, for its only source without a name or CI, into a merged CI.
    :raises Conflict: where the source does not speak for the CI.
    :raises Invalid: without a reason, or a name that does not do.
    """
    said = Said(actor, reason, now_ms)
    said.check()
    if source.kind == RECORD:
        raise Refused(f"source {source.uid} is the record of {ci.name} itself and stays; name an agent or a device")
    speaking = bindings.of_ci(session, ci.id)
    found = [one for one in speaking if one.source_id == source.id]
    if not found:
        raise Conflict(f"source {source.uid} does not speak for {ci.name}; driftline ci show {ci.name} lists those")
    if name is not None and into is not None:
        raise Invalid("name, into: give one of the two: a new CI's name, or a CI on record")
    if len(speaking) == 1 and name is None and into is None:
        raise Refused(
            f"{source.uid} is the only source of {ci.name}: nothing would speak for it any more; "
            "give the new CI's name, or the CI that it goes to, where that is meant"
        )
    if into is not None and (into.id == ci.id or into.merged_into_id is not None):
        raise Refused(f"{into.name} ({into.uid}) is this CI itself, or was merged into another one; name another")
    other = into if into is not None else own_ci(session, source, ci, name, now_ms)
    deciding = Deciding.begin(session, "split", said, ci, other)
    if into is None:
        deciding.note(made=other.id)
    deciding.move(found, ci, other, f"split off to {other.name} ({other.uid})", copy=True)
    return deciding.finish(f"source {source.uid} split off {ci.name} to {other.name}", [other])


def own_ci(session: Session, source: Source, like: Ci, name: str | None, now_ms: int) -> Ci:
    """Make a CI for a source that spoke for another until now.

    :raises Invalid: a name that does not do.
    """
    wanted = (name if name is not None else source.hostname or source.uid).strip()
    if not wanted or len(wanted) > _LONGEST:
        raise Invalid(f"name: must have 1 to {_LONGEST} characters")
    values = {field: getattr(like, field) for field in _COPIED}
    made = Ci(uid=str(uuid4()), name=wanted, first_seen_ms=source.enrolled_ms, last_seen_ms=source.seen_ms, **values)
    session.add(made)
    session.flush()
    recording.write(session, [made], now_ms)
    return made
