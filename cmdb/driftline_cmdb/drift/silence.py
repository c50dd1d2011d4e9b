"""Sources that stopped reporting: a finding for each cause, never drift (design section 6, rule 17)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from driftline_baseline import silence
from driftline_baseline.graph import Edge
from driftline_baseline.silence import Group, Heard, Situation, Standing, Thresholds, Unheard
from driftline_baseline.silence_cause import Cause, cause_of, cause_of_group
from driftline_cmdb.attention import events
from driftline_cmdb.database import Database
from driftline_cmdb.drift import silence_devices
from driftline_cmdb.drift.silence_evidence import gather
from driftline_cmdb.identity.aliases import resolved
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.cis import UNSEEN_STATUSES, Binding, Ci, Finding, Relation
from driftline_cmdb.tables.devices import Device
from driftline_cmdb.tables.silence import SilentCi
from driftline_cmdb.tables.sources import RECORD, Source
from driftline_cmdb.topology import reading

#: A source is silent after this time without a call, ms, where nobody set another: three of the longest check-ins.
SILENT_AFTER_MS = 900_000

_KIND = "silent"
#: Members of one cause of which evidence is looked at, and CIs in one look: the rest waits for its turn.
_EXAMINED_OF_ONE, _EXAMINED = 20, 400


def find_silence(
    database: Database,
    now_ms: int,
    after_ms: int,
    listening_ms: int | None = None,
    thresholds: Thresholds | None = None,
) -> int:
    """Open a finding for each cause of silence, bring the open ones up to date, close those that are over.

    :param after_ms: a source is silent after this time without a call.
    :param listening_ms: since when someone listens without a break: nobody is silent who was not listened to.
    :param thresholds: when silence is one cause's; the usual ones for `after_ms` by default.
    :return: how many findings were opened.
    """
    if listening_ms is not None and now_ms - listening_ms < after_ms:
        return 0
    with database.read() as session:
        if not _anything(session, now_ms - after_ms):
            return 0
    try:
        with database.write() as session:
            return _Look(session, now_ms, thresholds or Thresholds.of(after_ms)).write_down()
    except IntegrityError:
        return 0  # another collector looked at the same time and was first


def _anything(session: Session, limit_ms: int) -> bool:
    """Tell whether anything is silent or was."""
    is_open = select(Finding.id).where(Finding.kind == _KIND, col(Finding.closed_ms).is_(None)).limit(1)
    silent = select(Source.id).where(col(Source.seen_ms) < limit_ms).limit(1)
    return session.exec(is_open).first() is not None or session.exec(silent).first() is not None


@dataclass(frozen=True, slots=True)
class _Expected:
    """A CI and when any source of it was last heard; None where nothing reports of it."""

    id: int
    uid: str
    name: str
    ci_class: str
    site: str | None
    seen_ms: int | None
    #: It is silent after this time, ms, where that is longer than the usual one; 0 for hosts.
    own_ms: int


@dataclass(frozen=True, slots=True)
class _Unread:
    """Devices whose agent is silent itself, set apart."""

    left: Situation
    groups: list[Group]
    #: By the group's key.
    causes: dict[str, Cause]


class _Look:
    """One look at who is silent."""

    def __init__(self, session: Session, now_ms: int, thresholds: Thresholds) -> None:
        self._session, self._now_ms, self._thresholds = session, now_ms, thresholds
        self._cis = {ci.uid: ci for ci in _expected(session)}
        self._uids = {ci.id: ci.uid for ci in self._cis.values()}
        is_open = select(Finding).where(Finding.kind == _KIND, col(Finding.closed_ms).is_(None))
        self._findings = {finding.key: finding for finding in session.exec(is_open)}
        self._members: dict[int, dict[int, SilentCi]] = {finding.id: {} for finding in self._findings.values()}
        rows = select(SilentCi).where(col(SilentCi.finding_id).in_(sorted(self._members)))
        for row in session.exec(rows.order_by(col(SilentCi.id))):
            self._members[row.finding_id][row.ci_id] = row

    def write_down(self) -> int:
        ids = {ci.uid: ci.id for ci in self._cis.values()}
        situation = self._situation()
        unread = self._unread(situation, ids)
        listed = [*silence.groups(unread.left), *unread.groups]
        groups = {f"{_KIND}:{group.key}": group for group in listed}
        taken = {ids[ci.uid]: key for key, group in groups.items() for ci in group.members}
        for key, finding in self._findings.items():
            self._end_members(finding, key, taken)
            if key not in groups:
                self._close(finding, taken)
        self._session.flush()  # a CI leaves one cause before it is part of another
        causes = self._causes({key: one for key, one in groups.items() if one.key not in unread.causes}, ids)
        causes |= {f"{_KIND}:{key}": cause for key, cause in unread.causes.items()}
        opened = 0
        for key, group in groups.items():
            opened += self._put(key, group, ids, causes[key])
        return opened

    def _unread(self, situation: Situation, ids: Mapping[str, int]) -> "_Unread":
        """Set apart the devices whose agent is silent itself: that is their cause, wherever they are."""
        silent = {ids[ci.uid]: ci for ci in situation.silent}
        readers = silence_devices.readers(self._session, silent, self._now_ms)
        standing = {key.removeprefix(f"{_KIND}:") for key in self._findings}
        groups, causes, ci_ids = silence_devices.groups(silent, readers, standing, self._now_ms, self._thresholds)
        fresh = {ci_id for ci_id, one in readers.items() if self._was_taken(ci_id, one.taken_ms)}
        left = [ci for ci_id, ci in silent.items() if ci_id not in ci_ids and ci_id not in fresh]
        live = [*situation.live, *(silent[ci_id] for ci_id in sorted(fresh))]
        return _Unread(replace(situation, silent=left, live=live), groups, causes)

    def _was_taken(self, ci_id: int, taken_ms: int) -> bool:
        """Tell whether an agent took a device over so lately that it is not silent with that one yet."""
        own_ms = self._cis[self._uids[ci_id]].own_ms
        return taken_ms >= self._now_ms - max(self._thresholds.after_ms, own_ms)

    def _causes(self, groups: Mapping[str, Group], ids: Mapping[str, int]) -> dict[str, Cause]:
        """Return why each group is silent, from what is known of some of its members."""
        examined = {key: [ids[ci.uid] for ci in group.members[:_EXAMINED_OF_ONE]] for key, group in groups.items()}
        # Larger causes first: of what there is too much of, one more host by itself tells least.
        order = sorted(groups, key=lambda key: (key.startswith("ci:"), -groups[key].since_ms))
        wanted = [ci_id for key in order for ci_id in examined[key]][:_EXAMINED]
        after_ms = self._thresholds.after_ms
        found = gather(self._session, wanted, self._now_ms - after_ms, self._now_ms) if wanted else {}
        return {
            key: cause_of_group(
                group,
                [cause_of(found[ci_id], after_ms) for ci_id in examined[key] if ci_id in found],
                mostly_back=self._ever(key) > 2 * len(group.members),
            )
            for key, group in groups.items()
        }

    def _situation(self) -> Situation:
        limit = self._now_ms - self._thresholds.after_ms
        silent: list[Heard] = []
        live: list[Heard] = []
        unheard: list[Unheard] = []
        for ci in self._cis.values():
            if ci.seen_ms is None:
                unheard.append(Unheard(ci.uid, ci.name))
            else:
                heard = Heard(ci.uid, ci.name, ci.ci_class, ci.site, ci.seen_ms)
                is_silent = ci.seen_ms < limit and ci.seen_ms < self._now_ms - ci.own_ms
                (silent if is_silent else live).append(heard)
        return Situation(
            self._now_ms, silent, live, unheard, self._relations(), list(self._standing()), self._thresholds
        )

    def _relations(self) -> list[Edge[str]]:
        query = select(Relation.from_ci_id, Relation.kind, Relation.to_ci_id).where(
            col(Relation.until_ms).is_(None), col(Relation.kind).in_(silence.PATHS)
        )
        known, now = self._uids, resolved(self._session)
        rows = [
            (now.get(one, one), kind, now.get(two, two))
            for one, kind, two in self._session.exec(query.order_by(col(Relation.id)))
        ]
        related = {frozenset((one, two)) for one, _, two in rows}
        # A cable has no direction; where a person said who leans on whom that counts.
        for one, two in reading.pairs(self._session):
            if frozenset((one, two)) not in related:
                rows += [(one, "connected to", two), (two, "connected to", one)]
        return [
            Edge(known[one], kind, known[two]) for one, kind, two in rows if one != two and {one, two} <= known.keys()
        ]

    def _standing(self) -> Iterable[Standing]:
        for key, finding in self._findings.items():
            if key.startswith(f"{_KIND}:{silence_devices.PREFIX}"):
                continue  # made anew from who reads them now
            silent = {ci_id for ci_id, row in self._members[finding.id].items() if row.until_ms is None}
            members = frozenset(self._uids[ci_id] for ci_id in silent if ci_id in self._uids)
            yield Standing(key.removeprefix(f"{_KIND}:"), finding.detail["since_ms"], members)

    def _end_members(self, finding: Finding, key: str, taken: Mapping[int, str]) -> None:
        for ci_id, row in self._members[finding.id].items():
            if row.until_ms is None and taken.get(ci_id) != key:
                row.until_ms = self._back_ms(ci_id)
                self._session.add(row)

    def _back_ms(self, ci_id: int) -> int:
        """Return when a CI was heard again, as far as is known: its last call by now."""
        uid = self._uids.get(ci_id)
        seen = self._cis[uid].seen_ms if uid is not None else None
        return seen if seen is not None and seen >= self._now_ms - self._thresholds.after_ms else self._now_ms

    def _close(self, finding: Finding, taken: Mapping[int, str]) -> None:
        rows = self._members[finding.id]
        joined = sorted({taken[ci_id] for ci_id in rows if ci_id in taken})
        expected = [row for ci_id, row in rows.items() if ci_id in self._uids]
        back_ms = max((row.until_ms for row in expected if row.until_ms is not None), default=self._now_ms)
        finding.closed_ms = self._now_ms
        if joined:
            finding.message = f"{finding.message.partition('; ')[0]}; part of a larger silence now"
            finding.detail = {**finding.detail, "joined": joined, "silent": 0}
        elif not expected:
            finding.message = silence.words_ended(finding.message, "no report is expected any more")
            finding.detail = {**finding.detail, "silent": 0}
        else:
            finding.message = silence.words_over(finding.message, back_ms)
            finding.detail = {**finding.detail, "back_ms": back_ms, "silent": 0}
        self._session.add(finding)

    def _ever(self, key: str) -> int:
        """Return how many were silent from a cause at any time; who was retired meanwhile is left out."""
        finding = self._findings.get(key)
        known = self._members[finding.id] if finding is not None else {}
        return sum(1 for ci_id in known if ci_id in self._uids)

    def _put(self, key: str, group: Group, ids: Mapping[str, int], cause: Cause) -> bool:
        """Open a group's finding or bring it up to date; tell whether it was opened."""
        finding = self._findings.get(key)
        opened = finding is None
        if finding is None:
            finding = Finding(kind=_KIND, key=key, message="", opened_ms=self._now_ms)
            if group.ci is not None and group.site is None:
                finding.ci_id = ids.get(group.ci.uid)
            self._session.add(finding)
            self._session.flush()
            self._findings[key] = finding
        known = self._members.setdefault(finding.id, {})
        for ci in group.members:
            row = known.get(ids[ci.uid])
            if row is None or row.until_ms is not None:
                row = SilentCi(finding_id=finding.id, ci_id=ids[ci.uid], since_ms=ci.seen_ms)
                known[row.ci_id] = row
                self._session.add(row)
        ever = self._ever(key)
        message = f"{silence.words(group, ever)}; {cause.sentence()}"
        detail = _detail(group, ever, cause)
        if (finding.message, finding.detail) != (message, detail):
            finding.message, finding.detail = message, detail
            self._session.add(finding)
        if opened:
            events.emit_finding(self._session, finding, self._now_ms)
        return opened


