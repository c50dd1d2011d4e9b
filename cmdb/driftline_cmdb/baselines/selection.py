"""Which baselines in force cover a CI, at a cost that does not grow with how many baselines there are.

What is in force is read once and kept in memory; one small query tells whether that has changed since.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import func
from sqlmodel import Session, col, or_, select

from driftline import facts
from driftline.schema import Value
from driftline_baseline import reading
from driftline_baseline.catalog.model import PREFIX
from driftline_baseline.catalog.values import text_of
from driftline_baseline.document import Document, Selector, is_pattern
from driftline_baseline.expected import element_path
from driftline_baseline.life_cycle import GONE
from driftline_cmdb.identity.aliases import names, survivor
from driftline_cmdb.identity.bindings import precedence
from driftline_cmdb.packing import chunks
from driftline_cmdb.record import heard
from driftline_cmdb.tables.baselines import Baseline, BaselineVersion
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.elements import Element, Holding, Path
from driftline_cmdb.tables.sources import Source


@lru_cache(maxsize=1024)
def parsed(text: str) -> Document:
    """Return a baseline's document; a version's text never changes, so it is read once."""
    return reading.parse(text)


@dataclass(frozen=True, slots=True)
class InForce:
    """A baseline version in force."""

    id: int
    name: str
    number: int
    document: Document


@dataclass(frozen=True)
class Table:
    """All baseline versions in force."""

    stamp: tuple[Any, ...]
    versions: Mapping[int, InForce]
    #: Those that name single CIs, by each name or uid.
    by_ci: Mapping[str, Sequence[InForce]] = field(default_factory=dict)
    #: Those that name none.
    others: Sequence[InForce] = ()
    #: Element paths that selectors look at.
    facts: frozenset[str] = frozenset()

    def candidates(self, ci: Ci, also: Sequence[str] = ()) -> list[InForce]:
        """Return those that may cover a CI, as far as its name says.

        :param also: uids and names of CIs that were merged into it.
        """
        named = {one.id: one for key in (ci.uid, ci.name, *also) for one in self.by_ci.get(key, ())}
        return sorted([*named.values(), *self.others], key=lambda one: one.id)


#: By the engine's connection pool, which is one for each database of the process.
_TABLES: WeakKeyDictionary[Any, Table] = WeakKeyDictionary()


def table(session: Session) -> Table:
    """Return what is in force."""
    pool = session.connection().engine.pool
    ids = col(BaselineVersion.id)
    row = session.exec(
        select(func.count(ids), func.sum(ids), func.sum(ids * ids), func.max(BaselineVersion.in_force_ms)).where(
            BaselineVersion.state == "in force"
        )
    ).one()
    stamp = tuple(row)
    kept = _TABLES.get(pool)
    if kept is None or kept.stamp != stamp:
        kept = _TABLES[pool] = _read(session, stamp, kept.versions if kept is not None else {})
    return kept


def _read(session: Session, stamp: tuple[Any, ...], known: Mapping[int, InForce]) -> Table:
    ids = session.exec(select(BaselineVersion.id).where(BaselineVersion.state == "in force")).all()
    versions = {number: known[number] for number in ids if number in known}
    for chunk in chunks(sorted(set(ids) - versions.keys())):
        query = (
            select(BaselineVersion.id, Baseline.name, BaselineVersion.number, BaselineVersion.document)
            .join(Baseline, col(Baseline.id) == col(BaselineVersion.baseline_id))
            .where(col(BaselineVersion.id).in_(chunk))
        )
        for version_id, name, number, document in session.exec(query):
            versions[version_id] = InForce(version_id, name, number, parsed(document))
    by_ci: dict[str, list[InForce]] = {}
    others: list[InForce] = []
    paths: set[str] = set()
    for one in versions.values():
        selector = one.document.selector
        paths |= {element_path(path) for path in selector.facts}
        named = _names(selector)
        if named is not None:
            for key in named:
                by_ci.setdefault(key, []).append(one)
        else:
            others.append(one)
    return Table(stamp, versions, by_ci, others, frozenset(paths))


def _names(selector: Selector) -> tuple[str, ...] | None:
    """Return the CIs that a selector names one by one; None where it does not, or has wild cards there."""
    wanted = selector.fields.get("ci")
    return None if wanted is None or any(is_pattern(one) for one in wanted) else wanted


def fields_of(ci: Ci, also: Sequence[str] = ()) -> dict[str, Collection[str | None]]:
    """Return a CI's fields as selectors see them.

    :param also: uids and names of CIs that were merged into it: who names one of them means this one.
    """
    return {
        "ci": (ci.uid, ci.name, *also),
        "class": (ci.ci_class,),
        "environment": (ci.environment,),
        "status": (ci.status,),
        "owner": (ci.owner,),
        "location": (ci.location,),
        "criticality": (ci.criticality,),
        "services": ci.services,
        **{f"{PREFIX}{name}": (text_of(value),) for name, value in ci.fields.items()},
    }


def covering(session: Session, cis: Iterable[Ci]) -> dict[int, list[InForce]]:
    """Return the baseline versions in force that cover each CI, oldest first, by the CI's id."""
    known = table(session)
    found: dict[int, list[InForce]] = {}
    asking: dict[int, Ci] = {}
    cis = list(cis)
    merged = names(session, [ci.id for ci in cis if ci.merged_into_id is None]) if known.versions else {}
    for ci in cis:
        if ci.merged_into_id is not None or ci.status in GONE:
            # The CI that stands for it is covered; one that is out of use by a decision is not any more.
            found[ci.id] = []
            continue
        also = merged.get(ci.id, ())
        fields = fields_of(ci, also)
        found[ci.id] = [
            one for one in known.candidates(ci, also) if one.document.selector.may_select(fields, ci.labels)
        ]
        if any(one.document.selector.facts for one in found[ci.id]):
            asking[ci.id] = ci
    if asking:
        paths = {path for ci_id in asking for one in found[ci_id] for path in one.document.selector.facts}
        values = facts_at(session, asking, paths)
        for ci_id, ci in asking.items():
            fields = fields_of(ci, merged.get(ci_id, ()))
            found[ci_id] = [
                one for one in found[ci_id] if one.document.selector.selects(fields, ci.labels, values.get(ci_id))
            ]
    return found


