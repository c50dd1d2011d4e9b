"""What the journal says of commands run as another user, of units, and of Ansible's modules.

Source: journalctl(1), sudoers(5) "LOG FORMAT", pam_unix(8), systemd's sd-messages.h, Ansible's module_utils/basic.py.

Only entries of these programs are asked for. Where there is no journal, sudo's lines are taken from syslog's file, if
it can be read.
"""

import json
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from driftline import late
from driftline.v1.collector_pb2 import Evidence
from driftline_agent.errors import UnreadableError
from driftline_agent.evidence.logs import tail
from driftline_agent.host import Host
from driftline_agent.redact import redact

_STARTED, _RELOADED = "39f53479d3a045ac8e11786248231fbf", "7b05ebc668384222baa8881179cfda54"
_MOST = 500
_FIELDS = "MESSAGE,MESSAGE_ID,SYSLOG_IDENTIFIER,_PID,UNIT,USER_UNIT,JOB_TYPE"
#: The programs asked for: matches of one field are alternatives, "+" stands between alternatives of several fields.
_MATCHES = (
    "SYSLOG_IDENTIFIER=sudo",
    "SYSLOG_IDENTIFIER=doas",
    "SYSLOG_IDENTIFIER=pkexec",
    "+",
    "_PID=1",
    f"MESSAGE_ID={_STARTED}",
    f"MESSAGE_ID={_RELOADED}",
    "+",
    # A daemon's own output comes by _TRANSPORT=stdout and is left out.
    "_TRANSPORT=syslog",
    "_TRANSPORT=journal",
    "_COMM=python3",
    "_COMM=platform-python",
)
#: sudo: "alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/vi /etc/hosts". A refusal has words first.
_SUDO = late.pattern(
    r"\s*(\S+) : (?:HOST=\S+ ; )?(?:TTY=\S+ ; )?PWD=.*? ; USER=(\S+) ; (?:.*? ; )?COMMAND=(.*)", re.DOTALL
)
_DOAS = late.pattern(r"(\S+) ran command (.*) as (\S+) from .*")
_PKEXEC = late.pattern(r"(\S+): Executing command \[USER=([^\]]*)\].*\[COMMAND=(.*)\]")
_CLOSED = late.pattern(r"pam_unix\(sudo(?:-i)?:session\): session closed for user .*")
_ANSIBLE = late.pattern(r"ansible-((?:[a-z_]+\.)*[a-z_0-9]+)")
_SYSLOG = late.pattern(r"(\S+ +\d+ [\d:]{8}|\d{4}-\d\d-\d\dT\S+) \S+ sudo(?:\[(\d+)\])?: (.*)")
SYSLOG_FILES = ("/var/log/auth.log", "/var/log/secure")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: host time in ms, the program's name for itself, its process, and what it says."""

    at_ms: int
    program: str
    process: str
    message: str
    kind: str = ""
    unit: str = ""


def command(since_ms: int) -> tuple[str, ...]:
    """Return the command line that prints the entries since a time."""
    return (
        "journalctl",
        "--output=json",
        "--quiet",
        "--no-pager",
        f"--since=@{since_ms // 1000}",
        f"--lines={_MOST}",
        f"--output-fields={_FIELDS}",
        *_MATCHES,
    )


def parse_entries(text: str) -> Iterator[Entry]:
    """Yield the entries of ``journalctl --output=json``; what is none is left out."""
    for line in text.splitlines():
        try:
            found = json.loads(line)
            at_ms = int(found["__REALTIME_TIMESTAMP"]) // 1000
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
        yield Entry(
            at_ms,
            _text(found.get("SYSLOG_IDENTIFIER")),
            _text(found.get("_PID")),
            _text(found.get("MESSAGE")),
            _text(found.get("MESSAGE_ID")),
            _text(found.get("UNIT")),
        )


def _text(value: Any) -> str:
    """Return a field's text; bytes that are no text come as a list of numbers, a repeated field as a list."""
    if isinstance(value, list):
        try:
            return bytes(value).decode("utf-8", "replace")
        except (TypeError, ValueError):
            return _text(value[0]) if value else ""
    return value if isinstance(value, str) else ""


