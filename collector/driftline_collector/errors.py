"""The errors of this room; the tree stands in the package's docstring."""


class CollectorError(Exception):
    """Base of all errors of the collector."""


class SettingsError(CollectorError, ValueError):
    """A setting that cannot be used."""


class AuthorityError(CollectorError):
    """Keys or certificates that are missing, damaged or not ours."""


class Exhausted(CollectorError):
    """Too many or too large."""
