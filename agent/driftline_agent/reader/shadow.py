"""shadow(5) without its secrets: what kind of password each user has, and a seal that changes with it.

The process that talks to the network has neither the hashes nor what could confirm a guess of one.
"""

from driftline_agent.reader.seals import sealer

#: What stands for the field of a user who has no line: nothing matches it.
MISSING = "*"


def parse_shadow(text: str) -> dict[str, str]:
    """Return the password fields of a shadow(5) file, by user."""
    out: dict[str, str] = {}
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) >= 2 and fields[0]:
            out.setdefault(fields[0], fields[1])
    return out


def parse_status(field: str) -> str:
    """Return what kind of password field this is: none, locked or set."""
    if not field:
        return "none"
    return "locked" if field[0] in "!*" else "set"


def seal_lines(content: bytes, key: bytes) -> bytes:
    """Return ``user:status:seal`` a line for a shadow(5) file; the line without a user is for those without a line."""
    seal = sealer(key)
    out: list[str] = []
    for user, field in {"": MISSING, **parse_shadow(content.decode("utf-8", "replace"))}.items():
        out.append(f"{user}:{parse_status(field)}:{seal(field) if field else ''}\n")
    return "".join(out).encode()


def parse_lines(content: bytes) -> dict[str, tuple[str, str]]:
    """Return status and seal by user, of :func:`seal_lines`."""
    out: dict[str, tuple[str, str]] = {}
    for line in content.decode("utf-8", "replace").splitlines():
        fields = line.split(":", 2)
        if len(fields) == 3:
            out[fields[0]] = (fields[1], fields[2])
    return out
