"""The test of a release: its acceptance criteria on the CIs of its test waves, and its acceptance."""

import re
from collections.abc import Sequence

from sqlalchemy import func
from sqlmodel import Session, col, or_, select

from driftline import facts
from driftline_baseline import acceptance, reading
from driftline_baseline.acceptance import Host, Verdict
from driftline_baseline.document import Document, Expectation, Selector
from driftline_baseline.release import BEGUN
from driftline_baseline.values import Attributes
from driftline_cmdb.baselines import copying
from driftline_cmdb.errors import Conflict, Refused
from driftline_cmdb.identity.bindings import precedence
from driftline_cmdb.packing import chunks
from driftline_cmdb.record import heard
from driftline_cmdb.releases import gate, gate_policy, waves
from driftline_cmdb.releases.editing import find_release, move, require
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.elements import Element, Holding, Path
from driftline_cmdb.tables.releases import Release, ReleaseCheck, ReleaseWave
from driftline_cmdb.tables.sources import Source

#: Hosts that a check names for each rule; it counts all of them.
MOST_NAMED = 100


def check(session: Session, name: str, actor: str, now_ms: int) -> ReleaseCheck:
    """Evaluate a release's acceptance criteria on what the CIs of its test waves hold now, and record that.

    :raises Conflict: where it has no criteria, a test wave has not started, or its state does not allow it.
    """
    found = find_release(session, name, to_decide=True)
    require(found, "check")
    result = _evaluate(session, found, actor, now_ms)
    detail = {"check": result.id, "passed": result.passed, "rules": [one["text"] for one in result.results]}
    move(session, found, "check", "checked", actor, detail, now_ms)
    return result


def accept(session: Session, name: str, actor: str, comment: str, now_ms: int) -> Release:
    """Accept a release whose criteria hold now; a baseline that it promotes is drafted.

    :raises Refused: where the actor planned it, or a criterion does not hold.
    :raises Conflict: where its state does not allow it.
    """
    found = find_release(session, name, to_decide=True)
    require(found, "accept")
    if found.author == actor:
        raise Refused(f"release {name}: {actor} planned it, and who planned a release never accepts it; ask another")
    result = _evaluate(session, found, actor, now_ms)
    if not result.passed:
        failing = "; ".join(one["text"] for one in result.results if not one["holds"])
        raise Refused(
            f"release {name}: its acceptance criteria do not hold: {failing}; driftline release check {name} "
            "names the hosts"
        )
    found.accepted_by, found.accepted_ms = actor, now_ms
    if found.promotes is not None and found.promote_to is not None:
        version = copying.promote(session, found.promotes, found.promote_to, found.promote_set, found.author, now_ms)
        found.promoted = f"{found.promote_to} v{version.number}"
    cis: dict[int, Ci] = {}
    listed = waves.waves_of(session, found)
    for wave in listed:
        members = waves.cis_of(session, [wave])[wave.id]
        waves.fix(session, wave, members)
        cis |= members
    detail = {"check": result.id, "why": comment, "promoted": found.promoted}
    move(session, found, "accept", "accepted", actor, detail, now_ms)
    gate.look_at(session, list(cis.values()), now_ms)
    return found


def checks_of(session: Session, found: Release) -> list[ReleaseCheck]:
    """Return the checks of a release, the newest first."""
    query = select(ReleaseCheck).where(ReleaseCheck.release_id == found.id)
    return list(session.exec(query.order_by(col(ReleaseCheck.id).desc())))


def test_waves(session: Session, found: Release) -> list[ReleaseWave]:
    """Return the waves of a release that are not of production."""
    policy = gate_policy.in_force(session)
    return [wave for wave in waves.waves_of(session, found) if not policy.is_production(wave.environment)]


