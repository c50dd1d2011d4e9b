"""Profiles: read from their files, and what they say applied to a device."""
