"""The errors of this room; the tree stands in the package's docstring."""

from collections.abc import Mapping


class CmdbError(Exception):
    """Base of all errors of the record."""

    @property
    def hints(self) -> Mapping[str, str]:
        """What a program that called may want to know besides the message, by name."""
        return {}


class NotFound(CmdbError, LookupError):
    """No such thing."""


class Ambiguous(CmdbError, LookupError):
    """A name that stands for several things."""


class Invalid(CmdbError, ValueError):
    """Bad input."""


class Refused(CmdbError, PermissionError):
    """A rule forbids it."""


class Unauthenticated(CmdbError, PermissionError):
    """Who asks could not prove to be a known one: a token or certificate that does not count (any more)."""


class Conflict(CmdbError):
    """What was decided on has changed since it was looked at."""


class Rejected(CmdbError):
    """A report that does not continue what was received from its source."""


class Unavailable(CmdbError):
    """The database did not answer in time."""


class Held(Unavailable):
    """A report that is not taken yet: it is not clear whether another one holds the same identity."""

    def __init__(self, message: str, after_s: int) -> None:
        """Refuse for now.

        :param after_s: when to come back, seconds.
        """
        super().__init__(message)
        self.after_s = after_s

    @property
    def hints(self) -> Mapping[str, str]:
        """When to come back."""
        return {"driftline-come-back-s": str(self.after_s)}


class Forked(Refused):
    """A report beside another holder of the same identity: two that live."""


class Divided(Refused):
    """An identity that was divided: whoever holds it gets one of its own by a renewal that asks for it."""

    @property
    def hints(self) -> Mapping[str, str]:
        """What to do."""
        return {"driftline-renew": "own"}


class Fenced(Refused):
    """A report for a device whose lease its agent does not hold, or not any more."""

    @property
    def hints(self) -> Mapping[str, str]:
        """What to do: speak for it no more, and ask for leases."""
        return {"driftline-lease": "lost"}
