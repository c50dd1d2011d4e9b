"""Releases made and changed: what they contain, and the one way in which one changes its state."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from driftline_baseline import reading, release
from driftline_baseline.errors import DocumentError, LifecycleError
from driftline_cmdb import audit
from driftline_cmdb.baselines.versions import find_version
from driftline_cmdb.errors import Conflict, Invalid, NotFound
from driftline_cmdb.releases.waves import selector_of, waves_of
from driftline_cmdb.rfcs.planning import check_window
from driftline_cmdb.rfcs.reading import find_rfc
from driftline_cmdb.tables.releases import Release, ReleaseRfc, ReleaseWave
from driftline_cmdb.tables.rfcs import Rfc

#: An RFC joins a release before it has begun.
_JOINS = ("draft", "submitted", "assessed", "authorised", "scheduled")
#: What may be edited while the content is open, and what until the release is over.
_CONTENT = ("kind", "criteria", "promotes", "promote_to", "promote_set")
_NOTES = ("description", "planned_ms", "reverse_plan")


def find_release(session: Session, name: str, *, to_decide: bool = False) -> Release:
    """Return the release of this name.

    :param to_decide: nobody else may decide on it until this transaction ends.
    :raises NotFound: where there is none.
    """
    query = select(Release).where(Release.name == name)
    found = session.exec(query.with_for_update() if to_decide else query).first()
    if found is None:
        raise NotFound(f'no release is named "{name}"; driftline release list shows them')
    return found


def require(found: Release, step: str) -> release.Step:
    """Return a step where the release's state allows it.

    :raises Conflict: where it does not; the message names the state and what is possible.
    """
    try:
        return release.check(found.state, step)
    except LifecycleError as error:
        raise Conflict(f"release {found.name} {error}") from error


def move(
    session: Session, found: Release, step: str, done: str, actor: str, detail: Mapping[str, Any], now_ms: int
) -> None:
    """Move a release on and record who did it.

    :param done: what the audit trail calls it: accepted.
    :raises Conflict: where its state does not allow it.
    """
    found.state = require(found, step).leads_to(found.state)
    session.add(found)
    audit.record(session, actor, f"release.{done}", f"release {found.name}", dict(detail), now_ms)
    session.flush()


def create(session: Session, name: str, kind: str, author: str, now_ms: int, **more: Any) -> Release:
    """Plan a release.

    :param more: as for :func:`edit`.
    :raises Invalid: where the name, the kind or another field does not do.
    """
    if not name or len(name) > 100 or any(character in name for character in "/\\\n"):
        raise Invalid(f'name: "{name}" cannot name a release; use up to 100 characters without slashes')
    if session.exec(select(Release.id).where(Release.name == name)).first() is not None:
        raise Invalid(f'name: there is a release "{name}"; choose another name')
    found = Release(name=name, author=author, created_ms=now_ms)
    _set(session, found, {"kind": kind, **more})
    move(session, found, "edit", "planned", author, {"kind": kind}, now_ms)
    return found


def edit(session: Session, name: str, changes: Mapping[str, Any], actor: str, now_ms: int) -> Release:
    """Change fields of a release: kind, criteria, what it promotes; description, planned date, reverse plan.

    :raises NotFound: where there is none.
    :raises Invalid: where a field does not do.
    :raises Conflict: where its state does not allow it.
    """
    found = find_release(session, name, to_decide=True)
    content = [field for field in changes if field in _CONTENT and changes[field] != getattr(found, field)]
    require(found, "edit" if content else "annotate")
    _set(session, found, changes)
    found.revision += bool(content)
    move(session, found, "edit" if content else "annotate", "edited", actor, dict(changes), now_ms)
    return found


def _set(session: Session, found: Release, changes: Mapping[str, Any]) -> None:
    for field, value in changes.items():
        if field not in (*_CONTENT, *_NOTES):
            raise Invalid(f'"{field}" of a release cannot be set; possible: {", ".join((*_CONTENT, *_NOTES))}')
        setattr(found, field, value)
    if found.kind not in release.KINDS:
        raise Invalid(f'kind: "{found.kind}" is not one of {", ".join(release.KINDS)}')
    if found.criteria:
        try:
            reading.parse_expectations(found.criteria, "criteria.yaml")
        except DocumentError as error:
            raise Invalid(str(error)) from error
    if (found.promotes is None) != (found.promote_to is None):
        raise Invalid("promotes: name both, the baseline and the one that it is promoted to")
    if found.promotes is not None and "promotes" in changes:
        find_version(session, found.promotes, None, "in force")


def add_rfc(session: Session, name: str, number: int, actor: str, now_ms: int) -> Release:
    """Add an RFC to a release; from then on only the release's waves start it.

    :raises NotFound: where there is no such release or RFC.
    :raises Conflict: where it has begun, or is part of a release already, or the release has been accepted.
    """
    found = find_release(session, name, to_decide=True)
    require(found, "edit")
    rfc = find_rfc(session, number, to_decide=True)
    if rfc.origin != "person":
        raise Conflict(f"RFC {number} was raised for a change that is there: a release is of planned ones")
    if rfc.state not in _JOINS:
        raise Conflict(f"RFC {number} is {rfc.state}: it joins a release before it begins")
    there = session.get(ReleaseRfc, rfc.id)
    if there is not None:
        other = session.get_one(Release, there.release_id)
        raise Conflict(f"RFC {number} is part of release {other.name} already; driftline release remove takes it out")
    last = session.exec(select(func.max(ReleaseRfc.position)).where(ReleaseRfc.release_id == found.id)).one()
    session.add(ReleaseRfc(rfc_id=rfc.id, release_id=found.id, position=(last or 0) + 1, added_by=actor, at_ms=now_ms))
    found.revision += 1
    move(session, found, "edit", "rfc_added", actor, {"rfc": number}, now_ms)
    return found


def remove_rfc(session: Session, name: str, number: int, actor: str, now_ms: int) -> Release:
    """Take an RFC that no wave has started out of a release; it goes its own way again.

    :raises NotFound: where it is no part of the release.
    :raises Conflict: where a wave has started it, or the release is accepted and not over.
    """
    found = find_release(session, name, to_decide=True)
    rfc = find_rfc(session, number)
    row = session.get(ReleaseRfc, rfc.id)
    if row is None or row.release_id != found.id:
        raise NotFound(f"RFC {number} is no part of release {name}")
    if row.started_ms is not None:
        raise Conflict(f"RFC {number} was started by a wave of release {name}: it stays part of it")
    if found.state not in release.DONE:
        require(found, "edit")
    session.delete(row)
    found.revision += 1
    audit.record(session, actor, "release.rfc_removed", f"release {name}", {"rfc": number}, now_ms)
    session.flush()
    return found


def rfcs_of(session: Session, found: Release) -> list[tuple[ReleaseRfc, Rfc]]:
    """Return the RFCs of a release in their order."""
    query = select(ReleaseRfc, Rfc).join(Rfc, col(Rfc.id) == col(ReleaseRfc.rfc_id))
    query = query.where(ReleaseRfc.release_id == found.id).order_by(col(ReleaseRfc.position))
    return [(row, rfc) for row, rfc in session.exec(query)]


def add_wave(
    session: Session,
    name: str,
    environment: str,
    selector: str,
    actor: str,
    now_ms: int,
    *,
    title: str = "",
    start_ms: int | None = None,
    end_ms: int | None = None,
) -> ReleaseWave:
    """Add a wave to a release.

    :param selector: YAML, as a baseline's; ``ci: [web1, web2]`` for a list.
    :raises Invalid: where the selector or the planned time does not do.
    :raises Conflict: where the release has been accepted.
    """
    found = find_release(session, name, to_decide=True)
    require(found, "edit")
    if not environment.strip():
        raise Invalid("environment: is empty; test, or production")
    selector_of(selector)
    check_window(start_ms, end_ms)
    number = max((wave.number for wave in waves_of(session, found)), default=0) + 1
    wave = ReleaseWave(
        release_id=found.id,
        number=number,
        name=title or f"{environment} {number}",
        environment=environment.strip(),
        selector=selector,
        planned_start_ms=start_ms,
        planned_end_ms=end_ms,
    )
    session.add(wave)
    found.revision += 1
    detail = {"wave": number, "environment": environment, "selector": selector}
    move(session, found, "edit", "wave_added", actor, detail, now_ms)
    return wave


def remove_wave(session: Session, name: str, number: int, actor: str, now_ms: int) -> Release:
    """Take a wave that has not started out of a release.

    :raises NotFound: where there is no such wave.
    :raises Conflict: where it has started, or the release has been accepted.
    """
    found = find_release(session, name, to_decide=True)
    wave = find_wave(session, found, number)
    require_wave(found, wave, "remove")
    require(found, "edit")
    session.delete(wave)
    found.revision += 1
    move(session, found, "edit", "wave_removed", actor, {"wave": number}, now_ms)
    return found


def find_wave(session: Session, found: Release, number: int) -> ReleaseWave:
    """Return a wave of a release.

    :raises NotFound: where there is none of this number.
    """
    for wave in waves_of(session, found):
        if wave.number == number:
            return wave
    raise NotFound(f"release {found.name} has no wave {number}; driftline release show {found.name} lists them")


def require_wave(found: Release, wave: ReleaseWave, step: str) -> release.Step:
    """Return a step where the wave's state allows it.

    :raises Conflict: where it does not.
    """
    try:
        return release.check(wave.state, step, release.WAVES)
    except LifecycleError as error:
        raise Conflict(f"wave {wave.number} of release {found.name} {error}") from error
