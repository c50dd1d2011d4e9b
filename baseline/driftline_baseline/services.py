"""What a service is known by: rules in a YAML document, and the services that a host's facts make of them."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from ipaddress import ip_address

import yaml

from driftline_baseline.yaml_reader import YamlReader, compose

#: Classes that a proposed service may have: those without a source of their own.
SERVICE_CLASSES = ("service", "application", "database")
#: How a service may stand to its hosts.
RELATIONS = ("runs on", "depends on")
#: Keys of a rule, of its `when`, and of `infrastructure`.
KEYS = ("rule", "name", "class", "relation", "when", "owner")
CONDITIONS = ("label", "unit", "port", "package")
INFRASTRUCTURE = ("served", "asked", "share", "least")
_FIELDS = ("host", "environment", "location", "owner", "rule")
_HOLE = re.compile(r"\{([^{}]*)\}")
_PORT = re.compile(r"(tcp|udp)/(\d{1,5})")
_MOST_RULES = 500
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Listener:
    """A port at which a host waits, and who has it there."""

    protocol: str
    address: str
    port: int
    unit: str = ""
    process: str = ""
    package: str = ""

    @property
    def name(self) -> str:
        """Protocol and port: ``tcp/5432``."""
        return f"{self.protocol}/{self.port}"

    @property
    def is_local(self) -> bool:
        """True where nobody else can reach it."""
        try:
            return ip_address(self.address).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class HostView:
    """What rules see of a host."""

    name: str
    environment: str | None = None
    location: str | None = None
    owner: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    #: Units that are started, or that are enabled where nobody knows.
    units: Collection[str] = ()
    #: Names of packages.
    packages: Collection[str] = ()
    listeners: Sequence[Listener] = ()


@dataclass(frozen=True, slots=True)
class ServiceRule:
    """One rule."""

    rule: str
    #: A template.
    name: str
    ci_class: str
    relation: str
    #: Label to patterns.
    labels: Mapping[str, tuple[str, ...]]
    units: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Infrastructure:
    """What everyone uses, or what uses everyone."""

    #: Protocol and port to what it is.
    served: Mapping[str, str]
    asked: Mapping[str, str]
    #: Per cent of all hosts that are everyone, and how many they must be at least.
    share: int = 50
    least: int = 10


@dataclass(frozen=True, slots=True)
class ServiceRules:
    """The whole document."""

    rules: tuple[ServiceRule, ...]
    infrastructure: Infrastructure


@dataclass(frozen=True, slots=True)
class FoundService:
    """A service that a host makes, or is a part of."""

    name: str
    rule: ServiceRule
    owner: str | None
    #: Its ports on the host: ``tcp/5432``. A host that connects there depends on the service.
    ports: tuple[str, ...]
    #: What it was known by, in words.
    why: tuple[str, ...]


@cache
def shipped() -> str:
    """Return the document that counts until someone writes another one."""
    return files("driftline_baseline").joinpath("services.yaml").read_text(encoding="utf-8")


def parse(text: str, source: str = "service rules") -> ServiceRules:
    """Read a document of service rules.

    :raises DocumentError: where it breaks its rules; the message names line, column and the mend.
    """
    reader = _Reader(source)
    root = compose(text, source, "a document of service rules has services, a list of rules")
    found = reader.mapping(root, "service rules", ("infrastructure", "services"))
    reader.need(root, found, "service rules", ("services",))
    nodes = reader.sequence(found["services"], "services")
    if len(nodes) > _MOST_RULES:
        raise reader.fail(found["services"], "services", f"has {len(nodes)} rules; at most {_MOST_RULES} do")
    rules = [reader.rule(node, f"services[{index}]") for index, node in enumerate(nodes)]
    for index, rule in enumerate(rules):
        if any(one.rule == rule.rule for one in rules[:index]):
            raise reader.fail(nodes[index], f"services[{index}].rule", f'"{rule.rule}" stands twice')
    infrastructure = Infrastructure({}, {})
    if "infrastructure" in found:
        infrastructure = reader.infrastructure(found["infrastructure"])
    return ServiceRules(tuple(rules), infrastructure)


class _Reader(YamlReader):
    def rule(self, node: yaml.Node, where: str) -> ServiceRule:
        found = self.mapping(node, where, KEYS)
        self.need(node, found, where, ("rule", "name", "when"))
        when = self.mapping(found["when"], f"{where}.when", CONDITIONS)
        if not when:
            raise self.fail(found["when"], f"{where}.when", f"is empty; name one of {', '.join(CONDITIONS)}")
        labels = {}
        if "label" in when:
            inner = self.mapping(when["label"], f"{where}.when.label")
            labels = {name: self.texts(value, f"{where}.when.label.{name}") for name, value in inner.items()}
        texts = {
            name: self.texts(when[name], f"{where}.when.{name}") if name in when else () for name in ("unit", "package")
        }
        return ServiceRule(
            rule=self.text(found["rule"], f"{where}.rule"),
            name=self._template(found["name"], f"{where}.name"),
            ci_class=self._choice(found, where, "class", SERVICE_CLASSES),
            relation=self._choice(found, where, "relation", RELATIONS),
            labels=labels,
            units=texts["unit"],
            ports=self._ports(when["port"], f"{where}.when.port") if "port" in when else (),
            packages=texts["package"],
            owner=self._template(found["owner"], f"{where}.owner") if "owner" in found else "",
        )

    def _choice(self, found: Mapping[str, yaml.Node], where: str, name: str, allowed: Sequence[str]) -> str:
        return self.one_of(found[name], f"{where}.{name}", allowed) if name in found else allowed[0]

    def _template(self, node: yaml.Node, where: str) -> str:
        text = self.text(node, where)
        for hole in _HOLE.findall(text):
            for name in hole.split("|"):
                if name not in _FIELDS and not (name.startswith("label.") and len(name) > len("label.")):
                    known = ", ".join((*_FIELDS, "label.NAME"))
                    raise self.fail(node, where, f'"{{{hole}}}": "{name}" is not one of {known}')
        if "{" in _HOLE.sub("", text) or "}" in _HOLE.sub("", text):
            raise self.fail(node, where, f'"{text}" has a brace that is not closed, or closed and not opened')
        return text

    def _ports(self, node: yaml.Node, where: str) -> tuple[str, ...]:
        nodes = self.sequence(node, where) if isinstance(node, yaml.SequenceNode) else [node]
        if not nodes:
            raise self.fail(node, where, "is an empty list, which nothing fits; leave it out")
        return tuple(self._port(item, where) for item in nodes)

    def _port(self, node: yaml.Node, where: str) -> str:
        value = self.plain(node)
        found = _PORT.fullmatch(f"tcp/{value}" if isinstance(value, int) else str(value))
        if found is None or not 0 < int(found[2]) <= 65_535:
            raise self.fail(node, where, f"{value!r} is not a port; write 5432, tcp/5432 or udp/53")
        return f"{found[1]}/{int(found[2])}"

    def infrastructure(self, node: yaml.Node) -> Infrastructure:
        found = self.mapping(node, "infrastructure", INFRASTRUCTURE)
        named: dict[str, dict[str, str]] = {"served": {}, "asked": {}}
        for side, ports in named.items():
            if side in found:
                for name, value in self.mapping(found[side], f"infrastructure.{side}").items():
                    ports.update(dict.fromkeys(self._ports(value, f"infrastructure.{side}.{name}"), name))
        share = self.number(found["share"], "infrastructure.share", 1, 100) if "share" in found else 50
        least = self.number(found["least"], "infrastructure.least", 2, 1_000_000) if "least" in found else 10
        return Infrastructure(named["served"], named["asked"], share, least)


def services_of(host: HostView, rules: ServiceRules) -> list[FoundService]:
    """Return the services that a host makes or is a part of, in the order of the rules, each name once."""
    found: dict[str, FoundService] = {}
    for rule in rules.rules:
        one = _found(host, rule)
        if one is not None:
            found.setdefault(one.name, one)
    return list(found.values())


def _found(host: HostView, rule: ServiceRule) -> FoundService | None:
    why: list[str] = []
    for label, wanted in rule.labels.items():
        value = host.labels.get(label)
        if value is None or not _fits(value, wanted):
            return None
        why.append(f"label {label}={value}")
    reachable = [one for one in host.listeners if not one.is_local]
    units = {one for one in (*host.units, *(each.unit for each in reachable)) if one and _fits(one, rule.units)}
    if rule.units and not units:
        return None
    why += [f"unit {one}" for one in sorted(units)]
    packages = {one for one in host.packages if _fits(one, rule.packages)}
    if rule.packages and not packages:
        return None
    why += [f"package {one}" for one in sorted(packages)]
    listens = {one.name for one in reachable if one.name in rule.ports}
    if rule.ports and not listens:
        return None
    why += [f"listens on {one}" for one in _sorted(listens)]
    name = _filled(rule.name, host, rule)
    if name is None or len(name) > _LONGEST_NAME:
        return None
    if not rule.ports:
        listens = {one.name for one in reachable if one.unit in units or (one.package and one.package in packages)}
    return FoundService(name, rule, _filled(rule.owner, host, rule) or host.owner, _sorted(listens), tuple(why))


def _fits(text: str, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def _sorted(ports: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(ports, key=lambda one: (one.partition("/")[0], int(one.partition("/")[2]))))


def _filled(template: str, host: HostView, rule: ServiceRule) -> str | None:
    """Return a template with its holes filled; None where one has nothing to be filled with."""
    values: dict[str, str | None] = {
        "host": host.name,
        "environment": host.environment,
        "location": host.location,
        "owner": host.owner,
        "rule": rule.rule,
        **{f"label.{name}": value for name, value in host.labels.items()},
    }
    lacking = False

    def fill(hole: re.Match[str]) -> str:
        nonlocal lacking
        value = next((values[name] for name in hole[1].split("|") if values.get(name)), None)
        lacking = lacking or value is None
        return value or ""

    text = _HOLE.sub(fill, template).strip()
    return None if lacking or not text else text
