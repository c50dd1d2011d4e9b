"""Reads an organisation's own classes and fields from YAML; every error names line, column and the mend."""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import yaml

from driftline_baseline.catalog.model import CLASS_NAME, NAME, TYPES, Catalog, CiClass, CiField
from driftline_baseline.graph import KINDS
from driftline_baseline.yaml_reader import YamlReader, compose

#: What a document without anything is taken for, and what stands there before someone writes one.
SHIPPED = """\
# Classes and fields of this organisation's own; docs/catalog.md says what may stand here.
classes: []
fields: []
"""
SOURCE = "catalog.yaml"
TOP = ("classes", "fields")
CLASS = ("name", "meaning", "based_on", "reports", "relations")
FIELD = ("name", "of", "type", "description", "unit", "required", "unique", "pattern", "choices", "to")
#: Types that may be asked for more: which keys belong to which.
ONLY_OF = {
    "pattern": ("text", "email", "url"),
    "choices": ("choice",),
    "to": ("reference",),
    "unit": ("number", "integer", "money"),
}
_MOST = 500
_SECRET = re.compile(r"(^|_)(pass(word|wd|phrase)?|secret|token|credentials?|(api|private|ssh)_key)(_|$)")
_NO_SECRETS = (
    "there are no secrets in the CMDB: its history, exports and audit trail keep every value; keep it in a store of "
    "secrets, and here the place where it stands (type: url)"
)


class _Reader(YamlReader):
    """Turns YAML nodes into classes and fields."""

    def __init__(self, source: str, before: Catalog) -> None:
        super().__init__(source)
        self.before = before
        self.classes: dict[str, CiClass] = dict(before.classes)
        self.fields: list[CiField] = list(before.fields)

    def ci_class(self, node: yaml.Node, where: str) -> None:
        found = self.mapping(node, where, CLASS)
        built_in = not self.before.classes
        self.need(node, found, where, ("name", "meaning") if built_in else ("name", "meaning", "based_on"))
        name = self.text(found["name"], f"{where}.name")
        if not CLASS_NAME.fullmatch(name):
            raise self.fail(
                found["name"],
                f"{where}.name",
                f'"{name}" cannot name a class; write up to 60 small letters, digits, spaces, - or .',
            )
        if name in self.before.classes:
            raise self.fail(
                found["name"], f"{where}.name", f'"{name}" is built in; give its CIs fields of their own (fields:)'
            )
        if name in self.classes:
            raise self.fail(found["name"], f"{where}.name", f'"{name}" stands twice')
        base = None
        if "based_on" in found:
            base = self.one_of(found["based_on"], f"{where}.based_on", self.before.classes)
        kind = self.before.classes.get(base or "")
        relations = kind.relations if kind is not None else ()
        if "relations" in found:
            relations = self.texts(found["relations"], f"{where}.relations")
            for one in relations:
                if one not in KINDS:
                    raise self.fail(
                        found["relations"], f"{where}.relations", f'"{one}" is not one of {", ".join(KINDS)}'
                    )
        reports = kind.reports if kind is not None else False
        if "reports" in found:
            reports = self.flag(found["reports"], f"{where}.reports")
        meaning = self.text(found["meaning"], f"{where}.meaning")
        self.classes[name] = CiClass(name, meaning, reports, relations, base)

    def field(self, node: yaml.Node, where: str) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, _ in node.value:
                if self.plain(key) == "secret":
                    raise self.fail(key, f"{where}.secret", _NO_SECRETS)
        found = self.mapping(node, where, FIELD)
        self.need(node, found, where, ("name", "type"))
        name = self.text(found["name"], f"{where}.name")
        if not NAME.fullmatch(name):
            raise self.fail(
                found["name"],
                f"{where}.name",
                f'"{name}" cannot name a field; write up to 40 small letters, digits and _, as cost_centre',
            )
        if _SECRET.search(name):
            raise self.fail(found["name"], f"{where}.name", f'"{name}" sounds like a secret; {_NO_SECRETS}')
        kind = self.plain(found["type"])
        if kind in ("secret", "password"):
            raise self.fail(found["type"], f"{where}.type", _NO_SECRETS)
        kind = self.one_of(found["type"], f"{where}.type", TYPES)
        for key, types in ONLY_OF.items():
            if key in found and kind not in types:
                raise self.fail(found[key], f"{where}.{key}", f"belongs to {' or '.join(types)}, and this is {kind}")
        of = self.of(found["of"], f"{where}.of") if "of" in found else ()
        if kind == "choice" and "choices" not in found:
            raise self.fail(node, where, "has no choices; write choices: [bronze, silver, gold]")
        made = CiField(
            name=name,
            type=kind,
            description=self.text(found["description"], f"{where}.description") if "description" in found else "",
            of=of,
            unit=self.text(found["unit"], f"{where}.unit") if "unit" in found else None,
            required=self.flag(found["required"], f"{where}.required") if "required" in found else False,
            unique=self.flag(found["unique"], f"{where}.unique") if "unique" in found else False,
            pattern=self.pattern(found["pattern"], f"{where}.pattern") if "pattern" in found else None,
            choices=self.choices(found["choices"], f"{where}.choices") if "choices" in found else (),
            to=self.one_of(found["to"], f"{where}.to", self.classes) if "to" in found else None,
            built_in=not self.before.classes,
        )
        if made.unit is not None and kind == "money" and not re.fullmatch("[A-Z]{3}", made.unit):
            raise self.fail(found["unit"], f"{where}.unit", f'"{made.unit}" is no currency; write it as EUR')
        if made.unique and kind in ("boolean", "choice"):
            raise self.fail(found["unique"], f"{where}.unique", f"makes no sense of {kind}; leave it out")
        self.refuse_overlap(node, where, made)
        self.fields.append(made)

    def of(self, node: yaml.Node, where: str) -> tuple[str, ...]:
        found = self.texts(node, where)
        for one in found:
            if one not in self.classes:
                raise self.fail(node, where, f'"{one}" is no class; the classes are {", ".join(self.classes)}')
        return found

    def choices(self, node: yaml.Node, where: str) -> tuple[str, ...]:
        items = self.sequence(node, where)
        found = tuple(self.text(item, f"{where}[{index}]").strip() for index, item in enumerate(items))
        if len(set(found)) != len(found) or not found:
            raise self.fail(node, where, "must be different texts, at least one")
        return found

    def pattern(self, node: yaml.Node, where: str) -> str:
        text = self.text(node, where)
        try:
            re.compile(text)
        except re.error as error:
            raise self.fail(node, where, f'"{text}" is no regular expression: {error}') from error
        return text

    def refuse_overlap(self, node: yaml.Node, where: str, made: CiField) -> None:
        catalog = Catalog(self.classes, (made,))
        for other in self.fields:
            if other.name != made.name:
                continue
            known = Catalog(self.classes, (other,))
            both = [name for name in self.classes if catalog.fields_of(name) and known.fields_of(name)]
            if both:
                whose = "built in" if other.built_in else "declared"
                raise self.fail(
                    node,
                    where,
                    f'"{made.name}" is {whose} for {", ".join(both)} already; give it another name or other `of`',
                )


