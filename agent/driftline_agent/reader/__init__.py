"""The reader: a small process with root's eyes and no network, which reads for the agent what only root may read.

It imports a few modules of the standard library and nothing else, answers eleven kinds of requests, and only for what
stands in :mod:`driftline_agent.reader.allowed`. Passwords, and digests of files that are closed to others, leave it
sealed. Only :mod:`driftline_agent.reader.client` belongs to the agent.

Source: design section 4.
"""
