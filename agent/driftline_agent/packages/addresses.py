"""Addresses of repositories without the secrets in them. In doubt it is taken out (fails closed)."""

import re

from driftline import late
from driftline_agent.redact import REDACTED, redact

_SCHEME = late.pattern(r"[A-Za-z][A-Za-z0-9+.-]*:/{0,2}")
#: Words of a query that dnf's and zypper's variables and mirror lists are made of, and that hide nothing.
_OPEN = frozenset(
    {"repo", "arch", "release", "infra", "country", "protocol", "ip_resolve", "path", "product", "releasever"}
)
#: Part of a path that names no folder: a token of a private repository (packagecloud, cloudsmith, gitlab).
_RANDOM = late.pattern(
    r"(?=.{20,}$)(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9_-]+$|(?=.{12,}$)(?=.*\d)(?=.*[A-Z])(?=.*[a-z])[A-Za-z0-9_-]+$"
)
_DATED = late.pattern(r"[a-z]+(?:[-_.][a-z0-9.]+)+|\d{8}T\d{6}Z", re.IGNORECASE)


def without_secrets(address: str) -> str:
    """Return an address with user, password, tokens and unknown parameters replaced by ``[redacted]``."""
    scheme = _SCHEME.match(address)
    head = scheme[0] if scheme else ""
    rest = address[len(head) :]
    rest, hash_, _ = rest.partition("#")
    rest, mark, query = rest.partition("?")
    host, slash, path = rest.partition("/")
    if "@" in rest:  # whatever stands before the last one may be a user and a password
        host, slash, path = rest[rest.rindex("@") + 1 :].partition("/")
        host = f"{REDACTED}@{host}"
    path = "/".join(_part(part) for part in path.split("/"))
    out = f"{head}{host}{slash}{path}"
    if mark:
        out += "?" + "&".join(_parameter(part) for part in re.split("[&;]", query))
    return out + (f"#{REDACTED}" if hash_ else "")


def _part(part: str) -> str:
    if _RANDOM.match(part) and not _DATED.fullmatch(part):
        return REDACTED
    return redact(part)


def _parameter(part: str) -> str:
    name, equals, value = part.partition("=")
    if not equals:
        return REDACTED if part else part
    if name.lower() in _OPEN:
        return f"{name}={redact(value)}"
    return f"{name}={REDACTED}"
