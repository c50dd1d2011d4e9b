"""Requests for change."""
