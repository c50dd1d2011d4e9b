"""The errors of this room; the tree stands in the package's docstring."""


class BaselineError(Exception):
    """Base of all errors of this room."""


class DocumentError(BaselineError, ValueError):
    """A baseline document that breaks its rules."""


class VersionError(BaselineError, ValueError):
    """Text that is no version in its ecosystem."""


class LifecycleError(BaselineError):
    """An action that the state of an RFC does not allow."""
