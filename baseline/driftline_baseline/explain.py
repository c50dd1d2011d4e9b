"""What explains a difference, in this order: an RFC's prediction, a standing rule, or nothing (design section 6)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from driftline_baseline.allowed import Allowed, Published, version_of
from driftline_baseline.compare import Difference
from driftline_baseline.evidence import HostAct, attribute, narrowed
from driftline_baseline.expected import element_path
from driftline_baseline.hours import ALL_HOURS, Hours
from driftline_baseline.interval import ALWAYS, Interval, Window
from driftline_baseline.values import decode
from driftline_baseline.wording import package_of

#: Attributes of a package that its database changes together with its version; nobody decides them.
FOLLOW_VERSION = frozenset({"source", "vendor"})


@dataclass(frozen=True, slots=True)
class Observed:
    """A difference with when it came about, by which transaction, and the package that owns it on the host."""

    difference: Difference
    #: Narrowed by the host's own log where that names the change.
    change: Interval
    act: HostAct | None = None
    #: By the host's package database; None where no package owns it.
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """What an authorised RFC says will happen on a CI in its window (design section 6, rule 2)."""

    delta_id: int
    rfc_number: int
    allowed: Allowed
    window: Window


@dataclass(frozen=True, slots=True)
class StandingRule:
    """A pre-approved standard change: paths and values that may change at some hours (design section 6, rule 15)."""

    id: int
    name: str
    allow: tuple[Allowed, ...]
    hours: Hours = ALL_HOURS
    #: From its approval to its end.
    window: Window = ALWAYS
    #: Where named, the host's log must say that one of these asked for it. This narrows; it never explains by itself.
    actors: tuple[str, ...] = ()

    def line_for(self, observed: Observed, published: Published) -> Allowed | None:
        """Return the line that permits a change, None where none does."""
        if not (self.window.covers(observed.change) and self.hours.may_hold(observed.change)):
            return None
        if self.actors and (observed.act is None or observed.act.actor not in self.actors):
            return None
        return next((line for line in self.allow if line.fits(observed.difference, published)), None)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a difference is no unexplained drift."""

    why: str
    prediction: Prediction | None = None
    rule: StandingRule | None = None
    #: It follows from a change that was predicted or permitted, as the host's package database shows.
    consequential: bool = False
    #: Not (yet) as predicted, but its window is still open: nothing is concluded before its end (rule 3).
    in_progress: bool = False


def observe(
    differences: Iterable[Difference],
    change: Callable[[str], Interval],
    acts: Sequence[HostAct],
    owner: Callable[[str], str | None],
) -> list[Observed]:
    """Return differences with what the host's own records say of them.

    :param change: when an element's path changed last.
    :param owner: the package that owns an element's path.
    """
    found = []
    for difference in differences:
        element = element_path(difference.path)
        when = change(element)
        act = attribute(difference.path, version_of(decode(difference.actual)), when, acts)
        # only a log that names the change narrows when it was; one that ran at the time may have nothing to do with it
        named = act is not None and package_of(difference.path) is not None
        found.append(Observed(difference, narrowed(when, act) if named and act else when, act, owner(element)))
    return found


def explain(
    observed: Sequence[Observed],
    predictions: Sequence[Prediction],
    rules: Sequence[StandingRule],
    published: Published,
    now_ms: int,
) -> dict[str, Explanation]:
    """Return what explains each difference of one CI, by path; what is left out is unexplained.

    :param observed: its differences, all of one look.
    :param rules: those that select this CI.
    """
    found: dict[str, Explanation] = {}
    for item in observed:
        direct = _predicted(item, predictions, published) or _permitted(item, rules, published)
        if direct is not None:
            found[item.difference.path] = direct
    for item in observed:
        if item.difference.path not in found:
            rest = _consequence(item, observed, found, published) or _in_progress(item, predictions, now_ms)
            if rest is not None:
                found[item.difference.path] = rest
    return found


def _predicted(item: Observed, predictions: Sequence[Prediction], published: Published) -> Explanation | None:
    for prediction in predictions:
        if prediction.window.covers(item.change) and prediction.allowed.fits(item.difference, published):
            why = f"RFC {prediction.rfc_number} predicted {prediction.allowed.show()} in its window"
            return Explanation(why, prediction)
    return None


def _permitted(item: Observed, rules: Sequence[StandingRule], published: Published) -> Explanation | None:
    for rule in rules:
        line = rule.line_for(item, published)
        if line is not None:
            return Explanation(f"standing rule {rule.name} permits {line.show()}", rule=rule)
    return None


def _consequence(
    item: Observed, observed: Sequence[Observed], found: Mapping[str, Explanation], published: Published
) -> Explanation | None:
    """Return the explanation that a difference follows from by the host's package database."""
    for cause in observed:
        why = found.get(cause.difference.path)
        if why is None or why.consequential or why.in_progress:
            continue
        package = package_of(cause.difference.path)
        if package is not None and _belongs(item, cause, package, why, published):
            words = f"belongs to package {package[1]}: {why.why}"
            return Explanation(words, why.prediction, why.rule, consequential=True)
    return None


def _belongs(
    item: Observed, cause: Observed, package: tuple[str, str, str], why: Explanation, published: Published
) -> bool:
    path = item.difference.path
    if element_path(path) == element_path(cause.difference.path):
        return path.rpartition(".")[2] in FOLLOW_VERSION
    if item.owner is not None:
        same_time = Window(cause.change.after_ms, cause.change.until_ms).covers(item.change)
        return item.owner == package[1] and same_time
    pulled = package_of(path)
    if pulled is None or item.act is None or item.act != cause.act or not item.act.pulled_in(pulled[1]):
        return False
    origin = _origin(cause, why)
    comes = version_of(decode(item.difference.actual))
    return origin is None or (comes is not None and published(origin, pulled, comes))


def _origin(cause: Observed, why: Explanation) -> str | None:
    if why.prediction is not None:
        return why.prediction.allowed.origin
    lines = why.rule.allow if why.rule is not None else ()
    return next((line.origin for line in lines if line.names(cause.difference.path)), None)


def _in_progress(item: Observed, predictions: Sequence[Prediction], now_ms: int) -> Explanation | None:
    for prediction in predictions:
        window = prediction.window
        if window.end_ms is None or now_ms > window.end_ms or not prediction.allowed.exact:
            continue
        if prediction.allowed.names(item.difference.path) and window.covers(item.change):
            why = f"in progress: RFC {prediction.rfc_number} predicts {prediction.allowed.show()} until its window ends"
            return Explanation(why, prediction, in_progress=True)
    return None
