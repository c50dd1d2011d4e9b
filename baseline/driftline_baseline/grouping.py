"""One cause, one group: what a group's key is and when another host's event joins it (design section 6, rule 9)."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from driftline_baseline.compare import Difference
from driftline_baseline.evidence import HostAct
from driftline_baseline.values import show
from driftline_baseline.wording import what

#: A group takes in other hosts' events of the same cause for so long after it was first seen.
JOIN_WITHIN_MS = 24 * 3600 * 1000

#: Each host seals with a key of its own: the same secret looks different on each, so it is no part of a cause's key.
_SEAL = re.compile("sealed:[0-9a-f]+:[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Cause:
    """What made one host's drifts: the key is equal for the same cause on another host."""

    key: str
    #: For people: ``apt-get install -y sl, by root``.
    title: str
    #: The hosts only look different because driftline reads them in another way.
    rereading: bool = False
    #: Another source speaks for the CI than before.
    by_speaker: bool = False


def _key(*parts: str) -> str:
    return blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def cause_of(differences: Iterable[Difference], act: HostAct | None, names: Mapping[str, str] | None = None) -> Cause:
    """Return the cause of one host's event.

    A transaction that names its command is the cause together with who asked for it; otherwise the exact set of
    (path, value after) is.

    :param differences: all of the event's differences; at least one.
    :param names: of CIs by uid, for the words.
    """
    if act is not None and act.command_line:
        actor = act.requested_by or "root"
        return Cause(_key("command", act.manager, act.command_line, actor), f"{act.command_line}, by {actor}")
    ordered = sorted(differences, key=lambda difference: difference.path)
    key = _key("set", *(f"{item.path}\0{_SEAL.sub('sealed', str(item.actual))}" for item in ordered))
    first = ordered[0]
    title = f"{what(first.path, names)}: {show(first.expected)} -> {show(first.actual)}"
    return Cause(key, title if len(ordered) == 1 else f"{title} and {len(ordered) - 1} more")


def cause_of_rereading(what_is_reread: str) -> Cause:
    """Return the cause of what only looks different because it is read in another way (design section 6, rule 13)."""
    return Cause(_key("rereading", what_is_reread), f"driftline reads {what_is_reread} anew", rereading=True)


def cause_of_speaker(ci_uid: str, words: Collection[str]) -> Cause:
    """Return the cause of what differs only because other sources speak for parts of a CI than before.

    :param words: who speaks where, and in whose place.
    """
    ordered = sorted(words)
    return Cause(_key("speaker", ci_uid, *ordered), "; ".join(ordered)[:300], by_speaker=True)


def cause_of_approval(version_id: int, title: str) -> Cause:
    """Return the cause of what differs only because a baseline version came into force: the hosts were so before."""
    return Cause(_key("approval", str(version_id)), title)
