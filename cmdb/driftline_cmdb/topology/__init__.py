"""Topology: links between CIs, kept from what both ends report, and put on the record as facts that drift.

``due`` says whose links should be looked at, ``looking`` reads what a CI reports, ``keeping`` stores what it sees,
``linking`` makes links of it, ``periodic`` is the job.
"""
