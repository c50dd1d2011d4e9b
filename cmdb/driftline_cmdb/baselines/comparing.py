"""Two versions of a baseline side by side: rules, and the elements that they pin."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from driftline_baseline.revision import RuleChange, changes
from driftline_baseline.values import encode
from driftline_cmdb.baselines.pins import attributes_of, pinned_ids
from driftline_cmdb.baselines.selection import parsed
from driftline_cmdb.baselines.versions import find_version

#: Changes of pinned elements that are given at most.
MOST = 1000


@dataclass(frozen=True, slots=True)
class PinChange:
    """One pinned attribute or element that is not as it was."""

    #: added, removed, changed.
    change: str
    path: str
    #: Canonical JSON; None means absent.
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two versions."""

    rules: Sequence[RuleChange]
    #: The first of them, by path.
    pins: Sequence[PinChange]
    #: How many pinned elements differ.
    elements: int


def compare_versions(session: Session, name: str, before: int, after: int) -> Difference:
    """Return what differs between two versions of a baseline.

    :raises NotFound: no such baseline or version.
    """
    old, new = find_version(session, name, before), find_version(session, name, after)
    pinned, now = pinned_ids(session, old.id), pinned_ids(session, new.id)
    paths = sorted(path for path in pinned.keys() | now.keys() if pinned.get(path) != now.get(path))
    shown = paths[:MOST]
    ids = {found[path] for path in shown for found in (pinned, now) if path in found}
    attributes = attributes_of(session, ids)
    pins: list[PinChange] = []
    for path in shown:
        was = attributes[pinned[path]] if path in pinned else None
        is_now = attributes[now[path]] if path in now else None
        if was is None or is_now is None:
            pins.append(PinChange("added" if was is None else "removed", path, encode(was), encode(is_now)))
            continue
        for key in sorted(was.keys() | is_now.keys()):
            if was.get(key) != is_now.get(key):
                pins.append(PinChange("changed", f"{path}.{key}", encode(was.get(key)), encode(is_now.get(key))))
    return Difference(changes(parsed(old.document), parsed(new.document)), pins, len(paths))
