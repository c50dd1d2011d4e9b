"""Requests for change: planned by people or raised for what was found, and the decisions on them."""
