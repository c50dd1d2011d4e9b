"""What can go wrong with the agent's own file of devices. No message contains a secret, or a part of one.

Tree::

    SecretError(AgentError)                      a secret cannot be had: names the reference and the mend
    └── SourceUnreachable(…, ConnectionError)    its source does not answer now; what was known may still be right
"""

from driftline_agent.errors import AgentError


class SecretError(AgentError):
    """A secret that a reference leads to cannot be had."""


class SourceUnreachable(SecretError, ConnectionError):
    """The source of a secret does not answer now."""
