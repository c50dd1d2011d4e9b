"""Reads a profile's file, strictly: what it says is understood whole, or it is refused by name, place and mend."""

import re
import string
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import yaml

from driftline_agent.devices.mib import MibObject
from driftline_agent.devices.profile import (
    GAUGES,
    TEXTS,
    Example,
    Gauge,
    Match,
    Profile,
    Ref,
    Settings,
    Source,
    Where,
)
from driftline_agent.devices.snmp import oids
from driftline_agent.devices.snmp.values import Oid
from driftline_agent.errors import ConfigError

CLASSES = ("network device", "server", "storage device", "power device", "printer")
#: Columns of entPhysicalTable by what a source calls them.
CHASSIS = {
    "description": "entPhysicalDescr",
    "name": "entPhysicalName",
    "hardware_revision": "entPhysicalHardwareRev",
    "firmware_revision": "entPhysicalFirmwareRev",
    "software_revision": "entPhysicalSoftwareRev",
    "serial_number": "entPhysicalSerialNum",
    "manufacturer": "entPhysicalMfgName",
    "model": "entPhysicalModelName",
}
_PARTS = {
    "cpu": frozenset({"percent", "idle"}),
    "memory": frozenset({"percent", "used", "free", "total"}),
    "temperature": frozenset({"value"}),
}
_OBJECT = re.compile(r"[A-Z][A-Za-z0-9-]*::[a-z][A-Za-z0-9-]*")
_ROW = re.compile(r"first|each|\d+(\.\d+)*")
#: A group that is repeated without end makes some texts take for ever.
_REPEATED_GROUP = re.compile(r"(?<!\\)\)(?:[*+]|\{\d*,\})")
_MOST_PATTERN = 400


_T = TypeVar("_T")


