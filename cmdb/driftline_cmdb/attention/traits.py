"""CIs as routes and maintenance windows ask for them."""

from collections.abc import Iterable
from typing import Any

from sqlmodel import Session, col, select

from driftline_baseline.routing import CI_TRAITS, CiMatch, CiTraits
from driftline_cmdb.errors import Invalid
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.attention import AttentionEvent
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.rfcs import RfcDelta


def traits_of(ci: Ci) -> CiTraits:
    """Return a CI's traits."""

    def some(*values: str | None) -> tuple[str, ...]:
        return tuple(value for value in values if value)

    return CiTraits(
        {
            "ci": some(ci.name, ci.uid),
            "class": some(ci.ci_class),
            "environment": some(ci.environment),
            "service": tuple(ci.services),
            "owner": some(ci.owner),
            "location": some(ci.location),
        },
        ci.labels,
    )


def cis_of(session: Session, event: AttentionEvent) -> list[Ci]:
    """Return the CIs that an event is about; of an RFC all that it has, unless these joined it only now."""
    if event.rfc_id is not None and event.kind != "rfc.joined":
        return cis_of_rfc(session, event.rfc_id)
    return load(session, event.ci_ids)


def cis_of_rfc(session: Session, rfc_id: int) -> list[Ci]:
    """Return the CIs of an RFC."""
    query = select(RfcDelta.ci_id).where(RfcDelta.rfc_id == rfc_id).distinct()
    return load(session, session.exec(query).all())


def load(session: Session, ci_ids: Iterable[int]) -> list[Ci]:
    """Return CIs by their ids."""
    found: list[Ci] = []
    for chunk in chunks(sorted(set(ci_ids))):
        found += session.exec(select(Ci).where(col(Ci.id).in_(chunk)))
    return found


def match_of(selector: dict[str, Any]) -> CiMatch:
    """Return a selector as the record keeps it: patterns by trait, and ``labels``.

    :raises Invalid: where it names no trait, or selects nothing.
    """
    traits, labels = {}, {}
    for name, value in selector.items():
        if name == "labels":
            labels = {str(label): str(wanted) for label, wanted in value.items()}
        elif name in CI_TRAITS:
            traits[name] = tuple(str(one) for one in value)
        else:
            raise Invalid(f'selector: "{name}" is not one of {", ".join(CI_TRAITS)}, labels')
    found = CiMatch({name: patterns for name, patterns in traits.items() if patterns}, labels)
    if not found:
        raise Invalid(f"selector: selects nothing; name at least one of {', '.join(CI_TRAITS)}, labels")
    return found
