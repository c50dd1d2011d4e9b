"""Standing rules and the origins whose versions they permit."""
