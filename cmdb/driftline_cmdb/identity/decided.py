"""A decision on identity while it is carried out: each thing that it changes is noted, so that it can be undone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session

from driftline_cmdb import audit
from driftline_cmdb.drift import carrying
from driftline_cmdb.drift.due import mark_due
from driftline_cmdb.errors import Invalid
from driftline_cmdb.identity import authority, bindings
from driftline_cmdb.releases import gate
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.identity import IdentityDecision

_LONGEST = 4000


@dataclass(frozen=True, slots=True)
class Said:
    """Who decides, why, and when."""

    actor: str
    reason: str
    now_ms: int

    def check(self) -> None:
        """Pass where a reason is given.

        :raises Invalid: where it is not.
        """
        if not self.reason.strip():
            raise Invalid("reason: a decision on identity needs one, for whoever reads it later")
        if len(self.reason) > _LONGEST:
            raise Invalid(f"reason: longer than {_LONGEST} characters")


@dataclass
class Deciding:
    """One decision: its row, and what it did so far."""

    session: Session
    row: IdentityDecision
    said: Said
    #: CIs of which something changed.
    touched: dict[int, Ci] = field(default_factory=dict)
    ended: list[int] = field(default_factory=list)
    began: list[int] = field(default_factory=list)
    #: CI, what it was merged into before, and what since.
    merged: list[list[int | None]] = field(default_factory=list)
    carried: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def begin(
        cls, session: Session, action: str, said: Said, ci: Ci, other: Ci | None = None, rfc_id: int | None = None
    ) -> "Deciding":
        """Write the decision's row, which bindings refer to. All that may refuse it was asked before."""
        row = IdentityDecision(
            at_ms=said.now_ms,
            actor=said.actor,
            action=action,
            reason=said.reason.strip(),
            ci_id=ci.id,
            other_ci_id=other.id if other is not None else None,
            rfc_id=rfc_id,
        )
        session.add(row)
        session.flush()
        return cls(session, row, said, {one.id: one for one in (ci, other) if one is not None})

    def note(self, **more: Any) -> None:
        """Keep more of what an undo must set back, or of what people should read."""
        self.row.detail = {**self.row.detail, **more}

    def end(self, binding: Binding, at_ms: int | None = None) -> None:
        """Have a source speak for its CI no longer."""
        until_ms = self.said.now_ms if at_ms is None else max(at_ms, binding.since_ms)
        bindings.end(self.session, binding, until_ms)
        self.ended.append(binding.id)

    def bind(self, source_id: int, ci: Ci, reason: str, since_ms: int | None = None, rank: int = 0) -> None:
        """Let a source speak for a CI."""
        since_ms = self.said.now_ms if since_ms is None else since_ms
        made = bindings.bind(self.session, source_id, ci.id, reason, since_ms, rank=rank, decision_id=self.row.id)
        self.began.append(made)
        self.touched[ci.id] = ci

    def move(self, moved: Sequence[Binding], from_ci: Ci, to_ci: Ci, words: str, *, copy: bool = False) -> None:
        """Let sources of one CI speak for another; their drifts and RFCs go with them.

        :param words: why, of the drifts: ``merged into web1 (uid)``.
        :param copy: what RFCs said of the CI that they leave holds for the other: it was not merged into that.
        """
        found = carrying.leaving(self.session, from_ci, {one.source_id for one in moved})
        for one in moved:
            self.end(one)
            self.bind(one.source_id, to_ci, f"decision {self.row.id}: {self.row.reason}"[:400], rank=one.rank)
        self.touched[from_ci.id] = from_ci
        self._carry(found, to_ci, words, copy=copy)

    def _carry(self, found: carrying.Leaving, to_ci: Ci, words: str, *, copy: bool) -> None:
        self.session.flush()
        for ci in (found.ci, to_ci):
            authority.settle(self.session, ci.id, self.said.now_ms)
        self.carried += carrying.carry(self.session, found, to_ci, words, self.said.now_ms)
        if copy:
            carrying.copy_expectation(self.session, found, to_ci)

    def merge(self, ci: Ci, into: Ci | None) -> None:
        """Let a CI stand for another, or for itself again."""
        self.merged.append([ci.id, ci.merged_into_id, into.id if into is not None else None])
        ci.merged_into_id = into.id if into is not None else None
        self.session.add(ci)
        self.session.flush()
        self.touched |= {one.id: one for one in (ci, into) if one is not None}

    def finish(self, summary: str, also: Iterable[Ci] = ()) -> IdentityDecision:
        """Keep what was done, have the CIs compared, and write the decision into the audit trail."""
        self.touched |= {ci.id: ci for ci in also}
        self.note(summary=summary)
        cis = self.settle()
        detail = {
            "decision": self.row.id,
            "cis": {ci.uid: ci.name for ci in cis},
            "ended": self.ended,
            "began": self.began,
            "why": self.row.reason,
        }
        audit.record(
            self.session, self.said.actor, f"identity.{_DONE[self.row.action]}", summary, detail, self.said.now_ms
        )
        self.session.flush()
        return self.row

    def settle(self) -> list[Ci]:
        """Keep what was done by now, and have the CIs compared; return them."""
        now_ms = self.said.now_ms
        self.note(ended=self.ended, began=self.began, merged=self.merged, carried=self.carried)
        self.session.add(self.row)
        self.session.flush()
        cis = [self.touched[ci_id] for ci_id in sorted(self.touched)]
        for ci in cis:
            authority.settle(self.session, ci.id, now_ms)
            if ci.merged_into_id is None:
                mark_due(self.session, ci.id, now_ms)
        gate.look_at(self.session, cis, now_ms)
        return cis


#: How the audit trail calls what was done.
_DONE = {
    "same": "same",
    "clone": "clone",
    "replacement": "replaced",
    "retire old": "old_retired",
    "merge": "merged",
    "split": "split",
    "replace": "replaced",
    "undo": "undone",
}
