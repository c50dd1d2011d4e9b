"""Predicted against actual, host by host: what an RFC reached, what is missing, and what came beside it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_
from sqlmodel import Session, col, select

from driftline import paths
from driftline_baseline.errors import VersionError
from driftline_baseline.expected import element_path
from driftline_baseline.lifecycle import IN_EFFECT
from driftline_baseline.predict import ecosystem_of, version
from driftline_baseline.values import Attributes
from driftline_baseline.wording import package_of
from driftline_cmdb.drift.due import mark_due
from driftline_cmdb.drift.expectation import allowed_of
from driftline_cmdb.identity.aliases import survivor, survivors
from driftline_cmdb.record import elements_of
from driftline_cmdb.rfcs.present import is_so, value_at
from driftline_cmdb.rfcs.restarts import waits_for_restart
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta
from driftline_cmdb.tables.sources import Source
from driftline_cmdb.tables.standing import OriginVersion

#: What became of an RFC on one host.
STATUSES = (
    "effective",
    "awaiting restart",
    "in progress",
    "not started",
    "failed",
    "silent",
    "not applicable",
)


@dataclass(frozen=True, slots=True)
class HostResult:
    """What became of an RFC on one CI."""

    ci: Ci
    #: One of :data:`STATUSES`.
    status: str
    #: Predicted and not seen: paths, for a wave the packages that have a newer version at the origin.
    missing: tuple[str, ...] = ()
    #: Changed in its window beside what was predicted, unexplained: paths.
    extra: tuple[str, ...] = ()
    #: Seen as predicted, and what followed from that.
    done: int = 0
    consequential: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """An RFC's predictions against what its hosts report."""

    hosts: tuple[HostResult, ...]
    #: Hosts whose sources reported since the change was authorised or its window began.
    reporting: int

    @property
    def counts(self) -> dict[str, int]:
        """Hosts by status, without the statuses that none has."""
        counted = Counter(host.status for host in self.hosts)
        return {status: counted[status] for status in STATUSES if counted[status]}

    @property
    def complete(self) -> bool:
        """Whether nothing is left to be done or looked at."""
        return all(host.status in ("effective", "not applicable") for host in self.hosts)

    def text(self) -> str:
        """Return it as people read it, every count with its denominator."""
        total = len(self.hosts)
        parts = [f"{count} of {total} {status}" for status, count in self.counts.items()]
        extra = sum(len(host.extra) for host in self.hosts)
        consequential = sum(host.consequential for host in self.hosts)
        return (
            f"{self.reporting} of {total} reporting: {', '.join(parts)}; {extra} extra, {consequential} consequential"
        )


def verify(session: Session, rfc: Rfc, *, over: bool = False) -> Verification:
    """Compare what an RFC predicts with what its CIs are now.

    :param over: its window has ended: what is half done has failed.
    """
    deltas = session.exec(select(RfcDelta).where(RfcDelta.rfc_id == rfc.id).order_by(col(RfcDelta.id))).all()
    by_ci: dict[int, list[RfcDelta]] = {}
    for delta in deltas:
        if delta.state not in ("withdrawn", "superseded"):
            by_ci.setdefault(delta.ci_id, []).append(delta)
    cis = {ci.id: ci for ci in session.exec(select(Ci).where(col(Ci.id).in_(by_ci)))}
    since_ms = rfc.planned_start_ms or min((delta.authorised_ms or rfc.created_ms for delta in deltas), default=0)
    heard = _heard_since(session, list(by_ci), since_ms)
    newest = _Newest(session)
    hosts = tuple(
        _host(session, rfc, cis[ci_id], items, ci_id in heard, newest, over)
        for ci_id, items in sorted(by_ci.items(), key=lambda pair: cis[pair[0]].name)
    )
    return Verification(hosts, len(heard))


def end_window(session: Session, rfc: Rfc, now_ms: int) -> Verification:
    """Judge an RFC at the end of its window: what was on its way and did not arrive is looked at again (rule 3)."""
    waiting = session.exec(
        select(RfcDelta).where(
            RfcDelta.rfc_id == rfc.id,
            RfcDelta.part == "predicted",
            col(RfcDelta.state).in_(("authorised", "in progress")),
        )
    ).all()
    for delta in waiting:
        if delta.state == "in progress":
            mark_due(session, delta.ci_id, now_ms)
        delta.state = "missed"
        session.add(delta)
    session.flush()
    return verify(session, rfc, over=True)


def _heard_since(session: Session, ci_ids: Sequence[int], since_ms: int) -> set[int]:
    now = survivors(session, ci_ids)
    query = (
        select(Binding.ci_id)
        .join(Source, col(Source.id) == col(Binding.source_id))
        .where(
            col(Binding.ci_id).in_(sorted(set(now.values()))),
            col(Binding.until_ms).is_(None),
            or_(col(Source.confirmed_ms) >= since_ms, col(Source.seen_ms) >= since_ms),
        )
    )
    heard = set(session.exec(query))
    return {ci_id for ci_id, stands in now.items() if stands in heard}


