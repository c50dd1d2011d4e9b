"""Baselines: what is expected."""
