"""Who this agent is to a collector: join token, key, certificate, and their renewal."""
