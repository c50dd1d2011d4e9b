"""What baselines cover and what nobody watches: CIs, attributes, and baselines that match nothing (rule 11).

CIs that the same versions cover are counted together: what is watched is asked once a distinct element, not once a CI.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func
from sqlmodel import Session, col, select

from driftline import facts, paths
from driftline_baseline.document import Document
from driftline_baseline.values import Attributes
from driftline_cmdb.baselines.selection import covering, table
from driftline_cmdb.packing import chunks
from driftline_cmdb.record import heard
from driftline_cmdb.tables.cis import UNSEEN_STATUSES, Binding, Ci
from driftline_cmdb.tables.elements import Element, Holding, Path


@dataclass(slots=True)
class Share:
    """Attributes, and how many of them some baseline watches."""

    attributes: int = 0
    watched: int = 0

    def add(self, attributes: int, watched: int) -> None:
        """Count more of them."""
        self.attributes += attributes
        self.watched += watched


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is covered."""

    #: CIs that are in use.
    cis: int
    #: Names of those that no baseline in force covers.
    uncovered: Sequence[str]
    #: Attributes by section of facts.
    sections: Mapping[str, Share] = field(default_factory=dict)
    #: Attributes that nobody watches, by schema path, the most frequent first.
    unwatched: Mapping[str, int] = field(default_factory=dict)
    #: Baselines in force that match no CI: "golden v2".
    unmatched: Sequence[str] = ()


def coverage(session: Session, ci: Ci | None = None) -> Coverage:
    """Return what baselines in force cover.

    :param ci: only of this CI; of all that are in use by default.
    """
    in_use = (col(Ci.status).not_in(UNSEEN_STATUSES), col(Ci.merged_into_id).is_(None))
    query = select(Ci).where(*in_use).order_by(Ci.name)
    cis = [ci] if ci is not None else list(session.exec(query))
    covered = covering(session, cis)
    uncovered = [one.name for one in cis if not covered[one.id]]
    sections: dict[str, Share] = {}
    unwatched: dict[str, int] = {}
    alike: dict[tuple[int, ...], list[int]] = {}
    for one in cis:
        alike.setdefault(tuple(version.id for version in covered[one.id]), []).append(one.id)
    versions = table(session).versions
    for ids, ci_ids in alike.items():
        documents = [versions[version_id].document for version_id in ids]
        for path, attributes, count in _elements(session, ci_ids):
            names = list(attributes) or [""]
            there = [name for name in names if not _watches(documents, path, name)]
            share = sections.setdefault(path.split(".", 1)[0].split("[", 1)[0], Share())
            share.add(len(names) * count, (len(names) - len(there)) * count)
            for name in there:
                where = f"{paths.schema_path(path)}.{name}".rstrip(".")
                unwatched[where] = unwatched.get(where, 0) + count
    matched = {version.id for found in covered.values() for version in found}
    if ci is not None:
        unmatched = []
    else:
        unmatched = sorted(f"{one.name} v{one.number}" for one in versions.values() if one.id not in matched)
    most = dict(sorted(unwatched.items(), key=lambda one: (-one[1], one[0])))
    return Coverage(len(cis), uncovered, dict(sorted(sections.items())), most, unmatched)


def _elements(session: Session, ci_ids: Iterable[int]) -> Iterable[tuple[str, Attributes, int]]:
    """Yield distinct elements with how many of the CIs hold them."""
    counts: dict[int, int] = {}
    for chunk in chunks(ci_ids):
        query = (
            select(Holding.element_id, func.count(func.distinct(Binding.ci_id)))
            .join(Binding, col(Binding.source_id) == col(Holding.source_id))
            .where(col(Holding.until_revision).is_(None), col(Binding.until_ms).is_(None), heard())
            .where(col(Binding.ci_id).in_(chunk))
            .group_by(col(Holding.element_id))
        )
        for element_id, count in session.exec(query):
            counts[element_id] = counts.get(element_id, 0) + count
    wanted = select(Element.id, Path.text, Element.content).join(Path, col(Path.id) == col(Element.path_id))
    for chunk in chunks(sorted(counts)):
        for element_id, path, content in session.exec(wanted.where(col(Element.id).in_(chunk))):
            yield path, facts.attributes(path, content), counts[element_id]


def _watches(documents: Iterable[Document], path: str, name: str) -> bool:
    """Tell whether one of the documents says anything of an attribute; of the element itself where it has none."""
    where = f"{path}.{name}" if name else path
    for document in documents:
        rules = document.rules
        if rules.ignores(path) or rules.ignores(where):
            continue
        if document.rest or rules.exactly(path) is not None:
            return True
        if any(rule.attribute == name or (not name and rule.attribute is None) for rule in rules.predicates(path)):
            return True
    return False
