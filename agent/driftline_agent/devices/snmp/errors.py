"""What can go wrong with a device that is asked over SNMP.

Tree::

    SnmpError(AgentError)
    ├── SnmpTimeout(…, TimeoutError)         silence; with v1 and v2c a wrong community looks like this too
    ├── DeviceUnreachable(…, ConnectionError) the network says that nobody is there
    ├── MalformedAnswer(…, ValueError)       something came that is no SNMP, or no answer to this request
    ├── UnsupportedRequest(…, ValueError)    the protocol or the transport cannot do this
    ├── SecurityError(…, PermissionError)    SNMPv3 says no (RFC 3414 section 3.2)
    │   ├── UnknownUser
    │   ├── WrongDigest                      the authentication passphrase or protocol is another one
    │   ├── WrongLevel                       this user may not use this security level
    │   ├── NotInTimeWindow
    │   ├── DecryptionFailed                 the privacy passphrase or protocol is another one
    │   └── UnknownContext
    └── StatusError                          error-status of an answer (RFC 3416 section 3)
        └── TooBig

No message contains a community, a passphrase or a key.
"""

from driftline_agent.errors import AgentError

#: SNMPv2-PDU error-status, RFC 3416 section 3.
STATUS = (
    "noError",
    "tooBig",
    "noSuchName",
    "badValue",
    "readOnly",
    "genErr",
    "noAccess",
    "wrongType",
    "wrongLength",
    "wrongEncoding",
    "wrongValue",
    "noCreation",
    "inconsistentValue",
    "resourceUnavailable",
    "commitFailed",
    "undoFailed",
    "authorizationError",
    "notWritable",
    "inconsistentName",
)


class SnmpError(AgentError):
    """A device could not be asked, or did not answer as it should."""


class SnmpTimeout(SnmpError, TimeoutError):
    """No answer in time."""


class DeviceUnreachable(SnmpError, ConnectionError):
    """The network says that nobody is there."""


class MalformedAnswer(SnmpError, ValueError):
    """What came is no answer to the request."""


class UnsupportedRequest(SnmpError, ValueError):
    """The protocol version or the transport cannot do this."""


class SecurityError(SnmpError, PermissionError):
    """SNMPv3 refuses."""


class UnknownUser(SecurityError):
    """usmStatsUnknownUserNames."""


class WrongDigest(SecurityError):
    """usmStatsWrongDigests, or an answer whose own digest is wrong."""


class WrongLevel(SecurityError):
    """usmStatsUnsupportedSecLevels, or an answer of a lower level than was asked for."""


class NotInTimeWindow(SecurityError):
    """usmStatsNotInTimeWindows, though the clock was synchronised."""


class DecryptionFailed(SecurityError):
    """usmStatsDecryptionErrors, or an answer that cannot be decrypted."""


class UnknownContext(SecurityError):
    """snmpUnknownContexts or snmpUnavailableContexts (SNMP-TARGET-MIB)."""


class StatusError(SnmpError):
    """An answer with an error-status; `status` is its number, `index` the position (from 1) that it is about."""

    def __init__(self, message: str, status: int, index: int) -> None:
        super().__init__(message)
        self.status = status
        self.index = index


class TooBig(StatusError):
    """The answer does not fit into a message of the device."""


def of_status(who: str, status: int, index: int) -> StatusError:
    """Return the error of an error-status."""
    name = STATUS[status] if 0 <= status < len(STATUS) else f"error-status {status}"
    made = TooBig if status == 1 else StatusError
    return made(f"{who}: {name} at position {index}", status, index)