def parse_syslog(text: str, now_ms: int) -> Iterator[Entry]:
    """Yield sudo's entries of a syslog file, in the traditional form (local time, without a year) or RFC 5424's."""
    for line in text.splitlines():
        found = _SYSLOG.fullmatch(line)
        at = _syslog_ms(found[1], now_ms) if found else None
        if found is not None and at is not None:
            yield Entry(at, "sudo", found[2] or "", found[3])


def _syslog_ms(text: str, now_ms: int) -> int | None:
    from datetime import datetime

    try:
        if "T" in text[8:]:
            return int(datetime.fromisoformat(text).timestamp() * 1000)
        year = time.localtime(now_ms / 1000).tm_year
        parsed = time.strptime(f"{year} {' '.join(text.split())}", "%Y %b %d %H:%M:%S")
        at = int(time.mktime((*parsed[:8], -1))) * 1000
        return at if at <= now_ms + 86_400_000 else None
    except (ValueError, OverflowError, OSError):
        return None


def evidence_of(entries: Iterable[Entry], source: str) -> list[Evidence]:
    """Return what entries tell, in their order. A command of sudo lasts until its session is closed."""
    out: list[Evidence] = []
    by_process: dict[str, Evidence] = {}
    for entry in entries:
        found: Evidence | None = None
        if entry.program == "sudo" and _CLOSED.match(entry.message) and entry.process in by_process:
            by_process.pop(entry.process).ended_at_ms = entry.at_ms
        elif entry.program in ("sudo", "doas", "pkexec"):
            found = _sudo(entry)
        elif entry.kind in (_STARTED, _RELOADED) and entry.unit:
            what = entry.unit if entry.kind == _STARTED else f"{entry.unit} (reloaded)"
            found = Evidence(kind="unit", what=what)
        elif (module := _ANSIBLE.fullmatch(entry.program)) and entry.message.startswith("Invoked with"):
            found = Evidence(kind="management", what=f"ansible: module {module[1].rpartition('.')[2]}")
        if found is not None:
            found.started_at_ms = found.ended_at_ms = entry.at_ms
            found.source = source
            out.append(found)
            if found.kind == "sudo" and entry.process:
                by_process[entry.process] = found
    for process, one in by_process.items():
        if process:
            one.ended_at_ms = -int(process) if process.isdigit() else one.started_at_ms
    return out


def _sudo(entry: Entry) -> Evidence | None:
    sudo, doas, pkexec = (form.fullmatch(entry.message) for form in (_SUDO, _DOAS, _PKEXEC))
    if sudo:
        who, user, what = sudo.groups()
    elif doas:
        who, what, user = doas.groups()
    elif pkexec:
        who, user, what = pkexec.groups()
    else:
        return None
    shown = redact(" ".join(what.split()))
    return Evidence(kind="sudo", who=who, what=shown if user == "root" else f"{shown} (as {user})")


def collect(host: Host, since_ms: int, now_ms: int) -> list[Evidence]:
    """Return what the journal tells since a time; without a journal what syslog's file does."""
    text: str | None = None
    if host.exists("/run/log/journal") or host.exists("/var/log/journal"):
        try:
            text = host.run(*command(since_ms))
        except UnreadableError:
            text = None
    if text is not None:
        found = evidence_of(parse_entries(text), "journal")
    else:
        found = []
        for path in SYSLOG_FILES:
            try:
                entries = [one for one in parse_syslog(tail(host, path, since_ms), now_ms) if one.at_ms >= since_ms]
            except (UnreadableError, OSError, EOFError):
                continue
            found += evidence_of(entries[-_MOST:], path)
    for one in found:
        if one.ended_at_ms < 0:  # not closed yet: it goes on while its process lives
            alive = host.exists(f"/proc/{-one.ended_at_ms}")
            one.ended_at_ms = 0 if alive else one.started_at_ms
    return found
