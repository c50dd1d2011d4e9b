"""Releases on their way: waves started and ended, the snapshot before, the plan back, the result."""

from sqlmodel import Session, delete, select

from driftline_baseline.release import BEGUN
from driftline_cmdb.catalog.versions import catalog_of
from driftline_cmdb.drift.due import mark_all_due
from driftline_cmdb.errors import Conflict, Invalid, Refused
from driftline_cmdb.releases import gate, gate_policy, waves
from driftline_cmdb.releases.editing import find_release, find_wave, move, require, require_wave, rfcs_of
from driftline_cmdb.rfcs import backing_out, progress, verification
from driftline_cmdb.rfcs.present import snapshot
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.releases import Release, ReleaseRfc, ReleaseWave, ReleaseWaveCi
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta

_DECIDED = ("authorised", "scheduled", "implementing")
_OVER = ("closed", "rejected", "cancelled", "backed out")


def start_wave(session: Session, name: str, number: int, actor: str, comment: str, now_ms: int) -> ReleaseWave:
    """Start a wave: its CIs are fixed and their state marked, and the release's RFCs that change them begin there.

    :raises Refused: where it is of production and the release is not accepted, or of test and has CIs of production;
        where an RFC is not authorised, or its window does not do.
    :raises Conflict: where it has started, contains nothing, or the release's state does not allow it.
    """
    found = find_release(session, name, to_decide=True)
    wave = find_wave(session, found, number)
    require_wave(found, wave, "start")
    policy = gate_policy.in_force(session)
    production = policy.is_production(wave.environment)
    if production and found.state in ("planned", "in test"):
        raise Refused(
            f"wave {number} of release {name} is of {wave.environment}, and the release is {found.state}: its "
            f"acceptance criteria must hold in test, and somebody accepts it: driftline release accept {name}"
        )
    require(found, "start production" if production else "start test")
    cis = waves.cis_of(session, [wave])[wave.id]
    if not cis:
        raise Conflict(f"wave {number} of release {name} contains no CI: its selector matches none now")
    if not production:
        catalog = catalog_of(session)
        _no_production(name, number, [ci for ci in cis.values() if gate.is_in_production(policy, catalog, ci)])
    session.execute(delete(table_of(ReleaseWaveCi)).where(table_of(ReleaseWaveCi).c.wave_id == wave.id))
    waves.fix(session, wave, cis)
    snapshot(session, found, cis.values(), now_ms)
    wave.state, wave.started_by, wave.started_ms = "started", actor, now_ms
    session.add(wave)
    session.flush()
    begun = [
        rfc.number
        for row, rfc in rfcs_of(session, found)
        if _touches(session, rfc, set(cis)) and _begin(session, row, rfc, actor, f"release {name}, {wave.name}", now_ms)
    ]
    if not production:
        found.revision += 1
    detail = {"wave": number, "cis": len(cis), "rfcs": begun, "why": comment}
    step = "start production" if production else "start test"
    move(session, found, step, "wave_started", actor, detail, now_ms)
    mark_all_due(session, cis, now_ms)
    gate.look_at(session, list(cis.values()), now_ms)
    return wave


def _no_production(name: str, number: int, entered: list[Ci]) -> None:
    if entered:
        names = ", ".join(sorted(ci.name for ci in entered)[:5])
        raise Refused(
            f"wave {number} of release {name} is a test, and {names} of it is in production; take it out of the wave"
        )


def _touches(session: Session, rfc: Rfc, ci_ids: set[int]) -> bool:
    if rfc.state in _OVER:
        return False
    query = select(RfcDelta.ci_id).where(RfcDelta.rfc_id == rfc.id, RfcDelta.state != "withdrawn").distinct()
    there: set[int] = set(session.exec(query))
    return bool(ci_ids & there)


def _begin(session: Session, row: ReleaseRfc, rfc: Rfc, actor: str, why: str, now_ms: int) -> bool:
    """Begin an RFC with the first wave that touches it; later ones only let it reach more CIs."""
    if rfc.state == "review":
        raise Refused(f"RFC {rfc.number} is in review, its window is over: plan another one for the CIs of this wave")
    if rfc.state not in _DECIDED or rfc.authorised_ms is None:
        raise Refused(f"RFC {rfc.number} is {rfc.state}, not authorised: driftline rfc authorise {rfc.number}")
    if rfc.planned_end_ms is not None and rfc.planned_end_ms <= now_ms:
        raise Refused(
            f"RFC {rfc.number}: its window is over; give it one that spans all waves: "
            f"driftline rfc schedule {rfc.number}"
        )
    if row.started_ms is not None:
        return False
    row.started_ms = now_ms
    session.add(row)
    if rfc.planned_start_ms is None or rfc.planned_start_ms < now_ms:
        rfc.planned_start_ms = now_ms  # what changed while it waited for its wave is not explained by it
    session.add(rfc)
    session.flush()
    progress.start(session, rfc.number, actor, why, now_ms)
    return True


