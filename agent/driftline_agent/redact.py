"""Secrets in command lines, taken out before the line leaves the host. In doubt it is taken out (fails closed)."""

import re

from driftline import late

REDACTED = "[redacted]"

_SECRET_WORD = late.pattern(
    r"pass(?:w(?:or)?d|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credential|bearer|auth",
    re.IGNORECASE,
)
#: The scheme's length is bounded: of a longer one its end is found, and a line of one long word takes no minutes.
_URL_USER = late.pattern(r"([a-z][a-z0-9+.-]{0,30}://)[^/\s@]+@", re.IGNORECASE)
_LONG_RANDOM = late.pattern(r"[A-Za-z0-9+/_=-]{32,}")
_HEX = late.pattern(r"[0-9a-fA-F]{32,}")
_PATH = late.pattern(r"(?:[a-z-]*=)?\.{0,2}/[A-Za-z0-9._+@%:/-]+")
#: White space, or a word of a shell: quotes that are closed belong to it with all that is in them.
_WORDS = late.pattern(r"""\s+|(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|\S)+""", re.DOTALL)
_QUOTED = late.pattern(r"""(["'])(.*)\1""", re.DOTALL)
_HEADER = late.pattern(r"([\w-]+)\s*:", re.ASCII)
_SCHEMES = frozenset({"bearer", "basic", "token", "digest", "negotiate"})
#: Options whose value is a user with a password after a colon or a percent sign.
_USERS = frozenset({"-u", "-U", "--user", "--proxy-user"})
_PASSWORD_OF_USER = late.pattern(r"([^:%]*[:%]).+", re.DOTALL)
#: Programs, by how their names begin, and their short options whose value is a secret.
_SHORT = {
    "mysql": ("-p",),
    "mariadb": ("-p",),
    "sshpass": ("-p",),
    "plink": ("-pw",),
    "ldap": ("-w", "-y"),
    "redis-cli": ("-a",),
    "snmp": ("-c", "-A", "-X"),
    "zip": ("-P",),
    "unzip": ("-P",),
    "7z": ("-p",),
    "ipmitool": ("-P",),
}
_ATTACHED_ONLY = ("mysql", "mariadb", "7z")
_DEPTH = 3


def redact(command_line: str) -> str:
    """Return a command line with what looks like a secret replaced by ``[redacted]``."""
    return _redact(command_line, _DEPTH)


def _redact(line: str, depth: int) -> str:
    out: list[str] = []
    hide_next = user_next = False
    short: tuple[str, ...] = ()
    program = ""
    for word in _WORDS.findall(line):
        if word.isspace():
            out.append(word)
            continue
        if hide_next and not word.startswith("-"):
            out.append(REDACTED)
            hide_next = word.strip("\"'").lower() in _SCHEMES
            continue
        if user_next:
            word = _PASSWORD_OF_USER.sub(rf"\1{REDACTED}", word)
        hide_next, user_next = False, word in _USERS
        option = next((option for option in short if word.startswith(option)), "")
        if option:
            out.append(word if word == option else f"{option}{REDACTED}")
            hide_next = word == option and not program.startswith(_ATTACHED_ONLY)
            continue
        name, equals, value = word.partition("=")
        if depth and any(map(str.isspace, name)):
            out.append(_QUOTED.sub(lambda found: _inside(found, depth), word))
            continue
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
        base = word.rpartition("/")[2]
        begins = next((begin for begin in _SHORT if base.startswith(begin)), "")
        if begins and not word.startswith("-"):
            program, short = base, _SHORT[begins]
        if "://" in word:
            word = _URL_USER.sub(rf"\1{REDACTED}@", word)
        out.append(_hide_random(word))
    return "".join(out)


def _inside(found: re.Match[str], depth: int) -> str:
    """Return what stands between quotes, which may be a header or a command line of its own, without its secrets."""
    quote, inside = found[1], found[2]
    header = _HEADER.match(inside)
    if header is not None and _SECRET_WORD.search(header[1]):
        return f"{quote}{header[1]}:{REDACTED}{quote}"
    return f"{quote}{_redact(inside, depth - 1)}{quote}"


def _hide_random(word: str) -> str:
    if _PATH.fullmatch(word):  # each name of a path for itself: many together are long, and mean nothing
        return "/".join(_LONG_RANDOM.sub(_judge, name) for name in word.split("/"))
    return _LONG_RANDOM.sub(_judge, word)


def _judge(found: re.Match[str]) -> str:
    text = found[0]
    mixed = any(c.isdigit() for c in text) and any(c.isupper() for c in text) and any(c.islower() for c in text)
    return REDACTED if mixed or _HEX.fullmatch(text) else text
