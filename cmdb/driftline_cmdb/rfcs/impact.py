"""Impact analysis: what depends on the CIs of an RFC."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlmodel import Session, col, select

from driftline_cmdb.catalog.versions import catalog_of
from driftline_cmdb.packing import chunks
from driftline_cmdb.rfcs import relations
from driftline_cmdb.rfcs.reading import affected, find_rfc
from driftline_cmdb.tables.cis import Ci


@dataclass(frozen=True, slots=True)
class Dependant:
    """A CI that needs an affected one."""

    ci: Ci
    #: The way to the affected CI: each CI after this one, with the relation that leads there.
    chain: tuple[tuple[Ci, str], ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """What an RFC may disturb."""

    affected: list[Ci]
    #: The nearest first.
    dependants: list[Dependant]
    #: Names of services: CIs of that class among the dependants, and what the CIs' own records name.
    services: list[str]

    def show(self) -> str:
        """Return it in a line, for people."""
        if not self.services and not self.dependants:
            return "nothing is known to depend on it"
        count, others = len(self.services), len(self.dependants)
        services = f"{count} service{'s' if count != 1 else ''}"
        named = f" ({', '.join(self.services[:10])}{' ...' if count > 10 else ''})" if self.services else ""
        return f"{services} depend{'s' if count == 1 else ''} on it{named}, by {others} CI{'s' if others != 1 else ''}"


def impact_of(session: Session, number: int) -> Impact:
    """Return what depends on the CIs of an RFC, over the relations that hold now.

    :raises NotFound: where there is no such RFC.
    """
    touched = affected(session, find_rfc(session, number))
    steps = relations.dependants(session, touched.keys())
    cis = {**touched, **load(session, steps)}
    dependants = [
        Dependant(cis[ci_id], tuple((cis[via], kind) for via, kind in relations.chain(steps, ci_id)))
        for ci_id, _ in sorted(steps.items(), key=lambda item: (item[1].distance, cis[item[0]].name))
    ]
    services = {name for ci in cis.values() for name in ci.services}
    catalog = catalog_of(session)
    services |= {one.ci.name for one in dependants if catalog.is_a(one.ci.ci_class, "service")}
    return Impact(sorted(touched.values(), key=lambda ci: ci.name), dependants, sorted(services))


def load(session: Session, ids: Iterable[int]) -> dict[int, Ci]:
    """Return CIs by id."""
    return {ci.id: ci for chunk in chunks(sorted(ids)) for ci in session.exec(select(Ci).where(col(Ci.id).in_(chunk)))}
