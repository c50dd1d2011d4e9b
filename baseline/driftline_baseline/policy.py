"""The approval policy: who has to agree to a change, and what happens after it, by its kind, risk and CIs.

rules:                            # in this order: for each CI the first rule that fits counts
  - when: {kind: emergency}       # kind, risk, criticality, environment: a value or a list; all must fit
    approvers: 1                  # 1 or 2
    assess: optional              # or required: before it can be authorised
    approve_within: 24h           # after it began; for emergencies only
    review: required              # or automatic
    close: manual                 # or automatic, once everything that it predicts was seen
  - approvers: 1                  # the last rule has no `when`: it fits everything
external:                         # accounts that may act on behalf of people in another system
  servicenow: [svc-snow]
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import yaml

from driftline_baseline.lifecycle import KINDS
from driftline_baseline.yaml_reader import YamlReader, compose

RISK_LEVELS = ("low", "medium", "high")
#: How long an emergency may wait for its approval where no rule says so, ms.
APPROVE_WITHIN_MS = 86_400_000

_CONDITIONS = ("kind", "risk", "criticality", "environment")
_RULE = ("when", "approvers", "assess", "approve_within", "review", "close")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule is asked about: an RFC, and one of its CIs."""

    kind: str
    risk: str
    criticality: str | None = None
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """What a change needs."""

    approvers: int = 1
    assess: bool = False
    #: After it began, ms; None: before it begins.
    approve_within_ms: int | None = None
    #: A person has to review it.
    review: bool = False
    #: It closes by itself once everything that it predicts was seen, where it needs no review.
    closes: bool = True

    def stricter(self, other: "Need") -> "Need":
        """Return what satisfies both."""
        limits = [one for one in (self.approve_within_ms, other.approve_within_ms) if one is not None]
        return Need(
            max(self.approvers, other.approvers),
            self.assess or other.assess,
            min(limits, default=None),
            self.review or other.review,
            self.closes and other.closes,
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """What changes need that fit some conditions."""

    when: Mapping[str, tuple[str, ...]]
    need: Need

    def fits(self, subject: Subject) -> bool:
        """Tell whether all conditions hold."""
        return all(getattr(subject, name) in wanted for name, wanted in self.when.items())


@dataclass(frozen=True, slots=True)
class Policy:
    """An approval policy."""

    rules: tuple[Rule, ...]
    #: Accounts that may act on behalf of people, by the other system's name.
    external: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def need_of(self, subjects: Iterable[Subject]) -> Need:
        """Return what a change needs: the strictest over its CIs.

        :param subjects: the RFC with each of its CIs; with none of them where it has none yet.
        """
        need: Need | None = None
        for subject in subjects:
            found = next(rule.need for rule in self.rules if rule.fits(subject))
            if subject.kind == "emergency":
                limit = found.approve_within_ms or APPROVE_WITHIN_MS
                found = Need(found.approvers, found.assess, limit, review=True, closes=False)
            need = found if need is None else need.stricter(found)
        if need is None:
            raise ValueError("a policy is asked about at least one subject")
        return need


DEFAULT = """\
# What driftline asks for where nobody has set another policy.
rules:
  - when: {kind: emergency}
    approvers: 1
    assess: optional
    approve_within: 24h
    review: required
    close: manual
  - when: {kind: standard, risk: low}
    approvers: 1
    assess: optional
    review: automatic
    close: automatic
  - when: {risk: high}
    approvers: 2
    assess: required
    review: required
    close: manual
  - when: {criticality: critical, environment: production}
    approvers: 2
    assess: optional
    review: required
    close: manual
  - approvers: 1
    assess: optional
    review: automatic
    close: automatic
"""


def parse(text: str, source: str = "policy") -> Policy:
    """Read a policy.

    :param source: what to call it in errors: a file's name.
    :raises DocumentError: where it breaks its rules; the message names line, column and the mend.
    """
    nodes = YamlReader(source)
    root = compose(text, source, "a policy has rules")
    found = nodes.mapping(root, "policy", ("rules", "external"))
    if "rules" not in found:
        raise nodes.fail(root, "policy", "has no rules")
    listed = nodes.sequence(found["rules"], "rules")
    if not listed:
        raise nodes.fail(found["rules"], "rules", "is empty; write at least one rule without when")
    rules: list[Rule] = []
    for index, node in enumerate(listed):
        where = f"rules[{index}]"
        if rules and not rules[-1].when:
            raise nodes.fail(node, where, "can never be reached: the rule before it fits everything")
        rules.append(_rule(nodes, node, where))
    if rules[-1].when:
        raise nodes.fail(
            listed[-1], f"rules[{len(rules) - 1}]", "the last rule must fit everything: leave out its when"
        )
    external: dict[str, tuple[str, ...]] = {}
    if "external" in found:
        for name, node in nodes.mapping(found["external"], "external").items():
            external[name] = nodes.texts(node, f"external.{name}")
    return Policy(tuple(rules), external)


def _rule(nodes: YamlReader, node: yaml.Node, where: str) -> Rule:
    found = nodes.mapping(node, where, _RULE)
    when: dict[str, tuple[str, ...]] = {}
    if "when" in found:
        for name, value in nodes.mapping(found["when"], f"{where}.when", _CONDITIONS).items():
            when[name] = nodes.texts(value, f"{where}.when.{name}")
            for allowed, of in ((KINDS, "kind"), (RISK_LEVELS, "risk")):
                wrong = [one for one in when[name] if name == of and one not in allowed]
                if wrong:
                    raise nodes.fail(value, f"{where}.when.{name}", f'"{wrong[0]}" is not one of {", ".join(allowed)}')
    if "approvers" not in found:
        raise nodes.fail(node, where, "has no approvers; write approvers: 1 or 2")
    approvers = nodes.plain(found["approvers"])
    if approvers not in (1, 2) or isinstance(approvers, bool):
        raise nodes.fail(found["approvers"], f"{where}.approvers", f"{approvers!r} is not 1 or 2")
    only_emergency = when.get("kind") == ("emergency",)
    limit = None
    if "approve_within" in found:
        limit = nodes.span_ms(found["approve_within"], f"{where}.approve_within")
        if not only_emergency:
            raise nodes.fail(
                found["approve_within"],
                f"{where}.approve_within",
                "only emergencies are approved after the fact; write when: {kind: emergency}",
            )
    review = _choice(nodes, found, where, "review", ("automatic", "required"))
    if only_emergency and review == "automatic" and "review" in found:
        raise nodes.fail(found["review"], f"{where}.review", "an emergency is always reviewed; write review: required")
    assess = _choice(nodes, found, where, "assess", ("optional", "required"))
    close = _choice(nodes, found, where, "close", ("automatic", "manual"))
    need = Need(int(approvers), assess == "required", limit, review == "required", close == "automatic")
    return Rule(when, need)


def _choice(nodes: YamlReader, found: Mapping[str, yaml.Node], where: str, name: str, allowed: tuple[str, str]) -> str:
    """Return one of two words, the first where none is written."""
    return nodes.one_of(found[name], f"{where}.{name}", allowed) if name in found else allowed[0]
