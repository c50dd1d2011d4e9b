"""Jobs of change control: what begins, ends, is verified or due again because time passes."""

from collections.abc import Callable

from driftline_cmdb.attention import reminders
from driftline_cmdb.baselines import approval
from driftline_cmdb.database import Database
from driftline_cmdb.drift import accepting, settling
from driftline_cmdb.releases import gate, waivers
from driftline_cmdb.rfcs import backing_out, lifecycle
from driftline_cmdb.standing import rules
from driftline_collector.clock import Clock

#: Each brings one kind of thing up to the time; how many it moved is of no interest here.
STEPS: tuple[Callable[[Database, int], int], ...] = (
    accepting.end_acceptances,
    approval.bring_into_force,
    rules.expire,
    lifecycle.advance,
    lifecycle.escalate,
    backing_out.verify_back_outs,
    settling.close_standard_changes,
    waivers.expire,
    gate.look,
    reminders.remind,
)


class Control:
    """What the job does."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Take what the steps need."""
        self._database, self._clock = database, clock

    def run(self) -> None:
        """Carry out what is due; one step that fails holds up no other."""
        failures = []
        for step in STEPS:
            try:
                step(self._database, self._clock())
            except Exception as error:  # boundary of one step: told below, with the others
                failures.append(error)
        if failures:
            raise ExceptionGroup("change control is behind", failures)
