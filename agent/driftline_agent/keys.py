"""Keys of facts made of text that somebody else wrote: bounded, printable, never two of one."""

from hashlib import sha256

from driftline import paths

#: Longer text is cut. A path of facts may have 1,024 characters, with all its keys and escapes.
MAX_TEXT = 240
#: Elements of a kind that are named one by one where they cannot be read.
MAX_NAMED = 40


def bounded(text: str, limit: int = MAX_TEXT) -> str:
    r"""Return text as a key can hold it: other than printable characters as ``\xNN``, and cut where it is long.

    What is cut has the beginning of its digest at its end, so that it stays apart from another one that begins so.
    """
    if not text.isprintable():
        text = "".join(c if c.isprintable() else _escaped(c) for c in text)
    if len(text) <= limit:
        return text
    return f"{text[: limit - 15]}...{sha256(text.encode()).hexdigest()[:12]}"


def _escaped(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


def pattern_of(path: str, *keys: str) -> str:
    """Return the pattern of the schema for one element: ``services.units`` and ``ssh.service``."""
    inside = "/".join(paths.quote(paths.escape_key(key)) for key in keys)
    return f"{path}[{inside}]"


def pattern_below(path: str, key: str) -> str:
    """Return the pattern of the schema for all elements that have this first key."""
    return f"{path}[{paths.quote(paths.escape_key(key))}/*]"


def collapse(unreadable: dict[str, str], path: str) -> None:
    """Let one pattern stand for all elements below a path where too many of them are named one by one.

    The CMDB takes a hundred patterns of a section.
    """
    named = [pattern for pattern in unreadable if pattern.startswith(f"{path}[")]
    if len(named) > MAX_NAMED:
        unreadable[path] = f"{unreadable[named[0]]}; and {len(named) - 1} more"
        for pattern in named:
            del unreadable[pattern]
