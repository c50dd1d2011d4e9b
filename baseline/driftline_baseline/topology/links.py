"""From the sights of all ends to links: one cable is one link, whoever sees it, and a port has one cable."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from driftline_baseline.topology.sights import MAC

#: Who is not heard any more while both ports are up is gone after this time, ms. LLDP's neighbours live for 120 s
#: (IEEE 802.1AB: 30 s times 4), CDP's for 180 s, devices are read every 5 minutes: one missed reading is no news.
GRACE_MS = 600_000
#: So long a device may still tell of a neighbour that has left (CDP's hold time), ms.
HOLD_MS = 180_000


class End(NamedTuple):
    """A port of a CI."""

    ci: int
    port: str


class Link(NamedTuple):
    """A cable between two ports. The CI with the lower id is the front: its record holds the link."""

    front: End
    behind: End


def link_between(one: End, two: End) -> Link:
    """Return the link between two ports, whichever is given first."""
    return Link(*sorted((one, two)))


@dataclass(frozen=True, slots=True)
class Sight:
    """A CI sees another one at a port."""

    at: End
    far: End
    #: LLDP, CDPv2, LLDP and CDPv2, MAC.
    by: str
    since_ms: int
    #: When it was last read that it is there.
    seen_ms: int
    #: When it was first read that it is not heard any more; None while it is.
    lost_ms: int | None = None


@dataclass(frozen=True, slots=True)
class PortState:
    """What is known of a port."""

    up: bool | None
    #: When that was first read.
    since_ms: int
    virtual: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A link and how it is known."""

    link: Link
    #: ``LLDP at both ends``, ``LLDP of sw1``: CIs as ``{3}``, for who knows their names.
    by: str
    #: What another end says instead.
    instead: Link | None = None
    #: Since when both are said, ms; None where nothing contradicts it.
    disputed_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What some sights come to."""

    links: Sequence[Found]
    #: Ports at which several devices are heard: a hub, or a switch that tells nothing of itself.
    shared: Collection[End]
    #: When time alone may change something; None where it cannot.
    again_ms: int | None


@dataclass(frozen=True, slots=True)
class _Candidate:
    link: Link
    sights: tuple[Sight, ...]
    exists: bool

    @property
    def told(self) -> bool:
        return any(one.by != MAC for one in self.sights)

    @property
    def order(self) -> tuple[bool, bool, int, int, bool]:
        """What wins comes last: what a protocol tells, then the newest, then what both ends say."""
        ends = {one.at for one in self.sights}
        live = any(one.lost_ms is None for one in self.sights)
        return self.told, live, max(one.since_ms for one in self.sights), len(ends), self.exists


def reconcile(
    sights: Iterable[Sight],
    ports: Mapping[End, PortState],
    known: Collection[int],
    existing: Collection[Link],
    now: int,
) -> Reconciled:
    """Return the links that sights come to.

    :param ports: all ports of the CIs whose ports are known.
    :param known: CIs whose ports are known: a port that is not among them is gone.
    :param existing: links on record.
    :param now: ms since 1970.
    """
    again: list[int] = []
    live = [one for one in sights if one.at.ci != one.far.ci and _stands(one, ports, known, now, again)]
    live = _agreed(live, ports)
    candidates = _candidates(live, existing)
    candidates, shared = _without_shared(candidates, now, again)
    candidates = _without_guesses(candidates)
    taken: dict[End, _Candidate] = {}
    beaten: list[_Candidate] = []
    chosen: list[_Candidate] = []
    for one in sorted(sorted(candidates, key=lambda c: c.link), key=lambda c: c.order, reverse=True):
        if taken.keys() & set(one.link):
            beaten.append(one)
            continue
        chosen.append(one)
        taken.update(dict.fromkeys(one.link, one))
    found = []
    for one in sorted(chosen, key=lambda c: c.link):
        against = [other for other in beaten if other.told and set(other.link) & set(one.link)]
        if not against:
            found.append(Found(one.link, _words(one)))
            continue
        other = min(against, key=lambda c: c.link)
        since_ms = max(sight.since_ms for sight in (*one.sights, *other.sights))
        if now < since_ms + GRACE_MS:  # one cable is moved, two devices are read: that is no dispute yet
            again.append(since_ms + GRACE_MS)
        found.append(Found(one.link, _words(one), other.link, since_ms))
    return Reconciled(found, shared, min(again, default=None))


def _stands(one: Sight, ports: Mapping[End, PortState], known: Collection[int], now: int, again: list[int]) -> bool:
    """Tell whether a sight still says that there is a link."""
    for end in (one.at, one.far):
        state = ports.get(end)
        if state is None:
            if end.ci in known and end is one.at:
                return False
            continue
        if state.up is False and (end is one.at or not _outlives(one, state)):
            return False
    if one.lost_ms is None or one.by == MAC:
        return True
    if now < one.lost_ms + GRACE_MS:
        again.append(one.lost_ms + GRACE_MS)
        return True
    return False


def _outlives(one: Sight, far: PortState) -> bool:
    """Tell whether a port hears another that was read to be down before: then it is up again, and not read since."""
    return one.lost_ms is None and (one.since_ms > far.since_ms or one.seen_ms > far.since_ms + HOLD_MS)


def _agreed(sights: Sequence[Sight], ports: Mapping[End, PortState]) -> list[Sight]:
    """Let both ends name the same ports where one end names the other's by a name that is no port with a cable."""
    back = {(one.at.ci, one.far): one.at for one in sights}
    out = []
    for one in sights:
        state = ports.get(one.far)
        own = back.get((one.far.ci, one.at))
        vague = state is None or state.virtual
        out.append(replace(one, far=own) if own is not None and vague and own != one.far else one)
    return out


