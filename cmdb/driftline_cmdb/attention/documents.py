"""The routing document: its versions, and the one in force."""

from functools import lru_cache

from sqlmodel import Session, col, select

from driftline_baseline import routing
from driftline_baseline.errors import DocumentError
from driftline_baseline.routing import Routing
from driftline_cmdb.errors import Invalid
from driftline_cmdb.tables.attention import ChannelSender, RoutingVersion
from driftline_cmdb.versioned import Versioned

#: A server that has not said so for this time does not send to a channel any more, ms.
SENDS_FOR_MS = 10 * 60_000


_VERSIONS = Versioned(RoutingVersion, "routing", "routing.changed", lambda: routing.SHIPPED)
in_force, version = _VERSIONS.in_force, _VERSIONS.version


@lru_cache(maxsize=16)
def parsed(document: str) -> Routing:
    """Return a document that was read before, read.

    :raises Invalid: where it breaks its rules; the message names line, column and the mend.
    """
    try:
        return routing.parse(document)
    except DocumentError as error:
        raise Invalid(str(error)) from error


def put(
    session: Session, document: str, author: str, comment: str, now_ms: int, after: int | None = None
) -> tuple[RoutingVersion, list[str]]:
    """Put a new version in force; return it and the channels it names that no server sends to now.

    :param after: the version that the author started from.
    :raises Invalid: where the document breaks its rules.
    :raises Conflict: where another version came meanwhile.
    """
    read = parsed(document)
    _VERSIONS.check_after(session, after)
    made = _VERSIONS.put(session, document, author, comment, now_ms)
    return made, sorted(read.channels() - sent_to(session, now_ms).keys())


def sent_to(session: Session, now_ms: int) -> dict[str, list[ChannelSender]]:
    """Return the channels that servers send to now, each with its servers."""
    found: dict[str, list[ChannelSender]] = {}
    query = select(ChannelSender).where(col(ChannelSender.seen_ms) >= now_ms - SENDS_FOR_MS)
    for sender in session.exec(query.order_by(col(ChannelSender.channel), col(ChannelSender.server))):
        found.setdefault(sender.channel, []).append(sender)
    return found


def announce(session: Session, server: str, channels: dict[str, str], now_ms: int) -> None:
    """Note which channels a server sends to, and forget those it sent to before.

    :param channels: kind by name.
    """
    there = {row.channel: row for row in session.exec(select(ChannelSender).where(ChannelSender.server == server))}
    for name, kind in channels.items():
        row = there.pop(name, None) or ChannelSender(channel=name, server=server, kind=kind, seen_ms=now_ms)
        row.kind, row.seen_ms = kind, now_ms
        session.add(row)
    for gone in there.values():
        session.delete(gone)
