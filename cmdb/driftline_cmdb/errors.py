"""The errors of this room; the tree stands in the package's docstring."""


class CmdbError(Exception):
    """Base of all errors of the record."""


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
