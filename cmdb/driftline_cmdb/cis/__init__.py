"""What people put on record of CIs. Every such change goes the same way: it is planned (`changes`), then written.

`creating`, `editing` and `importing` ask for it; `writing` is the only place that writes it, with the audit trail and
all that follows from a change.
"""
