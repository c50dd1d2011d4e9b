"""What another catalog would do to the CIs that are on record."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from driftline_baseline.catalog import values
from driftline_baseline.catalog.model import Catalog, CiField
from driftline_baseline.catalog.reading import own
from driftline_baseline.catalog.values import ValueRefused
from driftline_cmdb.tables.cis import Ci

#: CIs that the list of what lacks a required field names.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Broken:
    """What of a CI would no longer fit."""

    uid: str
    name: str
    #: class, or field.NAME.
    attribute: str
    value: Any
    why: str

    def show(self) -> str:
        """Return it in a line."""
        return f'{self.name}: {self.attribute}: "{values.text_of(self.value)}" {self.why}'


@dataclass(frozen=True, slots=True)
class Lacking:
    """How many CIs lack a field that they must have; that is no obstacle."""

    field: str
    cis: int
    #: Some of them.
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """What a catalog would do."""

    #: In words: what it adds, takes away and changes.
    changes: tuple[str, ...]
    broken: tuple[Broken, ...]
    lacking: tuple[Lacking, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    id: int
    uid: str
    name: str
    ci_class: str
    fields: dict[str, Any]
    #: A disposed or merged CI keeps what it had, whatever the catalog says.
    over: bool


def of(session: Session, before: Catalog, after: Catalog) -> Trial:
    """Return what putting a catalog in force in place of another would do."""
    columns = (Ci.id, Ci.uid, Ci.name, Ci.ci_class, Ci.fields, Ci.status, Ci.merged_into_id)
    rows = session.exec(select(*columns).order_by(col(Ci.name), col(Ci.id)))  # type: ignore[call-overload]  # seven columns
    cis = [
        _Known(ci_id, uid, name, ci_class, fields, status == "disposed" or merged is not None)
        for ci_id, uid, name, ci_class, fields, status, merged in rows
    ]
    classes = {ci.uid: ci.ci_class for ci in cis}
    standing = [ci for ci in cis if not ci.over]
    broken = [one for ci in standing for one in _broken(after, ci, classes)]
    broken += _doubled(after, standing)
    return Trial(tuple(_changes(before, after)), tuple(broken), tuple(_lacking(after, standing)))


def _broken(after: Catalog, ci: _Known, classes: dict[str, str]) -> Iterator[Broken]:
    if ci.ci_class not in after.classes:
        yield Broken(ci.uid, ci.name, "class", ci.ci_class, "is no class any more")
        return
    known = after.fields_of(ci.ci_class)
    for name, value in ci.fields.items():
        why = _misfit(after, known.get(name), ci.ci_class, value, classes)
        if why is not None:
            yield Broken(ci.uid, ci.name, f"field.{name}", value, why)


def _misfit(after: Catalog, field: CiField | None, ci_class: str, value: Any, classes: dict[str, str]) -> str | None:
    if field is None:
        return f"is of a field that CIs of class {ci_class} have no more"
    try:
        kept = values.read(field, value)
    except ValueRefused as error:
        return str(error)
    if type(kept) is not type(value) or kept != value:
        return f"is {values.text_of(kept)} as {field.type}; set it anew"
    if field.type == "reference" and (
        value not in classes or (field.to is not None and not after.is_a(classes[value], field.to))
    ):
        return f"is no {field.to or 'CI'}"
    return None


def _doubled(after: Catalog, cis: Iterable[_Known]) -> Iterator[Broken]:
    first: dict[tuple[str, str], str] = {}
    for ci in cis:
        for name, value in ci.fields.items():
            field = after.fields_of(ci.ci_class).get(name)
            if field is None or not field.unique:
                continue
            key = (name, values.text_of(value))
            if key in first:
                yield Broken(ci.uid, ci.name, f"field.{name}", value, f"is {first[key]}'s too, and must be unique")
            first.setdefault(key, ci.name)


def _lacking(after: Catalog, cis: Iterable[_Known]) -> Iterator[Lacking]:
    found: dict[str, list[str]] = {}
    for ci in cis:
        for name, field in after.fields_of(ci.ci_class).items():
            if field.required and name not in ci.fields:
                found.setdefault(name, []).append(ci.name)
    for name, names in sorted(found.items()):
        yield Lacking(name, len(names), tuple(names[:_NAMED]))


def _changes(before: Catalog, after: Catalog) -> Iterator[str]:
    (old_classes, old), (new_classes, new) = own(before), own(after)
    yield from _differing("class", old_classes, new_classes)
    of = {f"{one.name}{_whose(one)}": one for one in old}, {f"{one.name}{_whose(one)}": one for one in new}
    yield from _differing("field", *of)


def _whose(field: CiField) -> str:
    return f" of {', '.join(field.of)}" if field.of else ""


def _differing(what: str, before: Any, after: Any) -> Iterator[str]:
    for name in sorted({*before, *after}):
        if name not in before:
            yield f"{what} {name} is new"
        elif name not in after:
            yield f"{what} {name} goes"
        elif before[name] != after[name]:
            yield f"{what} {name} changes"
