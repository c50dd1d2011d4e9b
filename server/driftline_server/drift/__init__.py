"""Drift: what is not as expected."""
