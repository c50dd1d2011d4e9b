"""Generated histories of a fleet with their truth: the format, a generator, a replay through the record, a score."""
