"""The delivery loop of a server process: one thread that routes, one a channel, so that a slow one holds up none.

All state is in the database: any number of servers may run this beside one PostgreSQL, and a restart loses nothing.
"""

import logging
import random
import socket
import threading
from collections.abc import Callable

from driftline_cmdb.attention import delivering, dispatch, documents
from driftline_cmdb.attention.delivering import Taken
from driftline_cmdb.database import Database
from driftline_cmdb.errors import CmdbError
from driftline_server.errors import ServerError
from driftline_server.notifications import mail, webhook
from driftline_server.notifications.channels import Channel, Channels, EmailChannel, WebhookChannel
from driftline_server.times import now_ms

log = logging.getLogger(__name__)

#: s between two looks.
EVERY_S = 2.0
#: A server says so often which channels it sends to, and forgets what is old, ms.
_ANNOUNCE_MS = 60_000
_FORGET_MS = 3_600_000

Clock = Callable[[], int]


def send(name: str, channel: Channel, taken: Taken, link: str | None, at_ms: int) -> None:
    """Send one message.

    :raises DeliveryError: where it was not taken.
    """
    if isinstance(channel, EmailChannel):
        mail.send(channel, name, taken.uid, taken.message, taken.follows, link)
    elif isinstance(channel, WebhookChannel):
        webhook.send(channel, taken.uid, _with_links(taken.message, link), at_ms)
    else:
        data = taken.message["data"]
        log.warning("notification", extra={"channel": name, "id": taken.uid, "severity": data["severity"]})
        for event in data["events"]:
            log.warning("  %s: %s", event["severity"], mail.one_line(event["title"]))


def _with_links(message: dict[str, object], link: str | None) -> dict[str, object]:
    return message if link is None else {**message, "server": link}


def deliver_due(
    database: Database,
    name: str,
    channel: Channel,
    link: str | None,
    clock: Clock,
    chance: Callable[[], float] = random.random,
) -> int:
    """Send what is due to a channel; return how many messages were tried."""
    done = 0
    while True:
        with database.read() as session:
            if not delivering.waiting(session, name, clock()):
                return done
        taken = delivering.take(database, name, clock())
        if taken is None:
            return done
        done += 1
        try:
            send(name, channel, taken, link, clock())
        except ServerError as error:
            final = bool(getattr(error, "final", False))
            log.warning("a message was not taken", extra={"channel": name, "id": taken.uid, "error": str(error)})
            delivering.failed(database, taken, str(error), clock(), chance, final=final)
        except Exception as error:
            # Boundary of one message: a defect in sending it must stop neither the others nor its own retries
            log.exception("a message could not be sent", extra={"channel": name, "id": taken.uid})
            delivering.failed(database, taken, f"defect: {type(error).__name__}", clock(), chance)
        else:
            delivering.sent(database, taken, clock())


def dispatch_due(database: Database, at_ms: int) -> int:
    """Do all that new events and pages ask for, but sending; return how many things were done."""
    done = 0
    with database.read() as session:
        routes, escalates = dispatch.is_due(session, at_ms), dispatch.escalates(session, at_ms)
    if routes:
        done += dispatch.route_due(database, at_ms)
    if escalates:
        done += dispatch.escalate_due(database, at_ms)
    return done + delivering.give_up_unsent(database, at_ms)


class Notifier:
    """The threads of one server."""

    def __init__(
        self, database: Database, channels: Channels, server: str | None = None, clock: Clock = now_ms
    ) -> None:
        """Prepare; nothing runs yet.

        :param server: name of this server among those beside the same database.
        """
        self._database, self._channels, self._clock = database, channels, clock
        self._server = server or socket.gethostname()
        self._stopping = threading.Event()
        self._wakes = {name: threading.Event() for name in channels.by_name}
        self._announced_ms = self._forgot_ms = 0
        self._threads = [threading.Thread(target=self._run, args=("dispatch", self._dispatch, None), daemon=True)]
        for name, channel in channels.by_name.items():
            job = self._sending(name, channel)
            self._threads.append(threading.Thread(target=self._run, args=(name, job, self._wakes[name]), daemon=True))

    def start(self) -> None:
        """Start to notify."""
        for thread in self._threads:
            thread.start()

    def stop(self, within_s: float = 5.0) -> None:
        """Finish what is being sent; what is not is sent after the next start."""
        self._stopping.set()
        for wake in self._wakes.values():
            wake.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(within_s)

    def _run(self, name: str, job: Callable[[], object], wake: threading.Event | None) -> None:
        waits = wake or self._stopping
        while not self._stopping.is_set():
            try:
                job()
            except CmdbError as error:
                log.warning("notifications wait", extra={"job": name, "error": str(error)})
            except Exception:
                # Boundary of one look: the next one comes anyway
                log.exception("notifications failed", extra={"job": name})
            waits.wait(EVERY_S)
            if wake is not None:
                wake.clear()

    def _sending(self, name: str, channel: Channel) -> Callable[[], object]:
        return lambda: deliver_due(self._database, name, channel, self._channels.link, self._clock)

    def _dispatch(self) -> None:
        at_ms = self._clock()
        if at_ms - self._announced_ms >= _ANNOUNCE_MS:
            with self._database.write() as session:
                documents.announce(session, self._server, self._channels.kinds(), at_ms)
            self._announced_ms = at_ms
        if at_ms - self._forgot_ms >= _FORGET_MS:
            delivering.forget(self._database, at_ms)
            self._forgot_ms = at_ms
        if dispatch_due(self._database, at_ms):
            for wake in self._wakes.values():
                wake.set()
