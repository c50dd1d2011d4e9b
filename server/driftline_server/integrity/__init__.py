"""Verification of the record: runs, accuracy, attestations."""
