"""Who may become whom. Source: sudoers(5) with what it includes, doas.conf(5)."""

import posixpath
from collections.abc import Iterator
from dataclasses import replace

from driftline.v1.facts_pb2 import DoasRule, Sudo, SudoAlias, SudoDefault, SudoRule
from driftline_agent import doas, sudoers
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.keys import bounded, collapse, pattern_below
from driftline_agent.redact import redact
from driftline_agent.topic import Reading, Topic

_MAIN = "/etc/sudoers"
_DOAS, _DOAS_FOLDER = "/etc/doas.conf", "/etc/doas.d"
_MAX_FILES, _MAX_COMMANDS, _MAX_TEXT = 500, 1000, 1 << 20
_REST = ("accounts.sudo.defaults", "accounts.sudo.aliases", "accounts.sudo.includes")


def named(words: list[str]) -> list[str]:
    """Return who a rule is for: each one by itself, or all in one where the list takes some out again."""
    return [",".join(words)] if any(word.startswith("!") for word in words) else words


def run_as(rule: sudoers.Rule) -> str:
    """Return as whom, in one text; ``:`` is the user himself."""
    if rule.run_as is None:
        return ""
    users, groups = (",".join(names) for names in rule.run_as)
    return f"{users}:{groups}" if groups or not users else users


def included(host: Host, kind: str, path: str, base: str) -> Iterator[str]:
    """Yield the files that an include leads to.

    :raises UnreadableError: where a folder cannot be listed.
    """
    name = (host.line("/proc/sys/kernel/hostname") or "").partition(".")[0]
    full = posixpath.normpath(posixpath.join(posixpath.dirname(base), path.replace("%h", name)))
    if kind == "include":
        yield full
        return
    for entry in host.folder(full)[0]:
        if not entry[0].endswith("~") and "." not in entry[0]:
            yield f"{full}/{entry[0]}"


def read(host: Host, reading: Reading) -> list[tuple[str, sudoers.Parsed]]:
    """Return all files with what they say, in the order in which sudo reads them."""
    out: list[tuple[str, sudoers.Parsed]] = []
    waiting = [_MAIN]
    seen: set[str] = set()
    while waiting and len(seen) < _MAX_FILES:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        try:
            text = host.read(path)
            if text is None:
                continue
            if len(text) > _MAX_TEXT:
                raise UnreadableError(f"{path}: larger than {_MAX_TEXT} characters")
            found = sudoers.parse(text)
            out.append((path, found))
            waiting = [file for kind, name in found.includes for file in included(host, kind, name, path)] + waiting
        except (UnreadableError, sudoers.SudoersError) as error:
            reason = str(error) if isinstance(error, UnreadableError) else f"{path}: {error}"
            reading.unreadable[pattern_below("accounts.sudo.rules", bounded(path, 300))] = reason
            reading.unreadable.update(dict.fromkeys(_REST, reason))
            if path == _MAIN:
                reading.unreadable["accounts.sudo.rules"] = reason
    return out


def build(files: list[tuple[str, sudoers.Parsed]]) -> Sudo:
    """Return the facts of some files."""
    rules: dict[tuple[str, str, str, str], list[str]] = {}
    defaults: dict[tuple[str, str], list[str]] = {}
    aliases: dict[tuple[str, str], list[str]] = {}
    out = Sudo()
    for path, parsed in files:
        for rule in parsed.rules:
            for who in named(rule.who):
                key = (bounded(path, 300), bounded(who, 100), bounded(",".join(rule.hosts), 100), bounded(run_as(rule)))
                rules.setdefault(key, []).append(bounded(replace(rule, command=redact(rule.command)).text(), 1000))
        for scope, name, value in parsed.defaults:
            defaults.setdefault((bounded(scope), bounded(name)), []).append(bounded(redact(value), 1000))
        for kind, name, members in parsed.aliases:
            aliases[kind, bounded(name)] = [bounded(redact(member), 1000) for member in members]
        out.includes.extend(bounded(f"@{kind} {name}", 500) for kind, name in parsed.includes)
    for (file, who, hosts, target), commands in sorted(rules.items()):
        shown = commands[:_MAX_COMMANDS]
        out.rules.append(SudoRule(file=file, who=who, hosts=hosts, run_as=target, commands=shown))
    for (scope, name), values in sorted(defaults.items()):
        out.defaults.append(SudoDefault(scope=scope, name=name, values=values[:_MAX_COMMANDS]))
    for (kind, name), members in sorted(aliases.items()):
        out.aliases.append(SudoAlias(kind=kind, name=name, members=members[:_MAX_COMMANDS]))
    return out


def read_doas(host: Host, reading: Reading) -> list[DoasRule]:
    """Return the rules of doas.conf and of Alpine's folder of such files."""
    found: dict[tuple[str, ...], DoasRule] = {}
    try:
        files = [_DOAS]
        if host.exists(_DOAS_FOLDER):
            names = (entry[0] for entry in host.folder(_DOAS_FOLDER)[0])
            files += [f"{_DOAS_FOLDER}/{name}" for name in names if name.endswith(".conf") and name[0] != "."]
        for file in files:
            for rule in doas.parse((host.read(file) or "")[:_MAX_TEXT]):
                key = (rule.action, bounded(rule.who), bounded(rule.target), bounded(rule.command))
                fact = DoasRule(action=key[0], who=key[1], target=key[2], command=key[3])
                fact.options.extend(rule.options)
                fact.arguments = "" if rule.arguments is None else bounded(redact(rule.arguments), 1000)
                found[key] = fact
    except (UnreadableError, doas.DoasError) as error:
        reading.unreadable["accounts.doas_rules"] = str(error)
        return []
    return [found[key] for key in sorted(found)]


def collect(host: Host) -> Reading:
    """Read the rules of sudo and of doas."""
    reading = Reading()
    if host.exists(_MAIN):
        files = read(host, reading)
        collapse(reading.unreadable, "accounts.sudo.rules")
        reading.facts.accounts.sudo.CopyFrom(build(files))
    reading.facts.accounts.doas_rules.extend(read_doas(host, reading))
    return reading


TOPIC = Topic(
    revision=1,
    fills=("accounts.sudo", "accounts.doas_rules"),
    collect=collect,
    of_files=True,
    applies=lambda host: any(host.exists(path) for path in (_MAIN, _DOAS, _DOAS_FOLDER)),
    watches=(_MAIN, "/etc/sudoers.d", _DOAS, _DOAS_FOLDER),
)
