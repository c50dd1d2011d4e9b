"""Utilization of a CI over time."""
