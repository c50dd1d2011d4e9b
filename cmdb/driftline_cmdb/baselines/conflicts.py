"""Baselines that contradict each other on one CI (design section 6, rule 6): named at approval, later a finding."""

from collections.abc import Sequence
from itertools import combinations, islice
from typing import Any
from weakref import WeakKeyDictionary

from sqlmodel import Session, col, select

from driftline import facts
from driftline_baseline.layering import Conflict, Side, conflicts
from driftline_cmdb import continuity
from driftline_cmdb.baselines.pins import pinned_elements
from driftline_cmdb.baselines.selection import covered_by, covering, parsed
from driftline_cmdb.tables.baselines import Baseline, BaselineVersion
from driftline_cmdb.tables.cis import Ci, Finding

#: Conflicts that one message names.
SHOWN = 20
#: Conflicts of two versions that are looked for; nobody reads more.
MOST = 1000

#: What was found of two versions, by database: neither of them ever changes.
_FOUND: WeakKeyDictionary[Any, dict[tuple[int, int], tuple[Conflict, ...]]] = WeakKeyDictionary()


def between(session: Session, one: int, other: int) -> tuple[Conflict, ...]:
    """Return the conflicts of two baseline versions, by their ids, were they on one CI."""
    found = _FOUND.setdefault(session.connection().engine.pool, {})
    key = (min(one, other), max(one, other))
    if key not in found:
        if len(found) > 10_000:
            found.clear()
        found[key] = tuple(islice(conflicts(_side(session, key[0]), _side(session, key[1])), MOST))
    return found[key]


def _side(session: Session, version_id: int) -> Side:
    version = session.get_one(BaselineVersion, version_id)
    name = session.get_one(Baseline, version.baseline_id).name
    pinned = pinned_elements(session, version_id)
    return Side(
        f"{name} v{version.number}",
        parsed(version.document),
        {path: facts.attributes(path, content) for path, content in pinned.items()},
    )


def of_version(session: Session, version: BaselineVersion) -> list[Conflict]:
    """Return the conflicts that a version would have with other baselines, in force or to come, on a CI of both."""
    covered = covered_by(session, parsed(version.document))
    others = {
        one.id
        for found in covering(session, covered.values()).values()
        for one in found
        if session.get_one(BaselineVersion, one.id).baseline_id != version.baseline_id
    }
    waiting = select(BaselineVersion).where(
        BaselineVersion.state == "approved", BaselineVersion.baseline_id != version.baseline_id
    )
    for other in session.exec(waiting):
        if not covered.keys().isdisjoint(covered_by(session, parsed(other.document))):
            others.add(other.id)
    return [conflict for other in sorted(others) for conflict in between(session, version.id, other)]


def on_ci(session: Session, ci: Ci) -> list[Conflict]:
    """Return the conflicts of the baselines in force that cover a CI."""
    versions = [one.id for one in covering(session, [ci])[ci.id]]
    return [conflict for one, other in combinations(versions, 2) for conflict in between(session, one, other)]


def listed(found: Sequence[Conflict]) -> str:
    """Return conflicts as one message has them."""
    text = "; ".join(conflict.show() for conflict in found[:SHOWN])
    return f"{text}; and {len(found) - SHOWN} more" if len(found) > SHOWN else text


def review(session: Session, ci: Ci, now_ms: int) -> None:
    """Open, keep or close the finding about a CI whose baselines contradict each other."""
    key = f"baseline conflict:{ci.uid}"
    found = on_ci(session, ci)
    message = f"{ci.name}: its baselines contradict each other: {listed(found)}"
    detail: dict[str, Any] = {"conflicts": [plain(conflict) for conflict in found[:SHOWN]], "count": len(found)}
    is_open = Finding.key == key, col(Finding.closed_ms).is_(None)
    finding = session.exec(select(Finding).where(*is_open)).first()
    if finding is None:
        if found:
            continuity.open_finding(session, "baseline conflict", key, ci.id, message, detail, now_ms)
        return
    if found:
        finding.message, finding.detail = message, detail
    else:
        finding.closed_ms = now_ms
    session.add(finding)


def plain(conflict: Conflict) -> dict[str, str]:
    """Return a conflict as JSON."""
    return {
        "path": conflict.path,
        "lower": conflict.lower,
        "upper": conflict.upper,
        "lower_rule": conflict.lower_rule,
        "upper_rule": conflict.upper_rule,
    }
