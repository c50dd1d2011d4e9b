"""What can be the matter with a device as a whole.

Tree::

    AgentError
    └── NotReadError           nothing can be said of the device now; the words are for an operator
        ├── NoAnswerError      it is silent, or the network says that it is not there
        └── NoCredentialError  it answers to none of the credentials, or there is none
"""

from driftline_agent.errors import AgentError


class NotReadError(AgentError):
    """Nothing can be said of the device now."""


class NoAnswerError(NotReadError):
    """It does not answer."""


class NoCredentialError(NotReadError):
    """None of the credentials is good for it."""
