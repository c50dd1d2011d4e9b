"""The catalog of classes and fields in force (`driftline_baseline.catalog` says what one is)."""
