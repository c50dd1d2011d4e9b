"""Baselines: drafted, captured, approved, retired."""