def _host(
    session: Session, rfc: Rfc, ci: Ci, deltas: Sequence[RfcDelta], heard: bool, newest: "_Newest", over: bool
) -> HostResult:
    predicted = [delta for delta in deltas if delta.part == "predicted"]
    exact = [delta for delta in predicted if allowed_of(delta).exact]
    waves = [delta for delta in predicted if delta not in exact]
    now = survivor(session, ci)  # what it is now is what the CI is that stands for it
    elements = elements_of(session, now.id, {element_path(delta.path) for delta in exact})
    missing: list[str] = []
    moved = applicable = False
    for delta in exact:
        actual = value_at(elements, delta.path)
        if delta.state == "settled" or is_so(delta, actual):
            applicable = True
        elif actual is not None or element_path(delta.path) == delta.path:
            applicable = True
            moved = moved or _moved(delta, actual)
            missing.append(delta.path)
    for delta in waves:
        missing += newest.behind(now, delta)
        if allowed_of(delta).kind != "upgrade" and not any(
            paths.matches(delta.path, one.path) for one in _matched(deltas)
        ):
            missing.append(delta.path)
    done = [delta for delta in deltas if delta.state == "settled" and delta.part in ("predicted", "matched")]
    consequential = sum(delta.part == "consequential" for delta in deltas)
    extra = _extra(session, rfc, now)
    status = "effective"
    why = ""
    if missing:
        over = over or rfc.state not in IN_EFFECT or rfc.state == "review"
        status = "failed" if moved and over else "in progress" if moved or done else "not started"
    elif not (applicable or done or waves):
        status, why = "not applicable", "nothing of what it predicts is on this host"
    elif done:
        why = waits_for_restart(session, now.id, [delta.path for delta in done])
        status = "awaiting restart" if why else "effective"
    if missing and not heard:
        status, why = "silent", "no report since the change began"
    return HostResult(ci, status, tuple(missing), extra, len(done), consequential, why)


def _matched(deltas: Sequence[RfcDelta]) -> list[RfcDelta]:
    return [delta for delta in deltas if delta.part == "matched" and delta.state == "settled"]


def _moved(delta: RfcDelta, actual: str | None) -> bool:
    """Tell whether a place that is not as predicted is not as it was before either."""
    return delta.before is not None and delta.before != actual


def _extra(session: Session, rfc: Rfc, ci: Ci) -> tuple[str, ...]:
    """Return what changed on a CI while an RFC was carried out and neither it nor anything else explains."""
    start_ms, end_ms = rfc.planned_start_ms, rfc.planned_end_ms
    query = select(Drift.path).where(
        Drift.ci_id == ci.id, col(Drift.state).in_(("open", "accepted")), col(Drift.explained_by_id).is_(None)
    )
    if start_ms is not None:
        query = query.where(Drift.observed_ms >= start_ms)
    if end_ms is not None:
        query = query.where(func.coalesce(Drift.after_ms, 0) < end_ms)
    return tuple(sorted(session.exec(query)))


class _Newest:
    """Which installed packages are behind what an origin publishes; an origin's versions are read once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._published: dict[str, dict[tuple[str, str], list[tuple[str, str]]]] = {}

    def behind(self, ci: Ci, delta: RfcDelta) -> list[str]:
        """Return the paths of a wave's packages that have a newer version at its origin."""
        allowed = allowed_of(delta)
        if allowed.kind != "upgrade" or allowed.origin is None:
            return []
        published = self._of(allowed.origin)
        found = []
        for path, attributes in elements_of(self._session, ci.id, below="software.packages[").items():
            where = f"{path}.version"
            if paths.matches(allowed.path, where) and self._is_behind(where, attributes, published):
                found.append(where)
        return found

    def _is_behind(
        self, path: str, attributes: Attributes, published: dict[tuple[str, str], list[tuple[str, str]]]
    ) -> bool:
        package = package_of(path)
        if package is None:
            return False
        here = str(attributes.get("version", ""))
        ecosystem = ecosystem_of(path)
        try:
            return any(
                version(there, ecosystem) > version(here, ecosystem)
                for architecture, there in published.get(package[:2], ())
                if architecture in (package[2], "*")
            )
        except VersionError:
            return False

    def _of(self, origin: str) -> dict[tuple[str, str], list[tuple[str, str]]]:
        if origin not in self._published:
            by_name: dict[tuple[str, str], list[tuple[str, str]]] = {}
            for row in self._session.exec(select(OriginVersion).where(OriginVersion.origin == origin)):
                by_name.setdefault((row.manager, row.name), []).append((row.architecture, row.version))
            self._published[origin] = by_name
        return self._published[origin]
