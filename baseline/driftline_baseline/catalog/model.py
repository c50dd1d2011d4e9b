"""Classes and fields, and the catalog that has them all."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

#: Types of fields, each with what its values look like.
TYPES: dict[str, str] = {
    "text": "any text",
    "number": "a number: 1.5",
    "integer": "a whole number: 42",
    "date": "a day: 2026-11-24",
    "boolean": "true or false",
    "money": "an amount and a currency: 1200.50 EUR",
    "email": "a mail address: dba@example.com",
    "url": "an address: https://wiki.example.com/web1",
    "choice": "one of the field's choices",
    "reference": "name or uid of a CI",
}
#: What a field's name looks like.
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
#: What stands before a field's name wherever it stands beside other attributes: ``field.cost_centre``.
PREFIX = "field."
#: What a class may be called.
CLASS_NAME = re.compile(r"[a-z0-9][a-z0-9 ._+-]{0,59}")


@dataclass(frozen=True, slots=True)
class CiClass:
    """A class of CIs."""

    name: str
    meaning: str
    #: True where an agent or a device speaks for such a CI.
    reports: bool
    #: Kinds of relations that make sense in front of it: a hint for people.
    relations: tuple[str, ...] = ()
    #: The built-in class that it is a kind of; None for a built-in one.
    based_on: str | None = None


@dataclass(frozen=True, slots=True)
class CiField:
    """A field that the CIs of some classes have."""

    name: str
    #: One of TYPES.
    type: str
    description: str = ""
    #: Names of the classes that have it, and with them all that are based on those; empty: all classes.
    of: tuple[str, ...] = ()
    #: For people: U, GB; of money the currency that is meant where a value names none.
    unit: str | None = None
    required: bool = False
    unique: bool = False
    #: A regular expression that the whole text must match.
    pattern: str | None = None
    choices: tuple[str, ...] = ()
    #: Of a reference: the class of the CI that is meant; None: any.
    to: str | None = None
    built_in: bool = False


@dataclass(frozen=True)
class Catalog:
    """All classes and fields."""

    classes: Mapping[str, CiClass]
    fields: tuple[CiField, ...] = ()
    _of: dict[str, dict[str, CiField]] = field(default_factory=dict, compare=False, repr=False)

    def kinds_of(self, name: str) -> Iterator[str]:
        """Yield a class and what it is based on."""
        yield name
        known = self.classes.get(name)
        if known is not None and known.based_on is not None:
            yield known.based_on

    def is_a(self, name: str, kind: str) -> bool:
        """Tell whether a class is another, or based on it."""
        return kind in self.kinds_of(name)

    def reports(self, name: str) -> bool:
        """Tell whether a source speaks for CIs of a class. A class that is not known here is taken for a machine."""
        known = self.classes.get(name)
        return known is None or known.reports

    def fields_of(self, name: str) -> Mapping[str, CiField]:
        """Return the fields that CIs of a class have, by name."""
        if name not in self._of:
            kinds = set(self.kinds_of(name))
            self._of[name] = {one.name: one for one in self.fields if not one.of or not kinds.isdisjoint(one.of)}
        return self._of[name]

    def named(self, name: str) -> list[CiField]:
        """Return the fields of a name; several classes may each have one of their own."""
        return [one for one in self.fields if one.name == name]


def name_of(attribute: str) -> str | None:
    """Return the name of a field out of ``field.NAME``; None where that is something else."""
    name = attribute.removeprefix(PREFIX)
    return name if name != attribute and NAME.fullmatch(name) else None
