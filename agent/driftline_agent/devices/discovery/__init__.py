"""Sweeps of the prefixes that an operator listed."""
