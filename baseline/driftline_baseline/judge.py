"""What becomes of a CI's drifts when it is looked at again: the transitions, worked out without touching anything."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from driftline_baseline.compare import Difference
from driftline_baseline.expected import element_path
from driftline_baseline.explain import Explanation
from driftline_baseline.interval import Interval

#: A drift that was reverted and comes back with the same value within this time is the same drift (flapping).
RETURN_WITHIN_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class KnownDrift:
    """A drift that is open or accepted, or was reverted a short time ago."""

    id: int
    path: str
    actual: str | None
    expected: str | None = None
    #: open, accepted, reverted.
    state: str = "open"
    #: For an accepted one: its end; for a reverted one: when it was closed.
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A new drift."""

    difference: Difference
    change: Interval


@dataclass(frozen=True, slots=True)
class Returned:
    """A reverted drift is back (or an acceptance has ended): the same drift is open again."""

    drift_id: int
    difference: Difference
    why: str


@dataclass(frozen=True, slots=True)
class Restated:
    """The drift stays; what is expected there has another wording now."""

    drift_id: int
    difference: Difference


@dataclass(frozen=True, slots=True)
class Closed:
    """The drift ends: explained, reverted or superseded."""

    drift_id: int
    state: str
    why: str


@dataclass(frozen=True, slots=True)
class Settled:
    """A change is explained: the observed value is the exact expected one from now on (rule 2)."""

    explanation: Explanation
    difference: Difference
    change: Interval
    #: The drift that it ends, where one was open.
    drift_id: int | None


@dataclass(frozen=True, slots=True)
class Held:
    """A change is on its way, in the window of the RFC that predicts something there: no drift yet (rule 3)."""

    explanation: Explanation
    difference: Difference


Verdict = Opened | Returned | Restated | Closed | Settled | Held


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a CI: what was compared, and what came of it."""

    #: Element paths that were compared this time; drifts elsewhere are left alone.
    compared: frozenset[str]
    differences: Sequence[Difference]
    #: The value of an attribute's or element's path now, as canonical JSON.
    actual: Callable[[str], str | None]
    #: Who says what is expected at an element's path now: "golden v2", "RFC 7", "" for nobody.
    origin: Callable[[str], str]
    #: When the last change of an element's path happened.
    change: Callable[[str], Interval]


def judge(look: Look, known: Iterable[KnownDrift], explained: Mapping[str, Explanation], now_ms: int) -> list[Verdict]:
    """Return what becomes of a CI's drifts.

    :param known: its open and accepted drifts, and those reverted within :data:`RETURN_WITHIN_MS`.
    :param explained: what explains a difference, by path.
    """
    known = list(known)
    standing = {drift.path: drift for drift in known if drift.state != "reverted"}
    returning = {(drift.path, drift.actual): drift for drift in known if drift.state == "reverted"}
    here = {difference.path: difference for difference in look.differences}
    verdicts: list[Verdict] = []
    for path, difference in here.items():
        drift = standing.get(path)
        change = look.change(element_path(path))
        explanation = explained.get(path)
        if explanation is not None and explanation.in_progress:
            verdicts.append(Held(explanation, difference))
            if drift is not None and drift.actual != difference.actual:
                verdicts.append(Closed(drift.id, "superseded", explanation.why))
        elif explanation is not None:
            verdicts.append(Settled(explanation, difference, change, drift.id if drift else None))
        elif drift is None:
            back = returning.get((path, difference.actual))
            if back is not None and back.until_ms is not None and now_ms - back.until_ms <= RETURN_WITHIN_MS:
                verdicts.append(Returned(back.id, difference, "came back after it was reverted"))
            else:
                verdicts.append(Opened(difference, change))
        elif drift.actual != difference.actual:
            verdicts.append(Closed(drift.id, "superseded", "the value changed again"))
            verdicts.append(Opened(difference, change))
        elif drift.state == "accepted" and drift.until_ms is not None and now_ms >= drift.until_ms:
            verdicts.append(Returned(drift.id, difference, "its acceptance has ended"))
        elif drift.expected != difference.expected:
            verdicts.append(Restated(drift.id, difference))
    for drift in standing.values():
        element = element_path(drift.path)
        if element in look.compared and drift.path not in here:
            verdicts.append(_ended(drift, element, here, look))
    return verdicts


def _ended(drift: KnownDrift, element: str, here: Mapping[str, Difference], look: Look) -> Closed:
    covered = element in here or (drift.path == element and any(element_path(path) == element for path in here))
    if covered:
        return Closed(drift.id, "superseded", f"{element} changed again")
    origin = look.origin(element)
    if not origin:
        return Closed(drift.id, "superseded", "no baseline watches it any more")
    if look.actual(drift.path) == drift.actual:
        return Closed(drift.id, "explained", f"{origin} says so")
    return Closed(drift.id, "reverted", f"what {origin} expects is back")
