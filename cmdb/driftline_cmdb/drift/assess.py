"""The drift pipeline: takes CIs that are due, compares what changed, and writes down what became of their drifts."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy import and_, func, or_
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from driftline import facts
from driftline_baseline import life_cycle, values
from driftline_baseline.compare import Difference, compare
from driftline_baseline.evidence import LOG_RESOLUTION_MS
from driftline_baseline.expected import Expected, element_path
from driftline_baseline.explain import Explanation, Observed, explain, observe
from driftline_baseline.interval import Interval
from driftline_baseline.judge import RETURN_WITHIN_MS, KnownDrift, Look, Verdict, judge
from driftline_baseline.values import Attributes
from driftline_cmdb.baselines import conflicts
from driftline_cmdb.baselines.selection import table
from driftline_cmdb.database import Database
from driftline_cmdb.drift import late, speakers, verdicts
from driftline_cmdb.drift.due import mark_due as mark_due  # others take it from here
from driftline_cmdb.drift.expectation import expected_of, predictions_of
from driftline_cmdb.drift.grading import grade
from driftline_cmdb.errors import CmdbError
from driftline_cmdb.identity import authority, bindings, speaking
from driftline_cmdb.identity.aliases import survivor
from driftline_cmdb.packing import chunks, unpack_ids
from driftline_cmdb.record import heard, sources_of
from driftline_cmdb.standing.origins import published
from driftline_cmdb.standing.rules import rules_for
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.elements import Assessment, Due, Element, Holding, Path, Revision
from driftline_cmdb.tables.sources import RECORD
from driftline_cmdb.transactions import acts_since

log = logging.getLogger(__name__)

#: A CI whose assessment failed is tried again after this time.
RETRY_MS = 60_000


def assess_due(database: Database, now_ms: int, limit: int = 50) -> int:
    """Assess CIs that are due, each in a transaction of its own; return how many were.

    Any number of collectors may run this beside one PostgreSQL: a CI that one has taken is skipped by the others.
    """
    done = 0
    while done < limit:
        taken: int | None = None
        try:
            with database.write() as session:
                query = select(Due).where(Due.since_ms <= now_ms).order_by(col(Due.since_ms)).limit(1)
                due = session.exec(query.with_for_update(skip_locked=True)).first()
                if due is None:
                    return done
                taken = due.ci_id
                whole = due.whole
                session.delete(due)
                session.flush()
                assess_ci(session, session.get_one(Ci, taken), now_ms, whole=whole)
        except (CmdbError, ValueError, TypeError, LookupError):
            if taken is None:
                raise
            log.exception("assessment failed", extra={"ci_id": taken})
            _postpone(database, taken, now_ms)
        done += 1
    return done


def _postpone(database: Database, ci_id: int, now_ms: int) -> None:
    with database.write() as session:
        due = session.get(Due, ci_id)
        if due is not None:
            due.since_ms = now_ms + RETRY_MS
            session.add(due)


def assess_ci(session: Session, ci: Ci, now_ms: int, *, whole: bool = False, also: Collection[str] = ()) -> None:
    """Compare a CI with what is expected of it and write down what became of its drifts.

    :param whole: compare everything; otherwise only what changed since the last assessment.
    :param also: element paths of which something else is expected than before.
    """
    if ci.merged_into_id is not None:
        assess_ci(session, survivor(session, ci), now_ms, whole=whole, also=also)
        return
    voices = bindings.voices(session, ci.id)
    sources = [voice.source_id for voice in voices]
    if not life_cycle.BY_NAME[ci.status].watched:
        _advance(session, ci, sources, now_ms)
        return  # it is gone by a decision: nothing is expected of it, so nothing is missing
    known = _known_drifts(session, ci.id, now_ms)
    standing = {element_path(drift.path) for drift in known if drift.state != "reverted"}
    changed = set() if whole else _changed_paths(session, sources)
    if (whole or changed) and sum(voice.kind != RECORD for voice in voices) > 1:
        whole = authority.look(session, ci, now_ms) or whole  # one may say now what another says, too
    # A fact that a selector looks at may have moved the CI into a baseline, or out of one.
    whole = whole or (bool(changed) and not changed.isdisjoint(table(session).facts))
    if whole:
        expected = expected_of(session, ci)
        compared = _all_paths(session, sources) | expected.named_paths() | standing
        conflicts.review(session, ci, now_ms)
    else:
        compared = changed | _expiring(known, now_ms) | set(also)
        expected = expected_of(session, ci, compared)
    compared = _read(session, ci, compared)
    shift = speakers.shift_of(session, ci, voices) if whole or _has_newcomer(session, ci, voices) else None
    _advance(session, ci, sources, now_ms)
    late.attach(session, ci, sources, now_ms)
    if compared:
        holdings = _holdings(session, sources, compared)
        look = _look(compared, expected, holdings)
        observed = _observed(session, sources, look, holdings)
        explained = _explained(session, ci, observed, now_ms)
        results = judge(look, known, explained, now_ms)
        results, graver = grade(session, ci.id, results, lambda path: _held_at(holdings, path))
        seen = verdicts.Seen(
            {item.difference.path: item for item in observed},
            {path: held.revision for path, held in holdings.items()},
            graver,
            {} if shift is None else shift.words(look.differences, {p: _speaks(held) for p, held in holdings.items()}),
        )
        verdicts.apply(session, ci, results, seen, now_ms)


def _read(session: Session, ci: Ci, compared: set[str]) -> set[str]:
    """Return the places that somebody reads: what nobody reads any more is not missing."""
    unread = speaking.unread(session, ci.id) if compared else None
    return compared if unread is None else {place for place in compared if not unread(place)}


def _has_newcomer(session: Session, ci: Ci, voices: list[bindings.Voice]) -> bool:
    """Tell whether a source speaks for a CI that did not when the CI was last assessed."""
    rows = (session.get(Assessment, voice.source_id) for voice in voices if voice.kind != RECORD)
    return any(row is None or row.ci_id != ci.id for row in rows)


def _speaks(held: "_Held") -> tuple[int, int] | None:
    return None if held.attributes is None else (held.revision.source_id, held.section_id)


def _held_at(holdings: dict[str, "_Held"], path: str) -> tuple[Attributes | None, str | None]:
    held = holdings.get(path)
    return (None, None) if held is None else (held.attributes, held.owner)


def _observed(session: Session, sources: list[int], look: Look, holdings: dict[str, "_Held"]) -> list[Observed]:
    """Return the differences with what the host's own log says of them."""
    if not look.differences:
        return []
    changes = [look.change(element_path(item.path)) for item in look.differences]
    earliest = min(change.until_ms if change.after_ms is None else change.after_ms for change in changes)
    acts = acts_since(session, sources, earliest - LOG_RESOLUTION_MS)
    return observe(look.differences, look.change, acts, lambda path: holdings[path].owner if path in holdings else None)


