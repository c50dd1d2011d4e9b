"""Drift: the expected state of CIs, its comparison with what is there, and the groups and RFCs that come of it."""
