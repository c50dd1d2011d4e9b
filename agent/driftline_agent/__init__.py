"""The agent: inventories a host, samples it, watches it, and reports to a collector.

Errors::

    AgentError(Exception)                       all of the agent's own, see driftline_agent.errors
"""

__version__ = "0.1.0"
