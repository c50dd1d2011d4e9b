"""Verification of the record at planned intervals: checks, runs, accuracy, attestations (ISO/IEC 20000-1, 8.2.6)."""