def _explained(session: Session, ci: Ci, observed: list[Observed], now_ms: int) -> dict[str, Explanation]:
    if not observed:
        return {}
    predictions, rules = predictions_of(session, ci.id, now_ms), rules_for(session, ci)
    if not (predictions or rules):
        return {}
    return explain(observed, predictions, rules, published(session), now_ms)


def foresee(session: Session, ci: Ci, expected: Expected, now_ms: int) -> list[Verdict]:
    """Return what a whole comparison with an expected state would find, without writing anything."""
    sources = sources_of(session, ci.id)
    known = _known_drifts(session, ci.id, now_ms)
    standing = {element_path(drift.path) for drift in known if drift.state != "reverted"}
    compared = _read(session, ci, _all_paths(session, sources) | expected.named_paths() | standing)
    holdings = _holdings(session, sources, compared)
    look = _look(compared, expected, holdings)
    observed = _observed(session, sources, look, holdings)
    return judge(look, known, _explained(session, ci, observed, now_ms), now_ms)


@dataclass(frozen=True, slots=True)
class _Held:
    """What a CI's sources hold at a path, and the revision that made it so."""

    #: None: nothing is held there now.
    attributes: Attributes | None
    revision: Revision
    #: The package that owns it, or owned it, by the host's package database.
    owner: str | None
    section_id: int


def _look(compared: set[str], expected: Expected, holdings: dict[str, _Held]) -> Look:
    def actual(path: str) -> str | None:
        element = element_path(path)
        held = holdings.get(element)
        if held is None or held.attributes is None:
            return None
        if element == path:
            return values.encode(held.attributes)
        return values.encode(held.attributes.get(path[len(element) + 1 :]))

    def change(path: str) -> Interval:
        held = holdings.get(path)
        return Interval(None, 0) if held is None else Interval(held.revision.after_ms, held.revision.observed_ms)

    differences: list[Difference] = []
    for path in sorted(compared):
        held = holdings.get(path)
        differences += compare(expected, path, held.attributes if held is not None else None)
    return Look(frozenset(compared), differences, actual, _origin(expected), change)


