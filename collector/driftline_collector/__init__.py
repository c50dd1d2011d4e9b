"""The collector: enrolment authority, ingest of reports, and the threads that assess what came in.

Errors, beside those of :mod:`driftline_cmdb`::

    CollectorError(Exception)
    ├── SettingsError(CollectorError, ValueError)   a setting that cannot be used; the message names it
    ├── AuthorityError(CollectorError)              keys or certificates that are missing, damaged or not ours
    └── Exhausted(CollectorError)                   too many or too large; the message says when to come back
"""
