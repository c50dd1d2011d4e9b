"""Findings: what a person should look at that is no drift."""
