"""The fields that the catalog gives a CI, what its texts refer to, and lists filtered by fields."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from sqlalchemy import ColumnElement, String, cast, false, or_
from sqlmodel import Session, col

from driftline_baseline.catalog import values
from driftline_baseline.catalog.model import PREFIX, Catalog, CiField
from driftline_baseline.catalog.values import ValueRefused
from driftline_cmdb.catalog.versions import catalog_of
from driftline_cmdb.cis.lookup import Lookup, Named
from driftline_cmdb.errors import Invalid
from driftline_cmdb.tables.cis import Ci
from driftline_server.evidence import CiRef

#: What the texts of a CI name, where there is such a CI.
_KINDS = {
    "owner": ("team", "person"),
    "responsible": ("person", "team"),
    "location": ("site", "room", "rack"),
    "services": ("service", "application", "database"),
}


class OwnField(BaseModel):
    """A field that the catalog gives a CI, with its value."""

    name: str
    type: str
    description: str
    unit: str | None
    required: bool
    choices: list[str]
    #: As it is kept; None where it is not set.
    value: Any
    #: For people: of a reference the CI's name, of a number with its unit.
    shown: str
    #: Of a reference: the CI.
    ci: CiRef | None


class Said(BaseModel):
    """What people say of a CI beside its row."""

    #: Those that it could have too, value None.
    own: list[OwnField]
    #: By text: the CIs that owner, responsible, location and services name.
    named: dict[str, CiRef]


def said_of(session: Session, ci: Ci) -> Said:
    """Return the fields of a CI, and the teams, persons, sites and services that it names."""
    catalog = catalog_of(session)
    known = catalog.fields_of(ci.ci_class)
    lookup = Lookup(session, catalog)
    texts: dict[str, Sequence[str | None]] = {
        "owner": [ci.owner],
        "responsible": [ci.responsible],
        "location": [ci.location],
        "services": ci.services,
    }
    wanted = {text for found in texts.values() for text in found if text}
    lookup.load(wanted | {str(ci.fields[name]) for name, one in known.items() if _refers(one, ci.fields.get(name))})
    named = {
        text: _ref(found)
        for attribute, all_of_it in texts.items()
        for text in all_of_it
        if text and (found := lookup.of_kind(text, _KINDS[attribute])) is not None and found.uid != ci.uid
    }
    return Said(own=[_own(lookup, one, ci.fields.get(one.name)) for one in known.values()], named=named)


def _refers(one: CiField, value: Any) -> bool:
    return one.type == "reference" and value is not None


def _own(lookup: Lookup, one: CiField, value: Any) -> OwnField:
    found = next(iter(lookup.find(str(value))), None) if _refers(one, value) else None
    return OwnField(
        name=one.name,
        type=one.type,
        description=one.description,
        unit=one.unit,
        required=one.required,
        choices=list(one.choices),
        value=value,
        shown=found.name if found is not None else values.shown(one, value),
        ci=_ref(found) if found is not None else None,
    )


def _ref(found: Named) -> CiRef:
    return CiRef(uid=found.uid, name=found.name)


def asked(query: Mapping[str, str]) -> dict[str, str]:
    """Return the fields that a request filters by: ``field.cost_centre=4711``."""
    return {name[len(PREFIX) :]: value for name, value in query.items() if name.startswith(PREFIX) and value}


def conditions(session: Session, wanted: Mapping[str, str]) -> list[ColumnElement[bool]]:
    """Return the conditions that CIs have some values of fields; ``*`` in a text stands for anything.

    :raises Invalid: no such field, or a value that it cannot have.
    """
    if not wanted:
        return []
    catalog = catalog_of(session)
    return [_condition(session, catalog, name, text) for name, text in wanted.items()]


def _condition(session: Session, catalog: Catalog, name: str, text: str) -> ColumnElement[bool]:
    fields = catalog.named(name)
    if not fields:
        known = ", ".join(dict.fromkeys(one.name for one in catalog.fields)) or "none"
        raise Invalid(f"{PREFIX}{name}: the catalog has no such field; it has {known}")
    value = col(Ci.fields)[name]
    found: list[ColumnElement[bool]] = []
    why = ""
    for one in fields:
        if one.type == "reference":
            found += [value.as_string() == ci.uid for ci in Lookup(session, catalog).find(text)]
        elif "*" in text and one.type not in ("number", "integer", "boolean"):
            escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("*", "%")
            found.append(value.as_string().like(escaped, escape="\\"))
        else:
            try:
                kept = values.read(one, text)
            except ValueRefused as error:
                why = str(error)
                continue
            found.append(_equals(value, kept))
    if not found and why:
        raise Invalid(f'{PREFIX}{name}: "{text}" {why}')
    return or_(*found) if found else false()


def _equals(value: Any, kept: Any) -> ColumnElement[bool]:
    """Return the condition that a JSON value is another. As text: a field of this name may be text elsewhere."""
    text = cast(value.as_string(), String)
    if isinstance(kept, bool):  # SQLite has 1 and 0
        return text.in_(("true", "1") if kept else ("false", "0"))
    return text == values.text_of(kept)
