"""Sources of apt and what pins its packages. Source: sources.list(5), apt_preferences(5)."""

import re
from collections.abc import Iterator

from driftline import late
from driftline.v1.facts_pb2 import Pin, Repository
from driftline_agent.packages.addresses import without_secrets

_TYPES = ("deb", "deb-src")
#: Names that run-parts and apt accept.
NAME = late.pattern(r"[A-Za-z0-9_.-]+")
#: A word; what stands in brackets is one, blanks and all (options, and the names of cdroms).
_WORD = late.pattern(r"(?:\[[^\]]*\]|[^\s\[])+")
_YES = frozenset({"yes", "true", "with", "on", "enable", "1"})
_NO = frozenset({"no", "false", "without", "off", "disable", "0"})


def _switch(value: str | None) -> bool | None:
    if value is None:
        return None
    return True if value.lower() in _YES else False if value.lower() in _NO else None


def _repository(kind: str, uri: str, suite: str, components: list[str], options: dict[str, str]) -> Repository:
    address = without_secrets(uri)
    signed = options.get("signed-by", "")
    keys = ["inline"] if "BEGIN PGP" in signed else [word.rstrip("!") for word in re.split(r"[,\s]+", signed) if word]
    return Repository(
        manager="apt",
        name=f"{kind} {address} {suite}",
        enabled=_switch(options.get("enabled")) is not False,
        uris=[address],
        components=sorted(set(components)),
        architectures=sorted(
            set(re.split(r"[,\s]+", options.get("architectures") or options.get("arch") or "")) - {""}
        ),
        signed_by=sorted(set(keys)),
        trusted=_switch(options.get("trusted")),
    )


def parse_line(line: str) -> Repository | None:
    """Return the repository of a line in one-line style; None where it has none."""
    words = line.partition("#")[0].strip()
    if words.partition(" ")[0].partition("\t")[0].partition("[")[0] not in _TYPES:
        return None
    options: dict[str, str] = {}
    parts = _WORD.findall(words)
    if len(parts) > 1 and parts[1].startswith("["):
        for option in parts.pop(1)[1:-1].split():
            name, _, value = option.partition("=")
            options[name.rstrip("+-").lower()] = value
    if len(parts) < 3:
        return None
    return _repository(parts[0], parts[1], parts[2], parts[3:], options)


def parse_list(text: str) -> Iterator[Repository]:
    """Yield the repositories of a file in one-line style."""
    for line in text.splitlines():
        found = parse_line(line)
        if found is not None:
            yield found


def stanzas(text: str) -> Iterator[dict[str, str]]:
    """Yield the stanzas of a deb822(5) file, names in lower case, lines that go on joined by line ends."""
    fields: dict[str, str] = {}
    name = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if fields:
                yield fields
            fields, name = {}, ""
        elif line[0] in " \t":
            if name:
                fields[name] += "\n" + line.strip()
        else:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()


def parse_sources(text: str) -> Iterator[Repository]:
    """Yield the repositories of a file in deb822 style: one for each type, address and suite."""
    for fields in stanzas(text):
        for kind in fields.get("types", "").split():
            for uri in fields.get("uris", "").split():
                for suite in fields.get("suites", "").split():
                    if kind in _TYPES:
                        yield _repository(kind, uri, suite, fields.get("components", "").split(), fields)


def merge(found: Iterator[Repository]) -> dict[str, Repository]:
    """Return repositories by name; of those that stand twice, what both say."""
    out: dict[str, Repository] = {}
    for one in found:
        known = out.setdefault(one.name, one)
        if known is one:
            continue
        if known.enabled != one.enabled:
            if one.enabled:
                out[one.name] = one
            continue
        for name in ("components", "architectures", "signed_by"):
            values = sorted({*getattr(known, name), *getattr(one, name)})
            del getattr(known, name)[:]
            getattr(known, name).extend(values)
    return out


def parse_preferences(text: str) -> Iterator[Pin]:
    """Yield the pins of an apt_preferences(5) file, one for each of its packages."""
    for fields in stanzas(text):
        pin, priority = " ".join(fields.get("pin", "").split()), fields.get("pin-priority", "").split("\n")[0].strip()
        packages = [*fields.get("package", "").split(), *(f"src:{name}" for name in fields.get("source", "").split())]
        if pin and re.fullmatch(r"-?\d{1,9}", priority):
            for package in packages:
                yield Pin(manager="apt", package=package, pin=pin, priority=int(priority))
