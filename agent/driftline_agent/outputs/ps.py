"""``ps``: processes by executable, of any form of ps (procps, BusyBox) whose columns have names.

Source: ps(1), STANDARD FORMAT SPECIFIERS; BusyBox's procps/ps.c. A recorded ps has no executables: the first word of
the command line stands for it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from driftline import late
from driftline.v1.facts_pb2 import Facts
from driftline_agent import processes
from driftline_agent.errors import UnreadableError
from driftline_agent.keys import bounded
from driftline_agent.output import Output

_COMMAND = frozenset({"COMMAND", "CMD", "ARGS"})
_USER = frozenset({"USER", "UID", "EUSER", "RUSER", "UNAME"})
#: Columns of words and numbers that have no blank in them but these, which are a date: Tue Nov 24 12:16:00 2026.
_DATES = {"STARTED": re.compile(r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}")}
_KERNEL = late.pattern(r"\[[^\]]*\](?: <defunct>)?")
#: What a program calls itself where it overwrites its command line: "sshd: root@pts/1", "-bash".
_TITLE = late.pattern(r"([\w./-]+):(?:\s|$)")


@dataclass(frozen=True, slots=True)
class Row:
    """One process."""

    user: str
    command: str


def rows(text: str) -> Iterator[Row]:
    """Yield the processes.

    :raises UnreadableError: where no line names the columns.
    """
    lines = iter(text.splitlines())
    names: list[str] = []
    for line in lines:
        names = line.split()
        if names and names[-1] in _COMMAND and len(names) > 1:
            break
    else:
        raise UnreadableError("ps: no line that names its columns, COMMAND or CMD at the end")
    user = next((index for index, name in enumerate(names) if name in _USER), None)
    stat = next((index for index, name in enumerate(names) if name in ("STAT", "S")), None)
    vsz = next((index for index, name in enumerate(names) if name == "VSZ"), None)
    for line in lines:
        fields = _fields(line, names)
        if fields is None:
            continue
        if vsz is not None and fields[vsz] == "0" and (stat is None or fields[stat][:1] != "Z"):
            continue  # a kernel thread has no memory of its own
        if not _KERNEL.fullmatch(fields[-1].strip()):
            yield Row(fields[user] if user is not None else "", fields[-1].strip())


def _fields(line: str, names: list[str]) -> list[str] | None:
    out: list[str] = []
    rest = line.strip()
    for index, name in enumerate(names[:-1]):
        date = _DATES[name].match(rest) if name in _DATES else None
        if date is not None:
            out.append(date[0])
            rest = rest[date.end() :].lstrip()
            continue
        word, _, after = rest.partition(" ")
        if name == "STAT" and names[index - 1] == "VSZ" and after[:1] in ("<", "N", "L", "W"):
            # BusyBox sets the letters of a state apart: "S <", "SW  ", "S N".
            word, after = word + after[0], after[1:]
        out.append(word)
        rest = after.lstrip()
    return [*out, rest] if rest else None


def split(command: str) -> tuple[str, str]:
    """Return executable and program of a command line."""
    words = command.split()
    title = _TITLE.match(command)
    first = title[1] if title is not None else words[0]
    executable = first.removeprefix("-") if not first.startswith("/") else first
    return executable, processes.program_of(executable, words) if title is None else ""


def parse(text: str) -> Facts:
    """Return the processes.

    :raises UnreadableError: where it is no ps.
    """
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows(text):
        executable, program = split(row.command)
        groups.setdefault((bounded(executable), bounded(program)), []).append(row)
    out = Facts()
    for executable, program in sorted(groups):
        group = groups[executable, program]
        process = out.services.processes.add(executable=executable, program=program, count=len(group))
        process.users.extend(sorted({bounded(row.user) for row in group if row.user}))
    return out


OUTPUT = Output(command="ps -ef, ps aux, ps -eo user,...,command", parse=parse)
