"""The life cycle of a request for change: its states, and the one table of what leads from one to another."""

from dataclasses import dataclass

from driftline_baseline.errors import LifecycleError

STATES = (
    "draft", "submitted", "assessed", "authorised", "scheduled", "implementing",
    "review", "closed", "rejected", "cancelled", "backed out",
)  # fmt: skip
#: Every RFC begins here; one that driftline raises leaves it in the same transaction.
START = "draft"
#: Nobody has decided yet.
UNDECIDED = ("draft", "submitted", "assessed")
#: What it predicts may happen.
IN_EFFECT = ("authorised", "scheduled", "implementing", "review")
#: Nothing is to be decided any more; only a backed out one can be opened again.
DONE = ("closed", "rejected", "cancelled", "backed out")

#: Who made it: a person, driftline for what it found, or driftline for what a standing rule permitted.
ORIGINS = ("person", "driftline", "rule")
KINDS = ("standard", "normal", "emergency")
OUTCOMES = ("successful", "successful with problems", "failed", "backed out")


@dataclass(frozen=True, slots=True)
class Action:
    """One row of the table: what an action is called, where it may start, and where it leads."""

    name: str
    #: What the record calls it once it is done.
    done: str
    #: Where it may start.
    origin: str
    from_states: tuple[str, ...]
    #: Where it leads; None: the state stays as it is.
    to_state: str | None
    #: Kinds of RFC that it is for.
    kinds: tuple[str, ...] = KINDS

    def leads_to(self, state: str) -> str:
        """Return the state that this leads to from a state."""
        return state if self.to_state is None else self.to_state


def _person(
    name: str, done: str, from_states: tuple[str, ...], to_state: str | None, kinds: tuple[str, ...] = KINDS
) -> Action:
    return Action(name, done, "person", from_states, to_state, kinds)


def _driftline(name: str, done: str, from_states: tuple[str, ...], to_state: str | None) -> Action:
    return Action(name, done, "driftline", from_states, to_state)


_EMERGENCY = ("emergency",)
_SUBMITTED = ("submitted", "assessed")

#: Every legal transition there is. What is not here cannot happen.
TABLE: tuple[Action, ...] = (
    # Changes that people plan
    _person("draft", "drafted", ("draft",), "draft"),
    _person("edit", "edited", ("draft",), "draft"),
    _person("submit", "submitted", ("draft",), "submitted"),
    _person("declare", "declared", ("draft",), "implementing", _EMERGENCY),
    _person("update", "updated", _SUBMITTED, "submitted"),
    _person("assess", "assessed", _SUBMITTED, "assessed"),
    _person("approve", "approved", _SUBMITTED, None),
    _person("authorise", "authorised", _SUBMITTED, "authorised"),
    _person("reject", "rejected", _SUBMITTED, "rejected"),
    _person("split", "split", _SUBMITTED, None),
    _person("cancel", "cancelled", ("draft", *_SUBMITTED, "authorised", "scheduled", "implementing"), "cancelled"),
    _person("schedule", "scheduled", ("authorised", "scheduled"), "scheduled"),
    _person("start", "started", ("authorised", "scheduled"), "implementing"),
    _person("start at once", "started before approval", _SUBMITTED, "implementing", _EMERGENCY),
    _person("join", "joined", ("implementing", "review"), None, _EMERGENCY),
    _person("approve afterwards", "approved after the fact", ("implementing", "review"), None, _EMERGENCY),
    _person("authorise afterwards", "authorised after the fact", ("implementing", "review"), None, _EMERGENCY),
    _person("escalate", "escalated", ("implementing", "review"), None, _EMERGENCY),
    _person("supersede", "superseded in part", IN_EFFECT, None),
    _person("end implementation", "implementation ended", ("implementing",), "review"),
    _person("verify", "verified", ("implementing", "review"), "closed"),
    _person("close", "closed", ("review",), "closed"),
    _person("order back out", "back-out ordered", ("implementing", "review"), None),
    _person("back out", "backed out", ("implementing", "review"), "backed out"),
    _person("reopen", "reopened", ("backed out",), "submitted"),
    # Changes that driftline found
    _driftline("raise", "raised", ("draft",), "submitted"),
    _driftline("join", "joined", _SUBMITTED, None),
    _driftline("assess", "assessed", _SUBMITTED, "assessed"),
    _driftline("approve", "approved", _SUBMITTED, None),
    _driftline("authorise", "authorised", _SUBMITTED, "authorised"),
    _driftline("split", "split", _SUBMITTED, None),
    _driftline("order revert", "revert ordered", _SUBMITTED, None),
    _driftline("close", "closed", (*_SUBMITTED, "authorised"), "closed"),
    _driftline("back out", "backed out", (*_SUBMITTED, "authorised"), "backed out"),
    _driftline("cancel", "cancelled", (*_SUBMITTED, "authorised"), "cancelled"),
    _driftline("reopen", "reopened", ("backed out",), "submitted"),
    # Records of what a standing rule permitted
    Action("record", "recorded", "rule", ("draft",), "implementing"),
    Action("close", "closed", "rule", ("implementing",), "closed"),
)

_BY_KEY = {(action.origin, action.name): action for action in TABLE}


def possible(origin: str, kind: str, state: str) -> tuple[str, ...]:
    """Return the names of the actions that an RFC allows."""
    return tuple(
        action.name
        for action in TABLE
        if action.origin == origin and kind in action.kinds and state in action.from_states
    )


def check(origin: str, kind: str, state: str, name: str) -> Action:
    """Return an action where the table allows it.

    :param origin: who made the RFC, one of :data:`ORIGINS`.
    :raises LifecycleError: where it does not; the message names the state and what is possible.
    """
    action = _BY_KEY.get((origin, name))
    if action is None or kind not in action.kinds or state not in action.from_states:
        raise LifecycleError(f'is {state}: "{name}" is not possible; {_instead(possible(origin, kind, state))}')
    return action


def _instead(names: tuple[str, ...]) -> str:
    return f"possible: {', '.join(names)}" if names else "it has been decided, and nothing is possible any more"
