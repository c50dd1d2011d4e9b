""" "Never again": a standing rule drafted from what was found, and replayed over the past before it is approved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import yaml
from sqlmodel import Session, col, select

from driftline import paths
from driftline_baseline.compare import Difference
from driftline_baseline.expected import element_path
from driftline_baseline.explain import Observed
from driftline_baseline.explain import StandingRule as Rule
from driftline_baseline.interval import ALWAYS, Interval
from driftline_baseline.values import decode
from driftline_baseline.wording import package_of
from driftline_cmdb.baselines.selection import is_meant
from driftline_cmdb.errors import Invalid
from driftline_cmdb.standing.origins import published
from driftline_cmdb.standing.rules import as_rule, find_rule, parsed_rule
from driftline_cmdb.tables.attention import RfcVerdict
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift, DriftGroup
from driftline_cmdb.tables.elements import HostTransaction
from driftline_cmdb.tables.rfcs import Rfc
from driftline_cmdb.tables.standing import OriginVersion
from driftline_cmdb.transactions import as_act

DAY_MS = 86_400_000
#: A rule that is drafted from drifts ends after so long.
LIFE_MS = 180 * DAY_MS


@dataclass(frozen=True, slots=True)
class Replay:
    """What a rule would have done with the unexplained drifts of the past."""

    days: int
    looked_at: int
    #: Drift ids that it would have explained.
    hidden: tuple[int, ...]
    #: Of those, the ones that people called unauthorised, or without a verdict had reverted: something bad hidden.
    bad: tuple[int, ...]

    def text(self) -> str:
        """Return it as people read it."""
        bad = f"{len(self.bad)} of them later confirmed bad" if self.bad else "none of them later confirmed bad"
        return f"last {self.days} days: hides {len(self.hidden)} of {self.looked_at} drifts, {bad}"

    def plain(self) -> dict[str, Any]:
        """Return it as the rule keeps it for its approver."""
        return {
            "days": self.days,
            "looked_at": self.looked_at,
            "hidden": len(self.hidden),
            "bad": list(self.bad[:100]),
            "text": self.text(),
        }


def replay(session: Session, name: str, days: int, now_ms: int) -> Replay:
    """Replay the newest version of a rule over unexplained drifts, and keep the result beside it.

    :raises Invalid: for a span of no or too many days.
    """
    if not 1 <= days <= 730:
        raise Invalid(f"days: {days} is not from 1 to 730")
    row = find_rule(session, name)
    document = parsed_rule(row.document)
    always = as_rule(row)
    rule = Rule(always.id, always.name, always.allow, always.hours, ALWAYS, always.actors)
    cis = {ci.id for ci in session.exec(select(Ci)) if is_meant(session, document.selector, ci)}
    ask = published(session)
    looked_at = 0
    hidden: list[int] = []
    bad: list[int] = []
    query = (
        select(Drift, Rfc.ordered, Rfc.state, RfcVerdict.verdict)
        .outerjoin(DriftGroup, col(DriftGroup.id) == col(Drift.group_id))
        .outerjoin(Rfc, col(Rfc.id) == col(DriftGroup.rfc_id))
        .outerjoin(RfcVerdict, col(RfcVerdict.rfc_id) == col(Rfc.id))
        .where(Drift.opened_ms >= now_ms - days * DAY_MS, col(Drift.explained_by_id).is_(None))
        .order_by(col(Drift.id))
    )
    for drift, ordered, state, verdict in session.exec(query):
        looked_at += 1
        if drift.ci_id in cis and rule.line_for(_observed(session, drift), ask) is not None:
            hidden.append(drift.id)
            if verdict == "unauthorised" or (verdict is None and (ordered == "revert" or state == "backed out")):
                bad.append(drift.id)
    result = Replay(days, looked_at, tuple(hidden), tuple(bad))
    row.replay = result.plain()
    session.add(row)
    session.flush()
    return result


def _observed(session: Session, drift: Drift) -> Observed:
    difference = Difference(drift.path, drift.kind, drift.expected, drift.actual, drift.severity, "")
    act = session.get(HostTransaction, drift.transaction_id) if drift.transaction_id is not None else None
    change = Interval(drift.after_ms, drift.observed_ms)
    return Observed(difference, change, as_act(act) if act is not None else None)


def never_again(session: Session, rfc: Rfc, name: str, reason: str, now_ms: int) -> str:
    """Return the text of a rule that would explain what an RFC found, as narrow as that was: for a person to edit.

    :raises Invalid: where it found nothing that a rule can permit.
    """
    query = select(Drift).join(DriftGroup, col(DriftGroup.id) == col(Drift.group_id)).where(DriftGroup.rfc_id == rfc.id)
    drifts = session.exec(query.order_by(col(Drift.id))).all()
    cis = {ci.id: ci for ci in session.exec(select(Ci).where(col(Ci.id).in_({drift.ci_id for drift in drifts})))}
    lines: list[dict[str, Any]] = []
    for drift in drifts:
        line = _line(session, drift)
        if line not in lines:
            lines.append(line)
    if not lines:
        raise Invalid(f"RFC {rfc.number} found nothing changed: there is nothing to permit")
    document = {
        "name": name,
        "reason": reason or f"drafted from RFC {rfc.number}",
        "selector": _selector(list(cis.values())),
        "allow": lines,
        "expires": datetime.fromtimestamp((now_ms + LIFE_MS) / 1000, UTC).date(),
    }
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120))


def _selector(cis: Sequence[Ci]) -> dict[str, Any]:
    """Select what the CIs have in common, their environment and class, else themselves."""
    environments = {ci.environment for ci in cis}
    if len(cis) > 1 and len(environments) == 1 and None not in environments:
        return {"environment": sorted(str(one) for one in environments), "class": sorted({ci.ci_class for ci in cis})}
    return {"ci": sorted(ci.uid for ci in cis)}


def _line(session: Session, drift: Drift) -> dict[str, Any]:
    package = package_of(drift.path)
    after = decode(drift.actual)
    if package is not None and drift.path.endswith(".version") and isinstance(after, str):
        origin = session.exec(
            select(OriginVersion.origin)
            .where(
                OriginVersion.manager == package[0], OriginVersion.name == package[1], OriginVersion.version == after
            )
            .limit(1)
        ).first()
        if origin is not None:
            return {"path": f"software.packages[{package[0]}/*/*].version", "upgrade": True, "origin": origin}
    where = paths.quote(drift.path)
    if after is None:
        on_element = element_path(drift.path) == drift.path
        return {"path": where, "absent": True} if on_element else {"path": where, "is": None}
    if isinstance(after, dict):
        return {"path": where, "is": dict(after)}
    return {"path": where, "is": list(after) if isinstance(after, tuple) else after}
