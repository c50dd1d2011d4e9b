"""The overview, people, tokens, sources, audit, and logging in."""
