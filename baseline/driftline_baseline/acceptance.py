"""Acceptance criteria of a release: rules that must hold on the CIs where it is tested.

They are compared as a baseline's rules are. A rule that finds nothing to speak of on any host does not hold: a test in
which the package was not even installed has shown nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from driftline_baseline.compare import compare
from driftline_baseline.document import Document, Expectation, Selector, plain_expectation
from driftline_baseline.expected import Expected, Layer
from driftline_baseline.values import Attributes, show

_TITLE = "the acceptance criteria"


@dataclass(frozen=True, slots=True)
class Host:
    """A CI of a test wave, and what it holds now where the criteria look."""

    name: str
    #: By element path.
    elements: Mapping[str, Attributes]
    #: False where it has not reported since its wave began: what it holds may be older than the change.
    heard: bool = True


@dataclass(frozen=True, slots=True)
class Failing:
    """Where a rule does not hold, and why."""

    host: str
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule on all hosts."""

    rule: str
    #: Hosts that were asked, and those of them on which the rule speaks of anything.
    hosts: int
    applies: int
    failing: tuple[Failing, ...]

    @property
    def holds(self) -> bool:
        """Whether it holds on every host, and speaks of something on one at least."""
        return not self.failing and self.applies > 0

    def text(self) -> str:
        """Return it as people read it, with its denominator."""
        if not self.applies and not self.failing:
            return f"{self.rule}: speaks of nothing on {self.hosts} hosts, so nothing was tested"
        good = self.hosts - len({one.host for one in self.failing})
        beside = f" ({self.hosts - self.applies} have nothing it speaks of)" if self.applies < self.hosts else ""
        return f"{self.rule}: holds on {good} of {self.hosts}{beside}"


def evaluate(criteria: Sequence[Expectation], hosts: Sequence[Host]) -> tuple[Verdict, ...]:
    """Return how each rule stands on the hosts."""
    return tuple(_verdict(rule, hosts) for rule in criteria)


def passed(verdicts: Sequence[Verdict]) -> bool:
    """Tell whether all rules hold; no rule at all is no test."""
    return bool(verdicts) and all(verdict.holds for verdict in verdicts)


def rule_text(rule: Expectation) -> str:
    """Return a rule in a line."""
    plain = plain_expectation(rule)
    said = ", ".join(f"{name} {value}" for name, value in plain.items() if name not in ("path", "severity"))
    return f"{rule.path} {said}"


def _verdict(rule: Expectation, hosts: Sequence[Host]) -> Verdict:
    document = Document(_TITLE, Selector(), (rule,))
    expected = Expected.of([Layer(document, lambda _path: None, _TITLE)], [])
    failing: list[Failing] = []
    applies = 0
    for host in hosts:
        if not host.heard:
            failing.append(Failing(host.name, "no report since its wave began"))
            continue
        paths = {path for path in host.elements if expected.rules(path)} | expected.named_paths()
        applies += _speaks(rule, paths, host.elements)
        failing += [Failing(host.name, why) for why in _whys(expected, sorted(paths), host.elements)]
    return Verdict(rule_text(rule), len(hosts), applies, tuple(failing))


def _speaks(rule: Expectation, paths: set[str], elements: Mapping[str, Attributes]) -> bool:
    """Tell whether a rule says anything of a host: of presence and absence it always does."""
    if rule.attribute is None:
        return True
    return any(rule.attribute in elements[path] for path in paths if path in elements)


def _whys(expected: Expected, paths: Sequence[str], elements: Mapping[str, Attributes]) -> Iterator[str]:
    for path in paths:
        for difference in compare(expected, path, elements.get(path)):
            yield f"{difference.path} is {show(difference.actual)}"