def _detail(group: Group, ever: int, cause: Cause) -> dict[str, Any]:
    return {
        "since_ms": group.since_ms,
        "site": group.site,
        "behind": group.ci.name if group.ci is not None and not group.key.startswith("ci:") else None,
        "silent": len(group.members),
        "back": ever - len(group.members),
        "classes": silence.counts(group.members),
        "names": [ci.name for ci in group.members[:20]],
        "cause": cause.plain(),
    }


def _expected(session: Session) -> list[_Expected]:
    """Return the CIs that should be heard or may stand between, with when any of their sources was last heard."""
    query = (
        select(
            Binding.ci_id,
            func.max(Source.seen_ms),
            silence_devices.own_of_ci(),
            func.min(Device.site),
        )
        .join(Source, col(Source.id) == col(Binding.source_id))
        .outerjoin(Device, col(Device.source_id) == col(Source.id))
        .where(col(Binding.until_ms).is_(None), Source.kind != RECORD, col(Source.quarantined_ms).is_(None))
        .group_by(col(Binding.ci_id))
    )
    seen = {ci_id: (site, seen_ms, own_ms) for ci_id, seen_ms, own_ms, site in session.exec(query)}
    cis = select(Ci).where(col(Ci.status).not_in(UNSEEN_STATUSES), col(Ci.merged_into_id).is_(None))
    cis = cis.order_by(col(Ci.id))
    expected = []
    for ci in session.exec(cis):
        site, seen_ms, own_ms = seen.get(ci.id, (None, None, 0))
        # Where nobody said where a device is, it is at the site that it is read at.
        expected.append(_Expected(ci.id, ci.uid, ci.name, ci.ci_class, ci.location or site, seen_ms, own_ms))
    return expected


def silent_findings(session: Session, ci_ids: Iterable[int]) -> dict[int, Finding]:
    """Return the open finding that each of some CIs is silent by, by the CI's id."""
    found: dict[int, Finding] = {}
    for chunk in chunks(sorted(set(ci_ids))):
        query = (
            select(SilentCi.ci_id, Finding)
            .join(Finding, col(Finding.id) == col(SilentCi.finding_id))
            .where(col(SilentCi.ci_id).in_(chunk), col(SilentCi.until_ms).is_(None))
        )
        found.update(session.exec(query).all())
    return found