def _evaluate(session: Session, found: Release, actor: str, now_ms: int) -> ReleaseCheck:
    if not found.criteria:
        raise Conflict(f"release {found.name} has no acceptance criteria; driftline release criteria {found.name} FILE")
    tested = test_waves(session, found)
    if not tested:
        raise Conflict(
            f"release {found.name} has no test wave; driftline release wave {found.name} --environment test ..."
        )
    waiting = [str(wave.number) for wave in tested if wave.state not in BEGUN]
    if waiting:
        raise Conflict(
            f"release {found.name}: test wave {', '.join(waiting)} has not started; "
            f"driftline release start {found.name} {waiting[0]}"
        )
    criteria = reading.parse_expectations(found.criteria)
    hosts = _hosts(session, tested, criteria)
    verdicts = acceptance.evaluate(criteria, hosts)
    result = ReleaseCheck(
        release_id=found.id,
        at_ms=now_ms,
        asked_by=actor,
        revision=found.revision,
        criteria=found.criteria,
        passed=acceptance.passed(verdicts),
        cis=len(hosts),
        reporting=sum(host.heard for host in hosts),
        results=[_plain(verdict) for verdict in verdicts],
    )
    session.add(result)
    session.flush()
    return result


def _plain(verdict: Verdict) -> dict[str, object]:
    return {
        "rule": verdict.rule,
        "holds": verdict.holds,
        "text": verdict.text(),
        "hosts": verdict.hosts,
        "applies": verdict.applies,
        "failing": len({one.host for one in verdict.failing}),
        "named": [{"ci": one.host, "why": one.why} for one in verdict.failing[:MOST_NAMED]],
    }


def _hosts(session: Session, tested: Sequence[ReleaseWave], criteria: Sequence[Expectation]) -> list[Host]:
    members = waves.cis_of(session, tested)
    since: dict[int, int] = {}
    cis: dict[int, Ci] = {}
    for wave in tested:
        for ci_id, ci in members[wave.id].items():
            cis[ci_id] = ci
            since[ci_id] = max(since.get(ci_id, 0), wave.started_ms or 0)
    held = _elements(session, cis, criteria)
    heard = _heard(session, cis)
    return [
        Host(ci.name, held.get(ci_id, {}), heard.get(ci_id, -1) >= since[ci_id])
        for ci_id, ci in sorted(cis.items(), key=lambda pair: pair[1].name)
    ]


def _heard(session: Session, cis: dict[int, Ci]) -> dict[int, int]:
    """Return when a source of each CI last said what it is."""
    found: dict[int, int] = {}
    for chunk in chunks(sorted(cis)):
        query = (
            select(Binding.ci_id, func.max(func.coalesce(Source.confirmed_ms, Source.seen_ms, 0)))
            .join(Source, col(Source.id) == col(Binding.source_id))
            .where(col(Binding.ci_id).in_(chunk), col(Binding.until_ms).is_(None))
            .group_by(col(Binding.ci_id))
        )
        found.update((ci_id, at_ms) for ci_id, at_ms in session.exec(query))
    return found


def _elements(
    session: Session, cis: dict[int, Ci], criteria: Sequence[Expectation]
) -> dict[int, dict[str, Attributes]]:
    """Return what CIs hold where the criteria look; the highest source that speaks there counts."""
    rules = Document("criteria", Selector(), tuple(criteria)).rules
    prefixes = {re.split(r"[*?]", item.element, maxsplit=1)[0] for item in criteria}
    query = (
        select(Binding.ci_id, Path.text, Element.content)
        .select_from(Holding)
        .join(Binding, col(Binding.source_id) == col(Holding.source_id))
        .join(Source, col(Source.id) == col(Binding.source_id))
        .join(Path, col(Path.id) == col(Holding.path_id))
        .join(Element, col(Element.id) == col(Holding.element_id))
        .where(col(Holding.until_revision).is_(None), col(Binding.until_ms).is_(None), heard())
        .where(or_(*(col(Path.text).startswith(prefix, autoescape=True) for prefix in sorted(prefixes))))
        .order_by(*precedence(lowest_first=True))
    )
    found: dict[int, dict[str, Attributes]] = {}
    for chunk in chunks(sorted(cis)):
        for ci_id, path, content in session.exec(query.where(col(Binding.ci_id).in_(chunk))):
            if rules.predicates(path):
                found.setdefault(ci_id, {})[path] = facts.attributes(path, content)
    return found
