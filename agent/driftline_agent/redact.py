"""Secrets in command lines, taken out before the line leaves the host. In doubt it is taken out (fails closed)."""

import re

REDACTED = "[redacted]"

_SECRET_WORD = re.compile(
    r"pass(?:w(?:or)?d|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credential|bearer|auth",
    re.IGNORECASE,
)
_URL_USER = re.compile(r"([a-z][a-z0-9+.-]*://)[^/\s@]+@", re.IGNORECASE)
_LONG_RANDOM = re.compile(r"[A-Za-z0-9+/_=-]{32,}")
_HEX = re.compile(r"[0-9a-fA-F]{32,}")
_PATH = re.compile(r"(?:[a-z-]*=)?\.{0,2}/[A-Za-z0-9._+@%:/-]+")


def redact(command_line: str) -> str:
    """Return a command line with what looks like a secret replaced by ``[redacted]``."""
    out: list[str] = []
    hide_next = False
    for word in command_line.split(" "):
        if hide_next and word and not word.startswith("-"):
            out.append(REDACTED)
            hide_next = False
            continue
        hide_next = False
        name, equals, value = word.partition("=")
        if _SECRET_WORD.search(name) and (equals or word.startswith("-") or ":" in word):
            if equals and value:
                out.append(f"{name}={REDACTED}")
            elif ":" in word and not word.startswith("-"):
                out.append(f"{word.partition(':')[0]}:{REDACTED}")
                hide_next = word.endswith(":")
            else:
                out.append(word)
                hide_next = True
            continue
        word = _URL_USER.sub(rf"\1{REDACTED}@", word)
        out.append(_hide_random(word))
    return " ".join(out)


def _hide_random(word: str) -> str:
    if _PATH.fullmatch(word):  # each name of a path for itself: many together are long, and mean nothing
        return "/".join(_LONG_RANDOM.sub(_judge, name) for name in word.split("/"))
    return _LONG_RANDOM.sub(_judge, word)


def _judge(found: re.Match[str]) -> str:
    text = found[0]
    mixed = any(c.isdigit() for c in text) and any(c.isupper() for c in text) and any(c.islower() for c in text)
    return REDACTED if mixed or _HEX.fullmatch(text) else text