class _Loader(yaml.SafeLoader):
    """YAML without keys that stand twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        if twice:
            raise yaml.constructor.ConstructorError(problem=f'"{twice[0]}" stands twice', problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def load(path: Path) -> Profile:
    """Return the profile of a file.

    :raises ConfigError: names the file, the place in it, the value and the mend.
    """
    try:
        document = yaml.load(path.read_text(), _Loader)  # noqa: S506  # it is a SafeLoader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())}") from error
    return _Reader(str(path)).profile(path.stem, document)


class _Reader:
    """Reads one document; every error says where."""

    def __init__(self, path: str) -> None:
        self._path = path

    def _wrong(self, place: str, value: object, mend: str) -> ConfigError:
        return ConfigError(f'{self._path}: {place}: "{value}" {mend}')

    def _mapping(self, place: str, value: object, known: frozenset[str]) -> dict[str, object]:
        if not isinstance(value, dict):
            raise self._wrong(place, value, "is not a mapping")
        for key in value:
            if key not in known:
                raise self._wrong(place, key, f"is not known here; known are {', '.join(sorted(known))}")
        return value

    def _list(self, place: str, value: object, read: Callable[[str, object], _T]) -> tuple[_T, ...]:
        if not isinstance(value, list):
            raise self._wrong(place, value, "is not a list")
        return tuple(read(f"{place}[{at}]", one) for at, one in enumerate(value))

    def _text(self, place: str, value: object) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self._wrong(place, value, "is not a text; numbers and versions go into quotes")
        return value

    def _number(self, place: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(place, value, "is not a number")
        return value

    def _oid(self, place: str, value: object) -> Oid:
        try:
            return oids.parse(self._text(place, value))
        except ValueError as error:
            raise ConfigError(f"{self._path}: {place}: {error}") from error

    def _pattern(self, place: str, value: object) -> re.Pattern[str]:
        text = self._text(place, value)
        if len(text) > _MOST_PATTERN:
            raise self._wrong(place, text[:20], f"is a pattern of more than {_MOST_PATTERN} characters")
        if _REPEATED_GROUP.search(text):
            raise self._wrong(place, text, "repeats a group without end; write it without, or with an end: {0,4}")
        try:
            return re.compile(text)
        except re.error as error:
            raise self._wrong(place, text, f"is not a regular expression: {error}") from error

    def profile(self, name: str, document: object) -> Profile:
        known = frozenset({"vendor", "class", "os", "match", "models", "settings", "examples", *TEXTS, *GAUGES})
        said = self._mapping("the file", document, known)
        os = self._mapping("os", said.get("os", {}), frozenset({"id", "name"}))
        ci_class = said.get("class", "network device")
        if ci_class not in CLASSES:
            raise self._wrong("class", ci_class, f"is not a class; classes are {', '.join(CLASSES)}")
        models = said.get("models", {})
        if not isinstance(models, dict):
            raise self._wrong("models", models, "is not a mapping")
        return Profile(
            name=name,
            vendor=self._text("vendor", said["vendor"]) if "vendor" in said else "",
            ci_class=str(ci_class),
            os_id=self._text("os.id", os["id"]) if "id" in os else "",
            os_name=self._text("os.name", os["name"]) if "name" in os else "",
            matches=self._list("match", said.get("match", []), self._match),
            texts={key: self._list(key, said[key], self._source) for key in TEXTS if key in said},
            models={self._oid("models", key): self._text(f"models.{key}", one) for key, one in models.items()},
            gauges={key: self._list(key, said[key], self._gauge_of(key)) for key in GAUGES if key in said},
            settings=self._settings("settings", said.get("settings", {})),
            examples=self._list("examples", said.get("examples", []), self._example),
        )

    def _match(self, place: str, value: object) -> Match:
        said = self._mapping(place, value, frozenset({"object_id", "description", "answers"}))
        if not said:
            raise self._wrong(place, value, "matches every device; give object_id, description or answers")
        return Match(
            self._list(f"{place}.object_id", said.get("object_id", []), self._oid),
            self._pattern(f"{place}.description", said["description"]) if "description" in said else None,
            self._ref(f"{place}.answers", said["answers"]) if "answers" in said else None,
        )

    def _object(self, place: str, said: Mapping[str, object]) -> MibObject:
        for key in ("object", "oid"):
            if key not in said:
                raise self._wrong(place, dict(said), f"lacks {key}; write {{object: IF-MIB::ifDescr, oid: 1.3.6...}}")
        name = self._text(f"{place}.object", said["object"])
        if not _OBJECT.fullmatch(name):
            raise self._wrong(f"{place}.object", name, "is not the name of a MIB's object: IF-MIB::ifDescr")
        return MibObject(name, self._oid(f"{place}.oid", said["oid"]))

    def _ref(self, place: str, value: object, more: frozenset[str] = frozenset()) -> Ref:
        said = self._mapping(place, value, frozenset({"object", "oid", "row", "key"}) | more)
        row = said.get("row")
        if row is not None and (isinstance(row, bool) or not _ROW.fullmatch(str(row))):
            raise self._wrong(f"{place}.row", row, 'is not first, each, or an index in quotes like "1.1"')
        key = self._ref(f"{place}.key", said["key"]) if "key" in said else None
        return Ref(self._object(place, said), None if row is None else str(row), key)

    def _source(self, place: str, value: object) -> Source:
        known = frozenset({"object", "oid", "row", "key", "chassis", "description", "pattern", "template"})
        said = self._mapping(place, value, known)
        if len(said.keys() & {"object", "chassis", "description"}) != 1:
            raise self._wrong(place, value, "is not one source; give one of object, chassis, description")
        pattern = said.get("pattern", said.get("description"))
        compiled = self._pattern(f"{place}.pattern", pattern) if pattern is not None else None
        if compiled is not None and not compiled.groups:
            raise self._wrong(f"{place}.pattern", pattern, "has no group; put what counts into parentheses")
        template = self._text(f"{place}.template", said["template"]) if "template" in said else None
        if template is not None and not _fits(template, compiled):
            raise self._wrong(f"{place}.template", template, "names a group that the pattern has not: {1} is the first")
        if "object" in said:
            bare = {key: one for key, one in said.items() if key not in ("pattern", "template")}
            return Source(self._ref(place, bare), pattern=compiled, template=template)
        if "description" in said:
            return Source(description=True, pattern=compiled, template=template)
        chassis = CHASSIS.get(str(said["chassis"]))
        if chassis is None:
            raise self._wrong(f"{place}.chassis", said["chassis"], f"is none of {', '.join(CHASSIS)}")
        return Source(chassis=chassis, pattern=compiled, template=template)

    def _gauge_of(self, kind: str) -> Callable[[str, object], Gauge]:
        return lambda place, value: self._gauge(kind, place, value)

    def _gauge(self, kind: str, place: str, value: object) -> Gauge:
        said = self._mapping(place, value, _PARTS[kind] | {"unit", "name", "where", "ignore"})
        parts = {key: self._ref(f"{place}.{key}", said[key]) for key in sorted(_PARTS[kind]) if key in said}
        if not parts or (kind == "memory" and "percent" not in parts and len(parts) < 2):
            raise self._wrong(place, value, "measures nothing; memory takes percent, or two of used, free, total")
        name = said.get("name")
        ignore = self._list(f"{place}.ignore", said.get("ignore", []), self._number)
        return Gauge(
            parts,
            self._number(f"{place}.unit", said.get("unit", 1)),
            name if name is None or isinstance(name, str) else self._ref(f"{place}.name", name),
            self._where(f"{place}.where", said["where"]) if "where" in said else None,
            frozenset(ignore),
        )

    def _where(self, place: str, value: object) -> Where:
        conditions = frozenset({"among", "without", "pattern"})
        said = self._mapping(place, value, frozenset({"object", "oid"}) | conditions)
        numbers = {
            key: frozenset(map(int, self._list(f"{place}.{key}", said[key], self._number)))
            for key in ("among", "without")
            if key in said
        }
        if not said.keys() & conditions:
            raise self._wrong(place, value, "holds for every row; give among, without or pattern")
        return Where(
            Ref(self._object(place, said), "each"),
            numbers.get("among"),
            numbers.get("without", frozenset()),
            self._pattern(f"{place}.pattern", said["pattern"]) if "pattern" in said else None,
        )

    def _settings(self, place: str, value: object) -> Settings:
        said = self._mapping(place, value, frozenset({"most_variables", "bulk"}))
        most, bulk = said.get("most_variables"), said.get("bulk", True)
        if most is not None and not 0 < self._number(f"{place}.most_variables", most) <= 1000:
            raise self._wrong(f"{place}.most_variables", most, "is not between 1 and 1000")
        if not isinstance(bulk, bool):
            raise self._wrong(f"{place}.bulk", bulk, "is not true or false")
        return Settings(None if most is None else int(self._number(place, most)), bulk)

    def _example(self, place: str, value: object) -> Example:
        expected = frozenset(TEXTS)
        said = self._mapping(place, value, expected | {"origin", "object_id", "description", "objects"})
        objects = said.get("objects", {})
        if not isinstance(objects, dict) or not all(isinstance(one, str | int) for one in objects.values()):
            raise self._wrong(f"{place}.objects", objects, "is not instances with their values")
        return Example(
            self._text(f"{place}.origin", said.get("origin")),
            self._oid(f"{place}.object_id", said["object_id"]) if "object_id" in said else None,
            str(said.get("description", "")),
            {self._oid(f"{place}.objects", key): one for key, one in objects.items()},
            {key: self._text(f"{place}.{key}", said[key]) for key in TEXTS if key in said},
        )


def _fits(template: str, pattern: re.Pattern[str] | None) -> bool:
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError:
        return False
    return pattern is not None and all(name.isdigit() and int(name) <= pattern.groups for name in names)
