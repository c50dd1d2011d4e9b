"""Releases, and the gate of production with its waivers."""
