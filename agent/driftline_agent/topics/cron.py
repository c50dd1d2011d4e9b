"""What cron and anacron start. Source: crontab(5), anacrontab(5), run-parts(8), at(1); Alpine's /etc/periodic.

Command lines leave the host without what looks like a secret. A table is read again only where it was changed.
"""

import stat
from collections.abc import Iterable, Iterator
from hashlib import sha256

from driftline import late
from driftline.paths import keyed
from driftline.v1.facts_pb2 import CronJob, Crontab, Facts
from driftline_agent import ownership, raw
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.keys import bounded, collapse, pattern_below, pattern_of
from driftline_agent.reader import crontab
from driftline_agent.reader.listing import Entry
from driftline_agent.reader.protocol import CRONTAB
from driftline_agent.topic import Reading, Topic

_SINGLE = ("anacrontab", "crontab")
_FOLDERS = ("/etc/cron.d", *crontab.SPOOLS)
_SCRIPTS = (
    *(f"/etc/cron.{often}" for often in ("hourly", "daily", "weekly", "monthly", "yearly")),
    *(f"/etc/periodic/{often}" for often in ("15min", "hourly", "daily", "weekly", "monthly")),
)
_AT = ("/var/spool/cron/atjobs", "/var/spool/at", "/var/spool/atjobs")
#: What packages and editors leave behind, and cronie does not take.
_LEFT = late.pattern(r".*(?:~|\.(?:rpmsave|rpmorig|rpmnew|swp|cfsaved|dpkg-\w+|ucf-\w+|bak|old|orig))")
#: What Debian's cron and run-parts take.
_PLAIN = late.pattern(r"[A-Za-z0-9_-]+")
_MAX_TABLES, _MAX_SCRIPTS, _MAX_JOB_FILES = 2000, 1000, 10_000
_AT_JOB = late.pattern(r"[a-zA-Z=][0-9a-f]{13}")


def listed(host: Host, reading: Reading, folder: str, pattern: str, only: int = stat.S_IFREG) -> Iterator[Entry]:
    """Yield a folder's regular files; where it cannot be read, what a pattern stands for is unreadable."""
    try:
        entries, _ = host.folder(folder)
    except UnreadableError as error:
        reading.unreadable[pattern] = str(error)
        return
    for entry in entries:
        if entry[0][0] != "." and (stat.S_IFMT(entry[1]) == only or stat.S_ISLNK(entry[1])):
            yield entry


def tables(host: Host, reading: Reading) -> Iterator[tuple[str, Entry | None]]:
    """Yield the paths of all tables, with what their folder says of each."""
    debian = host.exists("/etc/debian_version")
    for entry in listed(host, reading, "/etc", "services.crontabs"):
        if entry[0] in _SINGLE:
            yield f"/etc/{entry[0]}", entry
    for folder in _FOLDERS:
        below = f"services.crontabs[{folder.replace('/', chr(92) + '/')}*]"
        for entry in listed(host, reading, folder, below):
            wrong = _LEFT.fullmatch(entry[0]) or entry[0].startswith("tmp.")
            if wrong or (debian and folder == "/etc/cron.d" and not _PLAIN.fullmatch(entry[0])):
                continue
            yield f"{folder}/{entry[0]}", entry


def lines_of(host: Host, path: str, reading: Reading) -> tuple[list[crontab.Line], bytes]:
    """Return the lines of a table, by the reader where it is closed, and a digest of what was read.

    :raises UnreadableError: where nobody can read it.
    """
    try:
        text = host.read(path)
    except UnreadableError:
        content = host.ask(CRONTAB, path)
        if content is None:
            raise
        lines = crontab.unpack(content)
        reading.sealed.update(line[5] for line in lines if line[0] == "J" and len(line) == 6 and line[5])
        return lines, raw.mark(content)
    return crontab.parse(text or "", *crontab.kind_of(path)), raw.mark((text or "").encode())


def build(path: str, lines: Iterable[crontab.Line]) -> Crontab:
    """Return a table: its jobs by user and command, each with all its schedules."""
    out = Crontab(path=path)
    found: dict[tuple[str, str], CronJob] = {}
    secrets: dict[tuple[str, str], set[str]] = {}
    for line in lines:
        if line[0] == "E" and len(line) == 2:
            out.environment.append(bounded(line[1], 2000))
        elif line[0] == "J" and len(line) == 6:
            user, schedule, identifier, command, secret = line[1:]
            key = (bounded(user, 64), bounded(command))
            job = found.setdefault(key, CronJob(user=key[0], command=key[1], identifier=bounded(identifier)))
            job.schedules.append(bounded(schedule))
            if secret:
                secrets.setdefault(key, set()).add(secret)
    for key, job in sorted(found.items()):
        schedules = sorted(set(job.schedules))
        del job.schedules[:]
        job.schedules.extend(schedules)
        job.sealed_command = "\n".join(sorted(secrets.get(key, ())))
        out.jobs.append(job)
    return out


def read_table(host: Host, path: str, entry: Entry | None, reading: Reading) -> tuple[Crontab, bytes]:
    """Return a table with a digest of what it was made of, from memory where its file is as it was.

    :raises UnreadableError: where nobody can read it.
    """
    kept: dict[str, tuple[object, Crontab, set[str], bytes]] = host.kept.setdefault("cron", {})
    version = None if entry is None or stat.S_ISLNK(entry[1]) else entry[1:8]
    known = kept.get(path)
    if version is not None and known is not None and known[0] == version:
        reading.sealed.update(known[2])
        return known[1], known[3]
    before = set(reading.sealed)
    lines, mark = lines_of(host, path, reading)
    table = build(bounded(path, 500), lines)
    if version is not None:
        kept[path] = (version, table, reading.sealed - before, mark)
    return table, mark


