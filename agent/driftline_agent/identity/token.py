"""Join tokens: ``dl1.<id>.<secret>.<SHA-256 of the root certificate, hexadecimal>``. Source: collector.proto."""

from dataclasses import dataclass, field

from driftline import late
from driftline_agent.errors import IdentityError

_TOKEN = late.pattern(r"dl1\.[A-Za-z0-9_-]+\.[A-Za-z0-9_=-]+\.([0-9a-fA-F]{64})")


@dataclass(frozen=True, slots=True)
class JoinToken:
    """A token as the collector gave it. Its text is a secret until it is used up."""

    text: str = field(repr=False)
    #: SHA-256 over the root certificate's DER.
    fingerprint: bytes


def parse_token(text: str) -> JoinToken:
    """Return the token of a text.

    :raises IdentityError: where it is none; the message does not repeat it.
    """
    text = text.strip()
    found = _TOKEN.fullmatch(text)
    if found is None:
        raise IdentityError(
            f"not a join token ({len(text)} characters): it must read dl1.<id>.<secret>.<64 hexadecimal digits>;"
            " copy it whole"
        )
    return JoinToken(text, bytes.fromhex(found[1]))
