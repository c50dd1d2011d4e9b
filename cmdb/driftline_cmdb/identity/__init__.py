"""Identity: one machine, one CI. Which source speaks for which CI, why, and how to undo it (design sections 4 and 5).

What a source claims is weighed as evidence (`driftline_baseline.identity`) and is no proof: a new certificate that
claims a CI that is on record waits for a person. Bindings (`bindings`) are the only thing that a decision changes.
"""
