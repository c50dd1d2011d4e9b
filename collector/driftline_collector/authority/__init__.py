"""The collector's own certificate authority.

A root, an intermediate below it for this collector, and below that server certificates and short-lived client
certificates. `certificates` makes them, `store` keeps them in files, `requests` reads what agents send, `authority` is
what the rest of the collector uses.
"""
