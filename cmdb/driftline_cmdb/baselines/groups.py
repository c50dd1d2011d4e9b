"""Baselines drafted from what most of a group of CIs agree on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from driftline import facts
from driftline_baseline import capture as captures
from driftline_baseline.capture import MOVES_BY_ITSELF
from driftline_baseline.document import Document, Selector
from driftline_baseline.expected import element_path
from driftline_baseline.kinds import selects_by
from driftline_baseline.majority import Majority, Minority, Seen, majority
from driftline_baseline.values import encode, show
from driftline_baseline.wording import what
from driftline_cmdb import audit
from driftline_cmdb.baselines.pins import ids_of, pin
from driftline_cmdb.baselines.selection import covered_by
from driftline_cmdb.baselines.versions import add_version
from driftline_cmdb.errors import Invalid, Refused
from driftline_cmdb.packing import chunks
from driftline_cmdb.record import heard
from driftline_cmdb.tables.baselines import BaselineVersion
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.elements import Element, Holding, Path

#: What each CI of a group has of its own, however alike they are.
_OWN = {"record.links": "each CI's own", "record.relations": "each CI's own"}
#: Minorities whose CIs are named.
NAMED = 200


@dataclass(frozen=True, slots=True)
class Others:
    """Where some CIs of the group are not as most, with their names."""

    minority: Minority
    hosts: Sequence[str]

    def show(self, cis: int) -> str:
        """Return it as people read it: "3 of 40 have another version of package openssl: web7, ..."."""
        one = self.minority
        names = ", ".join(self.hosts[:5]) + (", ..." if one.count > 5 else "")
        verb = {"changed": "have another", "missing": "lack the", "unexpected": "have the"}[one.kind]
        verb = verb.replace("have", "has").replace("lack", "lacks") if one.count == 1 else verb
        common = f" than {show(one.common)}" if one.kind == "changed" else ""
        return f"{one.count} of {cis} {verb} {what(one.path)}{common}: {names}"


@dataclass(frozen=True, slots=True)
class GroupCapture:
    """A draft that was captured from a group."""

    version: BaselineVersion
    #: How many CIs the group has of which something is known.
    cis: int
    majority: Majority
    others: list[Others]
    #: Paths of open drifts of CIs of the group, which do not count.
    left_out: list[str]


def parse_group(text: str) -> Selector:
    """Read what names a group: ``role=web`` (a label), ``class=server``, ``ci=web1,web2``, several with spaces.

    :raises Invalid: where it names none.
    """
    fields: dict[str, tuple[str, ...]] = {}
    labels: dict[str, str] = {}
    for word in text.split():
        name, equals, values = word.partition("=")
        found = tuple(value for value in values.split(",") if value)
        if not equals or not name or not found:
            raise Invalid(f'group: "{word}" names no CIs; write label=value, class=server or ci=web1,web2')
        if selects_by(name):
            fields[name] = found
        elif len(found) == 1:
            labels[name.removeprefix("labels.")] = found[0]
        else:
            raise Invalid(f'group: "{word}": a label has one value')
    if not fields and not labels:
        raise Invalid("group: names no CIs; write label=value, class=server or ci=web1,web2")
    return Selector(fields, labels)


def capture_group(
    session: Session,
    selector: Selector,
    name: str,
    share: float,
    author: str,
    now_ms: int,
    *,
    leave_out_drifts: bool = False,
) -> GroupCapture:
    """Draft a baseline of what at least a share of a group's CIs agree on.

    :param share: percent, over 50.
    :raises Invalid: where the share is none, or the group has fewer than two CIs.
    :raises Refused: while one of the CIs has open drifts that are not to be left out.
    """
    if not 50 < share <= 100:
        raise Invalid(f"share: {share:g} is not a share of a majority; write a percentage over 50, as 90")
    cis = covered_by(session, Document(name, selector, ()))
    counts = _count(session, cis)
    known = _known(session, cis)
    if len(known) < 2:
        raise Invalid(f"group: {len(cis)} CIs are meant and {len(known)} have reported; a majority needs at least two")
    drifting = _drifting(session, known)
    if drifting and not leave_out_drifts:
        names = ", ".join(f"{cis[ci_id].name} {path}" for ci_id, path in drifting[:5])
        raise Refused(
            f"{len({ci for ci, _ in drifting})} CIs of the group have open drifts, which a capture might absorb: "
            f"{names}; settle them first, or ask to leave them out"
        )
    _take_away(session, counts, drifting)
    found = majority(_seen(session, counts), len(known), share)
    ignore = (
        MOVES_BY_ITSELF
        | _OWN
        | {pattern: reason for pattern, reason in found.ignore.items() if pattern not in MOVES_BY_ITSELF}
    )
    document = captures.with_reasons(captures.draft_for(name, selector, ignore), ignore)
    version = add_version(session, name, document, author, now_ms)
    version.taken_from = f"{share:g} % of {len(known)} CIs"
    session.add(version)
    pin(session, version, ids_of(session, found.pinned.items()))
    others = _named(session, found, known, cis)
    left_out = sorted({path for _, path in drifting})
    detail: dict[str, Any] = {"cis": len(known), "share": share, "elements": len(found.pinned), "left out": left_out}
    audit.record(session, author, "baseline.captured", f"baseline {name} v{version.number}", detail, now_ms)
    return GroupCapture(version, len(known), found, others, left_out)


_Counts = dict[tuple[int, int], int]


def _count(session: Session, cis: Mapping[int, Ci]) -> _Counts:
    """Return how many CIs hold each element, by (path id, element id)."""
    counts: _Counts = {}
    for chunk in chunks(sorted(cis)):
        query = (
            select(Holding.path_id, Holding.element_id, func.count(func.distinct(Binding.ci_id)))
            .join(Binding, col(Binding.source_id) == col(Holding.source_id))
            .where(col(Holding.until_revision).is_(None), col(Binding.until_ms).is_(None), heard())
            .where(col(Binding.ci_id).in_(chunk))
            .group_by(col(Holding.path_id), col(Holding.element_id))
        )
        for path_id, element_id, count in session.exec(query):
            counts[path_id, element_id] = counts.get((path_id, element_id), 0) + count
    return counts


def _known(session: Session, cis: Mapping[int, Ci]) -> set[int]:
    """Return the CIs of which something is known."""
    found: set[int] = set()
    for chunk in chunks(sorted(cis)):
        held = select(Holding.id).where(Holding.source_id == Binding.source_id, col(Holding.until_revision).is_(None))
        query = select(Binding.ci_id).where(
            col(Binding.until_ms).is_(None), col(Binding.ci_id).in_(chunk), held.exists()
        )
        found.update(session.exec(query))
    return found


def _drifting(session: Session, ci_ids: Iterable[int]) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for chunk in chunks(sorted(ci_ids)):
        query = select(Drift.ci_id, Drift.path).where(col(Drift.ci_id).in_(chunk), col(Drift.closed_ms).is_(None))
        found += session.exec(query.order_by(col(Drift.ci_id), Drift.path)).all()
    return found


def _take_away(session: Session, counts: _Counts, drifting: Sequence[tuple[int, str]]) -> None:
    """Do not count what a CI has where a drift of it is open."""
    for ci_id, path in {(ci_id, element_path(path)) for ci_id, path in drifting}:
        query = (
            select(Holding.path_id, Holding.element_id)
            .join(Binding, col(Binding.source_id) == col(Holding.source_id))
            .join(Path, col(Path.id) == col(Holding.path_id))
            .where(col(Holding.until_revision).is_(None), col(Binding.until_ms).is_(None), heard())
            .where(Binding.ci_id == ci_id, Path.text == path)
            .distinct()
        )
        for key in session.exec(query):
            counts[key] -= 1
            if not counts[key]:
                del counts[key]


def _seen(session: Session, counts: _Counts) -> list[Seen]:
    contents: dict[int, tuple[str, bytes]] = {}
    query = select(Element.id, Path.text, Element.content).join(Path, col(Path.id) == col(Element.path_id))
    for chunk in chunks(sorted({element for _, element in counts})):
        for element_id, path, content in session.exec(query.where(col(Element.id).in_(chunk))):
            contents[element_id] = (path, content)
    by_path: dict[str, list[tuple[Any, int]]] = {}
    for (_, element_id), count in counts.items():
        path, content = contents[element_id]
        by_path.setdefault(path, []).append((facts.attributes(path, content), count))
    return [
        Seen(path, sorted(variants, key=lambda one: (-one[1], encode(one[0]) or "")))
        for path, variants in by_path.items()
    ]


def _named(session: Session, found: Majority, known: set[int], cis: Mapping[int, Ci]) -> list[Others]:
    """Return the minorities with the names of their CIs; only of the smallest, where there are many."""
    chosen = found.minorities[:NAMED]
    holders: dict[str, dict[int, Mapping[str, Any]]] = {}
    wanted = sorted({element_path(one.path) for one in chosen})
    query = (
        select(Path.text, Binding.ci_id, Element.content)
        .select_from(Holding)
        .join(Binding, col(Binding.source_id) == col(Holding.source_id))
        .join(Path, col(Path.id) == col(Holding.path_id))
        .join(Element, col(Element.id) == col(Holding.element_id))
        .where(col(Holding.until_revision).is_(None), col(Binding.until_ms).is_(None), heard())
    )
    for chunk in chunks(wanted):
        for some in chunks(sorted(known), 5000):
            rows = session.exec(query.where(col(Path.text).in_(chunk), col(Binding.ci_id).in_(some)))
            for path, ci_id, content in rows:
                holders.setdefault(path, {})[ci_id] = facts.attributes(path, content)
    out = []
    for one in chosen:
        element = element_path(one.path)
        there = holders.get(element, {})
        if one.kind == "missing":
            ids = known - there.keys()
        elif one.kind == "unexpected":
            ids = set(there)
        else:
            name = one.path[len(element) + 1 :]
            ids = {ci_id for ci_id, held in there.items() if encode(held.get(name)) != one.common}
        out.append(Others(one, sorted(cis[ci_id].name for ci_id in ids)))
    return out
