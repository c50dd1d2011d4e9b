"""What REST and pages show of a version before it is approved: what differs, what it would do, what is covered."""

import difflib
from typing import Any

from pydantic import BaseModel
from sqlmodel import Session

from driftline_baseline import values
from driftline_cmdb import record
from driftline_cmdb.baselines import comparing, trial
from driftline_cmdb.baselines import coverage as coverages
from driftline_cmdb.baselines.trial import Foreseen
from driftline_cmdb.baselines.versions import find_version
from driftline_server.baselines.views import FoldedRow, folded_row


class RuleRow(BaseModel):
    """A part of the document that is not as it was."""

    #: added, removed, changed.
    change: str
    #: rule, ignore, selector, rank, rest, name.
    part: str
    path: str
    #: As it stands in the document; null where there was or is none.
    before: str | None
    after: str | None


class PinRow(BaseModel):
    """A pinned attribute or element that is not as it was."""

    #: added, removed, changed.
    change: str
    path: str
    #: null means absent.
    before: Any
    after: Any


class Diff(BaseModel):
    """What differs between two versions."""

    before: int
    after: int
    rules: list[RuleRow]
    #: The first thousand elements' changes.
    pins: list[PinRow]
    #: How many pinned elements differ.
    elements: int
    #: A unified diff of the documents.
    lines: list[str]


class ForeseenRow(BaseModel):
    """A drift that would open or close."""

    ci: str
    path: str
    #: null means absent.
    expected: Any
    actual: Any
    severity: str
    why: str


class ConflictRow(BaseModel):
    """Two baselines that contradict each other."""

    path: str
    lower: str
    upper: str
    lower_rule: str
    upper_rule: str


class DryRun(BaseModel):
    """What a version would do if it came into force now. Nothing was written."""

    name: str
    version: int
    #: In words: "this version would open 14 drifts on 6 hosts and close 2".
    summary: str
    #: CIs that it, or the version in force, covers; so many of them were compared.
    cis: int
    compared: int
    opens: list[ForeseenRow]
    closes: list[ForeseenRow]
    #: What it folds in: deltas of RFCs that it speaks for from then on.
    folded: list[FoldedRow]
    #: Why it could not be approved.
    conflicts: list[ConflictRow]


class SectionRow(BaseModel):
    """How much of a section of facts is watched."""

    section: str
    attributes: int
    watched: int
    #: 0 to 1.
    share: float


class UnwatchedRow(BaseModel):
    """Attributes that no baseline watches."""

    #: Without keys: software.packages.version.
    path: str
    attributes: int


class Coverage(BaseModel):
    """What baselines cover, and what nobody watches."""

    cis: int
    #: Names of the CIs that no baseline in force covers.
    uncovered: list[str]
    attributes: int
    watched: int
    #: 0 to 1.
    share: float
    sections: list[SectionRow]
    unwatched: list[UnwatchedRow]
    #: Baselines in force that match no CI.
    unmatched: list[str]


def diff(session: Session, name: str, before: int, after: int) -> Diff:
    """Return what differs between two versions.

    :raises NotFound: no such baseline or version.
    """
    found = comparing.compare_versions(session, name, before, after)
    old, new = (find_version(session, name, number).document.splitlines() for number in (before, after))
    lines = difflib.unified_diff(old, new, fromfile=f"{name} v{before}", tofile=f"{name} v{after}", lineterm="")
    return Diff(
        before=before,
        after=after,
        rules=[
            RuleRow(change=one.change, part=one.part, path=one.path, before=one.before, after=one.after)
            for one in found.rules
        ],
        pins=[
            PinRow(change=one.change, path=one.path, before=values.decode(one.before), after=values.decode(one.after))
            for one in found.pins
        ],
        elements=found.elements,
        lines=list(lines),
    )


def dry_run(session: Session, name: str, number: int | None, now_ms: int, most: int) -> DryRun:
    """Return what a version would do if it came into force now.

    :raises NotFound: no such baseline or version.
    """
    found = trial.foresee_approval(session, name, now_ms, number, most)
    return DryRun(
        name=name,
        version=found.version.number,
        summary=_summary(found),
        cis=found.cis,
        compared=found.compared,
        opens=[_foreseen(one) for one in found.opens],
        closes=[_foreseen(one) for one in found.closes],
        folded=[folded_row(one) for one in found.folded],
        conflicts=[
            ConflictRow(
                path=one.path,
                lower=one.lower,
                upper=one.upper,
                lower_rule=one.lower_rule,
                upper_rule=one.upper_rule,
            )
            for one in found.conflicts
        ],
    )


def _summary(found: trial.Trial) -> str:
    hosts = len({one.ci for one in found.opens})
    text = f"this version would open {_count(len(found.opens), 'drift')}"
    if hosts:
        text += f" on {_count(hosts, 'host')}"
    text += f" and close {len(found.closes)}"
    if found.compared < found.cis:
        text += f", as far as {found.compared} of {found.cis} CIs were compared"
    return text


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _foreseen(one: Foreseen) -> ForeseenRow:
    return ForeseenRow(
        ci=one.ci,
        path=one.path,
        expected=values.decode(one.expected),
        actual=values.decode(one.actual),
        severity=one.severity,
        why=one.why,
    )


def coverage(session: Session, ci: str | None = None) -> Coverage:
    """Return what baselines in force cover.

    :param ci: name or uid of the one CI to look at; all by default.
    :raises NotFound: no such CI.
    """
    found = coverages.coverage(session, record.find_ci(session, ci) if ci else None)
    total = sum(one.attributes for one in found.sections.values())
    watched = sum(one.watched for one in found.sections.values())
    return Coverage(
        cis=found.cis,
        uncovered=list(found.uncovered),
        attributes=total,
        watched=watched,
        share=_share(watched, total),
        sections=[
            SectionRow(
                section=name,
                attributes=one.attributes,
                watched=one.watched,
                share=_share(one.watched, one.attributes),
            )
            for name, one in found.sections.items()
        ],
        unwatched=[UnwatchedRow(path=path, attributes=count) for path, count in found.unwatched.items()],
        unmatched=list(found.unmatched),
    )


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
