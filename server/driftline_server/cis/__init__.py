"""Configuration items: the list, one with its facts, history and sources."""
