"""How grave new drifts are: what root runs, or who may become root, is critical where no package owns it."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlmodel import Session

from driftline import paths
from driftline_baseline.expected import element_path
from driftline_baseline.judge import Opened, Verdict
from driftline_baseline.severity import severity_of
from driftline_baseline.values import Attributes
from driftline_cmdb.record import elements_of


def grade(
    session: Session,
    ci_id: int,
    verdicts: Sequence[Verdict],
    held: Callable[[str], tuple[Attributes | None, str | None]],
) -> tuple[list[Verdict], dict[str, str]]:
    """Return verdicts with the severity of new drifts raised where that is due, and why, by path.

    :param held: attributes and owning package of an element's path.
    """
    owners: dict[str, str | None] = {}

    def owner_of(path: str) -> str | None:
        if path not in owners:
            owners[path] = _owner(session, ci_id, path)
        return owners[path]

    found: list[Verdict] = []
    reasons: dict[str, str] = {}
    for verdict in verdicts:
        if isinstance(verdict, Opened):
            difference = verdict.difference
            attributes, owner = held(element_path(difference.path))
            severity, why = severity_of(difference, attributes, owner, owner_of)
            if why:
                reasons[difference.path] = why
                verdict = replace(verdict, difference=replace(difference, severity=severity))  # the same one
        found.append(verdict)
    return found, reasons


def _owner(session: Session, ci_id: int, path: str) -> str | None:
    """Return the package that owns a file on the host, by what the host reported of it."""
    element = f"files.files[{paths.escape_key(path)}]"
    package = elements_of(session, ci_id, [element]).get(element, {}).get("package")
    return str(package) if package else None
