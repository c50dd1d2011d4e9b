"""Which CIs are silent from one cause: a whole site, what is behind one router or hypervisor, or one CI by itself.

Silence is not change (design section 6, rule 17): the groups become findings, never drift. A group's key names its
cause and stays while members come and go; a cause that is open keeps those of its members that are still silent, so
that a site that comes back in parts is one finding to its end.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby

from driftline_baseline.graph import Edge, cut_off_by

#: Kinds of relations over which a CI is reached or lives.
PATHS = ("connected to", "runs on", "installed on", "member of")
#: Named in a message at most.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When silence is one cause's."""

    #: A CI is silent after this time without a call, ms.
    after_ms: int
    #: Those that one cause silenced were last heard within this time of each other, ms: a few check-in intervals.
    window_ms: int
    #: A lone CI waits for so long after it is silent, in case others of its cause follow, ms: a check-in interval.
    settle_ms: int
    #: A site is silent when at least so many of its CIs are, and at least this share of them.
    site_least: int = 3
    site_share: float = 0.5

    @classmethod
    def of(cls, after_ms: int) -> "Thresholds":
        """Return the usual ones for a time after which a CI is silent: three of the longest check-in intervals."""
        return cls(after_ms, window_ms=2 * after_ms // 3, settle_ms=after_ms // 3)


@dataclass(frozen=True, slots=True)
class Heard:
    """A CI from which reports are expected."""

    uid: str
    name: str
    ci_class: str
    site: str | None
    #: When it was last heard.
    seen_ms: int


@dataclass(frozen=True, slots=True)
class Unheard:
    """A CI from which no report is expected, but through which others may be reached: a switch without a source."""

    uid: str
    name: str


@dataclass(frozen=True, slots=True)
class Group:
    """CIs that one cause silenced."""

    #: ``site:fra1``, ``behind:<uid>``, ``ci:<uid>``.
    key: str
    #: The site; "" for CIs without one. None where the cause is no site.
    site: str | None
    #: The CI that the others are behind, or the only one; None where no single one is known.
    ci: Heard | Unheard | None
    members: tuple[Heard, ...]
    #: The earliest time at which one of them was last heard.
    since_ms: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A cause whose finding is open."""

    key: str
    since_ms: int
    #: uids of those that were silent at the last look.
    members: frozenset[str]


@dataclass(frozen=True, slots=True)
class Situation:
    """All that is looked at."""

    now_ms: int
    silent: Sequence[Heard]
    live: Sequence[Heard]
    unheard: Sequence[Unheard] = ()
    relations: Sequence[Edge[str]] = ()
    standing: Sequence[Standing] = ()
    thresholds: Thresholds = field(default_factory=lambda: Thresholds.of(900_000))


def groups(now: Situation) -> list[Group]:
    """Part the silent CIs by cause, each into one group.

    A new group waits until the first of it has been silent for a check-in interval, so that it is whole when it is
    first seen; until then its CIs are in none.
    """
    free = {ci.uid: ci for ci in now.silent}
    behind = _behind(now)
    found: list[Group] = []
    for cause in sorted(now.standing, key=lambda item: item.key):
        members = {uid for uid in cause.members if uid in free}
        if members and not cause.key.startswith("ci:"):
            members |= _joining(now, cause, free, behind)
            found.append(_group(cause.key, [free.pop(uid) for uid in sorted(members)], now, cause.since_ms, behind))
    taken = {group.key for group in found}
    heard = {ci.uid for ci in now.silent}
    for uid, below in sorted(behind.items(), key=lambda item: (-len(item[1]), item[0] not in heard, item[0])):
        members = {one for one in (*below, uid) if one in free}
        wider = any(members < ones for site, ones in _sites(now, free).items() if site)
        if f"behind:{uid}" in taken or wider or len(members) < 2:
            continue
        if _settled(now, free, members):
            found.append(_group(f"behind:{uid}", [free.pop(one) for one in sorted(members)], now))
    for site, ones in sorted(_sites(now, free).items()):
        if f"site:{site}" not in taken and _settled(now, free, ones):
            found.append(_group(f"site:{site}", [free.pop(one) for one in sorted(ones)], now))
    known = {item.key for item in now.standing}
    for uid, ci in free.items():
        if f"ci:{uid}" in known or _settled(now, free, {uid}):
            found.append(_group(f"ci:{uid}", [ci], now))
    return sorted(found, key=lambda group: group.key)


def _settled(now: Situation, free: Mapping[str, Heard], members: Iterable[str]) -> bool:
    limit = now.now_ms - now.thresholds.after_ms - now.thresholds.settle_ms
    return min(free[uid].seen_ms for uid in members) <= limit


def _group(
    key: str,
    members: Sequence[Heard],
    now: Situation,
    since_ms: int | None = None,
    behind: Mapping[str, frozenset[str]] | None = None,
) -> Group:
    kind, _, name = key.partition(":")
    known: dict[str, Heard | Unheard] = {ci.uid: ci for ci in now.unheard}
    known |= {ci.uid: ci for ci in (*now.live, *now.silent)}
    earliest = min(ci.seen_ms for ci in members)
    uids = {ci.uid for ci in members}
    through = [uid for uid, below in (behind or {}).items() if uids <= below | {uid} and uids & below]
    return Group(
        key,
        name if kind == "site" else None,
        known.get(min(through)) if kind == "site" and through else known.get(name),
        tuple(sorted(members, key=lambda ci: ci.name)),
        earliest if since_ms is None else min(since_ms, earliest),
    )


def _joining(
    now: Situation, cause: Standing, free: Mapping[str, Heard], behind: Mapping[str, frozenset[str]]
) -> set[str]:
    """Return who else fell silent from a cause that is known."""
    kind, _, name = cause.key.partition(":")
    if kind == "behind":
        return {uid for uid in free if uid == name or uid in behind.get(name, frozenset())}
    here = {uid: ci for uid, ci in free.items() if (ci.site or "") == name and ci.seen_ms >= cause.since_ms}
    dark = sum(1 for ci in now.silent if (ci.site or "") == name and ci.seen_ms >= cause.since_ms)
    lit = sum(1 for ci in now.live if (ci.site or "") == name)
    holds = dark >= now.thresholds.site_share * (dark + lit)
    latest = now.now_ms if holds else cause.since_ms + now.thresholds.window_ms
    return {uid for uid, ci in here.items() if ci.seen_ms <= latest}


def _sites(now: Situation, free: Mapping[str, Heard]) -> dict[str, set[str]]:
    """Return the silent sites with those of their CIs that fell silent together, or later."""
    lit: dict[str, int] = {}
    for ci in now.live:
        lit[ci.site or ""] = lit.get(ci.site or "", 0) + 1
    ordered = sorted(free.values(), key=lambda ci: (ci.site or "", ci.seen_ms))
    found = {}
    for site, of_site in groupby(ordered, key=lambda ci: ci.site or ""):
        silent = list(of_site)
        burst = _burst(silent, now.thresholds.window_ms)
        # Those that were silent long before are no part of the count.
        enough = len(burst) >= now.thresholds.site_share * (len(burst) + lit.get(site, 0))
        if len(burst) >= now.thresholds.site_least and enough:
            found[site] = {ci.uid for ci in silent if ci.seen_ms >= burst[0].seen_ms}
    return found


def _burst(ordered: Sequence[Heard], window_ms: int) -> list[Heard]:
    """Return the most that were last heard within the window, the latest such; `ordered` is by time."""
    best, start = (0, 0), 0
    for end, ci in enumerate(ordered, start=1):
        while ci.seen_ms - ordered[start].seen_ms > window_ms:
            start += 1
        if end - start >= best[1] - best[0]:
            best = (start, end)
    return list(ordered[best[0] : best[1]])


def _behind(now: Situation) -> dict[str, frozenset[str]]:
    """Return, by each CI that may have cut others off, which silent CIs are behind it.

    A CI is behind another where every path from it to what is still heard, or where nothing near is heard to the top of
    what leans on one another, goes through that one. What something that is heard lives on alone is up itself.
    """
    edges = [edge for edge in now.relations if edge.kind in PATHS]
    if not now.silent or not edges:
        return {}
    up = _up({ci.uid for ci in now.live}, edges)
    silent = {ci.uid: ci for ci in now.silent}
    dark = ({ci.uid for ci in now.unheard} | silent.keys()) - up
    links = [(edge.from_ci, edge.to_ci) for edge in edges if edge.from_ci in dark and edge.to_ci in dark]
    lit_at = {edge.from_ci for edge in edges if edge.to_ci in up} | {edge.to_ci for edge in edges if edge.from_ci in up}
    leaning = _leaning(edges)
    found: dict[str, frozenset[str]] = {}
    for part in _parts(links):
        entries = part & lit_at or {uid for uid in part if not leaning.get(uid)}
        inside = [link for link in links if link[0] in part]
        ends = Counter(end for link in inside for end in link)
        for uid in part if not silent.keys().isdisjoint(part) else ():
            if ends[uid] < 2 and uid not in entries:
                continue  # a leaf: nothing is behind it
            cut_off = [silent[one] for one in cut_off_by(uid, entries, inside) if one in silent]
            below = _fell_with(silent.get(uid), cut_off, now.thresholds.window_ms)
            if len(below) >= (1 if uid in silent else 2):
                found[uid] = frozenset(below)
    return found


def _fell_with(cause: Heard | None, below: Sequence[Heard], window_ms: int) -> set[str]:
    """Return who of those behind a CI fell silent with it or after it; with each other where it is never heard."""
    if cause is None:
        return {ci.uid for ci in _burst(sorted(below, key=lambda ci: ci.seen_ms), window_ms)}
    return {ci.uid for ci in below if ci.seen_ms >= cause.seen_ms - window_ms}


def _up(live: set[str], edges: Sequence[Edge[str]]) -> set[str]:
    """Return what is heard, and what that alone leans on: it must be up."""
    leaning = _leaning(edges)
    up, stack = set(live), list(live)
    while stack:
        on = leaning.get(stack.pop(), set())
        if len(on) == 1 and not on <= up:
            up |= on
            stack += on
    return up


def _leaning(edges: Iterable[Edge[str]]) -> dict[str, set[str]]:
    """Return what each CI leans on. Two that are connected to each other both ways are peers: neither leans."""
    pairs = {(edge.from_ci, edge.to_ci) for edge in edges}
    found: dict[str, set[str]] = {}
    for front, back in pairs:
        if (back, front) not in pairs:
            found.setdefault(front, set()).add(back)
    return found


def _parts(links: Sequence[tuple[str, str]]) -> list[set[str]]:
    """Return the connected parts that links make."""
    part_of: dict[str, set[str]] = {}
    for left, right in links:
        one, two = part_of.setdefault(left, {left}), part_of.setdefault(right, {right})
        if one is not two:
            small, large = sorted((one, two), key=len)
            large |= small
            part_of.update(dict.fromkeys(small, large))
    return list({id(part): part for part in part_of.values()}.values())


def words(group: Group, ever: int) -> str:
    """Return the finding's message: ``fra1 is silent since 2026-11-24 10:02 UTC: 200 servers (web1 and 199 more)``.

    :param ever: how many were silent from this cause at any time; what is not silent any more is back.
    """
    since = f"silent since {moment(group.since_ms)}"
    if group.key.startswith("ci:"):
        return f"{group.members[0].name} is {since}"
    through = group.ci.name if group.ci is not None else ""
    others = [ci for ci in group.members if group.ci is None or ci.uid != group.ci.uid]
    named = ", ".join(ci.name for ci in others[:_NAMED])
    if len(others) > _NAMED:
        named += f" and {len(others) - _NAMED} more"
    what = _counted(others) + (f" behind {through}" if through else "") + (f" ({named})" if named else "")
    if group.site is not None:
        place = group.site or "what has no location"
        subject = f"{place} is {since}: {what}"
    elif len(others) < len(group.members):
        subject = f"{through} is {since}: it and {what}" if others else f"{through} is {since}"
    else:
        subject = f"{since}: {what}"
    back = ever - len(group.members)
    return subject + (f"; {back} of {ever} are back" if back else "")


def words_ended(message: str, why: str) -> str:
    """Return the message of a finding that a decision has ended."""
    return f"{message.partition('; ')[0]}; {why}"


def words_over(message: str, back_ms: int) -> str:
    """Return the message of a finding that is over."""
    return f"{message.partition('; ')[0]}; back since {moment(back_ms)}"


def counts(members: Iterable[Heard]) -> dict[str, int]:
    """Return how many CIs of each class there are."""
    found: dict[str, int] = {}
    for ci in members:
        found[ci.ci_class] = found.get(ci.ci_class, 0) + 1
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _counted(members: Sequence[Heard]) -> str:
    return ", ".join(f"{count} {name}{'s' if count != 1 else ''}" for name, count in counts(members).items())


def moment(time_ms: int) -> str:
    """Return a time as messages say it: ``2026-11-24 10:02 UTC``."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