def add_tables(host: Host, reading: Reading) -> dict[str, bytes]:
    """Read all tables; return what each was made of, by path."""
    found: dict[str, Crontab] = {}
    marks: dict[str, bytes] = {}
    for path, entry in tables(host, reading):
        if len(found) >= _MAX_TABLES:
            reading.unreadable["services.crontabs"] = f"more than {_MAX_TABLES} tables"
            break
        try:
            table, mark = read_table(host, path, entry, reading)
        except UnreadableError as error:
            reading.unreadable[pattern_of("services.crontabs", bounded(path, 500))] = str(error)
            continue
        found[table.path] = table
        marks[keyed("services.crontabs", table.path)] = mark
    reading.facts.services.crontabs.extend(found[path] for path in sorted(found))
    return marks


def add_scripts(host: Host, reading: Reading) -> None:
    """Read what run-parts starts."""
    debian = host.exists("/etc/debian_version")
    for folder in sorted(_SCRIPTS):
        below = pattern_below("services.periodic_scripts", folder)
        for entry in listed(host, reading, folder, below):
            name = bounded(entry[0])
            if len(reading.facts.services.periodic_scripts) >= _MAX_SCRIPTS:
                reading.unreadable["services.periodic_scripts"] = f"more than {_MAX_SCRIPTS} scripts"
                return
            script = reading.facts.services.periodic_scripts.add(folder=folder, name=name)
            path = f"{folder}/{entry[0]}"
            found = host.stat(path) if stat.S_ISLNK(entry[1]) else None
            mode = entry[1] if found is None else found.st_mode
            taken = _PLAIN.fullmatch(entry[0]) if debian else not _LEFT.fullmatch(entry[0])
            script.runs = bool(taken and mode & 0o111)
            if mode & stat.S_IROTH:
                try:
                    script.digest = digest_of(host, path, entry)
                except UnreadableError as error:
                    reading.unreadable[f"{pattern_of('services.periodic_scripts', folder, name)}.digest"] = str(error)


def digest_of(host: Host, path: str, entry: Entry) -> str:
    """Return the SHA-256 of a script, from memory where it is as it was; empty where it is gone."""
    kept: dict[str, tuple[object, str]] = host.kept.setdefault("cron.digests", {})
    known = kept.get(path)
    if known is not None and known[0] == entry[1:] and not stat.S_ISLNK(entry[1]):
        return known[1]
    content = host.read_bytes(path)
    digest = "" if content is None else sha256(content).hexdigest()
    kept[path] = (entry[1:], digest)
    return digest


def add_packages(host: Host, reading: Reading) -> None:
    """Name the packages that the files belong to."""
    services = reading.facts.services
    scripts = {f"{script.folder}/{script.name}": script for script in services.periodic_scripts}
    crontabs = {table.path: table for table in services.crontabs if not table.path.startswith("/var/")}
    try:
        packages = ownership.owners(host, [*scripts, *crontabs])
    except UnreadableError as error:
        for name in ("periodic_scripts", "crontabs"):
            reading.unreadable[f"services.{name}[*].package"] = str(error)
        return
    for path, package in packages.items():
        if path in scripts:
            scripts[path].package = package
        else:
            crontabs[path].package = package


def add_at(host: Host, reading: Reading) -> None:
    """Count the jobs of at(1)."""
    count: int | None = None
    for folder in _AT:
        if host.exists(folder.rpartition("/")[0]):
            try:
                there = host.exists(folder)
            except UnreadableError:
                there = True
            if there:
                jobs = sum(
                    1 for entry in listed(host, reading, folder, "services.at_jobs") if _AT_JOB.fullmatch(entry[0])
                )
                count = (count or 0) + jobs
    if count is not None and "services.at_jobs" not in reading.unreadable:
        reading.facts.services.at_jobs = count


def collect(host: Host) -> Reading:
    """Read the tables of the system and of users, the folders of scripts, and count what at(1) has."""
    reading = Reading()
    marks = add_tables(host, reading)
    add_scripts(host, reading)
    add_packages(host, reading)
    add_at(host, reading)
    for path in ("services.crontabs", "services.periodic_scripts"):
        collapse(reading.unreadable, path)
    reading.raw = lambda facts: raw_of(facts, marks)
    return reading


def raw_of(facts: Facts, tables: dict[str, bytes]) -> dict[str, bytes]:
    """Return what each table and script was made of, by path."""
    scripts = {
        keyed("services.periodic_scripts", one.folder, one.name): f"{one.runs} {one.digest}".encode()
        for one in facts.services.periodic_scripts
    }
    return raw.complete(facts, tables | scripts, b"")


TOPIC = Topic(
    revision=1,
    fills=("services.crontabs", "services.periodic_scripts", "services.at_jobs"),
    collect=collect,
    applies=lambda host: (
        any(
            host.exists(path)
            for path in ("/etc/crontab", "/etc/anacrontab", "/etc/crontabs", "/var/spool/cron", *_SCRIPTS)
        )
        or host.exists("/etc/cron.d")
    ),
    watches=("/etc/crontab", "/etc/anacrontab", "/etc/crontabs", "/var/spool/cron", "/etc/cron.d", *_SCRIPTS),
)