def _read(text: str, source: str, before: Catalog) -> Catalog:
    reader = _Reader(source, before)
    root = compose(text, source, "a catalog has classes and fields")
    found = reader.mapping(root, "catalog", TOP)
    for name, read in (("classes", reader.ci_class), ("fields", reader.field)):
        nodes = reader.sequence(found[name], name) if name in found else []
        if len(nodes) > _MOST:
            raise reader.fail(found[name], name, f"has more than {_MOST} entries")
        for index, node in enumerate(nodes):
            read(node, f"{name}[{index}]")
    return Catalog(reader.classes, tuple(reader.fields))


@lru_cache(maxsize=1)
def built_in() -> Catalog:
    """Return the classes and fields that every driftline knows."""
    path = Path(__file__).with_name("classes.yaml")
    return _read(path.read_text(), path.name, Catalog({}))


@lru_cache(maxsize=32)
def parse(text: str, source: str = SOURCE) -> Catalog:
    """Read a catalog document; return it together with what is built in.

    :param source: what to call it in errors: a file's name.
    :raises DocumentError: where it breaks its rules; the message names line, column and the mend.
    """
    return _read(text, source, built_in())


def own(catalog: Catalog) -> tuple[Mapping[str, CiClass], list[CiField]]:
    """Return what of a catalog is the organisation's own: classes and fields."""
    known = built_in().classes
    return (
        {name: one for name, one in catalog.classes.items() if name not in known},
        [one for one in catalog.fields if not one.built_in],
    )
