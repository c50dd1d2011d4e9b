"""Values of the agent's own file of devices, each with the place where it stands, so that every error names it.

A value under a place that may hold a secret is never shown.
"""

import re
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

import yaml

from driftline_agent.devices.settings.config import Network
from driftline_agent.errors import ConfigError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_SPAN = re.compile(r"(\d{1,7}(?:\.\d{1,3})?)(ms|s|m|h|d)")
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def shown(value: object) -> str:
    """Return a value for people, short."""
    try:
        text = f'"{value}"' if isinstance(value, str) else repr(value)
    except ValueError:  # a number of thousands of digits
        text = "what is there"
    return text if len(text) <= 80 else text[:77] + "..."


@dataclass(frozen=True, slots=True)
class Place:
    """A value, and where it stands: devices[2].credential."""

    file: str
    path: str
    value: Any = field(repr=False)

    def fail(self, what: str) -> ConfigError:
        """Return the error about this value."""
        return ConfigError(f"{self.file}: {self.path}: {what}" if self.path else f"{self.file}: {what}")

    def mapping(self, allowed: Collection[str]) -> "dict[str, Place]":
        """Return the values of a mapping with known keys."""
        found = self.named("a mapping of names to values")
        for name in found:
            if name not in allowed:
                raise self.fail(f"there is no key {shown(name)}; there are {', '.join(allowed)}")
        return found

    def named(self, what: str) -> "dict[str, Place]":
        """Return the values of a mapping with keys of a person's choice."""
        if not isinstance(self.value, Mapping):
            raise self.fail(f"is not {what}")
        for name in self.value:
            if not isinstance(name, str):
                raise self.fail(f"the key {shown(name)} is not a text; put it in quotes")
        start = f"{self.path}." if self.path else ""
        return {name: Place(self.file, start + name, value) for name, value in self.value.items()}

    def items(self) -> "list[Place]":
        """Return the entries of a list."""
        if not isinstance(self.value, list):
            raise self.fail("is not a list; write it like [a, b], or each entry on a line that begins with -")
        return [Place(self.file, f"{self.path}[{at}]", value) for at, value in enumerate(self.value)]

    def some(self) -> "list[Place]":
        """Return the entries of a list that is not empty."""
        found = self.items()
        if not found:
            raise self.fail("is an empty list; name at least one, or leave the key out")
        return found

    def text(self) -> str:
        """Return a text that is not empty."""
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.fail(f"{shown(self.value)} is not a text; put it in quotes")
        return self.value

    def name(self) -> str:
        """Return a name that a person gave."""
        if not _NAME.fullmatch(self.text()):
            raise self.fail(f"{shown(self.value)} is not a name; use up to 64 letters, digits, -, _ and .")
        return str(self.value)

    def choice(self, allowed: Collection[str]) -> str:
        """Return one of some texts."""
        if not isinstance(self.value, str) or self.value not in allowed:
            raise self.fail(f"there is no {shown(self.value)}; there are {', '.join(allowed)}")
        return self.value

    def flag(self) -> bool:
        """Return true or false."""
        if not isinstance(self.value, bool):
            raise self.fail(f"{shown(self.value)} is neither true nor false")
        return self.value

    def whole(self, low: int, high: int) -> int:
        """Return a whole number."""
        if not isinstance(self.value, int) or isinstance(self.value, bool) or not low <= self.value <= high:
            raise self.fail(f"{shown(self.value)} is not a whole number from {low} to {high}")
        return self.value

    def decimal(self, low: float, high: float) -> float:
        """Return a number."""
        value = self.value
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not low <= value <= high:
            raise self.fail(f"{shown(value)} is not a number from {low:g} to {high:g}")
        return float(value)

    def seconds(self, low: float, high: float) -> float:
        """Return a span of time, s."""
        found = _SPAN.fullmatch(self.value) if isinstance(self.value, str) else None
        if found is None:
            raise self.fail(f"{shown(self.value)} is not a span of time; write it like 30s, 5m or 1h")
        span = float(found[1]) * _UNITS_S[found[2]]
        if not low <= span <= high:
            raise self.fail(f"{self.value} is out of bounds; write {low:g}s to {high:g}s")
        return span

    def network(self) -> Network:
        """Return a prefix, or an address as one of its own."""
        text = self.text()
        try:
            return ip_network(text)
        except ValueError as error:
            try:
                mend = f"has host bits; write {ip_network(text, strict=False)}"
            except ValueError:
                mend = "is not an address or a prefix; write it like 192.0.2.0/24 or 2001:db8::/112"
            raise self.fail(f"{shown(text)} {mend}") from error

    def networks(self) -> tuple[Network, ...]:
        """Return a list of prefixes."""
        return tuple(entry.network() for entry in self.some())


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice: the last one would win silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, "a key stands twice; keep one of them", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def parse(text: str, file: str) -> Place:
    """Return the root of a YAML document.

    :raises ConfigError: where it is none; without what stands there, which may be a secret.
    """
    try:
        value = yaml.load(text, _Loader)  # noqa: S506  # a safe loader with one rule more
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ConfigError(f"{file}: {place}{_QUOTED.sub('...', error.problem or 'is no YAML')}") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigError(f"{file}: is no YAML that can be read; put texts in quotes") from None
    return Place(file, "", value)