def _candidates(sights: Sequence[Sight], existing: Collection[Link]) -> list[_Candidate]:
    by_link: dict[Link, list[Sight]] = {}
    for one in sights:
        by_link.setdefault(link_between(one.at, one.far), []).append(one)
    return [_Candidate(link, tuple(told), link in existing) for link, told in by_link.items()]


def _without_shared(candidates: Sequence[_Candidate], now: int, again: list[int]) -> tuple[list[_Candidate], set[End]]:
    """Leave out what is at ports that hear several devices at once.

    A device that was unplugged is told of until its time is over, beside the new one: for so long what was there stays.
    """
    heard: dict[End, dict[End, Sight]] = {}
    for candidate in candidates:
        for one in candidate.sights:
            if one.by != MAC and one.lost_ms is None:
                heard.setdefault(one.at, {})[one.far] = one
    shared: set[End] = set()
    dropped: set[Link] = set()
    for at, told in heard.items():
        if len(told) < 2:
            continue
        newest = max(one.since_ms for one in told.values())
        kept = [one for one in candidates if at in one.link and one.exists]
        if kept and now < newest + HOLD_MS:
            again.append(newest + HOLD_MS)
            dropped |= {one.link for one in candidates if at in one.link and not one.exists}
        else:
            shared.add(at)
            dropped |= {one.link for one in candidates if at in one.link}
    return [one for one in candidates if one.link not in dropped], shared


def _without_guesses(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Leave out who is known by hardware address only and seen by several bridges: only one of them is next to him."""
    seen: dict[End, list[_Candidate]] = {}
    for one in candidates:
        if not one.told:
            for far in {sight.far for sight in one.sights}:
                seen.setdefault(far, []).append(one)
    out = []
    for one in candidates:
        rivals = [
            other
            for sight in one.sights
            for other in seen.get(sight.far, ())
            if other is not one and {s.at.ci for s in other.sights} != {s.at.ci for s in one.sights}
        ]
        if one.told or not rivals or (one.exists and not any(other.exists for other in rivals)):
            out.append(one)
    return out


def _words(one: _Candidate) -> str:
    told = {sight.at: sight for sight in one.sights if sight.by != MAC}
    if not told:
        sight = one.sights[0]
        return f"seen: MAC of {{{sight.far.ci}}} behind {{{sight.at.ci}}} {sight.at.port}"
    protocols = " and ".join(
        sorted({part for sight in told.values() for part in sight.by.split(" and ")}, reverse=True)
    )
    if len(told) == 2:
        return f"{protocols} at both ends"
    (at,) = told
    return f"{protocols} of {{{at.ci}}}"
