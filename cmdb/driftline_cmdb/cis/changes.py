"""What is said of a CI, checked against the catalog: a plan that says before and after, or all that is wrong with it.

Attributes have one notation everywhere: ``owner``, ``class``, ``label.role``, ``field.cost_centre``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session

from driftline_baseline import life_cycle
from driftline_baseline.catalog import values
from driftline_baseline.catalog.model import PREFIX, Catalog, CiField
from driftline_baseline.catalog.values import ValueRefused
from driftline_cmdb.cis.lookup import Lookup, holders
from driftline_cmdb.tables.cis import Ci

TEXTS = ("owner", "responsible", "environment", "location", "criticality")
LABEL = "label."
#: What may be said of a CI; beside these ``label.NAME`` and ``field.NAME``.
ATTRIBUTES = ("class", "status", *TEXTS, "services", "labels", "fields")
#: Characters of a text, a label, a service.
LONGEST = 200
_MOST = 200
#: Addresses below ``/cis`` that a name would hide.
_TAKEN = ("import",)

State = dict[str, Any]


@dataclass
class Plan:
    """What becomes of one CI."""

    uid: str
    name: str
    #: None: it will be made.
    ci: Ci | None
    before: State
    after: State
    #: What is wrong with it, each with attribute, value and mend.
    problems: list[str] = field(default_factory=list)

    @property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        """Return what changes, by attribute: before and after; None is absent."""
        names = sorted({*self.before, *self.after}, key=_order)
        pairs = {name: (self.before.get(name), self.after.get(name)) for name in names}
        return {name: pair for name, pair in pairs.items() if not _same(*pair)}


def state_of(ci: Ci) -> State:
    """Return what is said of a CI, by attribute; what is absent is left out."""
    said: State = {"class": ci.ci_class, "status": ci.status}
    said |= {name: getattr(ci, name) for name in TEXTS if getattr(ci, name) is not None}
    if ci.services:
        said["services"] = list(ci.services)
    said |= {f"{LABEL}{name}": value for name, value in ci.labels.items()}
    return said | {f"{PREFIX}{name}": value for name, value in ci.fields.items()}


def columns_of(state: State) -> dict[str, Any]:
    """Return a state as the columns of a CI's row."""
    return {
        "ci_class": state["class"],
        "status": state["status"],
        **{name: state.get(name) for name in TEXTS},
        "services": list(state.get("services", ())),
        "labels": {name[len(LABEL) :]: value for name, value in state.items() if name.startswith(LABEL)},
        "fields": {name[len(PREFIX) :]: value for name, value in state.items() if name.startswith(PREFIX)},
    }


def plan(lookup: Lookup, ci: Ci, said: Mapping[str, Any]) -> Plan:
    """Plan a change of a CI.

    :param said: by attribute; what is left out stays, None clears; ``labels`` are all labels, ``fields`` some fields.
    """
    before = state_of(ci)
    made = Plan(ci.uid, ci.name, ci, before, dict(before))
    _put(lookup, made, said)
    return made


def plan_new(lookup: Lookup, uid: str, name: str, said: Mapping[str, Any]) -> Plan:
    """Plan a new CI."""
    made = Plan(uid, name, None, {}, {"class": "server", "status": "planned"})
    if not name or len(name) > LONGEST or not name.isprintable():
        made.problems.append(f"name: must have 1 to {LONGEST} characters, all of them printable")
    if name in _TAKEN:
        made.problems.append(f'name: "{name}" is an address of the API; give it another one')
    _put(lookup, made, said)
    return made


def _put(lookup: Lookup, made: Plan, said: Mapping[str, Any]) -> None:
    catalog, after = lookup.catalog, made.after
    for attribute, value in _one_by_one(said, made.before):
        if attribute == "status" and (wrong := _refusal_of_status(made, value)) is not None:
            made.problems.append(wrong)
            continue
        try:
            kept = _read(lookup, made, said, attribute, value)
        except ValueRefused as error:
            written = f' "{_short(value)}"' if value is not None else ""
            made.problems.append(f"{attribute}:{written} {error}")
            continue
        if kept is None:
            after.pop(attribute, None)
        else:
            after[attribute] = kept
    if sum(name.startswith(LABEL) for name in after) > _MOST or len(after.get("services", ())) > _MOST:
        made.problems.append(f"labels, services: more than {_MOST}")
    if after["class"] not in catalog.classes:
        return
    known = catalog.fields_of(after["class"])
    if made.before.get("class") != after["class"]:
        for name in [name for name in after if name.startswith(PREFIX) and name[len(PREFIX) :] not in known]:
            if name not in said and name[len(PREFIX) :] not in (said.get("fields") or {}):
                made.problems.append(
                    f'class: "{after["class"]}" has no {name}, and it is "{_short(after[name])}" here; clear it first'
                )
        for name, one in known.items():
            if one.required and f"{PREFIX}{name}" not in after:
                made.problems.append(f"{PREFIX}{name}: is required of class {after['class']}; give it{_example(one)}")


