"""Which baselines a change of what is said of CIs would move them into or out of, and what would conflict then."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from sqlmodel import Session

from driftline_cmdb.baselines.conflicts import between
from driftline_cmdb.baselines.selection import InForce, covering, table
from driftline_cmdb.cis.changes import Plan, columns_of
from driftline_cmdb.tables.cis import Ci

#: Conflicts that one warning names.
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Move:
    """A CI that a change moves between baselines."""

    uid: str
    name: str
    #: "golden v2".
    into: tuple[str, ...]
    out_of: tuple[str, ...]
    #: What baselines that it would newly have together contradict each other in (design section 6, rule 6).
    conflicts: tuple[str, ...]

    def show(self) -> str:
        """Return it in a line."""
        parts = [f"comes into {', '.join(self.into)}"] if self.into else []
        parts += [f"leaves {', '.join(self.out_of)}"] if self.out_of else []
        parts += [f"its baselines would contradict each other: {'; '.join(self.conflicts)}"] if self.conflicts else []
        return f"{self.name} {', '.join(parts)}"


def moves(session: Session, plans: Sequence[Plan]) -> list[Move]:
    """Return the moves between baselines in force that plans make."""
    if not plans or not table(session).versions:
        return []
    there = [made.ci for made in plans if made.ci is not None]
    before = covering(session, there)
    # A new CI has no id yet; a negative one has no facts either.
    ids = {made.uid: made.ci.id if made.ci is not None else -number for number, made in enumerate(plans, 1)}
    after = covering(
        session, [Ci(id=ids[made.uid], uid=made.uid, name=made.name, **columns_of(made.after)) for made in plans]
    )
    found = (_move(session, made, before.get(ids[made.uid], []), after[ids[made.uid]]) for made in plans)
    return [one for one in found if one is not None]


def _move(session: Session, made: Plan, before: Sequence[InForce], after: Sequence[InForce]) -> Move | None:
    had, has = {one.id for one in before}, {one.id for one in after}
    if had == has:
        return None
    return Move(
        made.uid,
        made.name,
        tuple(_title(one) for one in after if one.id not in had),
        tuple(_title(one) for one in before if one.id not in has),
        tuple(_conflicts(session, sorted(has), had)),
    )


def _conflicts(session: Session, has: Sequence[int], had: set[int]) -> Iterator[str]:
    count = 0
    for one, other in combinations(has, 2):
        if {one, other} <= had:
            continue
        for conflict in between(session, one, other):
            count += 1
            if count <= _SHOWN:
                yield conflict.show()
    if count > _SHOWN:
        yield f"and {count - _SHOWN} more"


def _title(one: InForce) -> str:
    return f"{one.name} v{one.number}"
