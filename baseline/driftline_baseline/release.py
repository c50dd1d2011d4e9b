"""The life cycle of a release and of its waves: states, and the one table of what leads from one to another."""

from dataclasses import dataclass

from driftline_baseline.errors import LifecycleError

KINDS = ("major", "minor", "emergency")
STATES = ("planned", "in test", "accepted", "in production", "closed", "failed", "cancelled")
START = "planned"
#: Its content (RFCs, waves, criteria) may still be changed.
OPEN = ("planned", "in test")
#: Nothing more happens to it.
DONE = ("closed", "failed", "cancelled")
#: Its acceptance criteria held, and somebody other than its author accepted it.
PASSED = ("accepted", "in production", "closed")

WAVE_STATES = ("planned", "started", "done", "failed", "cancelled")
#: What a wave may change may change.
BEGUN = ("started", "done", "failed")


@dataclass(frozen=True, slots=True)
class Step:
    """One row of a table: what a step is called, where it may start, and where it leads."""

    name: str
    from_states: tuple[str, ...]
    #: None: the state stays as it is.
    to_state: str | None

    def leads_to(self, state: str) -> str:
        """Return the state that this leads to from a state."""
        return state if self.to_state is None else self.to_state


#: Every legal step of a release. What is not here cannot happen.
TABLE: tuple[Step, ...] = (
    Step("edit", OPEN, None),
    Step("annotate", ("planned", "in test", "accepted", "in production"), None),
    Step("start test", OPEN, "in test"),
    Step("check", OPEN, None),
    Step("accept", ("in test",), "accepted"),
    Step("start production", ("accepted", "in production"), "in production"),
    Step("end wave", ("in test", "accepted", "in production"), None),
    Step("close", ("accepted", "in production"), "closed"),
    Step("fail", ("in test", "accepted", "in production"), "failed"),
    Step("cancel", ("planned", "in test", "accepted"), "cancelled"),
)

#: Every legal step of a wave.
WAVES: tuple[Step, ...] = (
    Step("start", ("planned",), "started"),
    Step("end", ("started",), "done"),
    Step("fail", ("started",), "failed"),
    Step("cancel", ("planned",), "cancelled"),
    Step("remove", ("planned",), None),
)


def possible(state: str, table: tuple[Step, ...] = TABLE) -> tuple[str, ...]:
    """Return the names of the steps that a state allows."""
    return tuple(step.name for step in table if state in step.from_states)


def check(state: str, name: str, table: tuple[Step, ...] = TABLE) -> Step:
    """Return a step where the table allows it.

    :raises LifecycleError: where it does not; the message names the state and what is possible.
    """
    for step in table:
        if step.name == name and state in step.from_states:
            return step
    names = possible(state, table)
    instead = f"possible: {', '.join(names)}" if names else "it is over, and nothing is possible any more"
    raise LifecycleError(f'is {state}: "{name}" is not possible; {instead}')
