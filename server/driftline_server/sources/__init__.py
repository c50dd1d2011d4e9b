"""Agents and devices, and the tokens they join with."""
