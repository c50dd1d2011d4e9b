"""Releases, and the gate of production."""
