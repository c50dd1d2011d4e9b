"""What became of a reading, as a section for the wire: the same for topics of a host and of a device.

Source: collector.proto (Section).
"""

from driftline.facts import digest_of
from driftline.v1.collector_pb2 import ABSENT, READ, UNREADABLE, Section
from driftline_agent import limits
from driftline_agent.errors import AgentError
from driftline_agent.topic import Reading

#: Larger contents do not fit into a message with room for its neighbours; the wire's limit is 4 MiB.
MAX_CONTENT = 3 << 20


def of_reading(
    name: str, revision: int, observed_at_ms: int, reading: Reading, fills: tuple[str, ...], seen: dict[str, bytes]
) -> Section:
    """Return the section of what was read, without what could not be sent.

    :param observed_at_ms: when the reading began, ms.
    :param fills: paths that the topic fills, which stand for all that is unreadable where that is too much.
    :param seen: section to digest of its last content that was found to be within the limits; it is kept up to date.
    :raises AgentError: where it is too much.
    """
    content = _within_limits(name, reading, seen)
    unreadable = limits.shorten(reading.unreadable, fills)
    if len(content) > MAX_CONTENT:
        raise AgentError(f"{len(content)} bytes of facts; at most {MAX_CONTENT} can be reported")
    section = Section(name=name, observed_at_ms=observed_at_ms, revision=revision, outcome=READ, content=content)
    section.unreadable.extend(sorted(unreadable))
    section.reason = _reason("; ".join(sorted(set(unreadable.values()))))
    section.digest = digest_of(content)
    return section


def absent(name: str, revision: int, observed_at_ms: int) -> Section:
    """Return the section of a topic that does not apply."""
    return Section(name=name, observed_at_ms=observed_at_ms, revision=revision, outcome=ABSENT, digest=digest_of(b""))


def unreadable(name: str, revision: int, observed_at_ms: int, error: Exception | str) -> Section:
    """Return the section of a topic that failed."""
    known = isinstance(error, (AgentError, OSError, str))
    reason = str(error) if known else f"{type(error).__name__}: {error}"
    return Section(
        name=name, observed_at_ms=observed_at_ms, revision=revision, outcome=UNREADABLE, reason=_reason(reason)
    )


def _within_limits(name: str, reading: Reading, seen: dict[str, bytes]) -> bytes:
    """Return the facts as they are sent, without what could not be; looked at only where they changed."""
    content = reading.facts.SerializeToString(deterministic=True)
    digest = digest_of(content)
    if seen.get(name) == digest:
        return content
    limits.keep_within(reading.facts, reading.unreadable)
    checked = reading.facts.SerializeToString(deterministic=True)
    if checked == content:
        seen[name] = digest
    return checked


def _reason(text: str) -> str:
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()[:1000]
