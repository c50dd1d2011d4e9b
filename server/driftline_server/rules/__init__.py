"""Standing rules: pre-approved standard changes, and the origins whose versions they permit."""
