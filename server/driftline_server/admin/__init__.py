"""People, tokens, audit, and logging in."""