def is_meant(session: Session, selector: Selector, ci: Ci) -> bool:
    """Tell whether a selector means a CI."""
    fields = fields_of(ci, names(session, [ci.id]).get(ci.id, ()) if "ci" in selector.fields else ())
    if ci.status in GONE or not selector.may_select(fields, ci.labels):
        return False
    values = facts_at(session, [ci.id], selector.facts).get(ci.id) if selector.facts else None
    return selector.selects(fields, ci.labels, values)


def covered_by(session: Session, document: Document) -> dict[int, Ci]:
    """Return the CIs that a document selects and that are not gone, by id."""
    selector = document.selector
    query = select(Ci).where(col(Ci.status).not_in(GONE))
    wanted = _names(selector)
    if wanted is not None:
        query = query.where(or_(col(Ci.uid).in_(wanted), col(Ci.name).in_(wanted)))
    cis = {ci.id: ci for ci in map(partial(survivor, session), session.exec(query).all())}
    merged = names(session, cis) if "ci" in selector.fields else {}
    may = {id_: ci for id_, ci in cis.items() if selector.may_select(fields_of(ci, merged.get(id_, ())), ci.labels)}
    if not selector.facts or not may:
        return may
    values = facts_at(session, may, selector.facts)
    return {
        id_: ci
        for id_, ci in may.items()
        if selector.selects(fields_of(ci, merged.get(id_, ())), ci.labels, values.get(id_))
    }


def facts_at(session: Session, ci_ids: Collection[int], paths: Iterable[str]) -> dict[int, dict[str, Value]]:
    """Return CIs' values at some attributes' paths, by CI; the highest source that speaks there counts."""
    by_element: dict[str, list[str]] = {}
    for path in paths:
        by_element.setdefault(element_path(path), []).append(path)
    found: dict[int, dict[str, Value]] = {}
    query = (
        select(Binding.ci_id, Path.text, Element.content)
        .select_from(Holding)
        .join(Binding, col(Binding.source_id) == col(Holding.source_id))
        .join(Source, col(Source.id) == col(Binding.source_id))
        .join(Path, col(Path.id) == col(Holding.path_id))
        .join(Element, col(Element.id) == col(Holding.element_id))
        .where(col(Holding.until_revision).is_(None), col(Binding.until_ms).is_(None), heard())
        .where(col(Path.text).in_(by_element))
        .order_by(*precedence(lowest_first=True))
    )
    for chunk in chunks(sorted(ci_ids)):
        for ci_id, element, content in session.exec(query.where(col(Binding.ci_id).in_(chunk))):
            attributes = facts.attributes(element, content)
            for path in by_element[element]:
                value = attributes.get(path[len(element) + 1 :])
                if value is not None:
                    found.setdefault(ci_id, {})[path] = value
                else:
                    found.get(ci_id, {}).pop(path, None)
    return found
