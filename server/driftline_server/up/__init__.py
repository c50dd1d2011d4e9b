"""`driftline up`: collector, server and an agent for this host as child processes, for a first look and small sites."""
