"""Conflicts of a planned RFC: freezes, and other changes at the same time on its CIs or on what those need."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlmodel import Session, col, or_, select

from driftline_cmdb.errors import Refused
from driftline_cmdb.packing import chunks
from driftline_cmdb.rfcs import freezes, impact, relations
from driftline_cmdb.rfcs.reading import affected
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.releases import ReleaseRfc
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta

#: States in which another RFC counts.
_COMING = ("authorised", "scheduled", "implementing")
_FREEZE, _OTHERS = OFFERS = ("--despite-freeze", "--despite-conflicts")
#: Relations over which another CI's change disturbs a CI.
_KINDS = ("runs on", "depends on")


@dataclass(frozen=True, slots=True)
class ConflictFound:
    """One conflict on one CI."""

    #: freeze, rfc (on the same CI), or needed (on a CI that one of its CIs needs).
    kind: str
    #: Name of the freeze, or number of the RFC.
    name: str
    title: str
    #: The RFC's own CI.
    ci: Ci
    #: For `needed`: the CI that the other RFC changes.
    on: Ci | None
    start_ms: int | None
    end_ms: int | None

    def show(self) -> str:
        """Return it in a line, for people."""
        window = f"{_time(self.start_ms)} to {_time(self.end_ms)}"
        if self.kind == "freeze":
            return f"{self.ci.name} is frozen by {self.name} ({self.title}), {window}"
        where = f"{self.ci.name}" if self.on is None else f"{self.on.name}, which {self.ci.name} needs"
        return f"RFC {self.name} ({self.title}) changes {where}, {window}"


def _time(ms: int | None) -> str:
    return "any time" if ms is None else datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%MZ")


def conflicts_of(session: Session, rfc: Rfc, now_ms: int) -> list[ConflictFound]:
    """Return what else is planned for the time of an RFC; one without window may happen from now on.

    An RFC that driftline raised has none: its change is there already.
    """
    if rfc.origin != "person":
        return []
    start_ms = now_ms if rfc.planned_start_ms is None else rfc.planned_start_ms
    end_ms = rfc.planned_end_ms
    cis = affected(session, rfc)
    ordered = sorted(cis.values(), key=lambda ci: ci.name)
    found = [
        ConflictFound("freeze", freeze.name, freeze.reason, ci, None, freeze.start_ms, freeze.end_ms)
        for freeze in freezes.overlapping(session, start_ms, end_ms)
        for ci in ordered
        if freezes.covers(session, freeze, ci)
    ]
    for other, ci_id in _others(session, rfc, cis, start_ms, end_ms):
        found.append(_with(other, cis[ci_id], None))
    steps = relations.needed(session, cis.keys(), _KINDS)
    if steps:
        below = _others(session, rfc, steps, start_ms, end_ms)
        named = impact.load(session, {ci_id for _, ci_id in below})
        for other, ci_id in below:
            found.append(_with(other, cis[_start_of(steps, ci_id)], named[ci_id]))
    return found


def _with(other: Rfc, ci: Ci, on: Ci | None) -> ConflictFound:
    kind = "rfc" if on is None else "needed"
    return ConflictFound(kind, str(other.number), other.title, ci, on, other.planned_start_ms, other.planned_end_ms)


def _start_of(steps: Mapping[int, relations.Step], ci_id: int) -> int:
    return relations.chain(steps, ci_id)[-1][0]


def _others(
    session: Session, rfc: Rfc, ci_ids: Collection[int], start_ms: int, end_ms: int | None
) -> list[tuple[Rfc, int]]:
    """Return other RFCs that are coming and overlap, each with a CI of theirs out of some.

    Those of the same release are meant to come together.
    """
    found: list[tuple[Rfc, int]] = []
    own = select(ReleaseRfc.release_id).where(ReleaseRfc.rfc_id == rfc.id)
    beside = select(ReleaseRfc.rfc_id).where(col(ReleaseRfc.release_id).in_(own))
    for chunk in chunks(sorted(ci_ids)):
        query = (
            select(Rfc.id, RfcDelta.ci_id)
            .join(RfcDelta, col(RfcDelta.rfc_id) == col(Rfc.id))
            .where(
                Rfc.id != rfc.id,
                col(Rfc.id).not_in(beside),
                Rfc.origin == "person",
                col(Rfc.state).in_(_COMING),
                col(RfcDelta.ci_id).in_(chunk),
                col(RfcDelta.state).in_(("proposed", "authorised")),
                or_(col(Rfc.planned_end_ms).is_(None), col(Rfc.planned_end_ms) > start_ms),
            )
            .distinct()
        )
        if end_ms is not None:
            query = query.where(or_(col(Rfc.planned_start_ms).is_(None), col(Rfc.planned_start_ms) < end_ms))
        found += [(session.get_one(Rfc, rfc_id), ci_id) for rfc_id, ci_id in session.exec(query).all()]
    return sorted(found, key=lambda item: (item[0].number, item[1]))


def refuse(
    rfc: Rfc,
    found: Collection[ConflictFound],
    *,
    despite_freeze: str | None = None,
    despite_conflicts: bool = False,
    offers: Collection[str] = OFFERS,
) -> None:
    """Pass where an RFC has no conflicts but those that whoever decides has named.

    :param despite_freeze: why it is done although CIs are frozen.
    :param offers: which of the two whoever decides may still do; the message names it.
    :raises Refused: with the conflicts and the mend.
    """
    frozen = [one for one in found if one.kind == "freeze"]
    if frozen and rfc.kind != "emergency" and not (despite_freeze or "").strip():
        mend = f", or have an approver give a reason: {_FREEZE} REASON" if _FREEZE in offers else ""
        raise Refused(f"RFC {rfc.number}: {_listed(frozen)}; choose another window{mend}")
    others = [one for one in found if one.kind != "freeze"]
    if others and not despite_conflicts:
        raise Refused(
            f"RFC {rfc.number}: {_listed(others)}; choose another window, or accept that: --despite-conflicts"
        )


def _listed(found: Collection[ConflictFound]) -> str:
    lines = [one.show() for one in found]
    more = f"; and {len(lines) - 5} more" if len(lines) > 5 else ""
    return "; ".join(lines[:5]) + more
