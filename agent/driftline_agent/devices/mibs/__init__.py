"""MIBs: their objects, and what their tables say, for the topics to use."""
