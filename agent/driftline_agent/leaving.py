"""The agent's last word: that it stops, and whether the host goes down with it, as far as files tell without rights.

Sources: shutdown(8) and systemd-logind write what is scheduled into /run/systemd/shutdown/scheduled; nologin(5) says
"System is going down" from the moment systemd-user-sessions.service(8) stops. Whether systemd stops one unit or all of
them stands in no file: it is asked over D-Bus, which is being stopped itself then. So a host that goes down at once may
say only that its agent stops.
"""

import logging
import re
import time

from driftline.v1 import collector_pb2 as wire
from driftline_agent.errors import AgentError, UnreadableError
from driftline_agent.host import Host
from driftline_agent.transport import Connection

log = logging.getLogger(__name__)

#: The collector is given so long, seconds: who stops an agent waits for it.
PATIENCE_S = 2.0
#: /run/nologin is written while units stop, side by side with this agent, seconds.
_BESIDE_S = 0.3
_SCHEDULED, _NOLOGIN, _SYSTEMD = "/run/systemd/shutdown/scheduled", "/run/nologin", "/run/systemd/system"
_MODE = re.compile(r"^MODE=(\S+)", re.MULTILINE)
_REBOOTS = ("reboot", "kexec", "soft-reboot")


def why(host: Host, beside_s: float = _BESIDE_S) -> wire.LeaveReason.ValueType:
    """Return why this agent stops.

    :param beside_s: how long to wait for what others write while they stop too.
    """
    until = time.monotonic() + beside_s
    while True:
        found = _now(host)
        if found != wire.AGENT_STOPPED or time.monotonic() >= until or not _by_systemd(host):
            return found
        time.sleep(0.05)


def _now(host: Host) -> wire.LeaveReason.ValueType:
    going_down = "going down" in (_text(host, _NOLOGIN) or "").lower()
    scheduled = _MODE.search(_text(host, _SCHEDULED) or "")
    # A shutdown that is scheduled for tonight says nothing of a stop now; nologin(5) comes five minutes before.
    if not going_down:
        return wire.AGENT_STOPPED
    return wire.HOST_REBOOTS if scheduled is not None and scheduled[1] in _REBOOTS else wire.HOST_SHUTS_DOWN


def _by_systemd(host: Host) -> bool:
    try:
        return host.exists(_SYSTEMD)
    except UnreadableError:
        return False


def _text(host: Host, path: str) -> str | None:
    try:
        return host.read(path)
    except UnreadableError:
        return None


def tell(connection: Connection, reason: wire.LeaveReason.ValueType, at_ms: int) -> None:
    """Tell the collector, once; that it could not be told is no failure."""
    try:
        with connection:
            connection.leave(wire.LeaveRequest(reason=reason, at_ms=at_ms))
    except AgentError as error:
        log.info("the collector was not told that this agent stops", extra={"reason": str(error)})
