"""Baselines, drift and change control as pure functions: no I/O, no clock; time is an argument.

All times are milliseconds since 1970-01-01T00:00Z in the collector's clock, the host's skew already taken out.

Errors::

    BaselineError(Exception)
    ├── DocumentError(BaselineError, ValueError)    a document that breaks its rules; names line and mend
    ├── LifecycleError(BaselineError)               an action that the state of an RFC does not allow
    └── VersionError(BaselineError, ValueError)     text that is no version in its ecosystem
"""
