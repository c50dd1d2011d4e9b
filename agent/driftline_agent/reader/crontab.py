"""Tables of cron without their secrets. Source: crontab(5) (Debian's, cronie's, BusyBox's), anacrontab(5).

The reader hands these lines out; the agent makes the same of the tables that it may read itself.
"""

import re
from collections.abc import Callable

from driftline_agent.redact import REDACTED, redact

#: Who owns the lines of a table.
SYSTEM, USER, ANACRON = "system", "user", "anacron"
#: Folders of users' tables: Debian and Alpine, cronie and SUSE, BusyBox.
SPOOLS = ("/var/spool/cron/crontabs", "/var/spool/cron", "/var/spool/cron/tabs", "/etc/crontabs")
MAX_LINES, MAX_TEXT = 2000, 1 << 20
#: Variables that cron itself looks at; others belong to the jobs and may be anything.
_KNOWN = frozenset(
    [
        "SHELL",
        "PATH",
        "MAILTO",
        "MAILFROM",
        "HOME",
        "LOGNAME",
        "USER",
        "LANG",
        "LC_ALL",
        "TZ",
        "CRON_TZ",
        "RANDOM_DELAY",
        "START_HOURS_RANGE",
        "CONTENT_TYPE",
        "CONTENT_TRANSFER_ENCODING",
        "NO_MAIL_OUTPUT",
        "PREFERRED_HOST",
    ]
)
_VARIABLE = re.compile(r"""("[^"]*"|'[^']*'|[A-Za-z_]\w*)\s*=\s*(.*)""", re.ASCII)
_INPUT = re.compile(r"(?<!\\)%.*", re.DOTALL)
_MACRO = re.compile(r"@[a-z]+")

#: ("E", "NAME=value") or ("J", user, schedule, identifier, command, what was taken out of it, sealed or not at all).
Line = tuple[str, ...]


def kind_of(path: str) -> tuple[str, str]:
    """Return the kind of a table and, of a user's own, whose it is."""
    folder, _, name = path.rpartition("/")
    if folder in SPOOLS:
        return USER, name
    return (ANACRON, "root") if name == "anacrontab" else (SYSTEM, "")


def parse(text: str, kind: str, user: str, seal: Callable[[str], str] = str) -> list[Line]:
    """Return the lines of a table that mean something.

    :param user: whose it is, where its lines name none.
    :param seal: what becomes of a command line from which something was taken out.
    """
    out: list[Line] = []
    for raw in text[:MAX_TEXT].replace("\0", "").splitlines()[: 10 * MAX_LINES]:
        line = raw.strip()
        if not line or line[0] == "#":
            continue
        found = _VARIABLE.fullmatch(line)
        if found is not None:
            out.append(("E", _variable(found[1].strip("\"'"), found[2].strip())))
        else:
            job = _anacron(line) if kind == ANACRON else _job(line, "" if kind == SYSTEM else user)
            if job is not None:
                who, schedule, identifier, command = job
                shown = redact(_INPUT.sub(f"%{REDACTED}", command) if kind != ANACRON else command)
                out.append(("J", who, schedule, identifier, shown, "" if shown == command else seal(command)))
        if len(out) >= MAX_LINES:
            break
    return out


def _variable(name: str, value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return redact(f"{name}={value}") if name in _KNOWN else f"{name}={REDACTED}"


def _job(line: str, user: str) -> tuple[str, str, str, str] | None:
    """Return user, schedule, no identifier and command of a line."""
    line = line[1:] if line[0] == "-" else line  # SUSE: without a word in the log
    count = 1 if line[:1] == "@" else 5
    fields = line.split(None, count)
    if len(fields) <= count or (count == 1 and not _MACRO.fullmatch(fields[0])):
        return None
    if count == 5 and not all(
        field[0] in "*0123456789" or field[0].isalpha() or field[0] in "?~" for field in fields[:5]
    ):
        return None
    if count == 5 and fields[0][0].isalpha():
        return None
    rest = fields[count]
    if not user:
        words = rest.split(None, 1)
        if len(words) < 2:
            return None
        user, rest = words
    return user, " ".join(fields[:count]), "", rest


def _anacron(line: str) -> tuple[str, str, str, str] | None:
    fields = line.split(None, 3)
    if len(fields) < 4 or not (fields[0].isdigit() or _MACRO.fullmatch(fields[0])) or not fields[1].isdigit():
        return None
    return "root", f"{fields[0]} {fields[1]}", fields[2], fields[3]


def pack(lines: list[Line]) -> bytes:
    """Return lines as they go over the reader's socket."""
    return "".join("\0".join(line) + "\n" for line in lines).encode("utf-8", "replace")


def unpack(content: bytes) -> list[Line]:
    """Return packed lines."""
    return [tuple(line.split("\0")) for line in content.decode("utf-8", "replace").split("\n") if line]
