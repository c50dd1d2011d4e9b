"""What is expected of a CI, path by path, and who says so: which baseline or RFC, since when, approved by whom."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from driftline import paths
from driftline_baseline import values
from driftline_baseline.compare import compare
from driftline_baseline.expected import Delta, Expected, Layer, element_path
from driftline_baseline.values import Attributes
from driftline_cmdb.drift.expectation import expected_of
from driftline_cmdb.record import elements_of
from driftline_cmdb.tables.baselines import BaselineVersion
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.rfcs import Rfc, RfcDecision


@dataclass(frozen=True, slots=True)
class Says:
    """Who says what is expected."""

    #: golden v3, or RFC 7.
    title: str
    since_ms: int | None
    approved_by: str | None


@dataclass(frozen=True, slots=True)
class ExpectedPath:
    """What is expected at one attribute's or element's path."""

    path: str
    #: Canonical JSON; None means absent. For a rule the value now, and `rule` says what it must fulfil.
    expected: str | None
    #: A condition in words, ``at least 3.0.14``; None where the exact value is expected.
    rule: str | None
    actual: str | None
    says: Says
    #: Whether it is as expected.
    holds: bool


def expected_at(session: Session, ci: Ci, match: Sequence[str]) -> list[ExpectedPath]:
    """Return what is expected of a CI at the paths that some patterns match, by path.

    :param match: patterns; all that is expected where it is empty.
    """
    expected = expected_of(session, ci)
    held = elements_of(session, ci.id)
    who = _Who(session)
    found: list[ExpectedPath] = []
    for path in sorted(expected.named_paths() | held.keys()):
        if match and not any(_may_match(pattern, path) for pattern in match):
            continue
        found += _of_element(expected, path, held.get(path), who)
    return [item for item in found if not match or paths.matches_any(match, item.path)]


def _may_match(pattern: str, element: str) -> bool:
    """Tell whether a pattern may match an element or one of its attributes."""
    return paths.matches(pattern, element) or paths.matches(element_path_of(pattern), element)


def element_path_of(pattern: str) -> str:
    """Return the pattern of the elements whose attributes a pattern names; itself where that cannot be told."""
    try:
        return element_path(pattern)
    except paths.PathError:
        return pattern


def _of_element(expected: Expected, path: str, actual: Attributes | None, who: "_Who") -> list[ExpectedPath]:
    if expected.ignored(path):
        return []
    want, rules = expected.at(path), expected.rules(path)
    off = {difference.path for difference in compare(expected, path, actual)}
    found: list[ExpectedPath] = []
    for name, (layer, rule) in rules.items():
        where = path if name is None else f"{path}.{name}"
        value = actual if name is None else (actual or {}).get(name)
        if (value is None and name is not None) or rule.predicate is None:
            continue
        shown = values.encode(value)
        found.append(ExpectedPath(where, shown, rule.predicate.show(), shown, who.layer(layer), where not in off))
    if not want.watched:
        return found
    deltas = {delta.path: delta for delta in expected.by_element.get(path, ())}
    if want.attributes is None:
        says = who.of(deltas.get(path), want.layer_id, want.origin)
        if actual is not None or path in deltas:
            found.append(ExpectedPath(path, None, None, values.encode(actual), says, path not in off))
        return found
    for name, value in sorted(want.attributes.items()):
        where = f"{path}.{name}"
        if name in rules or expected.ignored(where) or (want.only is not None and name not in want.only):
            continue
        says = who.of(deltas.get(where) or deltas.get(path), want.layer_id, want.origin)
        now = values.encode((actual or {}).get(name))
        found.append(ExpectedPath(where, values.encode(value), None, now, says, not {where, path} & off))
    return found


class _Who:
    """Looks up who approved what, each once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._versions: dict[int, Says] = {}
        self._rfcs: dict[int, Says] = {}

    def layer(self, layer: Layer) -> Says:
        return self._version(layer.id, layer.title)

    def of(self, delta: Delta | None, layer_id: int | None, origin: str) -> Says:
        if delta is not None and origin.startswith("RFC "):
            return self._rfc(delta)
        return self._version(layer_id or 0, origin)

    def _version(self, version_id: int, title: str) -> Says:
        if version_id not in self._versions:
            row = self._session.get(BaselineVersion, version_id)
            self._versions[version_id] = (
                Says(title, row.approved_ms, row.approved_by) if row is not None else Says(title, None, None)
            )
        return self._versions[version_id]

    def _rfc(self, delta: Delta) -> Says:
        if delta.rfc_number not in self._rfcs:
            query = (
                select(RfcDecision.actor)
                .join(Rfc, col(Rfc.id) == col(RfcDecision.rfc_id))
                .where(Rfc.number == delta.rfc_number, RfcDecision.action == "authorised")
                .order_by(col(RfcDecision.id).desc())
            )
            actor = self._session.exec(query).first()
            self._rfcs[delta.rfc_number] = Says(f"RFC {delta.rfc_number}", delta.authorised_ms, actor)
        says = self._rfcs[delta.rfc_number]
        return Says(says.title, delta.authorised_ms, says.approved_by)
