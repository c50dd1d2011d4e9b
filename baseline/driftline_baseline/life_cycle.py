"""The life cycle of a CI: what each status means, which may follow which, and what to say where one may not.

People set a status by editing a CI, but for two ends: *retired* and *disposed* are entered and left by decisions with a
reason (retire, reinstate, dispose). *silent* is set by nobody: it is what driftline sees of a CI whose reports are
expected and do not come, shown in place of the status that people set, which stays as it is.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Status:
    """One status of the life cycle."""

    name: str
    #: For people, in a line.
    meaning: str
    #: Reports are expected: without any it is silent, and the gate of production counts it.
    expected: bool
    #: Its sources may report.
    may_report: bool
    #: It is compared with its baselines.
    watched: bool
    #: What an edit may make of it.
    next: tuple[str, ...] = ()


_IN_USE = ("installed", "in production", "in maintenance")

_ALL = (
    Status("planned", "announced, not there yet; its first report makes it installed", False, True, True,
           ("in stock", *_IN_USE)),
    Status("in stock", "there, and not in use; its first report makes it installed", False, True, True,
           ("planned", *_IN_USE)),
    Status("installed", "in use", True, True, True, ("in production", "in maintenance", "in stock")),
    Status("in production", "in use for what it is there for", True, True, True,
           ("in maintenance", "installed", "in stock")),
    Status("in maintenance", "in use, and being worked on", True, True, True,
           ("in production", "installed", "in stock")),
    Status("silent", "its reports are expected and do not come; set by nobody, shown while it lasts", True, True, True),
    Status("retired", "out of use by a decision: nothing is expected of it, its sources may not report", False, False,
           False),
    Status("disposed", "gone for good: its certificates are revoked", False, False, False),
)  # fmt: skip

#: By name, in the order of a life.
BY_NAME = {status.name: status for status in _ALL}
STATUSES = tuple(BY_NAME)
#: Of CIs from which no report is expected.
UNSEEN = tuple(status.name for status in _ALL if not status.expected)
#: Of CIs that are no more: not compared, counted or heard.
GONE = tuple(status.name for status in _ALL if not status.may_report)
SILENT = "silent"
#: What a person may put a new CI on record with.
SETTABLE = tuple(status.name for status in _ALL if status.next)
#: Decisions, with the statuses that each may be made in, and what it leads to; reinstating leads to what it was before.
DECISIONS = {
    "retire": (SETTABLE, "retired"),
    "reinstate": (("retired",), None),
    "dispose": (("planned", "in stock", "retired"), "disposed"),
}


def refusal_of_new(status: str) -> str | None:
    """Return why a new CI may not have a status; None where it may."""
    return None if status in SETTABLE else f'status: "{status}" is not one of {", ".join(SETTABLE)}'


def refusal_of_edit(name: str, before: str, after: str) -> str | None:
    """Return why an edit may not change a CI's status from one to another; None where it may.

    :param name: the CI's, for the words.
    """
    if after == before:
        return None
    if after not in BY_NAME:
        return f'status: "{after}" is not one of {", ".join(SETTABLE)}'
    if after == SILENT:
        return f"status: nobody sets silent; driftline shows it while reports of {name} are expected and do not come"
    if before in GONE:
        return f"status: {name} is {before}; {_next_of_gone(name, before)}"
    if after in GONE:
        word = "retire" if after == "retired" else "dispose"
        return f"status: {after} is a decision of its own: driftline ci {word} {name} --reason TEXT"
    if after not in BY_NAME[before].next:
        may = ", ".join(BY_NAME[before].next)
        return f"status: {name} is {before}; {after} cannot follow that, {may} or a decision to retire it can"
    return None


def refusal_of_decision(name: str, decision: str, before: str) -> str | None:
    """Return why a CI may not be retired, reinstated or disposed of now; None where it may.

    :param decision: one of :data:`DECISIONS`.
    """
    allowed, leads_to = DECISIONS[decision]
    if before in allowed:
        return None
    if before == leads_to:
        return f"{name} is {before} already"
    if before in GONE:
        return f"{name} is {before}; {_next_of_gone(name, before)}"
    if decision == "dispose":
        return f"{name} is {before}: retire it first (driftline ci retire {name} --reason TEXT)"
    return f"{name} is {before}, not retired: there is nothing to reinstate"


def _next_of_gone(name: str, before: str) -> str:
    if before == "disposed":
        return "nothing follows that: a machine that comes back enrols anew, as another CI"
    return f"driftline ci reinstate {name} or driftline ci dispose {name} can follow, each with --reason TEXT"


def refusal_over_dependants(name: str, dependants: tuple[str, ...], shown: int = 10) -> str:
    """Return why a CI on which others depend is not retired unasked.

    :param dependants: names of those that depend on it, which are in use.
    """
    named = ", ".join(dependants[:shown]) + (f" and {len(dependants) - shown} more" if len(dependants) > shown else "")
    verb = "depends" if len(dependants) == 1 else "depend"
    return (
        f"{named} {verb} on {name}: end that first (driftline ci unrelate), or retire it even so "
        f"(driftline ci retire {name} --even-so --reason TEXT)"
    )


def said_of(name: str, status: str, when: str, actor: str) -> str:
    """Return what a source of a CI that is gone is told: ``web1 was retired on ... by ...``."""
    if status == "retired":
        return f"{name} was retired on {when} by {actor}: driftline ci reinstate {name}, or stop its agent"
    return f"{name} was disposed of on {when} by {actor}: stop its agent, or let it enrol anew"


def shown(status: str, is_silent: bool) -> str:
    """Return the status that people see."""
    return SILENT if is_silent and BY_NAME[status].expected else status


def following(status: str) -> tuple[str, ...]:
    """Return what an edit form offers for a CI: its status, and what may follow."""
    return (status, *BY_NAME[status].next)