def end_wave(session: Session, name: str, number: int, actor: str, comment: str, now_ms: int) -> ReleaseWave:
    """Say that a wave is done.

    :raises Conflict: where it has not started, or is over.
    """
    found = find_release(session, name, to_decide=True)
    wave = find_wave(session, found, number)
    wave.state = require_wave(found, wave, "end").leads_to(wave.state)
    wave.ended_ms = now_ms
    session.add(wave)
    move(session, found, "end wave", "wave_ended", actor, {"wave": number, "why": comment}, now_ms)
    return wave


def reverse_plan(session: Session, found: Release) -> str:
    """Return the plan back: what somebody wrote, else a draft of its RFCs' back-out plans, the last RFC first."""
    if found.reverse_plan is not None:
        return found.reverse_plan
    parts = []
    for _, rfc in reversed(rfcs_of(session, found)):
        plan = rfc.back_out_plan.strip() or backing_out.draft(session, rfc).strip()
        parts.append(f"# RFC {rfc.number}: {rfc.title}\n{plan or 'nothing to undo is known yet'}\n")
    return "\n".join(parts)


def result_of(session: Session, found: Release) -> tuple[str, bool]:
    """Return what has come of a release, every count with its denominator, and whether nothing is left to do."""
    listed = rfcs_of(session, found)
    done = [wave for wave in waves.waves_of(session, found) if wave.state in BEGUN]
    lines = [f"{len(done)} of {len(waves.waves_of(session, found))} waves started"]
    complete = True
    for _, rfc in listed:
        if rfc.state in _OVER and rfc.state != "closed":
            lines.append(f"RFC {rfc.number}: {rfc.state}")
            continue
        reached = verification.verify(session, rfc)
        complete = complete and reached.complete
        lines.append(f"RFC {rfc.number}: {reached.text()}")
    return "\n".join(lines), complete


def close(session: Session, name: str, actor: str, review: str, now_ms: int) -> Release:
    """Close a release: its result is kept.

    :raises Conflict: where a wave or an RFC of it has not started.
    :raises Invalid: where something is left to do, and no review says why it is closed.
    """
    found = find_release(session, name, to_decide=True)
    require(found, "close")
    for wave in waves.waves_of(session, found):
        if wave.state == "planned":
            raise Conflict(f"wave {wave.number} of release {name} has not started: start it, or fail the release")
    for row, rfc in rfcs_of(session, found):
        if row.started_ms is None and rfc.state not in _OVER:
            raise Conflict(f"RFC {rfc.number} was never started: no wave of release {name} contains a CI of it")
    result, complete = result_of(session, found)
    if not complete and not review.strip():
        raise Invalid(f"review: not all is done ({result.splitlines()[-1]}); write why the release is closed")
    _end(session, found, "end", result, review, now_ms)
    move(session, found, "close", "closed", actor, {"result": result, "review": review}, now_ms)
    return found


def fail(session: Session, name: str, actor: str, review: str, now_ms: int) -> Release:
    """Say that a release has failed; what it changed is backed out by its RFCs, as the reverse plan says.

    :raises Invalid: without a review.
    """
    found = find_release(session, name, to_decide=True)
    require(found, "fail")
    if not review.strip():
        raise Invalid("review: write what failed")
    found.reverse_plan = reverse_plan(session, found)
    result, _ = result_of(session, found)
    _end(session, found, "fail", result, review, now_ms)
    move(session, found, "fail", "failed", actor, {"result": result, "review": review}, now_ms)
    return found


def cancel(session: Session, name: str, actor: str, review: str, now_ms: int) -> Release:
    """Cancel a release that has not reached production; its RFCs stay held until they are taken out of it.

    :raises Conflict: where its state does not allow it.
    """
    found = find_release(session, name, to_decide=True)
    require(found, "cancel")
    _end(session, found, "end", "", review, now_ms)
    move(session, found, "cancel", "cancelled", actor, {"review": review}, now_ms)
    return found


def _end(session: Session, found: Release, step: str, result: str, review: str, now_ms: int) -> None:
    for wave in waves.waves_of(session, found):
        if wave.state in ("planned", "started"):
            wanted = "cancel" if wave.state == "planned" else step
            wave.state = require_wave(found, wave, wanted).leads_to(wave.state)
            wave.ended_ms = now_ms
            session.add(wave)
    found.result, found.review, found.closed_ms = result, review, now_ms
