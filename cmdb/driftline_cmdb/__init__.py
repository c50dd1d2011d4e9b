"""The record: tables, migrations, transactions of the CMDB, and the utilization store.

Errors::

    CmdbError(Exception)
    ├── NotFound(CmdbError, LookupError)        no such thing; the message names what was asked for
    ├── Ambiguous(CmdbError, LookupError)       a name that stands for several things
    ├── Invalid(CmdbError, ValueError)          bad input; the message names the field, the value and the mend
    ├── Refused(CmdbError, PermissionError)     a rule forbids it; the message names the rule and the mend
    │   ├── Forked(Refused)                     two hold the identity that reports
    │   ├── Divided(Refused)                    the identity was divided: each holder gets one of its own
    │   └── Fenced(Refused)                     a report for a device whose lease its agent does not hold
    ├── Unauthenticated(CmdbError, PermissionError)  a token or certificate that does not count (any more)
    ├── Conflict(CmdbError)                     the state changed since it was looked at
    ├── Rejected(CmdbError)                     a report that does not continue what was received
    └── Unavailable(CmdbError)                  the database did not answer in time; try again
        └── Held(Unavailable)                   a report waits until it is clear that one alone holds its identity
"""