def _one_by_one(said: Mapping[str, Any], before: State) -> Iterator[tuple[str, Any]]:
    """Yield what is said attribute by attribute, the class first: it decides which fields there are."""
    for attribute, value in sorted(said.items(), key=lambda item: _order(item[0])):
        if attribute == "labels":
            wanted = value or {}
            gone = [name for name in before if name.startswith(LABEL) and name[len(LABEL) :] not in wanted]
            yield from ((name, None) for name in gone)
            yield from ((f"{LABEL}{name}", one) for name, one in wanted.items())
        elif attribute == "fields":
            yield from ((f"{PREFIX}{name}", one) for name, one in (value or {}).items())
        else:
            yield attribute, value


def _order(attribute: str) -> tuple[int, str]:
    return (ATTRIBUTES.index(attribute) if attribute in ATTRIBUTES else len(ATTRIBUTES), attribute)


def _same(before: Any, after: Any) -> bool:
    return type(before) is type(after) and bool(before == after)


def _read(lookup: Lookup, made: Plan, said: Mapping[str, Any], attribute: str, value: Any) -> Any:
    if attribute == "class":
        if value not in lookup.catalog.classes:
            raise ValueRefused(f"is not one of {', '.join(lookup.catalog.classes)}")
        return value
    if attribute == "status":
        return value
    if attribute == "services":
        return [one for one in dict.fromkeys(_text(one) for one in value or ()) if one is not None] or None
    if attribute in TEXTS:
        return _text(value)
    if attribute.startswith(LABEL):
        name = attribute[len(LABEL) :]
        if not name or name != name.strip() or len(name) > LONGEST or not name.isprintable():
            raise ValueRefused(f"is a label without a name of 1 to {LONGEST} printable characters, no space around it")
        return _label(value)
    if attribute.startswith(PREFIX):
        return _field(lookup, made.after["class"], attribute, value)
    raise ValueRefused(f"is nothing that people say; known are {', '.join(ATTRIBUTES)}, label.NAME and field.NAME")


def _refusal_of_status(made: Plan, status: Any) -> str | None:
    if made.ci is None:
        return life_cycle.refusal_of_new(str(status or ""))
    return life_cycle.refusal_of_edit(made.name, made.before["status"], str(status or ""))


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueRefused("is no text")
    text = value.replace("\r\n", "\n").strip()
    if len(text) > LONGEST:
        raise ValueRefused(f"is longer than {LONGEST} characters")
    if any(ord(one) < 32 and one not in "\n\t" for one in text):
        raise ValueRefused("has control characters; leave them out")
    return text or None


def _label(value: Any) -> str | None:
    return None if value is None else _text(value) or ""


def _field(lookup: Lookup, ci_class: str, attribute: str, value: Any) -> Any:
    known = lookup.catalog.fields_of(ci_class)
    one = known.get(attribute[len(PREFIX) :])
    if one is None:
        if value is None:
            return None
        have = ", ".join(known) or "none"
        raise ValueRefused(f"is of no field that CIs of class {ci_class} have ({have}); driftline catalog show")
    if value is None:
        if one.required:
            raise ValueRefused(f"is required of class {ci_class}; give it{_example(one)}")
        return None
    kept = values.read(one, value)
    return _referred(lookup, one, kept) if one.type == "reference" else kept


def _referred(lookup: Lookup, one: CiField, text: str) -> str:
    found = lookup.find(text)
    fitting = [ci for ci in found if one.to is None or lookup.catalog.is_a(ci.ci_class, one.to)]
    if len(fitting) == 1:
        return fitting[0].uid
    if fitting:
        raise ValueRefused(f"names {len(fitting)} CIs; name one by its uid: {', '.join(ci.uid for ci in fitting)}")
    if found:
        raise ValueRefused(f"is a {found[0].ci_class}, and must be a {one.to}")
    raise ValueRefused(f'names no {one.to or "CI"}; driftline ci create "{text}" --class "{one.to or "..."}"')


def _example(one: CiField) -> str:
    return f", one of {', '.join(one.choices)}" if one.choices else ""


def _short(value: Any) -> str:
    text = values.text_of(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def note_doubles(session: Session, catalog: Catalog, plans: Sequence[Plan]) -> None:
    """Note as a problem where two CIs would have one value of a field that must be unique, once all are written."""
    wanted: dict[str, list[tuple[Plan, str]]] = {}
    for made in plans:
        known = catalog.fields_of(made.after["class"])
        for attribute in made.changes:
            one = known.get(attribute[len(PREFIX) :]) if attribute.startswith(PREFIX) else None
            if one is not None and one.unique and attribute in made.after:
                wanted.setdefault(one.name, []).append((made, values.text_of(made.after[attribute])))
    moved = {made.uid: made for made in plans}
    for name, ones in wanted.items():
        taken = _kept_by(holders(session, name), name, moved)
        for made, text in ones:
            other = next((who for uid, who in taken.get(text, ()) if uid != made.uid), None)
            if other is not None:
                made.problems.append(f'{PREFIX}{name}: "{_short(text)}" is {other}\'s already, and it must be unique')
            taken.setdefault(text, []).append((made.uid, made.name))


def _kept_by(
    now: Mapping[str, Iterable[tuple[str, str]]], name: str, moved: Mapping[str, Plan]
) -> dict[str, list[tuple[str, str]]]:
    """Return who still has which value of a field, without those that get another one."""
    found: dict[str, list[tuple[str, str]]] = {}
    for text, whose in now.items():
        for uid, who in whose:
            if uid not in moved or values.text_of(moved[uid].after.get(f"{PREFIX}{name}")) == text:
                found.setdefault(text, []).append((uid, who))
    return found
