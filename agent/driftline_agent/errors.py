"""The agent's errors.

Tree::

    AgentError(Exception)
    ├── UnreadableError(AgentError, OSError)    a source that is there and cannot be read
    ├── BusyError(AgentError)                   a source that is being changed right now: read it later
    ├── ConfigError(AgentError, ValueError)     configuration: names the setting, its value and the mend
    ├── IdentityError(AgentError)               enrolment or renewal is not possible
    └── TransportError(AgentError)              what gRPC says, translated at one edge
        ├── UnreachableError(…, ConnectionError) not committed, try again
        │   └── HeldError(…)                    not yet: the collector says when to come back
        ├── RefusedError(…, PermissionError)    the collector knows us and says no, or does not know us
        │   ├── DividedError(…)                 others hold this identity too: each gets one of its own
        │   └── FencedError(…)                  the lease of a device is another one's, or another one
        ├── DiscontinuedError(…)                the report does not continue what was received: new epoch
        └── RejectedError(…, ValueError)        this very report is not acceptable, now or later
"""


class AgentError(Exception):
    """What the agent cannot do, said in one line for people."""


class UnreadableError(AgentError, OSError):
    """A source that is there and cannot be read: ``/etc/shadow: permission denied``."""


class BusyError(AgentError):
    """A source that is being changed right now."""


class ConfigError(AgentError, ValueError):
    """A setting that cannot be used."""


class IdentityError(AgentError):
    """Enrolment or renewal is not possible."""


class TransportError(AgentError):
    """The collector did not give a receipt."""


class UnreachableError(TransportError, ConnectionError):
    """Nothing was committed; the same report may be sent again."""


class HeldError(UnreachableError):
    """Not taken yet: another one may hold this identity."""

    def __init__(self, message: str, after_s: int) -> None:
        super().__init__(message)
        #: When to come back, seconds.
        self.after_s = after_s


class RefusedError(TransportError, PermissionError):
    """Identity unknown, expired, revoked or quarantined."""


class DividedError(RefusedError):
    """The identity was divided: a renewal that asks for it gives one of its own."""


class FencedError(RefusedError):
    """A report for a device whose lease this agent does not hold, or not any more."""


class DiscontinuedError(TransportError):
    """The report does not continue what the collector has received."""


class RejectedError(TransportError, ValueError):
    """The collector will never accept this report."""