def _origin(expected: Expected) -> Callable[[str], str]:
    def origin(path: str) -> str:
        want = expected.at(path)
        if want.watched:
            return want.origin
        return next((layer.title for layer, _ in expected.rules(path).values()), "")

    return origin


def _known_drifts(session: Session, ci_id: int, now_ms: int) -> list[KnownDrift]:
    recently = and_(col(Drift.state) == "reverted", col(Drift.closed_ms) > now_ms - RETURN_WITHIN_MS)
    query = select(Drift).where(Drift.ci_id == ci_id, or_(col(Drift.closed_ms).is_(None), recently))
    return [
        KnownDrift(
            drift.id,
            drift.path,
            drift.actual,
            drift.expected,
            drift.state,
            drift.closed_ms if drift.state == "reverted" else drift.accepted_until_ms,
        )
        for drift in session.exec(query.order_by(col(Drift.id)))
    ]


def _expiring(known: Collection[KnownDrift], now_ms: int) -> set[str]:
    return {
        element_path(drift.path)
        for drift in known
        if drift.state == "accepted" and drift.until_ms is not None and drift.until_ms <= now_ms
    }


def _all_paths(session: Session, sources: list[int]) -> set[str]:
    query = (
        select(Path.text)
        .join(Holding, col(Holding.path_id) == col(Path.id))
        .where(col(Holding.source_id).in_(sources), col(Holding.until_revision).is_(None), heard())
    )
    return set(session.exec(query))


def _changed_paths(session: Session, sources: list[int]) -> set[str]:
    ids: set[int] = set()
    for source_id in sources:
        assessed = session.get(Assessment, source_id)
        after = assessed.revision_id if assessed is not None else 0
        query = select(Revision.changed_paths).where(Revision.source_id == source_id, Revision.id > after)
        for packed in session.exec(query):
            ids.update(unpack_ids(packed))
    found: set[str] = set()
    for chunk in chunks(sorted(ids)):
        found.update(session.exec(select(Path.text).where(col(Path.id).in_(chunk))))
    return found


def _advance(session: Session, ci: Ci, sources: list[int], now_ms: int) -> None:
    for source_id in sources:
        newest = session.exec(select(func.max(Revision.id)).where(Revision.source_id == source_id)).one() or 0
        assessed = session.get(Assessment, source_id) or Assessment(source_id=source_id, revision_id=0, assessed_ms=0)
        assessed.revision_id, assessed.assessed_ms, assessed.ci_id = newest, now_ms, ci.id
        session.add(assessed)


def _holdings(session: Session, sources: list[int], compared: Collection[str]) -> dict[str, _Held]:
    """Return what is held, or was held last, at the compared paths; the highest source that speaks there counts."""
    found: dict[str, _Held] = {}
    for source_id in reversed(sources):
        for chunk in chunks(sorted(compared)):
            for path, held in _held_by(session, source_id, chunk).items():
                # What one source holds is not gone because another held it, too, and does not any more.
                if held.attributes is not None or path not in found or found[path].attributes is None:
                    found[path] = held
    return found


def _held_by(session: Session, source_id: int, compared: list[str]) -> dict[str, _Held]:
    query = (
        sql_select(
            col(Path.text),
            col(Element.content),
            col(Holding.until_revision).is_(None),
            func.coalesce(Holding.until_revision, Holding.since_revision),
            col(Holding.section_id),
        )
        .select_from(Holding)
        .join(Path, col(Path.id) == col(Holding.path_id))
        .join(Element, col(Element.id) == col(Holding.element_id))
        .where(col(Holding.source_id) == source_id, col(Path.text).in_(compared), heard())
        .order_by(col(Holding.id))
    )
    latest: dict[str, tuple[Attributes, bool, int, int]] = {}
    for path, content, held, made_by, section_id in session.execute(query):
        latest[path] = (facts.attributes(path, content), held, made_by, section_id)
    wanted = {revision for _, _, revision, _ in latest.values()}
    revisions = {row.id: row for row in session.exec(select(Revision).where(col(Revision.id).in_(wanted)))}
    return {
        path: _Held(attributes if held else None, revisions[revision], _owner(attributes), section)
        for path, (attributes, held, revision, section) in latest.items()
    }


def _owner(attributes: Attributes) -> str | None:
    package = attributes.get("package")
    return str(package) if package else None
