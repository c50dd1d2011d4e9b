"""Login sessions. Source: utmp(5) (/run/utmp, /var/log/wtmp), wtmpdb(8), systemd-logind's /run/systemd/sessions.

Login history is evidence only: it is no part of the facts.
"""

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from driftline.v1.collector_pb2 import Evidence
from driftline_agent.databases import open_database
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host

_BOOT, _USER, _DEAD = 2, 7, 8
#: struct utmp of glibc: with 32-bit times where a 32-bit ABI came first (x86, ppc, s390), or with 64-bit ones (arm64,
#: riscv64).
_FORMS = {
    384: struct.Struct("=h2xi32s4s32s256s4xiii36x"),
    400: struct.Struct("=h2xi32s4s32s256s4xqqq36x4x"),
}
#: The newest part of a wtmp that is looked at: records.
_TAIL = 4_000
_UTMP = "/run/utmp"
_LOGIND = "/run/systemd/sessions"
_WTMPDB = "/var/lib/wtmpdb/wtmp.db"
_MOST = 200


class Record(NamedTuple):
    """One record of utmp(5)."""

    kind: int
    line: str
    user: str
    host: str
    at_ms: int


def _text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode("utf-8", "replace")


def parse_utmp(data: bytes) -> list[Record]:
    """Return the records of a utmp or wtmp file; none where it has no known form."""
    for size, form in _FORMS.items():
        if data and len(data) % size == 0:
            found = [_record(form.unpack_from(data, start)) for start in range(0, len(data), size)]
            if all(0 <= record.kind <= 9 for record in found):
                return found
    return []


def _record(values: tuple[int, int, bytes, bytes, bytes, bytes, int, int, int]) -> Record:
    kind, _, line, _, user, host, _, seconds, micro = values
    return Record(kind, _text(line), _text(user), _text(host), seconds * 1000 + micro // 1000)


def sessions_of(records: list[Record], source: str) -> list[Evidence]:
    """Return the sessions that records tell of, in order: from a login to the end of its line, or to the next boot."""
    out: list[Evidence] = []
    open_ones: dict[str, Evidence] = {}
    for record in records:
        if record.kind == _BOOT:
            ending, open_ones = list(open_ones.values()), {}
        elif record.kind in (_USER, _DEAD):
            ending = [found] if (found := open_ones.pop(record.line, None)) else []
        else:
            continue
        for one in ending:
            one.ended_at_ms = record.at_ms
        if record.kind == _USER and record.user and record.at_ms > 0:
            session = _session(record.user, "", record.line, record.host, record.at_ms, 0, source)
            out.append(session)
            open_ones[record.line] = session
    return out


def _session(user: str, service: str, line: str, host: str, started: int, ended: int, source: str) -> Evidence:
    where = " ".join(word for word in (service, line) if word) or "login"
    what = f"{where} from {host}" if host else where
    return Evidence(
        kind="session", who=user, what=what, started_at_ms=started, ended_at_ms=max(ended, 0), source=source
    )


def parse_logind(text: str) -> Evidence | None:
    """Return the session of one file of systemd-logind; None where it is none of a person's or of a job's."""
    fields = dict(line.partition("=")[::2] for line in text.splitlines() if not line.startswith("#"))
    started = fields.get("REALTIME", "")
    if not started.isdigit() or not fields.get("USER") or fields.get("CLASS", "user") in ("manager", "greeter"):
        return None
    return _session(
        fields["USER"],
        fields.get("SERVICE", ""),
        fields.get("TTY", ""),
        fields.get("REMOTE_HOST", "") if fields.get("REMOTE") == "1" else "",
        int(started) // 1000,
        0,
        _LOGIND,
    )


def _logind(host: Host) -> Iterator[Evidence]:
    for name in host.names(_LOGIND):
        if "." not in name:  # NAME.ref is a FIFO
            found = parse_logind(host.read(f"{_LOGIND}/{name}") or "")
            if found is not None:
                yield found


def _wtmp(host: Host) -> list[Evidence]:
    path = "/var/log/wtmp"
    data = host.read_bytes(path) or b""
    for size in _FORMS:
        if len(data) % size == 0:
            data = data[-size * _TAIL :]
            break
    return sessions_of(parse_utmp(data), path)


def _wtmpdb(host: Host, since_ms: int) -> list[Evidence]:
    if not host.exists(_WTMPDB):
        return []
    import sqlite3

    query = (
        "SELECT User, Service, TTY, RemoteHost, Login, Logout FROM wtmp WHERE Type = 3 AND "
        "(Logout IS NULL OR Logout >= ?) ORDER BY Login DESC, ID DESC LIMIT ?"
    )
    try:
        database = open_database(host, _WTMPDB, 1)
        try:
            rows = database.execute(query, (since_ms * 1000, _MOST)).fetchall()
        finally:
            database.close()
        return [
            _session(
                str(user), str(service or ""), str(line or ""), str(remote or ""), login // 1000, (out or 0) // 1000,
                _WTMPDB,
            )
            for user, service, line, remote, login, out in reversed(rows)
        ]  # fmt: skip
    except (sqlite3.Error, TypeError, ValueError) as error:
        raise UnreadableError(f"{_WTMPDB}: {error}") from error


def collect(host: Host, since_ms: int) -> list[Evidence]:
    """Return the sessions that were open at some time since a time."""
    found: list[Evidence] = []
    logged: list[Evidence] = []
    reads: tuple[Callable[[], list[Evidence]], ...] = (lambda: _wtmp(host), lambda: _wtmpdb(host, since_ms))
    for read in reads:
        try:
            logged += read()
        except UnreadableError:
            continue
    try:
        if host.exists(_LOGIND):
            # What it says of an open session is better: it knows the service, and which are open indeed.
            found += _logind(host)
            logged = [one for one in logged if one.ended_at_ms]
        elif host.exists(_UTMP):
            there = {(record.user, record.line) for record in parse_utmp(host.read_bytes(_UTMP) or b"")}
            lines = {(one.who, one.what.partition(" ")[0]) for one in logged if not one.ended_at_ms} & there
            logged = [one for one in logged if one.ended_at_ms or (one.who, one.what.partition(" ")[0]) in lines]
    except UnreadableError:
        pass
    return [one for one in logged + found if not one.ended_at_ms or one.ended_at_ms >= since_ms][-_MOST:]
